/** Connecting storage: consent becomes a grant and an account, in one transaction. */
import { OauthRefused, OauthUnavailable, type TokenSet } from '../oauth/oauth-provider.ts'
import { SECOND_MS } from '../platform/clock.ts'
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
import type { UserStore } from '../users/user-store.ts'
import { accountIds } from './account-store.ts'
import type { StatusDeps } from './change-account-status.ts'
import type { Grant, GrantTokens } from './grant.ts'
import type { GrantStore } from './grant-store.ts'
import { createOrGetStorageAccount } from './storage-account-manager.ts'
import type { TokenVault } from './token-vault.ts'

export interface ConnectDeps extends FlowDeps, StatusDeps {
  grants: GrantStore
  users: Pick<UserStore, 'find'>
  vault: TokenVault
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
  const { flow, oauth, exchange } = await endFlow(deps, { ...callback, kind: 'connect' })
  const back = (name: 'connected' | 'connectError', value: string) => {
    const url = new URL(flow.returnTo, callback.origin)
    url.searchParams.set(name, value)
    return `${url.pathname}${url.search}${url.hash}`
  }
  try {
    const { tokens, identity } = await exchange()
    if (!oauth.storageScopes.every((scope) => tokens.scopes.includes(scope))) {
      return back('connectError', 'STORAGE_PERMISSION_MISSING')
    }
    const { refreshToken } = tokens
    if (!refreshToken) return back('connectError', 'OFFLINE_ACCESS_MISSING')
    if (await isSecondEmail(deps, callback.userId, identity)) {
      return back('connectError', 'SINGLE_EMAIL_PER_PROVIDER')
    }
    const grant = await sealedGrant(deps, callback.userId, identity, { ...tokens, refreshToken })
    const { account } = await createOrGetStorageAccount(
      deps,
      callback.userId,
      { provider: toStorageProviderId(identity.provider), providerAccountId: identity.subject },
      identity.email,
      identity.name,
      { forceCreate: true, respectDisconnected: false, alongside: deps.grants.put(grant) },
    )
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

/** An owner may allow one address per provider; a disconnected one does not count. */
async function isSecondEmail(
  deps: ConnectDeps,
  userId: string,
  identity: Identity,
): Promise<boolean> {
  const user = await deps.users.find(userId)
  if (!user?.singleEmailPerProvider) return false
  const provider = toStorageProviderId(identity.provider)
  return (await deps.accounts.list(userId)).some(
    (account) =>
      account.provider === provider &&
      account.providerAccountId !== identity.subject &&
      account.status !== 'DISCONNECTED',
  )
}

/** Each consent has a data key of its own. */
async function sealedGrant(
  deps: ConnectDeps,
  userId: string,
  identity: Identity,
  tokens: TokenSet & { refreshToken: string },
): Promise<Grant> {
  const provider = toStorageProviderId(identity.provider)
  const { accountId, grantId } = accountIds(userId, provider, identity.subject)
  const ref = { userId, grantId }
  const wrappedKey = await deps.vault.newKey(ref)
  const { accessToken, refreshToken } = tokens
  return {
    id: grantId,
    userId,
    accountId,
    provider: identity.provider,
    subject: identity.subject,
    email: identity.email,
    displayName: identity.name ?? identity.email ?? identity.subject,
    scopes: tokens.scopes,
    wrappedKey,
    tokens: await deps.vault.seal(
      ref,
      wrappedKey,
      JSON.stringify({ accessToken, refreshToken } satisfies GrantTokens),
    ),
    accessTokenExpiresAtMs: deps.clock.now() + tokens.expiresInSeconds * SECOND_MS,
    refusedAt: null,
  }
}
