/** What every request to Drive has in common: its token, its patience, and what no good answer means. */
import { type ProviderFailure, RetryLater } from '../failures.ts'
import type { ProviderAuth } from '../provider.ts'
import { classify } from './classify.ts'

/** A control call answers within seconds; a connection that hangs must not use up the work slice. */
const CONTROL_TIMEOUT_MS = 30_000

export function authorization({ accessToken }: ProviderAuth): { authorization: string } {
  return { authorization: `Bearer ${accessToken}` }
}

export function withTimeout(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(CONTROL_TIMEOUT_MS)
  return signal ? AbortSignal.any([signal, timeout]) : timeout
}

export function classifyAnswer(answer: {
  status: number
  headers: Headers
  body: string
}): ProviderFailure {
  return classify(answer.status, answer.headers, answer.body)
}

/** A success that is not what Drive documents: whatever it did, it is found again by its id. */
export function unreadable({ status }: { status: number }): never {
  throw new RetryLater({
    reason: 'UNAVAILABLE',
    diagnostics: { provider: 'google_drive', status, reason: 'unreadableAnswer' },
  })
}

/**
 * What a request that got no answer throws: the caller's reason when the caller aborted, else that
 * the connection broke. Errors of googleapis carry the request with its token, so only the
 * innermost one, the socket's, is kept. One without a code is no connection's but a fault of ours.
 */
export function connectionFailure(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason
  const cause = innermost(error)
  const reason = connectionWord(cause)
  if (reason === undefined) return cause
  return new RetryLater({
    reason: 'NETWORK',
    diagnostics: { provider: 'google_drive', reason },
    cause,
  })
}

function connectionWord(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  if (cause.name === 'TimeoutError') return cause.name
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
}

function innermost(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? innermost(error.cause) : error
}
