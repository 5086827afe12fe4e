import { PortageError } from '../errors.ts'
import { MINUTE_MS, SECOND_MS } from '../platform/clock.ts'

/** 429; `what` says in a sentence what was done too often, and the rest of the detail how long to wait. */
export function tooManyAttempts(what: string, retryAfterMs: number): PortageError {
  const minutes = Math.ceil(retryAfterMs / MINUTE_MS)
  const wait = minutes === 1 ? 'a minute' : `${minutes} minutes`
  return new PortageError('TOO_MANY_ATTEMPTS', `${what} Please wait for ${wait}.`, {
    facts: { retryAfterSeconds: retryAfterSeconds(retryAfterMs) },
  })
}

/** A client that comes back at once would be refused again: a second at least. */
export function retryAfterSeconds(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / SECOND_MS))
}
