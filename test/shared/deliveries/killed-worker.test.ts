import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Upload } from '../../../shared/uploads/upload.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import {
  CHUNK_BYTES,
  type House,
  type HouseOptions,
  type Kill,
  Killed,
  openHouse,
  SINGLE_REQUEST_BYTES,
} from './delivery-house.ts'

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

/** More than any delivery here takes; one that never dies ends the loop before it. */
const MOST_CALLS = 100
const MOST_ROUNDS = 8
const TIMEOUT_MS = 30_000

describe('a worker that dies at any one of its calls', { timeout: TIMEOUT_MS }, () => {
  it.each(['before', 'after'] as const)('loses and doubles no file, dying %s it', async (when) => {
    const content = randomBytes(SINGLE_REQUEST_BYTES - 1)

    expect(await killAtEveryCall(content, when, {})).toBeGreaterThan(15)
  })

  // Before a call is after the one that went ahead of it; one of both is enough where calls are many.
  it('loses and doubles no file of three chunks, each of which is a turn of its own', async () => {
    const content = randomBytes(2 * CHUNK_BYTES + 1000)

    expect(await killAtEveryCall(content, 'after', { workSliceMs: 0 })).toBeGreaterThan(30)
  })
})

/** Delivers one file for each call that a worker makes, and kills the worker there. Returns how many died. */
async function killAtEveryCall(
  content: Buffer,
  when: Kill['when'],
  options: HouseOptions,
): Promise<number> {
  for (let atCall = 1; atCall <= MOST_CALLS; atCall += 1) {
    const house = await openHouse(records.table, options)
    const upload = await house.handOver(content)
    const died = await dies(house, upload.id, { atCall, when })
    if (died) {
      await expectNoBindingWithoutFile(house, upload, content)
      await finish(house, upload.id)
    } else {
      await finish(house, upload.id)
      return atCall - 1
    }
    await expectDelivered(house, upload, content, `killed ${when} call ${atCall}`)
  }
  throw new Error(`a delivery of more than ${MOST_CALLS} calls`)
}

/** Runs workers, the queue's messages and the sweep until the worker with the kill has died; false when it was never called so often. */
async function dies(house: House, uploadId: string, kill: Kill): Promise<boolean> {
  const worker = house.worker(kill)
  house.messages.push(uploadId)
  try {
    while (house.messages.pop() !== undefined) await worker.deliver(uploadId)
    return false
  } catch (error) {
    if (!(error instanceof Killed)) throw error
    return true
  }
}

async function finish(house: House, uploadId: string): Promise<void> {
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const worker = house.worker()
    // A message that was lost with the dead worker is repaired by the sweep alone.
    house.messages.length = 0
    for (const asked of await house.sweep()) await worker.deliver(asked)
    while (house.messages.pop() !== undefined) await worker.deliver(uploadId)
    if ((await house.deliveryOf(uploadId)) === undefined) return
  }
  throw new Error(`${uploadId} is still ${JSON.stringify(await house.deliveryOf(uploadId))}`)
}

async function expectNoBindingWithoutFile(house: House, upload: Upload, content: Buffer) {
  const { status, storageAccountId } = await house.uploadOf(upload.id)
  expect(storageAccountId === undefined).toBe(status !== 'uploaded')
  if (storageAccountId !== undefined) {
    expect(house.provider.files().some((file) => file.content.equals(content))).toBe(true)
  }
}

async function expectDelivered(house: House, upload: Upload, content: Buffer, label: string) {
  const sha256 = createHash('sha256').update(content).digest('hex')
  const [file, ...others] = house.provider.files()
  expect(others, label).toEqual([])
  expect(file, label).toMatchObject({ name: upload.fileName, trashed: false, sha256 })
  expect(await house.uploadOf(upload.id), label).toMatchObject({
    status: 'uploaded',
    storageAccountId: house.account.id,
    storageFileId: file?.id,
    storagePath: `Portage/Letters/${upload.fileName}`,
    sha256,
  })
  expect(house.staged.size, label).toBe(0)
  expect(await house.count(), label).toBe(1)
  expect(await house.events(upload.id), label).toEqual(['upload.delivered'])
}
