import { sleep } from '../../common/sleep.ts'

/** Time, as the uploader sees it. */
export interface Clock {
  now(): number
  /** Rejects with the signal's reason when that is aborted first. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>
}

export const browserClock: Clock = { now: () => Date.now(), sleep }
