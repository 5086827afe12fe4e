/** What is left of a client whom an owner erases (security rule 22). */
import { ScanCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { deliveryStore } from '../../../shared/deliveries/delivery-store.ts'
import { transact } from '../../../shared/platform/table.ts'
import { verifyToken } from '../../../shared/uploads/capability.ts'
import { eraseClient } from '../../../shared/uploads/erase-client.ts'
import { listUploads } from '../../../shared/uploads/list-uploads.ts'
import type { OwnerUploadsDeps } from '../../../shared/uploads/owner-uploads.ts'
import { getSubmissionStatus } from '../../../shared/uploads/submission-status.ts'
import { createMemoryProvider } from '../../support/memory-provider.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type IntentHouse, openIntentHouse } from './intent-house.ts'

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

const ADA = {
  clientName: 'Ada Lovelace',
  clientEmail: 'Ada@example.org',
  clientMessage: 'My diagnosis, as promised',
}

async function openErasure() {
  const house = await openIntentHouse(records.table)
  const removed: string[] = []
  const deps: OwnerUploadsDeps = {
    ...house,
    deliveries: deliveryStore(records.table, house.clock),
    provider: () => createMemoryProvider(),
    freshToken: () => Promise.reject(new Error('no provider is asked')),
    staging: {
      abortMultipart: house.staging.abortMultipart,
      signDownload: async () => '',
      remove: async (key) => {
        removed.push(key)
      },
    },
  }
  const erase = (asked: Parameters<typeof eraseClient>[2], userId = house.account.userId) =>
    eraseClient(deps, userId, asked)
  return { house, deps, removed, erase }
}

async function onItsWay(house: IntentHouse, deps: OwnerUploadsDeps, uploadId = '') {
  const staged = await house.uploads.stage(uploadId, { etag: 'e', sizeBytes: 10 })
  if (!staged?.changed) throw new Error('It does not arrive')
  const { upload } = staged
  await transact(records.table, [
    house.uploads.handOver(upload),
    ...deps.deliveries.create(upload, upload.fileName),
  ])
  return upload
}

async function bind(house: IntentHouse, deps: OwnerUploadsDeps, uploadId = '') {
  const upload = await onItsWay(house, deps, uploadId)
  const proof = {
    accountId: house.account.id,
    fileId: 'file-1',
    path: 'Portage/Letters/will.pdf',
    sha256: 'a'.repeat(64),
    contentHash: 'b'.repeat(64),
  }
  await transact(records.table, [house.uploads.bind(upload, proof)])
}

/** Everything that the table says of this owner's portal and its files, in one text. */
async function kept(house: IntentHouse): Promise<string> {
  const { Items = [] } = await records.table.client.send(
    new ScanCommand({ TableName: records.table.name }),
  )
  const ofOwner = Items.filter((item) => JSON.stringify(item).includes(house.portal.id))
  expect(ofOwner.length).toBeGreaterThan(0)
  return JSON.stringify(ofOwner)
}

it('neither name, address nor words of theirs, and of files only those that the owner has', async () => {
  const { house, deps, removed, erase } = await openErasure()
  const { uploads } = await house.announce(
    ['will.pdf', 'scan-of-ada.pdf', 'ada-again.pdf', 'ada-large.pdf'].map((fileName, n) => ({
      fileName,
      ...(n === 3 ? { fileSize: 40 * 1024 * 1024 } : {}),
    })),
    ADA,
  )
  const [delivered, delivering, pending, large] = uploads.map(({ uploadId }) => uploadId)
  await bind(house, deps, delivered)
  await onItsWay(house, deps, delivering)
  const other = await house.announce([{ fileName: 'hers.pdf' }], {
    clientEmail: 'grace@example.org',
  })

  expect(await erase({ clientEmail: 'ada@EXAMPLE.org' })).toEqual({
    success: true,
    message: 'Client erased successfully',
    erasedSubmissions: 1,
    removedFiles: 3,
    complete: true,
  })
  expect(removed).toHaveLength(3)
  expect(house.aborted).toHaveLength(1)
  const ended = await house.uploads.findMany([delivering ?? '', pending ?? '', large ?? ''])
  expect(ended.map(({ status, fileName }) => [status, fileName])).toEqual(
    Array(3).fill(['deleted', 'erased']),
  )
  const { uploads: listed } = await listUploads(deps, house.account.userId, { limit: 50 })
  expect(listed.map(({ fileName, clientEmail }) => [fileName, clientEmail])).toEqual(
    expect.arrayContaining([
      ['will.pdf', null],
      ['hers.pdf', 'grace@example.org'],
    ]),
  )
  expect(listed).toHaveLength(2)
  expect(other.uploads).toHaveLength(1)

  // The worker that was delivering a file still has to clean up after it, and forgets it then.
  const text = (await kept(house)).replaceAll(/\{[^{}]*"state":"abandoned"[^{}]*\}/g, '')
  expect(text).toContain('will.pdf')
  for (const trace of [...Object.values(ADA), 'ada@example.org', 'ada-again', 'ada-large']) {
    expect(text.toLowerCase()).not.toContain(trace.toLowerCase())
  }
})

it('what a worker that was at a file needs to take back what it has left at the provider', async () => {
  const { house, deps, erase } = await openErasure()
  const { submissionId, uploads } = await house.announce([{}], ADA)
  const [{ uploadId = '' } = {}] = uploads
  await onItsWay(house, deps, uploadId)
  // At a path another's file may stand: by this alone the worker knows its own.
  const contentHash = 'c'.repeat(64)
  await house.uploads.noteContentHash(uploadId, contentHash)

  expect(await erase({ submissionId })).toMatchObject({ removedFiles: 1, complete: true })

  expect(await house.uploads.find(uploadId)).toMatchObject({
    status: 'deleted',
    fileName: 'erased',
    contentHash,
  })
})

it('no token that opens anything, not even to add files', async () => {
  const { house, erase } = await openErasure()
  const { submissionId, uploadToken, readToken } = await house.announce([{}], ADA)
  expect(await erase({ submissionId })).toMatchObject({ erasedSubmissions: 1, complete: true })

  const claims = await verifyToken(house.keys, house.clock, readToken, ['read'])
  const gone = { code: 'SUBMISSION_NOT_FOUND' }
  await expect(getSubmissionStatus(house, claims, submissionId, undefined)).rejects.toMatchObject(
    gone,
  )
  await expect(house.announce([{}], { submissionId, bearer: uploadToken })).rejects.toMatchObject(
    gone,
  )
})

it('nothing to erase twice, nothing of strangers, and nothing of others’ clients', async () => {
  const { house, erase } = await openErasure()
  const other = await openErasure()
  const { submissionId } = await house.announce([{}], ADA)
  await other.house.announce([{}], ADA)

  await expect(other.erase({ submissionId })).rejects.toMatchObject({
    code: 'SUBMISSION_NOT_FOUND',
  })
  expect(await erase({ clientEmail: ADA.clientEmail })).toMatchObject({ erasedSubmissions: 1 })
  const nothing = { erasedSubmissions: 0, removedFiles: 0, complete: true }
  expect(await erase({ clientEmail: ADA.clientEmail })).toMatchObject(nothing)
  expect(await erase({ submissionId })).toMatchObject(nothing)
  expect(await erase({ clientEmail: 'nobody@example.org' })).toMatchObject(nothing)
  expect(await kept(other.house)).toContain('Ada Lovelace')
})

it('nothing, in as many calls as it takes', async () => {
  const { house, erase } = await openErasure()
  const first = await house.announce(Array(50).fill({}), ADA)
  const { submissionId, uploadToken: bearer } = first
  for (let n = 1; n < 9; n += 1) await house.announce(Array(50).fill({}), { submissionId, bearer })

  expect(await erase({ clientEmail: ADA.clientEmail })).toMatchObject({
    removedFiles: 400,
    complete: false,
  })
  expect(await erase({ clientEmail: ADA.clientEmail })).toMatchObject({
    erasedSubmissions: 0,
    removedFiles: 50,
    complete: true,
  })
})
