/** What an owner does with files: deletes them, has them tried again. */
import type { Account } from '../accounts/account.ts'
import { type FreshToken, withToken } from '../accounts/fresh-token.ts'
import type { UploadReply } from '../contract/uploads.ts'
import type { DeliveryStore } from '../deliveries/delivery-store.ts'
import { PortageError } from '../errors.ts'
import { giveBack } from '../limits/reservations.ts'
import type { Clock } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import type { OwnersStaging } from '../platform/staging-bucket.ts'
import { spread, type Table, TransactionRefused, transact } from '../platform/table.ts'
import { STATISTICS_PLACES } from '../portals/portal-store.ts'
import { ProviderFailure, ReconnectNeeded, Rejected } from '../providers/failures.ts'
import type { AccessRegistry } from '../providers/registry.ts'
import { type DownloadFlowRules, getDownloadRules } from './file-binding.ts'
import { accountIdOf, getUpload, ownUpload, type ReadDeps } from './list-uploads.ts'
import { isTerminal, type Upload } from './upload.ts'

export interface OwnerUploadsDeps extends ReadDeps {
  freshToken: FreshToken
  provider: AccessRegistry
  table: Table
  deliveries: DeliveryStore
  staging: OwnersStaging
  clock: Clock
}

interface CascadeResult {
  success: boolean
  deletedFromCloud: boolean
  deletedFromDatabase: boolean
}

/**
 * Deletes a file from the cloud, then here; with `recordOnly` it stays where it is and is forgotten
 * here. What the provider no longer has counts as deleted; a file on its way is stopped.
 */
export async function deleteFromCloudStorageWithCascade(
  deps: OwnerUploadsDeps,
  userId: string,
  uploadId: string,
  { recordOnly = false } = {},
): Promise<CascadeResult> {
  const upload = await ownUpload(deps, userId, uploadId)
  const fromCloud = upload.status === 'uploaded' && !recordOnly
  if (fromCloud) await deleteFromCloud(deps, upload)
  if (upload.status !== 'deleted') await deleteHere(deps, upload)
  // Where the file still lies its name is taken.
  if (fromCloud) await freeName(deps, upload)
  return { success: true, deletedFromCloud: fromCloud, deletedFromDatabase: true }
}

async function deleteFromCloud(deps: OwnerUploadsDeps, upload: Upload): Promise<void> {
  const account = mustBeReachable(await deps.accounts.find(accountIdOf(upload)), upload, {
    STORAGE_ERROR: deleteLater,
    STORAGE_DISCONNECTED: () =>
      new PortageError(
        'FILE_UNAVAILABLE',
        'Reconnect its storage account, then delete it; or delete the record alone, which leaves the file there.',
      ),
  })
  await explaining(() =>
    withToken(deps, account, (accessToken) =>
      deps.provider(account.provider).deleteFile({ accessToken }, upload.storageFileId ?? ''),
    ),
  )
}

function deleteLater(): PortageError {
  return new PortageError(
    'PROVIDER_UNAVAILABLE',
    'The storage account has a problem. Please try again later.',
    { facts: { retryAfterSeconds: 60 } },
  )
}

/** Takes a file from the lists, with the bytes and the room of one that is not delivered yet. */
export async function deleteHere(deps: OwnerUploadsDeps, upload: Upload): Promise<void> {
  const bound = upload.storageAccountId !== undefined
  // A delivery exists from hand-over on; one that is bound cleans up by itself.
  const onItsWay = upload.status === 'delivering' || upload.status === 'held'
  await orBusy(
    transact(deps.table, [
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
    ]),
  )
  if (bound) return
  if (upload.multipartUploadId !== undefined && upload.status === 'pending') {
    await deps.staging.abortMultipart(upload.stagingKey, upload.multipartUploadId)
  }
  await deps.staging.remove(upload.stagingKey)
}

function freeName(deps: OwnerUploadsDeps, upload: Upload): Promise<void> {
  return deps.deliveries.freeName({
    uploadId: upload.id,
    accountId: accountIdOf(upload),
    portalId: upload.portalId,
    folders: upload.folders,
    storageFolderPath: upload.storageFolderPath,
    name: upload.storagePath?.split('/').at(-1) ?? upload.fileName,
  })
}

/** A held file is tried at once instead of at its `retryAt`. */
export async function retryUpload(
  deps: OwnerUploadsDeps,
  userId: string,
  uploadId: string,
): Promise<UploadReply> {
  const upload = await ownUpload(deps, userId, uploadId)
  if (upload.status !== 'held') {
    throw new PortageError('NOT_RETRYABLE', 'Only a file that is held can be tried again.')
  }
  await orBusy(
    transact(deps.table, [
      deps.uploads.retryNow(upload.id),
      deps.deliveries.retryNow(upload),
      eventPut(deps.table, deps.clock, 'upload.retried', {
        userId,
        actor: userId,
        subjectId: upload.id,
        ...(upload.reason === undefined ? {} : { reason: upload.reason }),
      }),
    ]),
  )
  return getUpload(deps, userId, uploadId)
}

async function orBusy(write: Promise<void>): Promise<void> {
  try {
    await write
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    throw new PortageError('BUSY', 'The file has just changed its state. Please try again.', {
      facts: { retryAfterSeconds: 1 },
      cause: error,
    })
  }
}

type Unreachable = Extract<DownloadFlowRules, { canDownload: false }>['error']

const UNAVAILABLE: Record<Unreachable, () => PortageError> = {
  NOT_DELIVERED: () =>
    new PortageError('FILE_UNAVAILABLE', 'It can be downloaded once it is delivered.'),
  STORAGE_ERROR: () =>
    new PortageError(
      'FILE_UNAVAILABLE',
      'Its storage account has a problem. Retry the account, or try again later.',
    ),
  STORAGE_DISCONNECTED: () =>
    new PortageError('FILE_UNAVAILABLE', 'Reconnect its storage account, then it is there again.'),
}

/** The account from which a file can be got back now. */
export function mustBeReachable(
  account: Account | undefined,
  upload: Upload,
  inOtherWords: Partial<typeof UNAVAILABLE> = {},
): Account {
  const delivered = upload.status === 'uploaded' ? upload.storageAccountId : undefined
  const rules = getDownloadRules(delivered ?? null, account?.status ?? null)
  if (!rules.canDownload) throw { ...UNAVAILABLE, ...inOtherWords }[rules.error]()
  if (!account) throw new Error('An account that is not there cannot be read')
  return account
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
        { cause: error },
      )
    }
    if (error instanceof Rejected && error.reason === 'NOT_FOUND') {
      throw goneAtProvider(error)
    }
    if (error instanceof ProviderFailure) {
      throw new PortageError('PROVIDER_UNAVAILABLE', 'Please try again in a minute.', {
        facts: { retryAfterSeconds: 60 },
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
