/**
 * Every transition of an account: status, event and the portals that follow in one transaction.
 * Fifty portals fit into it; the rest follow in further ones. Acceptance is right at once all the
 * same, because it is decided from the account's status and never from the portal's flag.
 */
import type { StorageAccountStatus } from '../contract/accounts.ts'
import type { Clock } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { type Table, type TransactItem, TransactionRefused, transact } from '../platform/table.ts'
import type { Portal } from '../portals/portal.ts'
import type { PortalStore } from '../portals/portal-store.ts'
import { type Account, type AccountEvent, nextStatus } from './account.ts'
import type { AccountStore } from './account-store.ts'

export interface StatusDeps {
  table: Table
  accounts: AccountStore
  portals: PortalStore
  clock: Clock
}

export interface PortalManagementResult {
  account: Account
  deactivatedPortals: number
  reactivatedPortals: number
}

export interface StatusCause {
  actor: string
  reason: string
  lastError?: string
  /** Further writes of the same transaction, such as a new grant. */
  alongside?: TransactItem[]
  identity?: Pick<Account, 'displayName' | 'email'>
}

/** A transaction takes 100 items: two for each portal beside the account, its event and a grant. */
const PORTALS_PER_TRANSACTION = 48
const RACE_ATTEMPTS = 5

/** Applies an event; one that leads nowhere from the account's status changes nothing and writes no event. */
export async function handleStorageAccountStatusChange(
  deps: StatusDeps,
  accountId: string,
  event: AccountEvent,
  cause: StatusCause,
): Promise<PortalManagementResult | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const account = await deps.accounts.find(accountId)
    if (!account) return undefined
    const status = nextStatus(account.status, event)
    try {
      if (status) return await changeStatus(deps, account, status, event, cause)
      if (cause.alongside) {
        // What goes alongside assumes this status: a connect must not meet an account just disconnected.
        await transact(deps.table, [deps.accounts.mustBeUnchanged(account), ...cause.alongside])
      }
      return { account, deactivatedPortals: 0, reactivatedPortals: 0 }
    } catch (error) {
      // Somebody changed the account or a portal between the read and the write: look again.
      if (!(error instanceof TransactionRefused) || attempt === RACE_ATTEMPTS) throw error
    }
  }
}

async function changeStatus(
  deps: StatusDeps,
  account: Account,
  status: StorageAccountStatus,
  event: AccountEvent,
  cause: StatusCause,
): Promise<PortalManagementResult> {
  const { table, accounts, portals, clock } = deps
  const starting = status === 'ACTIVE'
  const affected = (await portals.listByAccount(account.id)).filter((portal) =>
    starting ? stoppedFor(portal, account.id) : portal.isActive,
  )
  const to = {
    status,
    disconnectedBy:
      status !== 'DISCONNECTED'
        ? null
        : event === 'GRANT_REFUSED'
          ? ('REVOKED' as const)
          : ('USER' as const),
    lastError: starting ? null : (cause.lastError ?? account.lastError),
    ...cause.identity,
  }
  const portalWrites = (portal: Portal): TransactItem[] => [
    starting
      ? portals.startForAccount(portal)
      : portals.stopForAccount(portal, `STORAGE_${status}`),
    eventPut(table, clock, starting ? 'portal.reactivated' : 'portal.deactivated', {
      userId: account.userId,
      actor: 'system',
      subjectId: portal.id,
      reason: `STORAGE_${status}`,
    }),
  ]
  await transact(table, [
    accounts.change(account, to),
    eventPut(table, clock, 'account.status-changed', {
      userId: account.userId,
      actor: cause.actor,
      subjectId: account.id,
      before: account.status,
      after: status,
      reason: cause.reason,
    }),
    ...(cause.alongside ?? []),
    ...affected.slice(0, PORTALS_PER_TRANSACTION).flatMap(portalWrites),
  ])
  for (
    let first = PORTALS_PER_TRANSACTION;
    first < affected.length;
    first += PORTALS_PER_TRANSACTION
  ) {
    const chunk = affected.slice(first, first + PORTALS_PER_TRANSACTION)
    await transact(table, chunk.flatMap(portalWrites)).catch((error: unknown) => {
      if (!(error instanceof TransactionRefused)) throw error
      return Promise.all(chunk.map((portal) => followAlone(table, portalWrites(portal))))
    })
  }
  return {
    account: { ...account, ...to, version: account.version + 1 },
    deactivatedPortals: starting ? 0 : affected.length,
    reactivatedPortals: starting ? affected.length : 0,
  }
}

/** One portal of a chunk was changed meanwhile: that one is left as it is, the others follow. */
async function followAlone(table: Table, writes: TransactItem[]): Promise<void> {
  try {
    await transact(table, writes)
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
  }
}

function stoppedFor(portal: Portal, accountId: string): boolean {
  return (
    !portal.isActive &&
    portal.deactivatedBy === 'SYSTEM' &&
    portal.autoDeactivatedAccountId === accountId
  )
}
