import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Delivery } from '../../../shared/deliveries/delivery.ts'
import { deliveryStore } from '../../../shared/deliveries/delivery-store.ts'
import { type FinishTogether, finishTogether } from '../../../shared/deliveries/finish-together.ts'
import type { Table } from '../../../shared/platform/table.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type House, openHouse } from './delivery-house.ts'

let records: RecordTable
let house: House
let transactions: number
let finish: FinishTogether
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())
beforeEach(async () => {
  house = await openHouse(records.table)
  transactions = 0
  const { deliveries, portals } = house
  finish = finishTogether({ table: counting(records.table), deliveries, portals, countingPlace: 0 })
})

/** The table, with a count of what is sent to it. */
function counting(table: Table): Table {
  const client = new Proxy(table.client, {
    get(real, name) {
      const value = Reflect.get(real, name)
      if (name === 'send') transactions += 1
      return typeof value === 'function' ? value.bind(real) : value
    },
  })
  return { name: table.name, client }
}

async function claimed(count: number): Promise<Delivery[]> {
  const deliveries: Delivery[] = []
  for (let number = 0; number < count; number += 1) {
    const upload = await house.handOver(randomBytes(1), { fileName: `${number}.txt` })
    const delivery = await house.deliveries.claim(upload.id, 'small-delivery')
    if (!delivery) throw new Error('not claimed')
    deliveries.push(delivery)
  }
  return deliveries
}

it('ends all who come at the same time in one transaction, and counts each', async () => {
  const deliveries = await claimed(6)

  await Promise.all(deliveries.map(finish))

  expect(await house.count()).toBe(6)
  expect(transactions).toBe(1)
  for (const { uploadId } of deliveries) expect(await house.deliveryOf(uploadId)).toBeUndefined()
})

it('counts no file that another worker has ended, and every other', async () => {
  const deliveries = await claimed(4)
  const [, , taken] = deliveries
  if (!taken) throw new Error('no third')
  await finish(taken)

  await Promise.all(deliveries.map(finish))

  expect(await house.count()).toBe(4)
})

it('tells each of a database that does not answer', async () => {
  const [delivery] = await claimed(1)
  if (!delivery) throw new Error('not claimed')
  const table = { ...records.table, name: 'no-such-table' }
  const deliveries = deliveryStore(table, house.clock)
  const failing = finishTogether({ table, deliveries, portals: house.portals, countingPlace: 0 })

  const outcomes = await Promise.allSettled([failing(delivery), failing(delivery)])

  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})
