import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import type { PortalReply } from '../../../shared/contract/portals.ts'

type SomeAccount = Pick<AccountEntry, 'storageAccountId' | 'storageStatus'>

/** Open portals that take no files any more without this account: no other that they name takes any. */
export function portalsStoppedBy<
  Portal extends Pick<
    PortalReply,
    'storageAccountId' | 'backupStorageAccountIds' | 'acceptsUploads'
  >,
>(account: SomeAccount, portals: Portal[], accounts: SomeAccount[]): Portal[] {
  const others = accounts.filter(
    ({ storageAccountId, storageStatus }) =>
      storageAccountId !== account.storageAccountId && storageStatus === 'ACTIVE',
  )
  return portals.filter((portal) => {
    const named = [portal.storageAccountId, ...portal.backupStorageAccountIds]
    return (
      portal.acceptsUploads &&
      named.some((id) => id === account.storageAccountId) &&
      !others.some(({ storageAccountId }) => named.some((id) => id === storageAccountId))
    )
  })
}
