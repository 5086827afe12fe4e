import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import type { PortalReply, UpdatePortalRequest } from '../../../shared/contract/portals.ts'

/** What changes of a portal when it moves; its new account can no longer stand in for itself. */
export function movedSettings(
  portal: Pick<PortalReply, 'backupStorageAccountIds'>,
  target: Pick<AccountEntry, 'storageAccountId' | 'storageProvider'>,
): UpdatePortalRequest {
  const storageAccountId = target.storageAccountId ?? ''
  const backups = portal.backupStorageAccountIds.filter((id) => id !== storageAccountId)
  return {
    storageAccountId,
    storageProvider: target.storageProvider,
    ...(backups.length < portal.backupStorageAccountIds.length
      ? { backupStorageAccountIds: backups }
      : {}),
  }
}
