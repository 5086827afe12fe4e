/**
 * Portals follow their accounts: an automatic stop when none that they name takes uploads any more, a
 * start of those that were stopped so when one does again. Nobody decides anything by these flags but
 * what a page shows; uploads are accepted by the accounts' status alone, which is right at once.
 */
import type { Clock } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { type Table, type TransactItem, TransactionRefused, transact } from '../platform/table.ts'
import { accountsOf, firstThatAccepts, type Portal, type StatusOf } from '../portals/portal.ts'
import type { PortalStore } from '../portals/portal-store.ts'
import type { Account } from './account.ts'
import type { AccountStore } from './account-store.ts'

export interface FollowDeps {
  table: Table
  accounts: AccountStore
  portals: PortalStore
  clock: Clock
}

/** A transaction takes 100 items: two for each portal beside the account, its event, a grant and who else holds it. */
export const PORTALS_PER_TRANSACTION = 48

/**
 * The given account is what it is about to be, the others are as the table has them now. One that
 * changes at this very moment is due right afterwards, and its keeper then sees both as they are.
 */
export async function statusesAround(
  deps: Pick<FollowDeps, 'accounts'>,
  account: Pick<Account, 'id' | 'status'>,
  portals: Portal[],
): Promise<StatusOf> {
  const others = new Set(portals.flatMap(accountsOf).filter((id) => id !== account.id))
  const found = await Promise.all([...others].map((id) => deps.accounts.find(id)))
  const statuses = new Map([account, ...found].map((each) => [each?.id, each?.status]))
  return (accountId) => statuses.get(accountId)
}

/** Whether the portal's flag is not what its accounts make it. */
export function mustFollow(portal: Portal, statusOf: StatusOf): boolean {
  if (!takesUploads(portal, statusOf)) return portal.isActive
  return (
    !portal.isActive &&
    portal.deactivatedBy === 'SYSTEM' &&
    portal.autoDeactivatedAccountId === portal.storageAccountId
  )
}

function takesUploads(portal: Portal, statusOf: StatusOf): boolean {
  return firstThatAccepts(accountsOf(portal), statusOf) !== undefined
}

/** The writes by which one portal follows, with its event. */
export function followWrites(
  deps: Pick<FollowDeps, 'table' | 'portals' | 'clock'>,
  portal: Portal,
  statusOf: StatusOf,
): TransactItem[] {
  const starting = takesUploads(portal, statusOf)
  const reason = `STORAGE_${starting ? 'ACTIVE' : (statusOf(portal.storageAccountId) ?? 'DISCONNECTED')}`
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
    const statusOf = await statusesAround(deps, account, page)
    const behind = page.filter((portal) => mustFollow(portal, statusOf))
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
  const found = await deps.portals.findMany(ids)
  const statusOf = await statusesAround(deps, account, found)
  const portals = found.filter((portal) => mustFollow(portal, statusOf))
  if (portals.length === 0) return true
  try {
    await transact(deps.table, [
      deps.accounts.mustBeUnchanged(account),
      ...portals.flatMap((portal) => followWrites(deps, portal, statusOf)),
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
