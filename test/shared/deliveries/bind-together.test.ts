import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Upload } from '../../../shared/uploads/upload.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type House, openHouse, SINGLE_REQUEST_BYTES } from './delivery-house.ts'

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

const FILES = 10

async function handedOver(house: House, first: Partial<Upload> = {}): Promise<string[]> {
  const ids: string[] = []
  for (let number = 0; number < FILES; number += 1) {
    const content = randomBytes(SINGLE_REQUEST_BYTES - 1)
    const upload = await house.handOver(content, {
      fileName: `${number}.bin`,
      ...(number === 0 ? first : {}),
    })
    ids.push(upload.id)
  }
  return ids
}

it('binds each file of a batch once, with an event each', async () => {
  const house = await openHouse(records.table)
  const ids = await handedOver(house)

  const { deliver } = house.worker()
  await Promise.all(ids.map(deliver))

  expect(house.provider.files()).toHaveLength(FILES)
  expect(await house.count()).toBe(FILES)
  for (const id of ids) {
    expect(await house.uploadOf(id)).toMatchObject({ status: 'uploaded' })
    expect(await house.events(id)).toEqual(['upload.delivered'])
    expect(await house.deliveryOf(id)).toBeUndefined()
  }
})

it('binds all others when the browser hashed other bytes of one', async () => {
  const house = await openHouse(records.table)
  const ids = await handedOver(house, { contentHash: '0'.repeat(64) })
  const [wrong = '', ...others] = ids

  const { deliver } = house.worker()
  await Promise.all(ids.map(deliver))

  expect(await house.uploadOf(wrong)).toMatchObject({
    status: 'rejected',
    reason: 'CONTENT_CHANGED',
  })
  for (const id of others) expect(await house.uploadOf(id)).toMatchObject({ status: 'uploaded' })
  expect(house.provider.files()).toHaveLength(FILES - 1)
  expect(await house.count()).toBe(FILES - 1)
})
