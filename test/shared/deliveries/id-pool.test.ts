import { expect, it } from 'vitest'
import { idPool } from '../../../shared/deliveries/id-pool.ts'
import { MINUTE_MS } from '../../../shared/platform/clock.ts'
import { brokenConnection, createMemoryProvider } from '../../support/memory-provider.ts'
import { steeredClock } from '../../support/steered-clock.ts'

const AUTH = { accessToken: 'live' }

function openPool() {
  const clock = steeredClock()
  const provider = createMemoryProvider()
  const pool = idPool(clock)
  const take = (accountId = 'acc_1') => pool(provider, AUTH, accountId)
  const asked = () => provider.calls.filter((call) => call === 'reserveIds').length
  return { clock, provider, take, asked }
}

it('asks once for a batch of files and gives each its own id', async () => {
  const { take, asked } = openPool()

  const ids = await Promise.all(Array.from({ length: 10 }, () => take()))

  expect(new Set(ids).size).toBe(10)
  expect(asked()).toBe(1)
})

it('asks again when more take than were reserved', async () => {
  const { take, asked } = openPool()

  const ids = await Promise.all(Array.from({ length: 50 }, () => take()))

  expect(new Set(ids).size).toBe(50)
  expect(asked()).toBe(3)
})

it('gives no account the ids of another', async () => {
  const { take, asked } = openPool()

  expect(await take('acc_1')).not.toBe(await take('acc_2'))
  expect(asked()).toBe(2)
})

it('does not keep ids for long, because nobody says how long they last', async () => {
  const { clock, take, asked } = openPool()
  await take()

  clock.advance(10 * MINUTE_MS - 1)
  await take()
  expect(asked()).toBe(1)
  clock.advance(1)
  await take()

  expect(asked()).toBe(2)
})

it('tells all who wait of a failure, and asks anew for the next', async () => {
  const { provider, take, asked } = openPool()
  provider.failNext('reserveIds', brokenConnection())

  const outcomes = await Promise.allSettled([take(), take(), take()])

  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(await take()).toBeTruthy()
  expect(asked()).toBe(2)
})
