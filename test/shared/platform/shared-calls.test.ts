import { expect, it } from 'vitest'
import { sharedCalls } from '../../../shared/platform/shared-calls.ts'

function counted() {
  let calls = 0
  return { call: async () => ++calls, count: () => calls }
}

it('asks once for all who ask at the same time, and again for who comes later', async () => {
  const share = sharedCalls<number>()
  const { call } = counted()

  expect(await Promise.all([share('a', call), share('a', call), share('a', call)])).toEqual([
    1, 1, 1,
  ])
  expect(await share('a', call)).toBe(2)
})

it('keeps keys apart', async () => {
  const share = sharedCalls<number>()
  const { call } = counted()

  expect(await Promise.all([share('a', call), share('b', call)])).toEqual([1, 2])
})

it('tells all of a failure, and the next one asks anew', async () => {
  const share = sharedCalls<number>()
  const failure = new Error('throttled')
  const fails = () => Promise.reject(failure)

  const outcomes = await Promise.allSettled([share('a', fails), share('a', fails)])

  expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected'])
  expect(await share('a', async () => 7)).toBe(7)
})
