/** The owner's files as lists and details show them. */
import type { Account } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import type { UploadReply, UploadsQuery } from '../contract/uploads.ts'
import { PortageError } from '../errors.ts'
import type { PortalStore } from '../portals/portal-store.ts'
import { legibleName } from '../providers/names.ts'
import type { Submission, SubmissionStore } from './submission-store.ts'
import type { Upload } from './upload.ts'
import type { UploadList, UploadStore } from './upload-store.ts'

export interface ReadDeps {
  uploads: UploadStore
  submissions: SubmissionStore
  accounts: AccountStore
  portals: PortalStore
}

/** Files that are read for one page when only some of them are wanted. */
const READ_FOR_A_PAGE = 200

/** Files newest first: all of them, or those of one portal, account or client; also of a portal that was deleted. */
export async function listUploads(
  deps: ReadDeps,
  userId: string,
  query: UploadsQuery,
): Promise<{ uploads: UploadReply[]; cursor: string | undefined }> {
  const page = await readPage(deps, userId, query)
  const accountIds = [...new Set(page.records.map(accountIdOf))]
  const [submissions, accounts] = await Promise.all([
    deps.submissions.findMany(page.records.map((upload) => upload.submissionId)),
    Promise.all(accountIds.map((accountId) => deps.accounts.find(accountId))),
  ])
  const byId = new Map(accounts.map((account) => [account?.id, account]))
  return {
    uploads: page.records.map((upload) =>
      uploadReply(upload, submissions.get(upload.submissionId), byId.get(accountIdOf(upload))),
    ),
    cursor: page.cursor,
  }
}

async function readPage(deps: ReadDeps, userId: string, query: UploadsQuery) {
  const { limit, cursor, status, q } = query
  const isFiltered = status !== undefined || q !== undefined
  const page = await deps.uploads.list(
    await chosenList(deps, userId, query),
    isFiltered ? READ_FOR_A_PAGE : limit,
    cursor,
    { from: query.from, to: query.to },
  )
  const beginning = q === undefined ? '' : folded(q)
  const wanted = page.records.filter(
    (upload) =>
      upload.userId === userId &&
      (status === undefined || upload.status === status) &&
      folded(legibleName(upload.fileName)).startsWith(beginning),
  )
  const records = wanted.slice(0, limit)
  const last = records.at(-1)
  return wanted.length > limit && last
    ? { records, cursor: deps.uploads.cursorAfter(last) }
    : { records, cursor: page.cursor }
}

/** As names are compared: `É` may be one character or two, and case does not matter. */
function folded(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

async function chosenList(
  deps: ReadDeps,
  userId: string,
  { portalId, storageAccountId, clientEmail }: UploadsQuery,
): Promise<UploadList> {
  if (portalId !== undefined) {
    const portal = await deps.portals.find(portalId)
    if (portal?.userId !== userId)
      throw new PortageError('PORTAL_NOT_FOUND', 'You have no such portal.')
    return { portalId }
  }
  if (storageAccountId !== undefined) {
    const account = await deps.accounts.find(storageAccountId)
    if (account?.userId !== userId) {
      throw new PortageError('ACCOUNT_NOT_FOUND', 'You have no such storage account.')
    }
    return { accountId: storageAccountId }
  }
  return clientEmail === undefined ? { userId } : { userId, clientEmail }
}

export async function getUpload(
  deps: ReadDeps,
  userId: string,
  uploadId: string,
): Promise<UploadReply> {
  const upload = await ownUpload(deps, userId, uploadId)
  const [submissions, account] = await Promise.all([
    deps.submissions.findMany([upload.submissionId]),
    deps.accounts.find(accountIdOf(upload)),
  ])
  return uploadReply(upload, submissions.get(upload.submissionId), account)
}

export async function ownUpload(
  deps: Pick<ReadDeps, 'uploads'>,
  userId: string,
  uploadId: string,
): Promise<Upload> {
  const upload = await deps.uploads.find(uploadId)
  if (upload?.userId !== userId) {
    throw new PortageError('UPLOAD_NOT_FOUND', 'You have no such file.')
  }
  return upload
}

/** Where a file is, or where it is to go. */
export function accountIdOf(upload: Upload): string {
  return upload.storageAccountId ?? upload.intendedStorageAccountId
}

function uploadReply(
  upload: Upload,
  submission: Submission | undefined,
  account: Account | undefined,
): UploadReply {
  return {
    id: upload.id,
    portalId: upload.portalId,
    submissionId: upload.submissionId,
    fileName: legibleName(upload.fileName),
    relativePath: upload.relativePath === null ? null : legibleName(upload.relativePath),
    fileSize: upload.fileSize,
    mimeType: upload.mimeType,
    status: upload.status,
    reason: upload.reason ?? null,
    late: upload.late ?? false,
    retryAt: upload.retryAt ?? null,
    storageProvider: upload.storageProvider,
    storageAccountId: upload.storageAccountId ?? null,
    intendedStorageAccountId: upload.intendedStorageAccountId,
    storageFileId: upload.storageFileId ?? null,
    storagePath: upload.storagePath ?? null,
    storageStatus: account?.status ?? null,
    sha256: upload.sha256 ?? null,
    // Until then it is only what the client says of it.
    contentHash: (upload.deliveredAt && upload.contentHash) ?? null,
    clientName: submission?.clientName ?? null,
    clientEmail: submission?.clientEmail ?? null,
    clientMessage: submission?.clientMessage ?? null,
    createdAt: upload.createdAt,
    receivedAt: upload.receivedAt ?? null,
    deliveredAt: upload.deliveredAt ?? null,
  }
}
