/**
 * Google's codes and tokens, `/token`, `/revoke` and `/tokeninfo`.
 * https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code
 */
import { randomBytes } from 'node:crypto'
import type { EmulatorParts } from '../emulator.ts'
import { type Exchange, jsonReply, type Reply, readForm } from '../exchange.ts'
import { oauthErrorReply } from '../oauth-error.ts'
import type { TokenManner } from '../oauth-store.ts'
import { accessTokenHash } from '../signing-key.ts'
import type { IssuedTokens, TokenEndpointManner } from '../token-endpoint.ts'
import { identityClaims } from './identity.ts'
import { grantedScopes } from './scopes.ts'

const DAY_MS = 24 * 60 * 60_000
const ID_TOKEN_SECONDS = 3600

export const GOOGLE_TOKENS: TokenManner = {
  newCode: () => `4/0A${randomBytes(48).toString('base64url')}`,
  newAccessToken: () => `ya29.a0${randomBytes(120).toString('base64url')}`,
  newRefreshToken: () => `1//0${randomBytes(72).toString('base64url')}`,
  accessTokenSeconds: 3599,
  // "The refresh token has not been used for six months." https://developers.google.com/identity/protocols/oauth2#expiration
  unusedRefreshTokenMs: 183 * DAY_MS,
  // "a limit of 100 refresh tokens per Google Account per OAuth 2.0 client ID … the oldest refresh token is invalidated without warning" (same page).
  maxRefreshTokens: 100,
}

/** As Google's console hands them out. */
export function newGoogleClient() {
  return {
    clientId: `${randomBytes(6).toString('hex')}.apps.googleusercontent.com`,
    clientSecret: `GOCSPX-${randomBytes(21).toString('base64url')}`,
  }
}

export const GOOGLE_TOKEN_ENDPOINT: TokenEndpointManner = {
  refusals: {
    otherMethod: [405, 'invalid_request', 'Use POST'],
    otherGrantType: [400, 'unsupported_grant_type', 'Invalid grant_type'],
    noClientId: [400, 'invalid_request', 'Could not determine client ID from request.'],
    unknownClient: [401, 'invalid_client', 'The OAuth client was not found.'],
    noSecret: [400, 'invalid_request', 'client_secret is missing.'],
    wrongSecret: [401, 'invalid_client', 'Unauthorized'],
    unknownCode: [400, 'invalid_grant', 'Malformed auth code.'],
    usedCode: [400, 'invalid_grant', 'Bad Request'],
    otherRedirectUri: [400, 'redirect_uri_mismatch', 'Bad Request'],
    noVerifier: [400, 'invalid_request', 'Missing code verifier.'],
    wrongVerifier: [400, 'invalid_grant', 'Invalid code verifier.'],
    needlessVerifier: [400, 'invalid_grant', 'code_verifier or verifier is not needed.'],
    malformedToken: [400, 'invalid_grant', 'Bad Request'],
    unknownToken: [400, 'invalid_grant', 'Bad Request'],
    deadToken: [400, 'invalid_grant', 'Token has been expired or revoked.'],
    widerScopes: [400, 'invalid_scope', 'Bad Request'],
    noAccount: [400, 'invalid_grant', 'Account has been deleted'],
  },
  refreshToken: /^1\/\/0/,
  spelt: grantedScopes,

  answer(parts, issued) {
    const { grant, accessToken, refreshToken } = issued
    return {
      access_token: accessToken,
      expires_in: parts.oauth.accessTokenSeconds,
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      scope: grant.scopes.join(' '),
      token_type: 'Bearer',
      ...(grant.scopes.includes('openid') && { id_token: idToken(parts, issued) }),
    }
  },
}

function idToken(parts: EmulatorParts, { account, grant, accessToken, nonce }: IssuedTokens) {
  const issuedAt = Math.floor(parts.clock.now() / 1000)
  return parts.signingKey.signJwt({
    iss: parts.issuer(),
    azp: grant.clientId,
    aud: grant.clientId,
    ...identityClaims(account, grant.scopes, parts.issuer()),
    at_hash: accessTokenHash(accessToken),
    ...(nonce !== undefined && { nonce }),
    iat: issuedAt,
    exp: issuedAt + ID_TOKEN_SECONDS,
  })
}

/**
 * "Revocation removes all OAuth 2.0 scopes previously granted to a project, invalidating any issued
 * access or refresh tokens for all clients registered under that project."
 * https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
 */
export async function handleRevoke(parts: EmulatorParts, exchange: Exchange): Promise<Reply> {
  exchange.operation = 'oauth.revoke'
  const form = exchange.method === 'POST' ? await readForm(exchange) : new URLSearchParams()
  const token = form.get('token') ?? exchange.url.searchParams.get('token')
  if (!token) return oauthErrorReply(400, 'invalid_request', 'Missing required parameter: token')
  const refreshToken = parts.oauth.findRefreshToken(token)
  const accessToken = parts.oauth.findAccessToken(token)
  const isLive = (refreshToken && !refreshToken.isDead) || (accessToken && !accessToken.isExpired)
  const grant = refreshToken ?? accessToken
  if (!grant || !isLive) return oauthErrorReply(400, 'invalid_token', 'Token expired or revoked')
  const account = parts.accounts.byId(grant.accountId)
  if (account) exchange.account = account.email
  parts.oauth.revokeEverything(grant.accountId)
  return jsonReply(200, {})
}

export async function handleTokenInfo(parts: EmulatorParts, exchange: Exchange): Promise<Reply> {
  exchange.operation = 'oauth.tokeninfo'
  const form = exchange.method === 'POST' ? await readForm(exchange) : new URLSearchParams()
  const token = form.get('access_token') ?? exchange.url.searchParams.get('access_token') ?? ''
  const grant = parts.oauth.findAccessToken(token)
  if (!grant || grant.isExpired) return oauthErrorReply(400, 'invalid_token', 'Invalid Value')
  return jsonReply(200, {
    azp: grant.clientId,
    aud: grant.clientId,
    sub: grant.accountId,
    scope: grant.scopes.join(' '),
    exp: String(Math.floor(grant.expiresAtMs / 1000)),
    expires_in: String(Math.floor((grant.expiresAtMs - parts.clock.now()) / 1000)),
  })
}
