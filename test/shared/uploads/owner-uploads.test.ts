import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AccountEvent } from '../../../shared/accounts/account.ts'
import { handleStorageAccountStatusChange } from '../../../shared/accounts/change-account-status.ts'
import type { ProblemCode } from '../../../shared/contract/problems.ts'
import { isoTime, MINUTE_MS } from '../../../shared/platform/clock.ts'
import { transact } from '../../../shared/platform/table.ts'
import {
  deleteFromCloudStorageWithCascade,
  type OwnerUploadsDeps,
  retryUpload,
} from '../../../shared/uploads/owner-uploads.ts'
import { submissionStore } from '../../../shared/uploads/submission-store.ts'
import type { Upload } from '../../../shared/uploads/upload.ts'
import { brokenConnection } from '../../support/memory-provider.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type House, openHouse } from '../deliveries/delivery-house.ts'

const CONTENT = Buffer.from('Dear Sir or Madam')

let records: RecordTable
let house: House
let deps: OwnerUploadsDeps
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())
beforeEach(async () => {
  house = await openHouse(records.table)
  deps = {
    ...house,
    ...house.worker().deps,
    submissions: submissionStore(records.table),
    provider: () => house.provider,
    staging: {
      abortMultipart: async () => undefined,
      signDownload: async () => '',
      remove: async (key) => {
        house.staged.delete(key)
      },
    },
  }
})

async function happens(event: AccountEvent) {
  await handleStorageAccountStatusChange(house, house.account.id, event, {
    actor: 'test',
    reason: 'TEST',
  })
}

async function delivered(): Promise<Upload> {
  const upload = await house.handOver(CONTENT)
  await house.worker().deliver(upload.id)
  return house.uploadOf(upload.id)
}

async function held(): Promise<Upload> {
  await happens('DEACTIVATED')
  const upload = await house.handOver(CONTENT)
  await house.worker().deliver(upload.id)
  expect(await house.uploadOf(upload.id)).toMatchObject({ status: 'held' })
  return upload
}

function remove(
  { id }: Upload,
  options: { recordOnly?: boolean } = {},
  user = house.account.userId,
) {
  return deleteFromCloudStorageWithCascade(deps, user, id, options)
}

function retry({ id }: Upload, user = house.account.userId) {
  return retryUpload(deps, user, id)
}

const refusedWith = (code: ProblemCode) => expect.objectContaining({ code })

describe('deleting a file by the state of its account (A7, C25)', () => {
  it.each([
    ['ACTIVE', undefined],
    ['INACTIVE', 'DEACTIVATED'],
  ] as const)('%s: in the cloud, then here', async (_status, event) => {
    const upload = await delivered()
    if (event) await happens(event)

    expect(await remove(upload)).toEqual({
      success: true,
      deletedFromCloud: true,
      deletedFromDatabase: true,
    })

    expect(house.provider.files()).toEqual([])
    expect(await house.uploadOf(upload.id)).toMatchObject({ status: 'deleted' })
    expect(await house.count()).toBe(0)
    expect(await house.events(upload.id)).toContain('upload.deleted')
  })

  it.each([
    ['ERROR', 'FAILING', 'PROVIDER_UNAVAILABLE'],
    ['DISCONNECTED', 'DISCONNECTED_BY_USER', 'FILE_UNAVAILABLE'],
  ] as const)('%s: not at all, and nothing changes', async (_status, event, code) => {
    const upload = await delivered()
    await happens(event)

    await expect(remove(upload)).rejects.toEqual(refusedWith(code))

    expect(house.provider.files()).toHaveLength(1)
    expect(await house.uploadOf(upload.id)).toEqual(upload)
    expect(await house.count()).toBe(1)
  })

  it('leaves the file where it is when only the record is to go, and its name taken', async () => {
    const upload = await delivered()
    await happens('DISCONNECTED_BY_USER')

    expect(await remove(upload, { recordOnly: true })).toEqual({
      success: true,
      deletedFromCloud: false,
      deletedFromDatabase: true,
    })

    expect(house.provider.files()).toHaveLength(1)
    expect(await house.uploadOf(upload.id)).toMatchObject({ status: 'deleted' })
    expect(await house.count()).toBe(0)
    await expect(house.handOver(CONTENT)).rejects.toThrow()
  })

  it('frees its name, which the next file takes', async () => {
    await remove(await delivered())

    expect((await delivered()).storagePath).toBe('Portage/Letters/letter.txt')
  })

  it('counts what the provider no longer has as deleted', async () => {
    const upload = await delivered()
    await house.provider.deleteFile({ accessToken: '' }, upload.storageFileId ?? '')

    expect(await remove(upload)).toMatchObject({
      deletedFromCloud: true,
      deletedFromDatabase: true,
    })
  })

  it('keeps the record while the provider does not answer', async () => {
    const upload = await delivered()
    house.provider.failNext('deleteFile', brokenConnection())

    await expect(remove(upload)).rejects.toEqual(refusedWith('PROVIDER_UNAVAILABLE'))

    expect(await house.uploadOf(upload.id)).toEqual(upload)
  })

  it('stops one that is held, of which nothing stays', async () => {
    const upload = await held()

    expect(await remove(upload)).toMatchObject({ deletedFromCloud: false })

    await happens('REACTIVATED')
    for (const asked of await house.sweep()) await house.worker().deliver(asked)
    expect(await house.deliveryOf(upload.id)).toBeUndefined()
    expect(house.staged.size).toBe(0)
    expect(house.provider.files()).toEqual([])
  })

  it('is only its owner’s to do', async () => {
    const upload = await delivered()

    await expect(remove(upload, {}, 'usr_stranger')).rejects.toEqual(
      refusedWith('UPLOAD_NOT_FOUND'),
    )
  })
})

describe('trying a held file again', () => {
  it('makes it due at once', async () => {
    const upload = await held()
    await happens('REACTIVATED')

    const reply = await retry(upload)

    expect(reply).toMatchObject({ id: upload.id, status: 'held' })
    expect(Date.parse(reply.retryAt ?? '')).toBe(house.clock.now())
    expect(await house.sweep(1)).toEqual([upload.id])
    await house.worker().deliver(upload.id)
    expect(await house.uploadOf(upload.id)).toMatchObject({ status: 'uploaded' })
  })

  it('does not hurry a worker that is at it', async () => {
    const upload = await held()
    await house.sweep()
    await house.deliveries.claim(upload.id, 'small-delivery')

    await expect(retry(upload)).rejects.toEqual(refusedWith('BUSY'))
    expect(await house.sweep(1)).toEqual([])
  })

  it('is nothing for a file that is not held', async () => {
    const done = await delivered()
    const onItsWay = await house.handOver(CONTENT, { fileName: 'other.txt' })

    for (const upload of [done, onItsWay]) {
      await expect(retry(upload)).rejects.toEqual(refusedWith('NOT_RETRYABLE'))
    }
    expect(await house.sweep(MINUTE_MS / 2)).toEqual([])
  })

  it('is only its owner’s to do', async () => {
    const upload = await held()

    await expect(retry(upload, 'usr_stranger')).rejects.toEqual(refusedWith('UPLOAD_NOT_FOUND'))
  })
})

describe('a portal that was deleted', () => {
  it('still gets the files on their way, which its owner deletes as any other', async () => {
    const upload = await house.handOver(CONTENT)
    const { portal, portals, clock } = house
    const deletedAt = isoTime(clock.now())
    await transact(records.table, portals.delete(portal, { ...portal, deletedAt }))

    await house.worker().deliver(upload.id)

    expect(await house.uploadOf(upload.id)).toMatchObject({ status: 'uploaded' })
    expect(await remove(upload)).toMatchObject({ deletedFromCloud: true })
  })
})
