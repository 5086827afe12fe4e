/** Pausing an account, taking it up again and ending it, as its owner asks. */
import type {
  AccountChoice,
  DeactivateReply,
  ReactivateReply,
  RefreshTokenReply,
} from '../contract/accounts.ts'
import { PortageError } from '../errors.ts'
import { OauthRefused, OauthUnavailable, type TokensRegistry } from '../oauth/oauth-provider.ts'
import { isoTime } from '../platform/clock.ts'
import { log, loggable } from '../platform/log.ts'
import { TransactionRefused } from '../platform/table.ts'
import { ReconnectNeeded, RetryLater } from '../providers/failures.ts'
import { toOauthProviderId } from '../providers/provider-id.ts'
import type { Account } from './account.ts'
import {
  handleStorageAccountStatusChange,
  type PortalManagementResult,
  type StatusDeps,
} from './change-account-status.ts'
import { openTokens } from './fresh-token.ts'
import type { Grant } from './grant.ts'
import type { GrantStore } from './grant-store.ts'
import { noteProbe, type ProbeDeps, probeAccount } from './probe-account.ts'
import type { TokenVault } from './token-vault.ts'

export interface DisconnectDeps extends StatusDeps {
  grants: Pick<GrantStore, 'find' | 'remove' | 'isHeldElsewhere'>
  vault: TokenVault
  oauth: TokensRegistry
}

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

/** Ends the connection: the tokens are destroyed, and the provider is told unless somebody else still lives by the same grant. */
export async function disconnectAccount(
  deps: DisconnectDeps,
  userId: string,
  choice: AccountChoice,
): Promise<DeactivateReply> {
  const account = await chooseAccount(deps, userId, choice)
  const { grant, result } = await endGrant(deps, account)
  if (grant) await revokeUnlessShared(deps, grant)
  return {
    message: 'Storage account disconnected successfully',
    deactivatedPortals: result?.deactivatedPortals ?? 0,
  }
}

const RACE_ATTEMPTS = 3

async function endGrant(
  deps: DisconnectDeps,
  account: Account,
): Promise<{ grant: Grant | undefined; result: PortalManagementResult | undefined }> {
  for (let attempt = 1; ; attempt += 1) {
    const grant = await deps.grants.find(account.grantId)
    try {
      const result = await handleStorageAccountStatusChange(
        deps,
        account.id,
        'DISCONNECTED_BY_USER',
        {
          actor: account.userId,
          reason: 'USER_DISCONNECTED',
          ...(grant ? { alongside: deps.grants.remove(grant) } : {}),
        },
      )
      return { grant, result }
    } catch (error) {
      // A new consent came between: that is the grant to end.
      if (!(error instanceof TransactionRefused) || attempt === RACE_ATTEMPTS) throw error
    }
  }
}

/** Google's revocation ends every grant of the identity, other owners' too (security rule 5). */
async function revokeUnlessShared(deps: DisconnectDeps, grant: Grant): Promise<void> {
  if (await deps.grants.isHeldElsewhere(grant)) return
  const { refreshToken } = await openTokens(deps.vault, grant)
  try {
    await deps.oauth(grant.provider).revoke(refreshToken)
  } catch (error) {
    if (!(error instanceof OauthRefused || error instanceof OauthUnavailable)) throw error
    // Nobody can read the token any more; what is left is an entry on the owner's page at the provider.
    log.warn('A grant was not revoked', { grantId: grant.id, failure: loggable(error) })
  }
}

export interface ReactivateDeps extends ProbeDeps {
  grants: Pick<GrantStore, 'find' | 'mustBeThatRead'>
}

/** Takes uploads again, when the provider answers; also tries one in ERROR at once. */
export async function reactivateAccount(
  deps: ReactivateDeps,
  userId: string,
  choice: AccountChoice,
): Promise<ReactivateReply> {
  const account = await chooseAccount(deps, userId, choice)
  const reply = (reactivatedPortals: number): ReactivateReply => ({
    message: 'Storage account reactivated successfully',
    reactivatedPortals,
  })
  if (account.status === 'ACTIVE') return reply(0)
  const grant = await deps.grants.find(account.grantId)
  if (!grant || grant.refusedAt !== null) throw reconnectRequired(account)

  const probe = await probeAccount(deps, account)
  if (probe.outcome === 'refused') throw reconnectRequired(account)
  await noteProbe(deps, account, probe)
  if (probe.outcome === 'fails') {
    await handleStorageAccountStatusChange(deps, account.id, 'REACTIVATION_FAILED', {
      actor: userId,
      reason: probe.lastError,
      lastError: probe.lastError,
    })
    throw new PortageError(
      'PROVIDER_UNAVAILABLE',
      'The provider does not answer at the moment. We try again by ourselves.',
    )
  }
  const result = await handleStorageAccountStatusChange(deps, account.id, 'REACTIVATED', {
    actor: userId,
    reason: 'USER_REACTIVATED',
  })
  return reply(result?.reactivatedPortals ?? 0)
}

/** A new access token now, for an owner who doubts the connection; the reply never holds it. */
export async function refreshToken(
  deps: ProbeDeps & { grants: Pick<GrantStore, 'find' | 'mustBeThatRead'>; vault: TokenVault },
  userId: string,
  storageAccountId: string,
): Promise<RefreshTokenReply> {
  const account = await chooseAccount(deps, userId, { storageAccountId })
  const grant = await deps.grants.find(account.grantId)
  if (!grant || grant.refusedAt !== null) throw reconnectRequired(account)
  try {
    const { accessToken } = await openTokens(deps.vault, grant)
    await deps.freshToken(grant.id, { rejected: accessToken })
  } catch (error) {
    if (error instanceof ReconnectNeeded) throw reconnectRequired(account)
    if (!(error instanceof RetryLater || error instanceof OauthRefused)) throw error
    throw new PortageError('PROVIDER_UNAVAILABLE', 'Please try again in a minute.', {
      cause: error,
    })
  }
  const [refreshed, now] = await Promise.all([
    deps.grants.find(account.grantId),
    deps.accounts.find(account.id),
  ])
  if (!refreshed || !now) throw reconnectRequired(account)
  return { status: now.status, expiresAt: isoTime(refreshed.accessTokenExpiresAtMs) }
}

function reconnectRequired(account: Account): PortageError {
  const provider = toOauthProviderId(account.provider)
  return new PortageError(
    'RECONNECT_REQUIRED',
    'The provider no longer lets us in. Connect the account again.',
    { facts: { connectUrl: `/api/oauth/${provider}/start?returnTo=%2Faccounts` } },
  )
}
