import type { OauthProviderId } from '../contract/common.ts'

/** An OAuth grant for storage. Tokens are readable through the vault only. */
export interface Grant {
  id: string
  userId: string
  accountId: string
  provider: OauthProviderId
  subject: string
  /** As the provider names its owner, for an account that has to be made from the grant. */
  email: string | null
  displayName: string
  scopes: string[]
  wrappedKey: string
  /** Sealed JSON of `GrantTokens`. */
  tokens: string
  accessTokenExpiresAtMs: number
  /** Set when the provider refused to refresh: only a new consent helps. */
  refusedAt: string | null
  leaseOwner?: string
  leaseExpiresAtMs?: number
}

export interface GrantTokens {
  accessToken: string
  refreshToken: string
}

export interface RefreshDecision {
  refresh: boolean
  reason: 'still-valid' | 'expires-soon' | 'expired'
}

/** Whether the access token must be refreshed to be good for `neededMs` from now. */
export function refreshDecision(
  grant: Pick<Grant, 'accessTokenExpiresAtMs'>,
  nowMs: number,
  neededMs: number,
): RefreshDecision {
  const leftMs = grant.accessTokenExpiresAtMs - nowMs
  if (leftMs <= 0) return { refresh: true, reason: 'expired' }
  if (leftMs < neededMs) return { refresh: true, reason: 'expires-soon' }
  return { refresh: false, reason: 'still-valid' }
}
