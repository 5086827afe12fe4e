/** What strangers can do with room that they take and do not use (security rule 8). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MINUTE_MS } from '../../../shared/platform/clock.ts'
import { completeUpload } from '../../../shared/uploads/complete-upload.ts'
import { type IntakeDeps, takeInUpload } from '../../../shared/uploads/take-in-upload.ts'
import type { Upload } from '../../../shared/uploads/upload.ts'
import { RESERVATION_MS } from '../../../shared/uploads/upload-arrival.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type IntentHouse, openIntentHouse } from './intent-house.ts'

const MIB = 1024 * 1024

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

async function uploadsOf(house: IntentHouse, intent: { uploads: { uploadId: string }[] }) {
  const found = await Promise.all(
    intent.uploads.map(({ uploadId }) => house.uploads.find(uploadId)),
  )
  return found.flatMap((upload) => upload ?? [])
}

async function countPending(house: IntentHouse, intents: { uploads: { uploadId: string }[] }[]) {
  const uploads = await Promise.all(intents.map((intent) => uploadsOf(house, intent)))
  return uploads.flat().filter(({ status }) => status === 'pending').length
}

const files = (count: number) => Array.from({ length: count }, () => ({}))

describe('room that nobody uses', () => {
  it('yields also when many others have begun just now', async () => {
    const house = await openIntentHouse(records.table, { maxFiles: 252 })
    const idle = await house.announce([{}, {}])
    house.clock.advance(2 * MINUTE_MS)
    const fresh: { uploads: { uploadId: string }[] }[] = []
    for (let n = 0; n < 5; n += 1) fresh.push(await house.announce(files(50)))

    await house.announce([{}, {}])
    expect(await countPending(house, [idle])).toBe(0)
    expect(await countPending(house, fresh)).toBe(250)
  })

  it('yields no more of it than somebody needs', async () => {
    const house = await openIntentHouse(records.table, { maxFiles: 50, maxTotalBytes: 10_000 })
    const idle = await house.announce(files(50))
    house.clock.advance(2 * MINUTE_MS)
    await house.announce()

    expect(await countPending(house, [idle])).toBeGreaterThanOrEqual(40)
  })
})

describe('a hand-over of many intents', () => {
  it('is open as long as its last ones are', async () => {
    const house = await openIntentHouse(records.table)
    const address = '198.51.100.40'
    const begin = async () => {
      const { submissionId, uploadToken, uploads } = await house.announce([{}], { address })
      const done = [...uploads]
      for (let n = 0; n < 3; n += 1) {
        const more = await house.announce([{}], { submissionId, bearer: uploadToken })
        done.push(...more.uploads)
      }
      for (const { uploadId } of done) {
        await house.uploads.stage(uploadId, { etag: 'e', sizeBytes: 10 })
      }
      await house.announce(files(50), { submissionId, bearer: uploadToken })
    }
    for (let begun = 0; begun < 5; begun += 1) await begin()

    await expect(house.announce([{}], { address })).rejects.toMatchObject({
      code: 'TOO_MANY_SUBMISSIONS',
    })
  })
})

describe('a client that says again and again that it has sent everything, and sends nothing', () => {
  /** What the sweep makes the worker do when the upload is due. */
  async function sweep(house: IntentHouse, upload: Upload) {
    const [dueAt = ''] = upload.dueSk?.split('#') ?? []
    if (Date.parse(dueAt) > house.clock.now()) return
    await takeInUpload(house as unknown as IntakeDeps, { uploadId: upload.id })
  }

  it('keeps its room for a quarter of an hour all the same', async () => {
    const house = await openIntentHouse(records.table)
    const intent = await house.announce([{ fileSize: 20 * MIB }])
    const claims = {
      audience: 'write' as const,
      keyId: 'k1',
      submissionId: intent.submissionId,
      portalId: house.portal.id,
      passwordVersion: house.portal.passwordVersion,
      expiresAtMs: Number.POSITIVE_INFINITY,
    }
    const parts = [1, 2, 3].map((partNumber) => ({ partNumber, etag: '"made-up"' }))
    const nothingThere = { ...house.staging, completeMultipart: async () => 'incomplete' as const }
    let kept = 0
    for (let minute = 1; minute <= 40; minute += 1) {
      const [upload] = await uploadsOf(house, intent)
      if (upload?.status !== 'pending') break
      kept = minute
      await completeUpload({ ...house, staging: nothingThere }, claims, upload.id, { parts }).catch(
        (error) => expect(error).toMatchObject({ code: 'UPLOAD_INCOMPLETE' }),
      )
      house.clock.advance(MINUTE_MS / 2)
      const [now] = await uploadsOf(house, intent)
      if (now) await sweep(house, now)
      house.clock.advance(MINUTE_MS / 2)
    }

    expect(kept * MINUTE_MS).toBeLessThanOrEqual(RESERVATION_MS + MINUTE_MS)
    expect(kept * MINUTE_MS).toBeGreaterThanOrEqual(RESERVATION_MS)
  })
})
