import { createAlarms } from '../alarms.ts'
import type { Clock } from '../clock.ts'

/** Waiting by the local clock. */
export interface Pauses {
  /** Ends when the time has passed or the pauses are closed, whichever comes first. */
  pause(delayMs: number): Promise<void>
  clockMoved(): void
  /** Ends every pause, and those to come at once. */
  close(): void
}

export function createPauses(clock: Clock): Pauses {
  const alarms = createAlarms(clock)
  const waiting = new Set<() => void>()
  let closed = false
  return {
    pause: async (delayMs) => {
      if (closed) return
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.add(resolve)
      alarms.set(clock.now() + delayMs, resolve)
      await promise
      waiting.delete(resolve)
    },
    clockMoved: () => alarms.clockMoved(),
    close: () => {
      closed = true
      alarms.close()
      for (const end of waiting) end()
    },
  }
}
