/**
 * The only maker of storage accounts. Ids derive from user, provider and identity, so two at once
 * cannot make two; what happens to one that exists already:
 *
 * | record | storage page | fix accounts | consent |
 * |---|---|---|---|
 * | none, grant for storage | create | create | create |
 * | none, login alone | skip | error | error |
 * | ACTIVE | validated | validated, probed | validated |
 * | INACTIVE | untouched | untouched | untouched |
 * | ERROR | probed | probed | reactivated |
 * | DISCONNECTED, revoked | untouched | probed | reactivated |
 * | DISCONNECTED by its user | untouched | untouched | reactivated |
 */
import type { StorageProviderId } from '../contract/common.ts'
import { PortageError } from '../errors.ts'
import { isoTime } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { type TransactItem, TransactionRefused, transact } from '../platform/table.ts'
import { toOauthProviderId, toStorageProviderId } from '../providers/provider-id.ts'
import type { Login, UserStore } from '../users/user-store.ts'
import type { Account } from './account.ts'
import { accountIds } from './account-store.ts'
import { handleStorageAccountStatusChange, type StatusDeps } from './change-account-status.ts'
import type { GrantStore } from './grant-store.ts'
import { noteProbe, type ProbeDeps, probeAccount } from './probe-account.ts'

export interface EnsureDeps extends ProbeDeps {
  grants: Pick<GrantStore, 'list' | 'find' | 'mustBeThatRead'>
  users: Pick<UserStore, 'listLogins'>
}

export interface EnsureOptions {
  /** Also what a page would not do by itself: probe, and say what cannot be mended. */
  forceCreate?: boolean
  /** Leaves DISCONNECTED accounts alone, whoever disconnected them. */
  respectDisconnected?: boolean
}

export interface StorageAccountCreationResult {
  account: Account
  outcome: 'created' | 'existing' | 'reactivated' | 'skipped_disconnected'
  previousStatus?: Account['status']
}

/**
 * The account of an identity, made when there is none. `alongside` stands in the same transaction,
 * whatever the outcome, unless that is `skipped_disconnected`.
 */
export async function createOrGetStorageAccount(
  deps: StatusDeps,
  userId: string,
  identity: { provider: StorageProviderId; providerAccountId: string },
  email: string | null,
  name: string | null,
  options: EnsureOptions & { alongside?: TransactItem[] } = {},
): Promise<StorageAccountCreationResult> {
  const { respectDisconnected = true, alongside = [] } = options
  const account = newAccount(deps, userId, identity, email, name)
  const existing = await deps.accounts.find(account.id)
  if (!existing) {
    try {
      await transact(deps.table, [
        deps.accounts.create(account),
        ...alongside,
        eventPut(deps.table, deps.clock, 'account.connected', {
          userId,
          actor: userId,
          subjectId: account.id,
          after: 'ACTIVE',
        }),
      ])
      return { account, outcome: 'created' }
    } catch (error) {
      // Another of the same identity was first; what stands alongside then joins that one.
      if (!(error instanceof TransactionRefused)) throw error
    }
  }
  if (existing?.status === 'DISCONNECTED' && respectDisconnected) {
    return { account: existing, outcome: 'skipped_disconnected', previousStatus: 'DISCONNECTED' }
  }
  const changed = await handleStorageAccountStatusChange(deps, account.id, 'CONNECTED', {
    actor: userId,
    reason: 'RECONNECTED',
    ...(alongside.length > 0 ? { alongside } : {}),
    identity: { displayName: account.displayName, email: account.email },
  })
  if (!changed) throw new PortageError('ACCOUNT_NOT_FOUND', 'The storage account is gone.')
  const previousStatus = existing?.status ?? 'ACTIVE'
  const reactivated = previousStatus !== changed.account.status
  return {
    account: changed.account,
    outcome: reactivated ? 'reactivated' : 'existing',
    previousStatus,
  }
}

function newAccount(
  deps: Pick<StatusDeps, 'clock'>,
  userId: string,
  { provider, providerAccountId }: { provider: StorageProviderId; providerAccountId: string },
  email: string | null,
  name: string | null,
): Account {
  const { accountId, grantId } = accountIds(userId, provider, providerAccountId)
  const nowMs = deps.clock.now()
  return {
    id: accountId,
    userId,
    provider,
    providerAccountId,
    displayName: name ?? email ?? providerAccountId,
    email,
    status: 'ACTIVE',
    disconnectedBy: null,
    lastError: null,
    lastAccessedAt: null,
    quota: null,
    failures: 0,
    probeAtMs: nowMs,
    grantId,
    version: 1,
    createdAt: isoTime(nowMs),
    updatedAt: isoTime(nowMs),
  }
}

export interface EnsureResult {
  created: number
  reactivated: number
  validated: number
  errors: string[]
  reactivatedPortals: number
}

/** Sees to it that every grant for storage has its account, and that accounts which could work do. */
export async function ensureStorageAccountsForUser(
  deps: EnsureDeps,
  userId: string,
  { forceCreate = false }: EnsureOptions = {},
): Promise<EnsureResult> {
  const [accounts, grants, logins] = await Promise.all([
    deps.accounts.list(userId),
    deps.grants.list(userId),
    deps.users.listLogins(userId),
  ])
  const result: EnsureResult = {
    created: 0,
    reactivated: 0,
    validated: 0,
    errors: [],
    reactivatedPortals: 0,
  }
  const known = new Set(accounts.map(({ id }) => id))
  for (const grant of grants.filter(({ accountId }) => !known.has(accountId))) {
    const { outcome } = await createOrGetStorageAccount(
      deps,
      userId,
      { provider: toStorageProviderId(grant.provider), providerAccountId: grant.subject },
      grant.email,
      grant.displayName,
    )
    known.add(grant.accountId)
    if (outcome === 'created') result.created += 1
  }
  if (forceCreate) {
    for (const login of logins.filter((each) => !known.has(accountIdOfLogin(userId, each)))) {
      result.errors.push(`${login.email ?? login.provider}: reconnect with storage permission`)
    }
  }
  for (const account of accounts) await ensureOne(deps, account, forceCreate, result)
  return result
}

function accountIdOfLogin(userId: string, login: Login): string {
  return accountIds(userId, toStorageProviderId(login.provider), login.subject).accountId
}

async function ensureOne(
  deps: EnsureDeps,
  account: Account,
  forceCreate: boolean,
  result: EnsureResult,
): Promise<void> {
  if (account.status === 'INACTIVE') return
  if (account.status === 'ACTIVE' && !forceCreate) {
    // The keeper probes every account within the hour; a page need not do so again.
    result.validated += 1
    return
  }
  const revoked = account.status === 'DISCONNECTED' && account.disconnectedBy === 'REVOKED'
  if (account.status === 'DISCONNECTED' && !(revoked && forceCreate)) return

  const probe = await probeAccount(deps, account)
  if (probe.outcome !== 'refused') await noteProbe(deps, account, probe)
  if (probe.outcome === 'works' && account.status === 'ACTIVE') {
    result.validated += 1
  } else if (probe.outcome === 'works') {
    const changed = await handleStorageAccountStatusChange(deps, account.id, 'REACTIVATED', {
      actor: account.userId,
      reason: 'PROBE_SUCCEEDED',
    })
    result.reactivated += 1
    result.reactivatedPortals += changed?.reactivatedPortals ?? 0
  } else if (forceCreate) {
    result.errors.push(`${nameOf(account)}: ${WHY[probe.outcome]}`)
  }
}

const WHY = {
  refused: 'reconnect, because the provider no longer lets us in',
  limited: 'the provider asks us to wait, which passes by itself',
  fails: 'the provider does not answer; we try again by ourselves',
}

function nameOf(account: Account): string {
  return account.email ?? toOauthProviderId(account.provider)
}
