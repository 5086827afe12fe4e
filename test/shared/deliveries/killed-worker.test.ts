import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Upload } from '../../../shared/uploads/upload.ts'
import { proofOf } from '../../support/proof.ts'
import type { ProviderSuite } from '../../support/provider-suite.ts'
import { PROVIDERS } from '../../support/providers.ts'
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
import { type Storage, type Storages, startStorages } from './storages.ts'

let records: RecordTable
let storages: Storages
beforeAll(async () => {
  records = await startRecordTable()
  storages = await startStorages()
})
afterAll(async () => {
  await storages.close()
  await records.close()
})

/** More than any delivery here takes; one that never dies ends the loop before it. */
const MOST_CALLS = 100
const MOST_ROUNDS = 8
const TIMEOUT_MS = 60_000

describe.each(PROVIDERS)(
  'a worker that dies at any one of its calls, at $name',
  { timeout: TIMEOUT_MS },
  (suite) => {
    it.each(['before', 'after'] as const)(
      'loses and doubles no file, dying %s it',
      async (when) => {
        const content = randomBytes(SINGLE_REQUEST_BYTES - 1)

        expect(await killAtEveryCall(suite, content, when, {})).toBeGreaterThan(12)
      },
    )

    // Before a call is after the one that went ahead of it; one of both is enough where calls are many.
    it('loses and doubles no file of three chunks, each of which is a turn of its own', async () => {
      const content = randomBytes(2 * CHUNK_BYTES + 1000)

      expect(await killAtEveryCall(suite, content, 'after', { workSliceMs: 0 })).toBeGreaterThan(25)
    })
  },
)

/** Delivers one file for each call that a worker makes, and kills the worker there. Returns how many died. */
async function killAtEveryCall(
  suite: ProviderSuite,
  content: Buffer,
  when: Kill['when'],
  options: HouseOptions,
): Promise<number> {
  for (let atCall = 1; atCall <= MOST_CALLS; atCall += 1) {
    const storage = await storages.open(suite)
    const house = await openHouse(records.table, { ...options, storage })
    const upload = await house.handOver(content)
    const died = await dies(house, upload.id, { atCall, when })
    if (died) await expectNoBindingWithoutFile(house, storage, upload, content)
    await finish(house, upload.id)
    await expectDelivered(house, storage, upload, content, `killed ${when} call ${atCall}`)
    if (!died) return atCall - 1
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

async function expectNoBindingWithoutFile(
  house: House,
  storage: Storage,
  upload: Upload,
  content: Buffer,
) {
  const { status, storageAccountId } = await house.uploadOf(upload.id)
  expect(storageAccountId === undefined).toBe(status !== 'uploaded')
  if (storageAccountId === undefined) return
  expect(await storage.files()).toMatchObject([{ sha256: hashOf(content) }])
}

function hashOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

async function expectDelivered(
  house: House,
  storage: Storage,
  upload: Upload,
  content: Buffer,
  label: string,
) {
  const sha256 = hashOf(content)
  const [file, ...others] = await storage.files()
  expect(others, label).toEqual([])
  expect(file, label).toMatchObject({ path: `/Portage/Letters/${upload.fileName}`, sha256 })
  expect(await house.uploadOf(upload.id), label).toMatchObject({
    status: 'uploaded',
    storageAccountId: house.account.id,
    storageFileId: file?.id,
    storagePath: `Portage/Letters/${upload.fileName}`,
    ...proofOf(content, storage.provider.id),
  })
  expect(house.staged.size, label).toBe(0)
  expect(await house.count(), label).toBe(1)
  expect(await house.events(upload.id), label).toEqual(['upload.delivered'])
}
