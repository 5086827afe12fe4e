/**
 * Whether, how long and how to try again: the only place where calls to a provider are repeated.
 * For operations that may be repeated as they are; a chunk is not one of them.
 */
import { sleep as sleepOnMachine } from '../platform/clock.ts'
import { RetryLater } from './failures.ts'

/** Google asks for truncated exponential back-off from about a second up to 32 or 64. */
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 32_000
const DEFAULT_ATTEMPTS = 5

export interface RetryOptions {
  /** How often the operation is called at most. */
  attempts?: number
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>
  /** From 0 to below 1. */
  random?: () => number
  signal?: AbortSignal | undefined
}

/**
 * True when waiting here makes sense. A wait longer than our own longest, such as a used-up daily
 * allowance, belongs into the table, not into a running function.
 */
export function isWorthRetrying(error: unknown): error is RetryLater {
  return (
    error instanceof RetryLater &&
    error.reason !== 'DAILY_LIMIT' &&
    (error.afterMs ?? 0) <= LONGEST_WAIT_MS
  )
}

/**
 * Wait before the attempt that follows attempt number `attempt` (from 1): what the provider asks
 * for, else anything up to a bound that doubles each time (full jitter, so that workers which
 * failed together do not come back together).
 */
export function retryDelayMs(
  attempt: number,
  afterMs: number | undefined,
  random: () => number,
  firstWaitMs = FIRST_WAIT_MS,
): number {
  if (afterMs !== undefined) return afterMs
  return Math.floor(random() * Math.min(LONGEST_WAIT_MS, firstWaitMs * 2 ** (attempt - 1)))
}

/** Calls the operation until it succeeds, fails for good or is out of attempts; the last error is rethrown. */
export async function withRetry<T>(
  operation: (attempt: number) => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  const {
    attempts = DEFAULT_ATTEMPTS,
    sleep = sleepOnMachine,
    random = Math.random,
    signal,
  } = options
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted()
    try {
      return await operation(attempt)
    } catch (error) {
      // Recovery: wait and go round again.
      if (attempt >= attempts || !isWorthRetrying(error)) throw error
      await sleep(retryDelayMs(attempt, error.afterMs, random), signal)
    }
  }
}
