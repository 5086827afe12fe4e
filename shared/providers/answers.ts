/** What every request to a provider has in common: its token, its patience, and what no good answer means. */
import { RetryLater } from './failures.ts'
import type { ByteRange, Download, ProviderAuth } from './provider.ts'
import type { StorageProviderId } from './providers.ts'

/** A control call answers within seconds; a connection that hangs must not use up the work slice. */
const CONTROL_TIMEOUT_MS = 30_000

export function authorization({ accessToken }: ProviderAuth): { authorization: string } {
  return { authorization: `Bearer ${accessToken}` }
}

/** Of the file, not of a compressed form of it: sizes and ranges are the file's own. */
export function downloadHeaders(auth: ProviderAuth, range: ByteRange | undefined) {
  return {
    ...authorization(auth),
    'accept-encoding': 'identity',
    ...(range && {
      range: `bytes=${range.offsetBytes}-${range.offsetBytes + range.sizeBytes - 1}`,
    }),
  }
}

/** The file that a successful answer brings; undefined when it is not the whole, or the range, that was asked for. */
export async function downloaded(
  { status, headers, body }: Response,
  range: ByteRange | undefined,
): Promise<Pick<Download, 'body' | 'sizeBytes'> | undefined> {
  const contentLength = headers.get('content-length')
  if (body && contentLength !== null && status === (range ? 206 : 200)) {
    return { body, sizeBytes: Number(contentLength) }
  }
  await body?.cancel()
  return undefined
}

export function withTimeout(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(CONTROL_TIMEOUT_MS)
  return signal ? AbortSignal.any([signal, timeout]) : timeout
}

/** A success that is not what the provider documents: whatever it did, it is found again by its id. */
export function unreadable(provider: StorageProviderId, { status }: { status: number }): never {
  throw new RetryLater({
    reason: 'UNAVAILABLE',
    diagnostics: { provider, status, reason: 'unreadableAnswer' },
  })
}

/**
 * What a request that got no answer throws: the caller's reason when the caller aborted, else that
 * the connection broke. Errors of an SDK carry the request with its token, so only the innermost
 * one, the socket's, is kept. One without a code is no connection's but a fault of ours.
 */
export function connectionFailure(
  provider: StorageProviderId,
  error: unknown,
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted) return signal.reason
  const cause = innermost(error)
  const reason = connectionWord(cause)
  if (reason === undefined) return cause
  return new RetryLater({ reason: 'NETWORK', diagnostics: { provider, reason }, cause })
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Recovery: text and HTML are answers too; no schema accepts undefined.
    return undefined
  }
}

/** `Retry-After` in seconds or as a date, which is read by the clock of the answer itself. */
export function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after')
  if (value === null) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const waitMs = Date.parse(value) - Date.parse(headers.get('date') ?? '')
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs)
}

function connectionWord(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  if (cause.name === 'TimeoutError') return cause.name
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
}

function innermost(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? innermost(error.cause) : error
}
