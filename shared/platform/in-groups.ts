/** Work that many ask for at once, done for several of them in one request. */
import { sleep } from './clock.ts'

export interface Groups {
  /** Of so many one request takes care. */
  most: number
  /** How long the first waits for others. Whoever asks in the same moment is always waited for. */
  lingerMs?: number
  /** Whether a failure is perhaps the fault of one alone: then each is tried without the others. */
  isOfOne: (error: unknown) => boolean
}

/** Resolves when the work is done for this value; groups follow each other, so that none waits in a conflict. */
export function inGroups<Value>(
  { most, lingerMs = 0, isOfOne }: Groups,
  work: (group: Value[]) => Promise<void>,
): (value: Value) => Promise<void> {
  const waiting: Asked<Value>[] = []
  let isRunning = false

  async function run(): Promise<void> {
    isRunning = true
    await sleep(lingerMs)
    while (waiting.length > 0) await runGroup(waiting.splice(0, most))
    isRunning = false
  }

  async function runGroup(group: Asked<Value>[]): Promise<void> {
    try {
      await work(group.map(({ value }) => value))
      for (const { resolve } of group) resolve()
    } catch (error) {
      if (group.length > 1 && isOfOne(error)) {
        for (const asked of group) await runGroup([asked])
        return
      }
      for (const { reject } of group) reject(error)
    }
  }

  return (value) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    waiting.push({ value, resolve, reject })
    if (!isRunning) void run()
    return promise
  }
}

interface Asked<Value> {
  value: Value
  resolve: () => void
  reject: (error: unknown) => void
}
