import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { accountStore } from '../../../shared/accounts/account-store.ts'
import { deliveryStore } from '../../../shared/deliveries/delivery-store.ts'
import { HOUR_MS } from '../../../shared/platform/clock.ts'
import { dueKeys } from '../../../shared/platform/table.ts'
import { readDue } from '../../../shared/schedule/due-store.ts'
import { sweepDue } from '../../../shared/schedule/sweep-due.ts'
import { uploadStore } from '../../../shared/uploads/upload-store.ts'
import { newAccount } from '../../support/make.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { steeredClock } from '../../support/steered-clock.ts'

const FLOOD = 3000
const ACCOUNTS = 2000
const DUE = 20
const BATCH = 25

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

/** Counts what every reply of the table holds. */
function countItemsRead(): { items: number } {
  const read = { items: 0 }
  records.table.client.middlewareStack.add(
    (next) => async (args) => {
      const reply = await next(args)
      const { ScannedCount = 0 } = reply.output as { ScannedCount?: number }
      read.items += ScannedCount
      return reply
    },
    { step: 'initialize', name: 'countItemsRead' },
  )
  return read
}

it('a sweep over two thousand accounts of which twenty are due reads twenty and asks for twenty', async () => {
  const clock = steeredClock()
  const { table } = records
  const accounts = accountStore(table, clock)
  const items = Array.from({ length: ACCOUNTS }, (_, index) => {
    const account = newAccount(clock.now())
    const atMs = index < DUE ? clock.now() - 1 : clock.now() + HOUR_MS
    return { ...accounts.key(account.id), ...account, ...dueKeys(account.id, 'account', atMs) }
  })
  for (let first = 0; first < ACCOUNTS; first += BATCH) {
    await table.client.send(
      new BatchWriteCommand({
        RequestItems: {
          [table.name]: items.slice(first, first + BATCH).map((Item) => ({ PutRequest: { Item } })),
        },
      }),
    )
  }
  const asked: string[] = []
  const nothing = { send: async () => undefined }
  const deps = {
    table,
    clock,
    accounts,
    uploads: uploadStore(table, clock),
    deliveries: deliveryStore(table, clock),
    queues: {
      upload: nothing,
      'small-delivery': nothing,
      'large-delivery': nothing,
      account: {
        send: async (accountIds: string[]) => {
          asked.push(...accountIds)
        },
      },
    },
  }
  const read = countItemsRead()

  expect(await sweepDue(deps)).toBe(DUE)
  expect(asked.sort()).toEqual(
    items
      .slice(0, DUE)
      .map(({ id }) => id)
      .sort(),
  )
  expect(read.items).toBe(DUE)
  // Who was asked has time to come before anybody is asked again.
  expect(await sweepDue(deps)).toBe(0)
})

it('is kept from no kind by a flood of another that was due before', async () => {
  const clock = steeredClock()
  // Years before what other tests have due.
  clock.advance(-2000 * 24 * HOUR_MS)
  const { table } = records
  const items = Array.from({ length: FLOOD + 3 }, (_, index) => {
    const kind = (['small-delivery', 'large-delivery', 'account'] as const)[index - FLOOD]
    const atMs = clock.now() - (kind ? 1000 : 2000)
    const id = `upl_${String(index).padStart(10, '0')}`
    return { pk: `flood#${id}`, sk: 'flood', ...dueKeys(id, kind ?? 'upload', atMs) }
  })
  for (let first = 0; first < items.length; first += BATCH) {
    await table.client.send(
      new BatchWriteCommand({
        RequestItems: {
          [table.name]: items.slice(first, first + BATCH).map((Item) => ({ PutRequest: { Item } })),
        },
      }),
    )
  }

  const due = await readDue(table, clock.now())
  const count = (kind: string) => due.filter((entry) => entry.kind === kind).length
  expect([count('small-delivery'), count('large-delivery'), count('account')]).toEqual([1, 1, 1])
  // Two hundred of each of eight partitions at most: the flood is worked off run by run.
  expect(count('upload')).toBeGreaterThan(1000)
  expect(count('upload')).toBeLessThanOrEqual(1600)
})
