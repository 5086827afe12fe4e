/** Runs work after all work that was given before, whether that succeeded or not. */
export type InTurn = <Value>(work: () => Promise<Value>) => Promise<Value>

export function inTurn(): InTurn {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    // Who gave the earlier work hears of its failure; the next one only waits for its end.
    const next = last.then(work, work)
    last = next
    return next
  }
}
