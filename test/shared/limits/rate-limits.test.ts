import { ScanCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type RateLimits, type RateRule, rateLimits } from '../../../shared/limits/rate-limits.ts'
import { MINUTE_MS } from '../../../shared/platform/clock.ts'
import { newId } from '../../../shared/platform/ids.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { steeredClock } from '../../support/steered-clock.ts'

const RULE: RateRule = { purpose: 'test', times: 5, perMs: 15 * MINUTE_MS }

let records: RecordTable
const clock = steeredClock()
let limits: RateLimits
let who: string
beforeAll(async () => {
  records = await startRecordTable()
  limits = rateLimits(records.table, clock)
})
afterAll(() => records.close())
beforeEach(() => {
  who = newId('user', clock.now())
})

const take = () => limits.take(RULE, who)

it('lets so many through and tells the next how long to wait', async () => {
  for (let time = 0; time < RULE.times; time += 1) {
    expect(await take()).toEqual({ retryAfterMs: 0 })
    clock.advance(MINUTE_MS)
  }

  expect(await take()).toEqual({ retryAfterMs: 10 * MINUTE_MS })
})

it('begins anew at the very end of the window, not before', async () => {
  for (let time = 0; time < RULE.times; time += 1) await take()
  clock.advance(RULE.perMs - 1)
  expect(await take()).toEqual({ retryAfterMs: 1 })

  clock.advance(1)
  expect(await take()).toEqual({ retryAfterMs: 0 })
})

it('lets no more through when all ask at once', async () => {
  const taken = await Promise.all(Array.from({ length: 20 }, take))

  expect(taken.filter(({ retryAfterMs }) => retryAfterMs === 0)).toHaveLength(RULE.times)
})

it('lets as many more through as were given back, and never more than it lets through at once', async () => {
  await limits.giveBack(RULE, who)
  for (let time = 0; time < RULE.times; time += 1) await take()
  await limits.giveBack(RULE, who)
  expect(await take()).toEqual({ retryAfterMs: 0 })
  expect(await take()).toEqual({ retryAfterMs: RULE.perMs })

  for (let time = 0; time < 2 * RULE.times; time += 1) await limits.giveBack(RULE, who)
  const taken = await Promise.all(Array.from({ length: 20 }, take))
  expect(taken.filter(({ retryAfterMs }) => retryAfterMs === 0)).toHaveLength(RULE.times)
})

it('counts everybody apart', async () => {
  for (let time = 0; time < RULE.times; time += 1) await take()

  expect(await limits.take(RULE, newId('user', clock.now()))).toEqual({ retryAfterMs: 0 })
})

it('keeps an address as its hash alone', async () => {
  await limits.take(RULE, '198.51.100.23')
  const { Items = [] } = await records.table.client.send(
    new ScanCommand({ TableName: records.table.name }),
  )

  expect(Items.length).toBeGreaterThan(0)
  expect(JSON.stringify(Items)).not.toContain('198.51.100.23')
})
