/** What strangers can do who announce files and send none (security rules 8 and 9). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DailyCaps } from '../../../shared/limits/reservations.ts'
import { DAY_MS, MINUTE_MS } from '../../../shared/platform/clock.ts'
import { transact } from '../../../shared/platform/table.ts'
import { createSubmission } from '../../../shared/uploads/create-submission.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type IntentHouse, MANY, openIntentHouse } from './intent-house.ts'

const MIB = 1024 * 1024

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

/** The deployment's day is counted for all of it: each test has days of its own. */
let lastDay = 0
async function portalsOnOneDay(caps: DailyCaps, count: number): Promise<IntentHouse[]> {
  lastDay += 1000
  const houses = await Promise.all(
    Array.from({ length: count }, () => openIntentHouse(records.table, {}, caps)),
  )
  const [first] = houses
  const atMs = (first?.clock.now() ?? 0) + lastDay * DAY_MS
  for (const { clock } of houses) clock.advance(atMs - clock.now())
  return houses
}

const outcome = (intent: Promise<unknown>) =>
  intent.then(
    () => 'taken',
    (error) => error.code as string,
  )

async function statuses(house: IntentHouse, intents: { uploads: { uploadId: string }[] }[]) {
  const ids = intents.flatMap(({ uploads }) => uploads.map(({ uploadId }) => uploadId))
  return (await house.uploads.findMany(ids)).map(({ status }) => status)
}

const CAPS: DailyCaps = { ...MANY, deployment: { files: 16, bytes: 16_000 } }

describe('the day of the deployment', () => {
  it('is not taken from other portals by many addresses at one portal', async () => {
    const [attacked, other] = await portalsOnOneDay(CAPS, 2)
    if (!attacked || !other) throw new Error('There are two')
    for (let n = 0; n < 16; n += 1) await attacked.announce([{ fileSize: 1000 }])
    expect(await outcome(attacked.announce())).toBe('DAILY_LIMIT_REACHED')

    // The attack goes on, and whoever comes to the other portal is let in all the same.
    const honest = []
    for (let n = 0; n < 6; n += 1) {
      honest.push(await other.announce([{ fileSize: 1000 }]))
      await outcome(attacked.announce([{ fileSize: 1000 }]))
    }
    expect(await statuses(other, honest)).toEqual(Array(6).fill('pending'))
  })

  it('is not taken by one that announces a single file as large as the day', async () => {
    const [attacked, other] = await portalsOnOneDay(CAPS, 2)
    if (!attacked || !other) throw new Error('There are two')
    for (let n = 0; n < 4; n += 1) await attacked.announce([{ fileSize: 4000 }])

    expect(await outcome(other.announce([{ fileSize: 3000 }]))).toBe('taken')
  })

  it('keeps what S3 has bytes of, and what is no more than the share of who asks', async () => {
    const [sending, quiet, asking] = await portalsOnOneDay(CAPS, 3)
    if (!sending || !quiet || !asking) throw new Error('There are three')
    const sent = []
    for (let n = 0; n < 8; n += 1) sent.push(await sending.announce([{ fileSize: 1000 }]))
    for (const { stagingKey } of await sending.uploads.findMany(
      sent.flatMap(({ uploads }) => uploads.map(({ uploadId }) => uploadId)),
    )) {
      asking.objects.add(stagingKey)
    }
    const held = []
    for (let n = 0; n < 8; n += 1) held.push(await quiet.announce([{ fileSize: 1000 }]))
    for (let n = 0; n < 4; n += 1) await asking.announce([{ fileSize: 1000 }])

    await expect(asking.announce([{ fileSize: 1000 }])).rejects.toMatchObject({
      code: 'DAILY_LIMIT_REACHED',
      facts: { retryAfterSeconds: 120 },
    })
    expect(await statuses(sending, sent)).toEqual(Array(8).fill('pending'))
    expect((await statuses(quiet, held)).filter((status) => status === 'pending')).toHaveLength(4)
  })

  it('yields all that is idle for two minutes to whoever needs it', async () => {
    const [squatted, other] = await portalsOnOneDay(CAPS, 2)
    if (!squatted || !other) throw new Error('There are two')
    for (let n = 0; n < 16; n += 1) await squatted.announce([{ fileSize: 1000 }])
    for (const { clock } of [squatted, other]) clock.advance(2 * MINUTE_MS)

    expect(await outcome(squatted.announce([{ fileSize: 1000 }, { fileSize: 1000 }]))).toBe('taken')
    for (let n = 0; n < 10; n += 1) {
      expect(await outcome(other.announce([{ fileSize: 1000 }]))).toBe('taken')
    }
  })
})

describe('how often files may be announced', () => {
  it('is limited for each address, in first and in further intents', async () => {
    const house = await openIntentHouse(records.table)
    const deps = { ...house, openSubmissionsPerAddress: 1 }
    const files = [{ fileName: 'a.pdf', fileSize: 1, mimeType: '' }]
    const portalId = house.portal.id
    const address = '198.51.100.60'
    const { submissionId, uploadToken: bearer } = await createSubmission(
      deps,
      { portalId, files },
      { address, bearer: undefined },
    )
    const more = (from = address) =>
      createSubmission(deps, { portalId, submissionId, files }, { address: from, bearer })
    for (let n = 1; n < 60; n += 1) await more()
    house.clock.advance(5 * MINUTE_MS)

    await expect(more()).rejects.toMatchObject({
      code: 'TOO_MANY_ATTEMPTS',
      message: 'Too many files were announced from here. Please wait for 10 minutes.',
      facts: { retryAfterSeconds: 600 },
    })
    await more('198.51.100.61')
    house.clock.advance(10 * MINUTE_MS)
    await more()
  })

  it('is limited for each portal and quarter of an hour, whoever asks', async () => {
    const caps = { ...MANY, portalIntents: 5 }
    const [attacked, other] = await portalsOnOneDay(caps, 2)
    if (!attacked || !other) throw new Error('There are two')
    const quarterMs = 15 * MINUTE_MS
    for (const { clock } of [attacked, other]) {
      clock.advance(quarterMs - (clock.now() % quarterMs) + MINUTE_MS)
    }
    for (let n = 0; n < 5; n += 1) await attacked.announce()

    await expect(attacked.announce()).rejects.toMatchObject({
      code: 'TOO_MANY_ATTEMPTS',
      facts: { retryAfterSeconds: 14 * 60 },
    })
    await other.announce()
    attacked.clock.advance(14 * MINUTE_MS)
    await attacked.announce()
  })
})

describe('how often a portal may be asked', () => {
  it('is not used up by a few addresses that ask all the time', async () => {
    const caps = { ...MANY, portalIntents: 20 }
    const [attacked] = await portalsOnOneDay(caps, 1)
    if (!attacked) throw new Error('There is one')
    const quarterMs = 15 * MINUTE_MS
    attacked.clock.advance(quarterMs - (attacked.clock.now() % quarterMs))
    const address = '198.51.100.70'
    const { submissionId, uploadToken: bearer } = await attacked.announce([{}], { address })
    const more = () => outcome(attacked.announce([{}], { address, submissionId, bearer }))
    for (let n = 1; n < 10; n += 1) expect(await more()).toBe('taken')
    expect(await more()).toBe('TOO_MANY_ATTEMPTS')

    for (let n = 0; n < 10; n += 1) expect(await outcome(attacked.announce())).toBe('taken')
    expect(await outcome(attacked.announce())).toBe('TOO_MANY_ATTEMPTS')
  })
})

describe('what S3 opens for large files', () => {
  const large = { fileSize: 40 * MIB }

  it('is opened once their room is reserved, not for an intent that is refused', async () => {
    const house = await openIntentHouse(records.table, { maxFiles: 2 })
    expect(await outcome(house.announce([large, large, large]))).toBe(
      'PORTAL_CANNOT_ACCEPT_UPLOADS',
    )
    expect(house.opened).toEqual([])

    const { uploads } = await house.announce([large, {}])
    const [upload] = await house.uploads.findMany(uploads.map(({ uploadId }) => uploadId))
    expect(house.opened).toEqual([upload?.stagingKey])
    expect(upload?.multipartUploadId).toBe(`multipart of ${upload?.stagingKey}`)
  })

  it('gives the room of the whole intent back when S3 opens only some of it', async () => {
    const house = await openIntentHouse(records.table, { maxFiles: 3 })
    const { createMultipart } = house.staging
    let calls = 0
    const staging = {
      ...house.staging,
      createMultipart: async (key: string) => {
        calls += 1
        if (calls === 2) throw new Error('SlowDown')
        return createMultipart(key)
      },
    }
    const files = [large, large, {}].map((file, n) => ({
      fileName: `${n}.pdf`,
      fileSize: 1,
      mimeType: '',
      ...file,
    }))

    await expect(
      createSubmission(
        { ...house, staging },
        { portalId: house.portal.id, files },
        { address: '198.51.100.70', bearer: undefined },
      ),
    ).rejects.toThrow('SlowDown')
    expect(await house.remaining()).toMatchObject({ remainingFiles: 3 })
    expect(house.aborted).toEqual(house.opened)
    expect(house.opened).toHaveLength(1)
  })
})

describe('a portal that is changed while an intent is judged', () => {
  it.each([
    ['deleted', { deletedAt: '2026-01-01T00:00:00.000Z' }, 'PORTAL_NOT_FOUND'],
    ['closed', { isActive: false, deactivatedBy: 'USER' }, 'PORTAL_CANNOT_ACCEPT_UPLOADS'],
    ['given a password', { passwordHash: 'x' }, 'PASSWORD_REQUIRED'],
  ] as const)('takes nothing once it is %s', async (_, change, refusal) => {
    const house = await openIntentHouse(records.table)
    const intent = {
      portalId: house.portal.id,
      files: [{ fileName: 'a', fileSize: 1, mimeType: '' }],
    }
    const changed = { ...house.portal, ...change, version: house.portal.version + 1 }
    /** The owner's change comes between the reading of the portal and the transaction. */
    const submissions = {
      ...house.submissions,
      async loadPortal(...args: Parameters<typeof house.submissions.loadPortal>) {
        const loaded = await house.submissions.loadPortal(...args)
        await transact(records.table, house.portals.change(house.portal, changed))
        return loaded
      },
    }
    const address = '198.51.100.80'
    const from = { address, bearer: undefined }

    await expect(createSubmission({ ...house, submissions }, intent, from)).rejects.toMatchObject({
      code: 'BUSY',
      facts: { retryAfterSeconds: 1 },
    })
    expect(await outcome(createSubmission(house, intent, from))).toBe(refusal)
  })
})
