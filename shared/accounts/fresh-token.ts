/**
 * The one place that hands out access tokens. One token, one refresh, however many callers in
 * however many processes ask at once:
 *
 *   read → still valid? → use it
 *        → take the lease (conditional on the tokens read) → refresh → save → use it
 *        → lease taken by another → wait → read again
 *        → lease lost meanwhile, to a new consent, a disconnect or another caller → read again
 *
 * After the refresh request is sent nothing aborts it: a token that is not saved is lost. One that
 * could not be saved is not used either, so that everybody goes by the grant that the table has.
 */

import { OauthRefused, type TokensRegistry } from '../oauth/oauth-provider.ts'
import { type Clock, MINUTE_MS, SECOND_MS } from '../platform/clock.ts'
import { randomToken } from '../platform/ids.ts'
import { ReconnectNeeded, RetryLater } from '../providers/failures.ts'
import { toStorageProviderId } from '../providers/provider-id.ts'
import { type Grant, type GrantTokens, refreshDecision } from './grant.ts'
import type { GrantStore } from './grant-store.ts'
import type { TokenVault } from './token-vault.ts'

export interface FreshTokenDeps {
  grants: GrantStore
  vault: TokenVault
  oauth: TokensRegistry
  clock: Clock
  sleep: (ms: number) => Promise<void>
  random: () => number
  /** Told whenever a dead grant is met, so that the account is disconnected even if whoever found out died. */
  onRefused: (grant: Grant) => Promise<void>
}

/** A work slice is three minutes, so twenty left at its start never run out in its middle. */
const NEEDED_MS = 20 * MINUTE_MS
const WAIT_MS = 150
const PATIENCE_MS = 15 * SECOND_MS

export interface LiveGrant {
  grant: Grant
  accessToken: string
}

/** A function that answers a grant with a token that lasts; `rejected` is one that the provider has just refused with 401. */
export type FreshToken = (grantId: string, options?: { rejected?: string }) => Promise<LiveGrant>

/** Throws `ReconnectNeeded` when only a new consent helps, `RetryLater` when the provider does not answer now. */
export function freshTokens(deps: FreshTokenDeps): FreshToken {
  const asking = new Map<string, Promise<LiveGrant>>()
  return async (grantId, { rejected } = {}) => {
    for (let running = asking.get(grantId); running; running = asking.get(grantId)) {
      const live = await running
      // Who asked before may not have known that this token is refused.
      if (live.accessToken !== rejected) return live
    }
    const asked = freshToken(deps, grantId, rejected).finally(() => asking.delete(grantId))
    asking.set(grantId, asked)
    return asked
  }
}

/** Runs with a fresh token; one that the provider refuses all the same is refreshed once. */
export async function withToken<Value>(
  deps: { freshToken: FreshToken },
  account: { grantId: string },
  run: (accessToken: string, grant: Grant) => Promise<Value>,
): Promise<Value> {
  const live = await deps.freshToken(account.grantId)
  try {
    return await run(live.accessToken, live.grant)
  } catch (error) {
    if (!(error instanceof ReconnectNeeded && error.tokenRejected)) throw error
    const anew = await deps.freshToken(account.grantId, { rejected: live.accessToken })
    return run(anew.accessToken, anew.grant)
  }
}

async function freshToken(
  deps: FreshTokenDeps,
  grantId: string,
  rejected: string | undefined,
): Promise<LiveGrant> {
  const giveUpAtMs = deps.clock.now() + PATIENCE_MS
  for (;;) {
    const grant = await deps.grants.find(grantId)
    if (grant?.refusedAt) await deps.onRefused(grant)
    if (!grant || grant.refusedAt) {
      throw new ReconnectNeeded({ tokenRejected: false, diagnostics: diagnostics(grant) })
    }
    const tokens = await openTokens(deps.vault, grant)
    const { refresh } = refreshDecision(grant, deps.clock.now(), NEEDED_MS)
    if (!refresh && tokens.accessToken !== rejected) {
      return { grant, accessToken: tokens.accessToken }
    }

    if (deps.clock.now() >= giveUpAtMs) throw unavailable(grant, PATIENCE_MS)
    const owner = randomToken()
    if (await deps.grants.takeLease(grant, owner)) {
      const live = await refreshUnderLease(deps, grant, tokens, owner)
      if (live) return live
      continue
    }
    await deps.sleep(WAIT_MS * (0.5 + deps.random()))
  }
}

/** Undefined when the lease was lost before the answer could be saved: whoever has it now, or the consent that ended it, decides. */
async function refreshUnderLease(
  deps: FreshTokenDeps,
  grant: Grant,
  tokens: GrantTokens,
  owner: string,
): Promise<LiveGrant | undefined> {
  try {
    const fresh = await deps.oauth(grant.provider).refresh(tokens.refreshToken)
    const sealed = await deps.vault.seal(
      { userId: grant.userId, grantId: grant.id },
      grant.wrappedKey,
      JSON.stringify({
        accessToken: fresh.accessToken,
        refreshToken: fresh.refreshToken ?? tokens.refreshToken,
      } satisfies GrantTokens),
    )
    const saved = await deps.grants.saveRefreshed(grant.id, owner, {
      tokens: sealed,
      accessTokenExpiresAtMs: deps.clock.now() + fresh.expiresInSeconds * SECOND_MS,
    })
    return saved ? { grant, accessToken: fresh.accessToken } : undefined
  } catch (error) {
    if (!(error instanceof OauthRefused && error.grantIsDead)) {
      await deps.grants.releaseLease(grant.id, owner)
      throw error instanceof OauthRefused ? error : unavailable(grant, undefined, error)
    }
    // A consent given meanwhile has replaced tokens and lease; then the refusal was of the old grant.
    if (!(await deps.grants.saveRefused(grant.id, owner))) return undefined
    await deps.onRefused(grant)
    throw new ReconnectNeeded({
      tokenRejected: false,
      diagnostics: diagnostics(grant),
      cause: error,
    })
  }
}

export async function openTokens(vault: TokenVault, grant: Grant): Promise<GrantTokens> {
  const ref = { userId: grant.userId, grantId: grant.id }
  return JSON.parse(await vault.unseal(ref, grant.wrappedKey, grant.tokens)) as GrantTokens
}

function diagnostics(grant: Grant | undefined) {
  return grant ? { provider: toStorageProviderId(grant.provider) } : {}
}

function unavailable(grant: Grant, afterMs?: number, cause?: unknown): RetryLater {
  return new RetryLater({ reason: 'UNAVAILABLE', afterMs, diagnostics: diagnostics(grant), cause })
}
