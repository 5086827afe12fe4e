import { TransactionRefused } from '../platform/table.ts'
import { handleStorageAccountStatusChange, type StatusDeps } from './change-account-status.ts'
import type { Grant } from './grant.ts'
import type { GrantStore } from './grant-store.ts'

/** Disconnects the account of a dead grant, unless a new consent has replaced the grant meanwhile. */
export async function disconnectRefused(
  deps: StatusDeps & { grants: GrantStore },
  grant: Grant,
): Promise<void> {
  try {
    await handleStorageAccountStatusChange(deps, grant.accountId, 'GRANT_REFUSED', {
      actor: 'system',
      reason: 'GRANT_REFUSED',
      lastError: 'GRANT_REFUSED',
      alongside: [deps.grants.mustBeRefused(grant.id)],
    })
  } catch (error) {
    // The owner has consented anew: the account is what that consent made of it.
    if (!(error instanceof TransactionRefused)) throw error
  }
}
