import { setTimeout as sleep } from 'node:timers/promises'

/** Asks again until the answer is truthy; throws with the last answer when it takes too long. */
export async function until<T>(
  ask: () => T | Promise<T>,
  { timeoutMs = 20_000, everyMs = 50 } = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer) return answer as Exclude<T, false | null | undefined | 0 | ''>
    if (performance.now() > deadline) {
      throw new Error(`still ${JSON.stringify(answer)} after ${timeoutMs} ms: ${ask.toString()}`)
    }
    await sleep(everyMs)
  }
}
