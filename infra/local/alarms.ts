/** Callbacks at a time of the local clock, which a test or the control route may move forward. */
import type { Clock } from './clock.ts'

export interface Alarms {
  /** Calls `ring` once the clock has reached `atMs`; the returned function calls it off. */
  set(atMs: number, ring: () => void): () => void
  /** Rings at once what has become due by moving the clock. */
  clockMoved(): void
  /** Nothing rings any more, whatever is set. */
  close(): void
}

interface Alarm {
  atMs: number
  ring: () => void
}

// setTimeout takes 31 bits of milliseconds; looking again after an hour costs nothing.
const LONGEST_WAIT_MS = 3_600_000

export function createAlarms(clock: Clock): Alarms {
  const alarms = new Set<Alarm>()
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const arm = () => {
    clearTimeout(timer)
    if (closed || alarms.size === 0) return
    const soonestMs = Math.min(...[...alarms].map(({ atMs }) => atMs))
    const waitMs = Math.max(0, Math.ceil(soonestMs - clock.now()))
    timer = setTimeout(ringDue, Math.min(waitMs, LONGEST_WAIT_MS))
    timer.unref()
  }

  const ringDue = () => {
    if (closed) return
    const due = [...alarms].filter(({ atMs }) => atMs <= clock.now())
    for (const alarm of due.sort((a, b) => a.atMs - b.atMs)) {
      // An alarm that rang earlier in this round may have called this one off.
      if (alarms.delete(alarm)) alarm.ring()
    }
    arm()
  }

  return {
    set: (atMs, ring) => {
      const alarm = { atMs, ring }
      alarms.add(alarm)
      arm()
      return () => {
        alarms.delete(alarm)
      }
    },
    clockMoved: ringDue,
    close: () => {
      closed = true
      clearTimeout(timer)
      alarms.clear()
    },
  }
}
