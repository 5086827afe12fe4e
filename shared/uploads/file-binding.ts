/** Which account a file may go into, and whether it may be got back from there: by states alone. */
import { canAccessFiles, canCreateUploads } from '../accounts/account.ts'
import type { StorageAccountStatus } from '../contract/accounts.ts'
import type { StorageProviderId } from '../contract/common.ts'
import { firstThatAccepts } from '../portals/portal.ts'

/** An account as far as these rules go. */
export interface AccountState {
  id: string
  provider: StorageProviderId
  status: StorageAccountStatus
}

export type UploadFlowRules =
  | { canUpload: true; storageAccountId: string }
  /** The portal's own account takes nothing, or the owner has none that does. */
  | { canUpload: false; error: 'PORTAL_STORAGE_UNAVAILABLE' | 'NO_ACTIVE_STORAGE_ACCOUNT' }

export type DownloadFlowRules =
  | { canDownload: true }
  | { canDownload: false; error: 'NOT_DELIVERED' | 'STORAGE_ERROR' | 'STORAGE_DISCONNECTED' }

/**
 * 1. A portal's own account, when it is the owner's and ACTIVE; else the first of its backups that
 *    is. A client's files never go into another cloud that the owner has not named for them.
 * 2. A portal without an account: an ACTIVE account of the portal's provider,
 * 3. else any ACTIVE account.
 * 4. There is none: nothing is taken.
 */
export function getUploadRules(
  portalStorageAccountId: string | null,
  portalStorageProvider: StorageProviderId,
  userStorageAccounts: AccountState[],
  backupStorageAccountIds: string[] = [],
): UploadFlowRules {
  if (portalStorageAccountId !== null) {
    const chosen = firstThatAccepts(
      [portalStorageAccountId, ...backupStorageAccountIds],
      (accountId) => userStorageAccounts.find(({ id }) => id === accountId)?.status,
    )
    return chosen === undefined
      ? { canUpload: false, error: 'PORTAL_STORAGE_UNAVAILABLE' }
      : { canUpload: true, storageAccountId: chosen }
  }
  const active = userStorageAccounts.filter(({ status }) => canCreateUploads(status))
  const found = active.find(({ provider }) => provider === portalStorageProvider) ?? active[0]
  return found
    ? { canUpload: true, storageAccountId: found.id }
    : { canUpload: false, error: 'NO_ACTIVE_STORAGE_ACCOUNT' }
}

/** A file without an account is not delivered yet; an account that is gone is as one that is disconnected. */
export function getDownloadRules(
  fileStorageAccountId: string | null,
  storageAccountStatus: StorageAccountStatus | null,
): DownloadFlowRules {
  if (fileStorageAccountId === null) return { canDownload: false, error: 'NOT_DELIVERED' }
  if (storageAccountStatus !== null && canAccessFiles(storageAccountStatus)) {
    return { canDownload: true }
  }
  return {
    canDownload: false,
    error: storageAccountStatus === 'ERROR' ? 'STORAGE_ERROR' : 'STORAGE_DISCONNECTED',
  }
}
