/** What an owner can have put right: missing accounts, states that are not what the provider says. */
import type { FixAccountsReply, StorageReply, SyncReply } from '../contract/accounts.ts'
import type { RateLimits, RateRule } from '../limits/rate-limits.ts'
import { MINUTE_MS } from '../platform/clock.ts'
import { type Account, canCreateUploads } from './account.ts'
import { affectedPortals, handleStorageAccountStatusChange } from './change-account-status.ts'
import { type ListAccountsDeps, listAccounts } from './list-accounts.ts'
import { noteProbe, probeAccount } from './probe-account.ts'
import { type EnsureDeps, ensureStorageAccountsForUser } from './storage-account-manager.ts'

export type RepairDeps = EnsureDeps & ListAccountsDeps & { limits: RateLimits }

/** A page that is loaded again and again repairs once a minute. */
const REPAIR: RateRule = { purpose: 'repair', times: 1, perMs: MINUTE_MS }

/** Accounts as they are, after what is missing was made unless `repair` is false. */
export async function getStorage(
  deps: RepairDeps,
  userId: string,
  { repair }: { repair: boolean },
): Promise<StorageReply> {
  const mayRepair = repair && (await deps.limits.take(REPAIR, userId)).retryAfterMs === 0
  const ensured = mayRepair ? await ensureStorageAccountsForUser(deps, userId) : undefined
  const accounts = await listAccounts(deps, userId)
  return {
    accounts,
    activeStorageAccounts: accounts.filter(({ storageStatus }) => storageStatus === 'ACTIVE'),
    fallbackInfo: {
      accountsCreated: ensured?.created ?? 0,
      accountsReactivated: ensured?.reactivated ?? 0,
      accountsValidated: ensured?.validated ?? 0,
      errors: ensured?.errors ?? [],
    },
  }
}

export async function fixAccounts(deps: RepairDeps, userId: string): Promise<FixAccountsReply> {
  return {
    message: 'Storage accounts fixed successfully',
    summary: await ensureStorageAccountsForUser(deps, userId, { forceCreate: true }),
  }
}

/** Asks the provider about every account and makes its state what the answer says. */
export async function syncOauthStatus(deps: RepairDeps, userId: string): Promise<SyncReply> {
  const accounts = await deps.accounts.list(userId)
  const summary: SyncReply['summary'] = {
    deactivatedPortals: 0,
    reactivatedPortals: 0,
    accountsChecked: accounts.length,
    accountsUpdated: 0,
    errors: [],
  }
  for (const account of accounts) await syncOne(deps, account, summary)
  return { message: 'Storage accounts synced successfully', summary }
}

async function syncOne(
  deps: RepairDeps,
  account: Account,
  summary: SyncReply['summary'],
): Promise<void> {
  // Only a new consent brings a disconnected account back.
  if (account.status === 'DISCONNECTED') return
  const open = canCreateUploads(account.status) ? await countOpen(deps, account) : 0
  const probe = await probeAccount(deps, account)
  if (probe.outcome === 'refused') {
    summary.accountsUpdated += 1
    summary.deactivatedPortals += open
    return
  }
  await noteProbe(deps, account, probe)
  if (probe.outcome === 'fails') {
    summary.errors.push(`${account.email ?? account.displayName}: the provider does not answer`)
  }
  if (probe.outcome !== 'works' || account.status !== 'ERROR') return
  const changed = await handleStorageAccountStatusChange(deps, account.id, 'RECOVERED', {
    actor: account.userId,
    reason: 'PROBE_SUCCEEDED',
  })
  if (changed?.account.status === 'ACTIVE') summary.accountsUpdated += 1
  summary.reactivatedPortals += changed?.reactivatedPortals ?? 0
}

/** Portals that a stop of this account would take along. */
async function countOpen(deps: RepairDeps, account: Account): Promise<number> {
  const { affected } = await affectedPortals(deps, { id: account.id, status: 'DISCONNECTED' })
  return affected.filter(({ isActive }) => isActive).length
}
