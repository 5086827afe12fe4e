/**
 * Portals follow their account: an automatic stop when it no longer takes uploads, a start of those
 * that were stopped so when it does again. Nobody decides anything by these flags but what a page
 * shows; uploads are accepted by the account's status alone, which is right at once.
 */
import type { StorageAccountStatus } from '../contract/accounts.ts'
import type { Clock } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { type Table, type TransactItem, TransactionRefused, transact } from '../platform/table.ts'
import type { Portal } from '../portals/portal.ts'
import type { PortalStore } from '../portals/portal-store.ts'
import { type Account, canCreateUploads } from './account.ts'
import type { AccountStore } from './account-store.ts'

export interface FollowDeps {
  table: Table
  accounts: AccountStore
  portals: PortalStore
  clock: Clock
}

/** A transaction takes 100 items: two for each portal beside the account, its event, a grant and who else holds it. */
export const PORTALS_PER_TRANSACTION = 48

/** Whether the portal's flag is not what an account of this status makes it. */
export function mustFollow(
  portal: Portal,
  account: { id: string; status: StorageAccountStatus },
): boolean {
  if (!canCreateUploads(account.status)) return portal.isActive
  return (
    !portal.isActive &&
    portal.deactivatedBy === 'SYSTEM' &&
    portal.autoDeactivatedAccountId === account.id
  )
}

/** The writes by which one portal follows, with its event. */
export function followWrites(
  deps: Pick<FollowDeps, 'table' | 'portals' | 'clock'>,
  portal: Portal,
  status: StorageAccountStatus,
): TransactItem[] {
  const starting = canCreateUploads(status)
  const reason = `STORAGE_${status}`
  return [
    starting ? deps.portals.startForAccount(portal) : deps.portals.stopForAccount(portal, reason),
    eventPut(deps.table, deps.clock, starting ? 'portal.reactivated' : 'portal.deactivated', {
      userId: portal.userId,
      actor: 'system',
      subjectId: portal.id,
      reason,
    }),
  ]
}

/**
 * Flags what still has to follow, in chunks, until the given time of the clock. Returns true when
 * nothing is left; false when time is over or the account has changed meanwhile.
 */
export async function followPortals(
  deps: FollowDeps,
  account: Account,
  untilMs: number,
): Promise<boolean> {
  for await (const page of deps.portals.pagesByAccount(account.id)) {
    const behind = page.filter((portal) => mustFollow(portal, account))
    for (let first = 0; first < behind.length; first += PORTALS_PER_TRANSACTION) {
      if (deps.clock.now() >= untilMs) return false
      const ids = behind.slice(first, first + PORTALS_PER_TRANSACTION).map(({ id }) => id)
      if (!(await followChunk(deps, account, ids))) return false
    }
  }
  return true
}

/** Flags one chunk; false when the account is no longer what its portals would follow. */
async function followChunk(deps: FollowDeps, account: Account, ids: string[]): Promise<boolean> {
  const portals = (await deps.portals.findMany(ids)).filter((portal) => mustFollow(portal, account))
  if (portals.length === 0) return true
  try {
    await transact(deps.table, [
      deps.accounts.mustBeUnchanged(account),
      ...portals.flatMap((portal) => followWrites(deps, portal, account.status)),
    ])
    return true
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    const accountHasChanged = error.items[0] !== undefined
    if (accountHasChanged) return false
    // Somebody changed this portal meanwhile: it stays as it was made.
    if (ids.length === 1) return true
    const alone = await Promise.all(ids.map((id) => followChunk(deps, account, [id])))
    return alone.every(Boolean)
  }
}
