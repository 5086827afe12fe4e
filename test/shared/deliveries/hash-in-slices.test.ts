import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RemoteFile } from '../../../shared/providers/provider.ts'
import type { Upload } from '../../../shared/uploads/upload.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { CHUNK_BYTES, type House, Killed, openHouse } from './delivery-house.ts'

/** More than two of the steps in which a file is hashed without being sent. */
const CONTENT = randomBytes(20 * CHUNK_BYTES + 17)

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

async function expectDelivered(house: House, upload: Upload) {
  const sha256 = createHash('sha256').update(CONTENT).digest('hex')
  expect(house.provider.files()).toMatchObject([{ name: upload.fileName, sha256 }])
  expect(await house.uploadOf(upload.id)).toMatchObject({ status: 'uploaded', sha256 })
}

/** Delivers turn by turn, each of no time at all; returns how many chunks each turn has sent. */
async function deliverInTurns(house: House, uploadId: string): Promise<number[]> {
  const sent: number[] = []
  house.messages.push(uploadId)
  while (house.messages.pop() !== undefined) {
    const before = house.provider.calls.length
    await house.worker().deliver(uploadId)
    const calls = house.provider.calls.slice(before)
    sent.push(calls.filter((call) => call === 'sendChunk').length)
    if (sent.length > 50) throw new Error('the file does not end')
  }
  return sent
}

it('reads the staged object once for all chunks of a turn', async () => {
  const house = await openHouse(records.table)
  const upload = await house.handOver(CONTENT)

  await house.worker().deliver(upload.id)

  await expectDelivered(house, upload)
  expect(house.reads).toEqual([0])
})

it('saves the digests where turns cut a file, so that no byte is hashed twice', async () => {
  const house = await openHouse(records.table, { workSliceMs: 0 })
  const upload = await house.handOver(CONTENT)

  const sent = await deliverInTurns(house, upload.id)

  await expectDelivered(house, upload)
  expect(sent).toEqual(Array.from({ length: 21 }, () => 1))
  expect(house.reads).toEqual(Array.from({ length: 21 }, (_, turn) => turn * CHUNK_BYTES))
})

it('catches up in turns with what a dead worker has sent without saving its digests', async () => {
  const house = await openHouse(records.table)
  const upload = await house.handOver(CONTENT)
  const send = house.provider.sendChunk
  house.provider.sendChunk = async (...args) => {
    const progress = await send(...args)
    if (progress.state === 'partial' && progress.offsetBytes === 17 * CHUNK_BYTES) {
      house.provider.sendChunk = send
      throw new Killed()
    }
    return progress
  }
  await expect(house.worker().deliver(upload.id)).rejects.toThrow(Killed)
  await house.sweep()
  house.turns.workSliceMs = 0

  const sent = await deliverInTurns(house, upload.id)

  await expectDelivered(house, upload)
  expect(sent).toEqual([0, 0, 1, 1, 1, 1])
})

it('proves by MD5 in turns where the provider has no other hash', async () => {
  const house = await openHouse(records.table, { workSliceMs: 0 })
  const upload = await house.handOver(CONTENT)
  withMd5Alone(house)

  const sent = await deliverInTurns(house, upload.id)

  await expectDelivered(house, upload)
  expect(sent.filter((chunks) => chunks === 0)).toHaveLength(2)
})

it('sends anew what MD5 alone shows to be other bytes', async () => {
  const house = await openHouse(records.table)
  const upload = await house.handOver(CONTENT)
  withMd5Alone(house)
  const find = house.provider.findFile
  const first: string[] = []
  house.provider.findFile = async (...args) => {
    const file = await find(...args)
    if (first.length === 0 && file) first.push(file.id)
    return file && first.includes(file.id) ? { ...file, md5: '0'.repeat(32) } : file
  }

  await house.worker().deliver(upload.id)
  expect((await house.uploadOf(upload.id)).status).toBe('held')
  await house.sweep(61 * 60_000)
  await house.worker().deliver(upload.id)

  await expectDelivered(house, upload)
  expect(house.provider.files()[0]?.id).not.toBe(first[0])
})

/** "sha256Checksum … if available": Drive gives none from now on. */
function withMd5Alone(house: House): void {
  const { findFile, sendChunk } = house.provider
  house.provider.findFile = async (...args) => {
    const file = await findFile(...args)
    return file && md5Alone(file)
  }
  house.provider.sendChunk = async (...args) => {
    const progress = await sendChunk(...args)
    return progress.state === 'complete'
      ? { state: 'complete', file: md5Alone(progress.file) }
      : progress
  }
}

function md5Alone({ sha256: _sha256, contentHash: _contentHash, ...file }: RemoteFile): RemoteFile {
  return file
}
