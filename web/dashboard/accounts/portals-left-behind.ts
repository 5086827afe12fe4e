import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import type { PortalReply } from '../../../shared/contract/portals.ts'

type SomeAccount = Pick<AccountEntry, 'storageAccountId' | 'storageStatus' | 'storageProvider'>
type SomePortal = Pick<PortalReply, 'storageAccountId'>

/** Portals whose account cannot come back without its owner, though another one is there. */
interface LeftBehind<Account, Portal> {
  from: Account
  portals: Portal[]
}

/** After one identity was connected: what still points at others of the same provider that are gone. */
export function portalsLeftBehind<Account extends SomeAccount, Portal extends SomePortal>(
  connected: Account,
  accounts: Account[],
  portals: Portal[],
): LeftBehind<Account, Portal>[] {
  if (connected.storageStatus !== 'ACTIVE') return []
  return accounts
    .filter(
      (account) =>
        account.storageAccountId !== connected.storageAccountId &&
        account.storageProvider === connected.storageProvider &&
        account.storageStatus === 'DISCONNECTED',
    )
    .map((from) => ({ from, portals: portalsOf(from, portals) }))
    .filter((left) => left.portals.length > 0)
}

export function portalsOf<Portal extends SomePortal>(
  account: Pick<AccountEntry, 'storageAccountId'>,
  portals: Portal[],
): Portal[] {
  return portals.filter(({ storageAccountId }) => storageAccountId === account.storageAccountId)
}
