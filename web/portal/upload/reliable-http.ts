/** Repeats what may be repeated: network errors, 5xx, 429 and what S3 calls temporary. */
import type { Clock } from './clock.ts'
import { type Http, type HttpReply, type HttpRequest, NetworkError } from './http.ts'

export interface Connection {
  isOnline(): boolean
  /** Resolves at once when online. */
  whenOnline(signal?: AbortSignal): Promise<void>
}

export interface Wire {
  http: Http
  clock: Clock
  connection: Connection
  /** In [0, 1), as Math.random. */
  random: () => number
}

/** With the delays below: about two minutes at most, longer than a tunnel or a change of network. */
export const MAX_ATTEMPTS = 10
const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 30_000

/**
 * Sends until there is a reply that repeating would not change. Returns the last reply, whatever
 * its status; throws NetworkError when there was none.
 */
export async function sendReliably(
  wire: Wire,
  request: HttpRequest,
  maxAttempts = MAX_ATTEMPTS,
): Promise<HttpReply> {
  for (let attempt = 1; ; attempt += 1) {
    await wire.connection.whenOnline(request.signal)
    const outcome = await sendOnce(wire.http, request)
    if (!(outcome instanceof NetworkError) && !isTemporary(outcome)) return outcome
    // Being offline says nothing about the server: it costs no attempt.
    if (!wire.connection.isOnline()) attempt = 0
    const delayMs = retryDelayMs(attempt, wire.random())
    if (outcome instanceof NetworkError) {
      if (attempt === maxAttempts) throw outcome
      await wire.clock.sleep(delayMs, request.signal)
    } else {
      const askedMs = retryAfterMs(outcome) ?? delayMs
      // A server that asks for a long wait is not waited for in silence: the caller tells.
      if (attempt === maxAttempts || askedMs > LONGEST_DELAY_MS) return outcome
      await wire.clock.sleep(askedMs, request.signal)
    }
  }
}

/** Exponential back-off with full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). */
export function retryDelayMs(attempt: number, random: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, attempt - 1)) * random
}

async function sendOnce(http: Http, request: HttpRequest): Promise<HttpReply | NetworkError> {
  try {
    return await http(request)
  } catch (error) {
    if (error instanceof NetworkError) return error
    throw error
  }
}

/** Codes that S3 documents as worth repeating (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html). */
const TEMPORARY_S3_CODES = /<Code>(RequestTimeout|ConditionalRequestConflict|OperationAborted)</

function isTemporary({ status, body }: HttpReply): boolean {
  // A part that was signed too often stays so: only a fresh start of the file helps.
  if (status === 429) return !body.includes('"TOO_MANY_SIGNINGS"')
  return status >= 500 || status === 408 || (status >= 400 && TEMPORARY_S3_CODES.test(body))
}

/** How long the server asks to be left alone, when it says so. */
export function retryAfterMs(reply: HttpReply): number | undefined {
  const seconds = Number(reply.header('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
}
