/** Connecting storage: consent becomes a grant and an account, in one transaction. */
import { PortageError } from '../errors.ts'
import { OauthRefused, OauthUnavailable, type TokenSet } from '../oauth/oauth-provider.ts'
import { isoTime, SECOND_MS } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { TransactionRefused, transact } from '../platform/table.ts'
import { toStorageProviderId } from '../providers/provider-id.ts'
import { safeReturnTo } from '../users/return-to.ts'
import {
  beginFlow,
  type Callback,
  endFlow,
  type FlowDeps,
  type FlowStart,
} from '../users/sign-in.ts'
import type { Identity } from '../users/user.ts'
import type { Account } from './account.ts'
import { accountIds } from './account-store.ts'
import { handleStorageAccountStatusChange, type StatusDeps } from './change-account-status.ts'
import type { Grant, GrantTokens } from './grant.ts'
import type { GrantStore } from './grant-store.ts'
import type { TokenVault } from './token-vault.ts'

export interface ConnectDeps extends FlowDeps, StatusDeps {
  grants: GrantStore
  vault: TokenVault
}

export interface StorageAccountCreationResult {
  account: Account
  outcome: 'created' | 'existing' | 'reactivated'
  previousStatus?: Account['status']
}

/** Begins a connect flow, bound to the owner and the session that ask for it. */
export function beginConnect(
  deps: FlowDeps,
  start: FlowStart & { userId: string; sessionHash: string },
  returnTo: string | undefined,
) {
  const { userId, sessionHash, origin } = start
  return beginFlow(deps, start, {
    kind: 'connect',
    returnTo: safeReturnTo(returnTo, origin),
    userId,
    sessionHash,
  })
}

/**
 * Completes a connect flow. Returns where the browser goes: `returnTo` with `connected=<accountId>`
 * or `connectError=<code>`. A callback that does not match its flow throws and writes nothing.
 */
export async function connectAccount(
  deps: ConnectDeps,
  callback: Callback & { userId: string; sessionHash: string },
): Promise<string> {
  const { flow, exchange } = await endFlow(deps, { ...callback, kind: 'connect' })
  const back = (name: 'connected' | 'connectError', value: string) => {
    const url = new URL(flow.returnTo, callback.origin)
    url.searchParams.set(name, value)
    return `${url.pathname}${url.search}${url.hash}`
  }
  try {
    const { tokens, identity } = await exchange()
    if (!deps.oauth.storageScopes.every((scope) => tokens.scopes.includes(scope))) {
      return back('connectError', 'STORAGE_PERMISSION_MISSING')
    }
    if (!tokens.refreshToken) return back('connectError', 'OFFLINE_ACCESS_MISSING')
    const { account } = await createOrGetStorageAccount(deps, callback.userId, identity, {
      ...tokens,
      refreshToken: tokens.refreshToken,
    })
    return back('connected', account.id)
  } catch (error) {
    if (error instanceof OauthRefused) {
      return back(
        'connectError',
        error.error === 'access_denied' ? 'ACCESS_DENIED' : 'CONNECT_REFUSED',
      )
    }
    if (error instanceof OauthUnavailable) return back('connectError', 'PROVIDER_UNAVAILABLE')
    throw error
  }
}

/** The account of this identity, made when there is none; the new grant replaces the old one in every case. */
export async function createOrGetStorageAccount(
  deps: ConnectDeps,
  userId: string,
  identity: Identity,
  tokens: TokenSet & { refreshToken: string },
): Promise<StorageAccountCreationResult> {
  const provider = toStorageProviderId(identity.provider)
  const { accountId, grantId } = accountIds(userId, provider, identity.subject)
  const ref = { userId, grantId }
  const wrappedKey = await deps.vault.newKey(ref)
  const sealed = await deps.vault.seal(
    ref,
    wrappedKey,
    JSON.stringify({
      accessToken: tokens.accessToken,
      refreshToken: tokens.refreshToken,
    } satisfies GrantTokens),
  )
  const now = deps.clock.now()
  const grant: Grant = {
    id: grantId,
    userId,
    accountId,
    provider: identity.provider,
    subject: identity.subject,
    scopes: tokens.scopes,
    wrappedKey,
    tokens: sealed,
    accessTokenExpiresAtMs: now + tokens.expiresInSeconds * SECOND_MS,
    refusedAt: null,
  }
  const account: Account = {
    id: accountId,
    userId,
    provider,
    providerAccountId: identity.subject,
    displayName: identity.name ?? identity.email ?? identity.subject,
    email: identity.email,
    status: 'ACTIVE',
    disconnectedBy: null,
    lastError: null,
    lastAccessedAt: null,
    quota: null,
    failures: 0,
    probeAtMs: now,
    grantId,
    version: 1,
    createdAt: isoTime(now),
    updatedAt: isoTime(now),
  }
  const existing = await deps.accounts.find(accountId)
  if (!existing) {
    try {
      await transact(deps.table, [
        deps.accounts.create(account),
        deps.grants.put(grant),
        eventPut(deps.table, deps.clock, 'account.connected', {
          userId,
          actor: userId,
          subjectId: accountId,
          after: 'ACTIVE',
        }),
      ])
      return { account, outcome: 'created' }
    } catch (error) {
      // Another connect of the same identity was first; this consent then replaces its grant.
      if (!(error instanceof TransactionRefused)) throw error
    }
  }
  const changed = await handleStorageAccountStatusChange(deps, accountId, 'CONNECTED', {
    actor: userId,
    reason: 'RECONNECTED',
    alongside: [deps.grants.put(grant)],
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
