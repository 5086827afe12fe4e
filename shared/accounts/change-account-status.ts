/**
 * Every transition of an account: its status and event, and the first portals that follow, in one
 * transaction. It leaves the account due, so that its keeper flags the other portals and lets go of
 * the files that wait for it.
 */
import type { StorageAccountStatus } from '../contract/accounts.ts'
import { MINUTE_MS } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { type TransactItem, TransactionRefused, transact } from '../platform/table.ts'
import type { Portal, StatusOf } from '../portals/portal.ts'
import {
  type Account,
  type AccountEvent,
  canCreateUploads,
  nextStatus,
  untilNextProbeMs,
} from './account.ts'
import {
  type FollowDeps,
  followWrites,
  mustFollow,
  PORTALS_PER_TRANSACTION,
  statusesAround,
} from './follow-portals.ts'

export type StatusDeps = FollowDeps

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

const RACE_ATTEMPTS = 6
/** Attempts that take portals along; busy ones are left to the account's keeper afterwards. */
const ATTEMPTS_WITH_PORTALS = 3

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
      if (status) {
        const inTransaction = attempt <= ATTEMPTS_WITH_PORTALS ? PORTALS_PER_TRANSACTION : 0
        return await changeStatus(deps, account, status, event, cause, inTransaction)
      }
      if (cause.alongside) {
        // What goes alongside assumes this status: a connect must not meet an account just disconnected.
        await transact(deps.table, [
          deps.accounts.mustBeUnchanged(account),
          ...cause.alongside,
          ...(event === 'CONNECTED' ? [consented(deps, account, cause)] : []),
        ])
      }
      return { account, deactivatedPortals: 0, reactivatedPortals: 0 }
    } catch (error) {
      // Somebody changed the account or a portal between the read and the write: look again.
      if (!(error instanceof TransactionRefused) || attempt === RACE_ATTEMPTS) throw error
    }
  }
}

/** A new consent replaces the grant of an account whose status it does not change. */
function consented(deps: StatusDeps, account: Account, cause: StatusCause): TransactItem {
  return eventPut(deps.table, deps.clock, 'account.consented', {
    userId: account.userId,
    actor: cause.actor,
    subjectId: account.id,
    reason: cause.reason,
  })
}

async function changeStatus(
  deps: StatusDeps,
  account: Account,
  status: StorageAccountStatus,
  event: AccountEvent,
  cause: StatusCause,
  portalsInTransaction: number,
): Promise<PortalManagementResult> {
  const { table, accounts, clock } = deps
  const { affected, statusOf } = await affectedPortals(deps, { id: account.id, status })
  const starting = canCreateUploads(status)
  const first = await deps.portals.findMany(
    affected.slice(0, portalsInTransaction).map(({ id }) => id),
  )
  const to = {
    status,
    disconnectedBy: disconnectedBy(status, event),
    lastError: starting ? null : (cause.lastError ?? account.lastError),
    failures: 0,
    probeAtMs: firstProbeAtMs(status, clock.now()),
    ...cause.identity,
  }
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
    ...first
      .filter((portal) => mustFollow(portal, statusOf))
      .flatMap((portal) => followWrites(deps, portal, statusOf)),
  ])
  return {
    account: { ...account, ...to, version: account.version + 1 },
    deactivatedPortals: affected.filter(({ isActive }) => isActive).length,
    reactivatedPortals: affected.filter(({ isActive }) => !isActive).length,
  }
}

/** Portals whose flag the new status changes; one that a backup account stands in for stays open. */
export async function affectedPortals(
  deps: Pick<StatusDeps, 'accounts' | 'portals'>,
  account: Pick<Account, 'id' | 'status'>,
): Promise<{ affected: Portal[]; statusOf: StatusOf }> {
  const portals: Portal[] = []
  for await (const page of deps.portals.pagesByAccount(account.id)) portals.push(...page)
  const statusOf = await statusesAround(deps, account, portals)
  return { affected: portals.filter((portal) => mustFollow(portal, statusOf)), statusOf }
}

function disconnectedBy(
  status: StorageAccountStatus,
  event: AccountEvent,
): Account['disconnectedBy'] {
  if (status !== 'DISCONNECTED') return null
  return event === 'GRANT_REFUSED' ? 'REVOKED' : 'USER'
}

/** One that has just come back is looked at once more soon, to learn its quota; one in ERROR after a minute. */
function firstProbeAtMs(status: StorageAccountStatus, nowMs: number): number | null {
  const waitMs = untilNextProbeMs({ status, failures: 1 }, 0.5)
  return waitMs === null ? null : nowMs + Math.min(waitMs, MINUTE_MS)
}
