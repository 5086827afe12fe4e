import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Rejected, RetryLater, type RetryLaterReason } from '../../../shared/providers/failures.ts'
import { isWorthRetrying, retryDelayMs, withRetry } from '../../../shared/providers/retry.ts'

const diagnostics = { provider: 'google_drive' } as const
const later = (reason: RetryLaterReason, afterMs?: number) =>
  new RetryLater({ reason, afterMs, diagnostics })

/** Fails with each of `failures`, then succeeds; notes how long it was made to wait. */
function makeOperation(...failures: Error[]) {
  const waits: number[] = []
  const attempts: number[] = []
  return {
    waits,
    attempts,
    run: async (attempt: number) => {
      attempts.push(attempt)
      const failure = failures.shift()
      if (failure) throw failure
      return 'done'
    },
    options: {
      random: () => 0.5,
      sleep: async (ms: number) => {
        waits.push(ms)
      },
    },
  }
}

describe('whether', () => {
  it.each([
    [later('RATE_LIMITED'), true],
    [later('UNAVAILABLE'), true],
    [later('NETWORK'), true],
    [later('UNAVAILABLE', 32_000), true],
    [later('UNAVAILABLE', 32_001), false],
    [later('DAILY_LIMIT'), false],
    [new Rejected({ reason: 'FORBIDDEN', diagnostics }), false],
    [new TypeError('a bug'), false],
  ])('%s: %s', (error, expected) => {
    expect(isWorthRetrying(error)).toBe(expected)
  })
})

describe('how long', () => {
  it('is what the provider asks for, to the millisecond', () => {
    expect(retryDelayMs(1, 7000, () => 0.99)).toBe(7000)
  })

  it('doubles its bound from one second up to 32', () => {
    const bounds = [1, 2, 3, 4, 5, 6, 7].map((attempt) => retryDelayMs(attempt, undefined, () => 1))

    expect(bounds).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 32_000])
  })

  it('lies anywhere between nothing and its bound', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, random) => {
          const ms = retryDelayMs(attempt, undefined, () => random)
          return ms >= 0 && ms <= 32_000
        },
      ),
    )
  })
})

describe('withRetry', () => {
  it('tries again until it succeeds', async () => {
    const operation = makeOperation(later('UNAVAILABLE'), later('RATE_LIMITED', 3000))

    expect(await withRetry(operation.run, operation.options)).toBe('done')

    expect(operation.attempts).toEqual([1, 2, 3])
    expect(operation.waits).toEqual([500, 3000])
  })

  it('rethrows the last error when it is out of attempts', async () => {
    const last = later('NETWORK')
    const operation = makeOperation(later('UNAVAILABLE'), last)

    const call = withRetry(operation.run, { ...operation.options, attempts: 2 })

    await expect(call).rejects.toBe(last)
    expect(operation.waits).toHaveLength(1)
  })

  it('does not repeat what will never succeed', async () => {
    const refusal = new Rejected({ reason: 'FORBIDDEN', diagnostics })
    const operation = makeOperation(refusal)

    await expect(withRetry(operation.run, operation.options)).rejects.toBe(refusal)
    expect(operation.attempts).toEqual([1])
  })

  it('stops waiting when the caller aborts', async () => {
    const abort = new AbortController()
    const reason = new Error('out of time')
    const operation = makeOperation(later('UNAVAILABLE', 30_000))

    const call = withRetry(operation.run, { signal: abort.signal })
    abort.abort(reason)

    await expect(call).rejects.toBe(reason)
    expect(operation.attempts).toEqual([1])
  })
})
