/** Pausing an account and taking it up again, as its owner asks. */
import type { AccountChoice, DeactivateReply, ReactivateReply } from '../contract/accounts.ts'
import { PortageError } from '../errors.ts'
import type { Account } from './account.ts'
import { handleStorageAccountStatusChange, type StatusDeps } from './change-account-status.ts'
import type { GrantStore } from './grant-store.ts'

/** The account that the owner means: by id, or by provider while exactly one matches. */
export async function chooseAccount(
  deps: Pick<StatusDeps, 'accounts'>,
  userId: string,
  choice: AccountChoice,
): Promise<Account> {
  const notFound = new PortageError(
    'ACCOUNT_NOT_FOUND',
    'You have no such storage account. Connect it first.',
  )
  if (choice.storageAccountId !== undefined) {
    const account = await deps.accounts.find(choice.storageAccountId)
    if (account?.userId !== userId) throw notFound
    return account
  }
  const matching = (await deps.accounts.list(userId)).filter(
    (account) => account.provider === choice.provider,
  )
  if (matching.length > 1) {
    throw new PortageError('AMBIGUOUS_ACCOUNT', 'Say which one you mean by its storageAccountId.', {
      facts: {
        candidates: matching.map(({ id, email, displayName }) => ({
          storageAccountId: id,
          email,
          name: displayName,
        })),
      },
    })
  }
  const [account] = matching
  if (!account) throw notFound
  return account
}

/** Stops new uploads; files stay readable and tokens are kept. */
export async function deactivateAccount(
  deps: StatusDeps,
  userId: string,
  choice: AccountChoice,
): Promise<DeactivateReply> {
  const account = await chooseAccount(deps, userId, choice)
  if (account.status === 'DISCONNECTED') {
    throw new PortageError('INVALID_TRANSITION', 'A disconnected account is already stopped.')
  }
  const result = await handleStorageAccountStatusChange(deps, account.id, 'DEACTIVATED', {
    actor: userId,
    reason: 'USER_DEACTIVATED',
  })
  return {
    message: 'Storage account deactivated successfully',
    deactivatedPortals: result?.deactivatedPortals ?? 0,
  }
}

export interface ReactivateDeps extends StatusDeps {
  grants: Pick<GrantStore, 'find'>
}

/** Where the owner gives consent again, and comes back to. */
const RECONNECT_URL = '/api/oauth/google/start?returnTo=%2Faccounts'

/** Takes uploads again; an account whose grant is dead has to be reconnected. */
export async function reactivateAccount(
  deps: ReactivateDeps,
  userId: string,
  choice: AccountChoice,
): Promise<ReactivateReply> {
  const account = await chooseAccount(deps, userId, choice)
  const grant = await deps.grants.find(account.grantId)
  if (!grant || grant.refusedAt !== null) {
    throw new PortageError(
      'RECONNECT_REQUIRED',
      'The provider no longer lets us in. Connect the account again.',
      {
        facts: { connectUrl: RECONNECT_URL },
      },
    )
  }
  const result = await handleStorageAccountStatusChange(deps, account.id, 'REACTIVATED', {
    actor: userId,
    reason: 'USER_REACTIVATED',
  })
  return {
    message: 'Storage account reactivated successfully',
    reactivatedPortals: result?.reactivatedPortals ?? 0,
  }
}
