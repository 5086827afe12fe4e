/** A clock that stands still until a test moves it. */
import type { Clock } from '../../shared/platform/clock.ts'

export interface SteeredClock extends Clock {
  advance(ms: number): void
}

export function steeredClock(startMs = Date.parse('2026-03-01T12:00:00Z')): SteeredClock {
  let nowMs = startMs
  return {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms
    },
  }
}
