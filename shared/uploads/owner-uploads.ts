/** Files as their owner sees and deletes them. */
import type { Account } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import { type FreshToken, withToken } from '../accounts/fresh-token.ts'
import type { DeleteUploadReply, UploadReply, UploadsQuery } from '../contract/uploads.ts'
import type { DeliveryStore } from '../deliveries/delivery-store.ts'
import { PortageError } from '../errors.ts'
import { giveBack } from '../limits/reservations.ts'
import type { Clock } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import { spread, type Table, TransactionRefused, transact } from '../platform/table.ts'
import { type PortalStore, STATISTICS_PLACES } from '../portals/portal-store.ts'
import { ProviderFailure, ReconnectNeeded, Rejected } from '../providers/failures.ts'
import type { AccessRegistry } from '../providers/registry.ts'
import type { Submission, SubmissionStore } from './submission-store.ts'
import { isTerminal, type Upload } from './upload.ts'
import type { UploadStore } from './upload-store.ts'

export interface OwnerUploadsDeps {
  freshToken: FreshToken
  provider: AccessRegistry
  table: Table
  uploads: UploadStore
  submissions: SubmissionStore
  deliveries: DeliveryStore
  accounts: AccountStore
  portals: PortalStore
  staging: StagingBucket
  clock: Clock
}

type ReadDeps = Pick<OwnerUploadsDeps, 'uploads' | 'submissions' | 'accounts' | 'portals'>

/** The owner's files newest first, all of them or those of one portal or account. */
export async function listUploads(
  deps: ReadDeps,
  userId: string,
  query: UploadsQuery,
): Promise<{ uploads: UploadReply[]; cursor: string | undefined }> {
  const page = await deps.uploads.list(
    await chosenList(deps, userId, query),
    query.limit,
    query.cursor,
  )
  const own = page.records.filter((upload) => upload.userId === userId)
  const accountIds = [...new Set(own.map(accountIdOf))]
  const [submissions, accounts] = await Promise.all([
    deps.submissions.findMany(own.map((upload) => upload.submissionId)),
    Promise.all(accountIds.map((accountId) => deps.accounts.find(accountId))),
  ])
  const byId = new Map(accounts.map((account) => [account?.id, account]))
  return {
    uploads: own.map((upload) =>
      uploadReply(upload, submissions.get(upload.submissionId), byId.get(accountIdOf(upload))),
    ),
    cursor: page.cursor,
  }
}

async function chosenList(deps: ReadDeps, userId: string, query: UploadsQuery) {
  if (query.portalId !== undefined) {
    const portal = await deps.portals.find(query.portalId)
    if (portal?.userId !== userId)
      throw new PortageError('PORTAL_NOT_FOUND', 'You have no such portal.')
    return { portalId: query.portalId }
  }
  if (query.storageAccountId !== undefined) {
    const account = await deps.accounts.find(query.storageAccountId)
    if (account?.userId !== userId) {
      throw new PortageError('ACCOUNT_NOT_FOUND', 'You have no such storage account.')
    }
    return { accountId: query.storageAccountId }
  }
  return { userId }
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

/**
 * Deletes a file from the cloud, then here. What the provider no longer has counts as deleted; a
 * file that is still on its way is stopped.
 */
export async function deleteFromCloudStorageWithCascade(
  deps: OwnerUploadsDeps,
  userId: string,
  uploadId: string,
): Promise<DeleteUploadReply> {
  const upload = await ownUpload(deps, userId, uploadId)
  const deletedFromCloud =
    upload.status === 'uploaded' ? await deleteFromCloud(deps, upload) : false
  if (upload.status !== 'deleted') await deleteHere(deps, upload)
  return {
    success: true,
    message: 'File deleted successfully',
    deletedFromCloud,
    deletedFromDatabase: true,
  }
}

async function deleteFromCloud(deps: OwnerUploadsDeps, upload: Upload): Promise<boolean> {
  const account = await deps.accounts.find(accountIdOf(upload))
  const reachable = mustBeReachable(account)
  await explaining(() =>
    withToken(deps, reachable, (accessToken) =>
      deps.provider(reachable.provider).deleteFile({ accessToken }, upload.storageFileId ?? ''),
    ),
  )
  return true
}

async function deleteHere(deps: OwnerUploadsDeps, upload: Upload): Promise<void> {
  const bound = upload.storageAccountId !== undefined
  // A delivery exists from hand-over on; one that is bound cleans up by itself.
  const onItsWay = upload.status === 'delivering' || upload.status === 'held'
  try {
    await transact(deps.table, [
      deps.uploads.delete(upload),
      ...(onItsWay ? [deps.deliveries.abandon(upload)] : []),
      ...(bound
        ? [
            deps.portals.addToCount(upload.portalId, spread(upload.id, STATISTICS_PLACES), {
              files: -1,
              bytes: -upload.fileSize,
            }),
          ]
        : isTerminal(upload.status)
          ? []
          : giveBack(deps.table, upload)),
      eventPut(deps.table, deps.clock, 'upload.deleted', {
        userId: upload.userId,
        actor: upload.userId,
        subjectId: upload.id,
        before: upload.status,
        after: 'deleted',
      }),
    ])
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    throw new PortageError('BUSY', 'The file has just changed its state. Please try again.', {
      facts: { retryAfterSeconds: 1 },
      cause: error,
    })
  }
  if (bound) {
    await deps.deliveries.freeName({
      uploadId: upload.id,
      accountId: accountIdOf(upload),
      portalId: upload.portalId,
      folders: upload.folders,
      name: upload.storagePath?.split('/').at(-1) ?? upload.fileName,
    })
  } else {
    if (upload.multipartUploadId !== undefined && upload.status === 'pending') {
      await deps.staging.abortMultipart(upload.stagingKey, upload.multipartUploadId)
    }
    await deps.staging.remove(upload.stagingKey)
  }
}

/** The account whose files may be read: ACTIVE or INACTIVE. */
export function mustBeReachable(account: Account | undefined): Account {
  if (account?.status === 'ACTIVE' || account?.status === 'INACTIVE') return account
  if (account?.status === 'ERROR') {
    throw new PortageError(
      'PROVIDER_UNAVAILABLE',
      'The storage account has a problem. Please try again later.',
    )
  }
  throw new PortageError(
    'FILE_UNAVAILABLE',
    'Reconnect its storage account, then it is there again.',
  )
}

/** Turns a provider's failure into what an owner can do about it. */
export async function explaining<Value>(call: () => Promise<Value>): Promise<Value> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof ReconnectNeeded) {
      throw new PortageError(
        'FILE_UNAVAILABLE',
        'Reconnect its storage account, then it is there again.',
        {
          cause: error,
        },
      )
    }
    if (error instanceof Rejected && error.reason === 'NOT_FOUND') {
      throw goneAtProvider(error)
    }
    if (error instanceof ProviderFailure) {
      throw new PortageError('PROVIDER_UNAVAILABLE', 'Please try again in a minute.', {
        cause: error,
      })
    }
    throw error
  }
}

export function goneAtProvider(cause?: unknown): PortageError {
  return new PortageError('FILE_UNAVAILABLE', 'It was deleted or moved away at the provider.', {
    cause,
  })
}

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
    fileName: upload.fileName,
    relativePath: upload.relativePath,
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
    clientName: submission?.clientName ?? null,
    clientEmail: submission?.clientEmail ?? null,
    clientMessage: submission?.clientMessage ?? null,
    createdAt: upload.createdAt,
    receivedAt: upload.receivedAt ?? null,
    deliveredAt: upload.deliveredAt ?? null,
  }
}
