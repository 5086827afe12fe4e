import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { handleStorageAccountStatusChange } from '../../../shared/accounts/change-account-status.ts'
import { giveBack } from '../../../shared/limits/reservations.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, sleep } from '../../../shared/platform/clock.ts'
import { transact } from '../../../shared/platform/table.ts'
import { countedLimits, limitAdjustments } from '../../../shared/portals/counted-limits.ts'
import type { Portal } from '../../../shared/portals/portal.ts'
import { hashPassword } from '../../../shared/portals/portal-password.ts'
import { issuePortalToken } from '../../../shared/portals/portal-token.ts'
import { cancelUpload } from '../../../shared/uploads/complete-upload.ts'
import { createSubmission } from '../../../shared/uploads/create-submission.ts'
import { expireUpload } from '../../../shared/uploads/expire-upload.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type IntentHouse, MANY, openIntentHouse } from './intent-house.ts'

const MIB = 1024 * 1024

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

const open = (
  ...[settings, caps]: Parameters<typeof openIntentHouse> extends [unknown, ...infer Rest]
    ? Rest
    : never
) => openIntentHouse(records.table, settings, caps)

const code = (problem: string) => ({ code: problem })

async function uploadOf(house: IntentHouse, uploadId: string | undefined) {
  const upload = await house.uploads.find(uploadId ?? '')
  if (!upload) throw new Error('there is no such upload')
  return upload
}

async function capOf(house: IntentHouse): Promise<unknown> {
  const day = new Date(house.clock.now()).toISOString().slice(0, 10)
  const reply = await records.table.client.send(
    new GetCommand({
      TableName: records.table.name,
      Key: { pk: `cap#${house.portal.id}#${day}`, sk: 'cap' },
      ConsistentRead: true,
    }),
  )
  return reply.Item
}

describe('a portal that takes so many files', () => {
  it('takes ten of two hundred that come at once', async () => {
    const house = await open({ maxFiles: 10 })
    const intents = await Promise.allSettled(
      Array.from({ length: 200 }, async () => {
        // A client that is told to come back in a moment does.
        for (;;) {
          try {
            return await house.announce()
          } catch (error) {
            if ((error as { code?: string }).code !== 'BUSY') throw error
            await sleep(Math.random() * SECOND_MS)
          }
        }
      }),
    )

    const refusals = intents.flatMap((each) =>
      each.status === 'rejected' ? [each.reason.code] : [],
    )
    expect(intents.length - refusals.length).toBe(10)
    expect(new Set(refusals)).toEqual(new Set(['PORTAL_CANNOT_ACCEPT_UPLOADS']))
    expect(await house.remaining()).toMatchObject({ remainingFiles: 0 })
  }, 180_000)

  it('takes a whole hand-over or none of it', async () => {
    const house = await open({ maxFiles: 3 })

    await expect(house.announce([{}, {}, {}, {}])).rejects.toMatchObject(
      code('PORTAL_CANNOT_ACCEPT_UPLOADS'),
    )
    expect(await house.remaining()).toMatchObject({ remainingFiles: 3 })
    await house.announce([{}, {}, {}])
  })

  it('counts bytes as well', async () => {
    const house = await open({ maxTotalBytes: 100 })
    await house.announce([{ fileSize: 60 }])

    await expect(house.announce([{ fileSize: 41 }])).rejects.toMatchObject(
      code('PORTAL_CANNOT_ACCEPT_UPLOADS'),
    )
    await house.announce([{ fileSize: 40 }])
    expect(await house.remaining()).toMatchObject({ remainingBytes: 0 })
  })

  it.each(['cancelled', 'expired'] as const)('has room again for what was %s', async (end) => {
    const house = await open({ maxFiles: 1, maxTotalBytes: 100 })
    const before = await capOf(house)
    expect(before).toBeUndefined()
    const { uploads, submissionId } = await house.announce()
    const upload = await uploadOf(house, uploads[0]?.uploadId)
    if (end === 'expired') expect(await expireUpload(house, upload)).toBe(true)
    else {
      const claims = {
        audience: 'write' as const,
        keyId: 'k1',
        submissionId,
        portalId: house.portal.id,
        passwordVersion: house.portal.passwordVersion,
        expiresAtMs: house.clock.now() + HOUR_MS,
      }
      await cancelUpload(house, claims, upload.id)
      await cancelUpload(house, claims, upload.id)
    }

    expect(await house.remaining()).toMatchObject({ remainingFiles: 1, remainingBytes: 100 })
    expect(await capOf(house)).toMatchObject({
      remainingFiles: MANY.portal.files,
      remainingBytes: MANY.portal.bytes,
    })
    await house.announce()
  })

  it('gives back nothing for what ended before it was ended again', async () => {
    const house = await open({ maxFiles: 1 })
    const { uploads } = await house.announce()
    const upload = await uploadOf(house, uploads[0]?.uploadId)
    const ends = await Promise.all(Array.from({ length: 5 }, () => expireUpload(house, upload)))

    expect(ends.filter(Boolean)).toHaveLength(1)
    expect(await house.remaining()).toMatchObject({ remainingFiles: 1 })
  })
})

describe('what is given back', () => {
  it('of an empty file leaves a portal open that limits the number of files alone', async () => {
    const house = await open({ maxFiles: 2 })
    const { uploads } = await house.announce([{ fileSize: 0 }])
    await expireUpload(house, await uploadOf(house, uploads[0]?.uploadId))

    expect(await house.acceptance()).toMatchObject({ acceptsUploads: true })
  })

  it('counts for those limits alone that were there when the room was taken', async () => {
    const house = await open({ maxFiles: 2 })
    const { uploads } = await house.announce([{ fileSize: 60 }])
    const limited = { ...house.portal, maxTotalBytes: 100, version: 2 }
    const remaining = house.portals.adjustRemaining(
      limited.id,
      limitAdjustments(house.portal, limited, { files: 0, bytes: 0 }),
    )
    if (!remaining) throw new Error('A new limit changes what remains')
    await transact(records.table, [...house.portals.change(house.portal, limited), remaining])
    await expireUpload(house, await uploadOf(house, uploads[0]?.uploadId))

    expect(await house.remaining()).toMatchObject({ remainingFiles: 2, remainingBytes: 100 })
  })

  it('counts once when a limit is lifted and set again while files are on their way', async () => {
    const house = await open({ maxFiles: 10, maxTotalBytes: 1000 })
    let portal = house.portal
    const change = async (limits: Pick<Portal, 'maxFiles' | 'maxTotalBytes'>) => {
      const next = { ...portal, ...limits, ...countedLimits(portal, limits) }
      const changed = { ...next, version: portal.version + 1 }
      const remaining = house.portals.adjustRemaining(
        portal.id,
        limitAdjustments(portal, changed, { files: 0, bytes: 0 }),
      )
      await transact(records.table, [
        ...house.portals.change(portal, changed),
        ...(remaining ? [remaining] : []),
      ])
      portal = changed
    }
    const limited = await house.announce([{}, {}, {}])
    await change({ maxFiles: null, maxTotalBytes: null })
    const unlimited = await house.announce([{}, {}])
    await change({ maxFiles: 12, maxTotalBytes: 2000 })
    expect(await house.remaining()).toMatchObject({ remainingFiles: 7, remainingBytes: 1950 })

    for (const { uploadId } of [...limited.uploads, ...unlimited.uploads]) {
      await expireUpload(house, await uploadOf(house, uploadId))
    }
    expect(await house.remaining()).toMatchObject({ remainingFiles: 12, remainingBytes: 2000 })
  })

  it('of a day long gone is forgotten with that day', async () => {
    const house = await open()
    const { uploads } = await house.announce()
    const upload = await uploadOf(house, uploads[0]?.uploadId)
    const ends = giveBack(records.table, upload).map(
      (item) => item.Update?.ExpressionAttributeValues?.[':end'],
    )

    expect(ends).toEqual([expect.any(Number), expect.any(Number)])
    for (const end of ends) {
      expect(end * SECOND_MS).toBeGreaterThan(house.clock.now())
      expect(end * SECOND_MS).toBeLessThan(house.clock.now() + 4 * DAY_MS)
    }
  })
})

describe('room that nobody uses (security rule 8)', () => {
  it('is kept for two minutes, then yields to whoever needs it', async () => {
    const house = await open({ maxFiles: 1 })
    const squatter = await house.announce()
    house.clock.advance(2 * MINUTE_MS - 1)
    await expect(house.announce()).rejects.toMatchObject(code('PORTAL_CANNOT_ACCEPT_UPLOADS'))

    house.clock.advance(1)
    await house.announce()
    expect(await uploadOf(house, squatter.uploads[0]?.uploadId)).toMatchObject({
      status: 'expired',
      reason: 'NEVER_ARRIVED',
    })
  })

  it('is kept by who has sent a part, or the whole', async () => {
    const house = await open({ maxFiles: 2 })
    const large = await house.announce([{ fileSize: 40 * MIB }])
    const small = await house.announce()
    house.parts.set((await uploadOf(house, large.uploads[0]?.uploadId)).stagingKey, [8 * MIB])
    house.objects.add((await uploadOf(house, small.uploads[0]?.uploadId)).stagingKey)
    house.clock.advance(10 * MINUTE_MS)

    await expect(house.announce()).rejects.toMatchObject(code('PORTAL_CANNOT_ACCEPT_UPLOADS'))
    expect(house.aborted).toEqual([])
  })

  it('is not kept by a last part alone, which may be a single byte', async () => {
    const house = await open({ maxFiles: 1 })
    const squatter = await house.announce([{ fileSize: 40 * MIB + 1 }])
    const { stagingKey } = await uploadOf(house, squatter.uploads[0]?.uploadId)
    house.parts.set(stagingKey, [1])
    house.clock.advance(2 * MINUTE_MS)

    await house.announce()
    expect((await uploadOf(house, squatter.uploads[0]?.uploadId)).status).toBe('expired')
    expect(house.aborted).toEqual([stagingKey])
  })

  it('is not asked to yield while nobody needs it', async () => {
    const house = await open({ maxFiles: 2 })
    const idle = await house.announce()
    house.clock.advance(10 * MINUTE_MS)
    await house.announce()

    expect((await uploadOf(house, idle.uploads[0]?.uploadId)).status).toBe('pending')
  })
})

describe('hand-overs from one address (security rule 8)', () => {
  it('are five at a time, also when they begin all at once', async () => {
    const house = await open()
    const intents = await Promise.allSettled(
      Array.from({ length: 12 }, () => house.announce([{}], { address: '198.51.100.7' })),
    )

    const refusals = intents.flatMap((each) =>
      each.status === 'rejected' ? [each.reason.code] : [],
    )
    const taken = intents.length - refusals.length
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThanOrEqual(5)
    expect(refusals.filter((each) => !['TOO_MANY_SUBMISSIONS', 'BUSY'].includes(each))).toEqual([])
    await house.announce([{}], { address: '198.51.100.8' })
  })

  it('are refused with the time after which one ends, and taken then', async () => {
    const house = await open()
    const address = '198.51.100.9'
    for (let begun = 0; begun < 5; begun += 1) await house.announce([{}], { address })

    await expect(house.announce([{}], { address })).rejects.toMatchObject({
      code: 'TOO_MANY_SUBMISSIONS',
      facts: { retryAfterSeconds: 15 * 60 },
    })
    house.clock.advance(15 * MINUTE_MS - 1)
    await expect(house.announce([{}], { address })).rejects.toThrow()
    house.clock.advance(1)
    await house.announce([{}], { address })
  })

  it('that are finished do not count', async () => {
    const house = await open()
    const address = '198.51.100.10'
    for (let begun = 0; begun < 5; begun += 1) {
      const { uploads } = await house.announce([{}], { address })
      await house.uploads.stage(uploads[0]?.uploadId ?? '', { etag: 'e', sizeBytes: 10 })
    }

    await house.announce([{}], { address })
  })

  it('cannot be read from the table', async () => {
    const house = await open()
    const address = '198.51.100.11'
    await house.announce([{}], { address })

    expect(await house.addresses.find(address)).toMatchObject({ version: 1 })
    expect(
      JSON.stringify(house.addresses.save(address, house.addresses.read(undefined), {})),
    ).not.toContain(address)
  })
})

describe('what a day may cost (security rule 9)', () => {
  it('is limited per portal, and free again the next day', async () => {
    const house = await open({}, { ...MANY, portal: { files: 2, bytes: 1000 } })
    const { uploads } = await house.announce([{}, {}])
    await expect(house.announce()).rejects.toMatchObject({
      code: 'DAILY_LIMIT_REACHED',
      // Nothing of it has come yet, so it may be free again soon.
      facts: { retryAfterSeconds: 120 },
    })
    for (const { uploadId } of uploads) {
      await house.uploads.stage(uploadId, { etag: 'e', sizeBytes: 10 })
    }
    const toMidnightMs = DAY_MS - (house.clock.now() % DAY_MS)
    await expect(house.announce()).rejects.toMatchObject({
      code: 'DAILY_LIMIT_REACHED',
      facts: { retryAfterSeconds: Math.ceil(toMidnightMs / SECOND_MS) },
    })

    house.clock.advance(24 * HOUR_MS)
    await house.announce()
  })

  it('is limited for the whole deployment, wherever it is counted', async () => {
    const house = await open({}, { ...MANY, deployment: { files: 8, bytes: 1e9 } })
    // Days of the test's own, so that other tests do not count.
    house.clock.advance(1000 * 24 * HOUR_MS)
    const taken: unknown[] = []
    for (let n = 0; n < 10; n += 1) {
      taken.push(
        await house.announce().then(
          () => 'taken',
          (error) => error.code,
        ),
      )
    }

    expect(taken).toEqual([...Array(8).fill('taken'), 'DAILY_LIMIT_REACHED', 'DAILY_LIMIT_REACHED'])
  })

  it('refuses for good what would not fit into an empty day', async () => {
    const house = await open({}, { ...MANY, portal: { files: 10, bytes: 100 } })

    await expect(house.announce([{ fileSize: 101 }])).rejects.toMatchObject({
      code: 'FILE_TOO_LARGE',
      facts: {},
    })
    expect(await capOf(house)).toBeUndefined()
  })

  it('can be stopped by the operator for new hand-overs', async () => {
    const house = await open()
    const closed = { ...house, intakeOpen: async () => false }
    const intent = {
      portalId: house.portal.id,
      files: [{ fileName: 'a', fileSize: 1, mimeType: '' }],
    }

    await expect(
      createSubmission(closed, intent, { address: 'a', bearer: undefined }),
    ).rejects.toMatchObject(code('INTAKE_CLOSED'))
  })

  it('gives nothing back for what held nothing', async () => {
    const house = await open({ maxFiles: 5 })

    expect(giveBack(records.table, { portalId: house.portal.id })).toEqual([])
  })
})

describe('what a portal asks for', () => {
  it('of a client: required fields are there, hidden ones are not', async () => {
    const house = await open({
      fields: { clientName: 'required', clientEmail: 'hidden', clientMessage: 'optional' },
    })

    await expect(house.announce([{}], { clientEmail: 'ada@example.org' })).rejects.toMatchObject({
      fields: [{ field: 'clientName' }, { field: 'clientEmail' }],
    })
    await house.announce([{}], { clientName: 'Ada', clientMessage: 'Hello' })
  })

  it('of files: allowed types and sizes, each named by its field', async () => {
    const house = await open({ allowedTypes: ['.pdf', 'image/*'], maxFileBytes: 1000 })

    await expect(
      house.announce([
        {},
        { fileName: 'run.exe', mimeType: 'application/x-msdownload' },
        { fileSize: 1001 },
      ]),
    ).rejects.toMatchObject({
      fields: [{ field: 'files.1.fileName' }, { field: 'files.2.fileSize' }],
    })
    await house.announce([{}, { fileName: 'a.png', mimeType: 'image/png' }])
  })

  it('of a stranger: the password, until it is changed', async () => {
    const house = await open({ passwordHash: await hashPassword('correct horse') })
    const { token } = await issuePortalToken(house, house.portal)

    await expect(house.announce()).rejects.toMatchObject(code('PASSWORD_REQUIRED'))
    await expect(house.announce([{}], { token: `${token}x` })).rejects.toMatchObject(
      code('PASSWORD_REQUIRED'),
    )
    const { submissionId, uploadToken } = await house.announce([{}], { token })

    const now = { ...house.portal, passwordVersion: 2, version: 2 }
    await transact(records.table, house.portals.change(house.portal, now))
    await expect(house.announce([{}], { token })).rejects.toMatchObject(code('PASSWORD_REQUIRED'))
    await expect(house.announce([{}], { submissionId, bearer: uploadToken })).rejects.toMatchObject(
      code('PASSWORD_REQUIRED'),
    )
  })

  it('after its deadline: nothing, or with grace what is marked late', async () => {
    const house = await open({
      deadline: new Date(Date.now() + HOUR_MS).toISOString(),
      graceMinutes: 5,
    })
    house.clock.advance(Date.parse(house.portal.deadline ?? '') - house.clock.now() - SECOND_MS)
    const inTime = await house.announce()
    house.clock.advance(SECOND_MS)
    const late = await house.announce()
    house.clock.advance(5 * MINUTE_MS)

    expect((await uploadOf(house, inTime.uploads[0]?.uploadId)).late).toBeUndefined()
    expect((await uploadOf(house, late.uploads[0]?.uploadId)).late).toBe(true)
    await expect(house.announce()).rejects.toMatchObject(code('PORTAL_CANNOT_ACCEPT_UPLOADS'))
  })

  it('puts each client’s files into a folder of their own', async () => {
    const house = await open({ clientFolders: true })
    const { uploads } = await house.announce([{ fileName: 'a.pdf', relativePath: 'tax/a.pdf' }], {
      clientName: 'Ada / Lovelace',
    })

    expect((await uploadOf(house, uploads[0]?.uploadId)).folders).toEqual(['Ada _ Lovelace', 'tax'])
  })
})

describe('a portal whose account takes nothing (A8, C7)', () => {
  const stop = (house: IntentHouse, accountId: string) =>
    handleStorageAccountStatusChange(house, accountId, 'DEACTIVATED', {
      actor: 'test',
      reason: 'test',
    })

  it('takes nothing either, without a backup', async () => {
    const house = await open()
    await stop(house, house.account.id)

    await expect(house.announce()).rejects.toMatchObject(code('PORTAL_CANNOT_ACCEPT_UPLOADS'))
  })

  it('sends files to the first backup that takes some', async () => {
    const house = await open()
    const backedUp = { ...house.portal, backupStorageAccountIds: [house.backup.id], version: 2 }
    await transact(records.table, house.portals.change(house.portal, backedUp))
    await stop(house, house.account.id)
    const { uploads } = await house.announce()

    expect((await uploadOf(house, uploads[0]?.uploadId)).intendedStorageAccountId).toBe(
      house.backup.id,
    )
    await stop(house, house.backup.id)
    await expect(house.announce()).rejects.toMatchObject(code('PORTAL_CANNOT_ACCEPT_UPLOADS'))
  })
})
