/**
 * Dropbox's codes and tokens, and `/oauth2/token` in its manner.
 * https://www.dropbox.com/developers/documentation/http/documentation#oauth2-token
 */
import { randomBytes } from 'node:crypto'
import type { EmulatorParts } from '../emulator.ts'
import type { TokenManner } from '../oauth-store.ts'
import type { IssuedTokens, TokenEndpointManner } from '../token-endpoint.ts'
import { uidOf } from './account-ids.ts'
import { identityClaims } from './identity.ts'

const ID_TOKEN_SECONDS = 3600

export const DROPBOX_TOKENS: TokenManner = {
  newCode: () => randomBytes(32).toString('base64url'),
  newAccessToken: () => `sl.u.${randomBytes(96).toString('base64url')}`,
  newRefreshToken: () => randomBytes(48).toString('base64url'),
  // "expires_in … the length of time in seconds that the access token will be valid for": four hours.
  accessTokenSeconds: 14_400,
  // "The refresh token … does not expire".
  unusedRefreshTokenMs: Number.POSITIVE_INFINITY,
  maxRefreshTokens: Number.MAX_SAFE_INTEGER,
}

/** Key and secret of an app, as the App Console hands them out. */
export function newDropboxClient() {
  return {
    clientId: randomBytes(8).toString('hex').slice(0, 15),
    clientSecret: randomBytes(8).toString('hex').slice(0, 15),
  }
}

/** 400, where other providers answer 401. */
const UNKNOWN_CLIENT = [400, 'invalid_client', 'Invalid client_id or client_secret'] as const
const UNKNOWN_CODE = [400, 'invalid_grant', "code doesn't exist or has expired"] as const
const WRONG_VERIFIER = [400, 'invalid_grant', 'invalid code verifier'] as const
const UNKNOWN_TOKEN = [400, 'invalid_grant', 'refresh token is invalid or revoked'] as const

export const DROPBOX_TOKEN_ENDPOINT: TokenEndpointManner = {
  refusals: {
    otherMethod: [400, 'invalid_request', 'Use POST'],
    otherGrantType: [400, 'unsupported_grant_type', 'grant type is not supported'],
    noClientId: [400, 'invalid_request', 'No client_id'],
    unknownClient: UNKNOWN_CLIENT,
    wrongSecret: UNKNOWN_CLIENT,
    unknownCode: UNKNOWN_CODE,
    usedCode: UNKNOWN_CODE,
    otherRedirectUri: [400, 'invalid_grant', 'redirect_uri mismatch'],
    noVerifier: WRONG_VERIFIER,
    wrongVerifier: WRONG_VERIFIER,
    needlessVerifier: [400, 'invalid_grant', 'code was not requested with a code challenge'],
    malformedToken: [400, 'invalid_grant', 'refresh token is malformed'],
    unknownToken: UNKNOWN_TOKEN,
    deadToken: UNKNOWN_TOKEN,
    widerScopes: [400, 'invalid_scope', 'scope must be a subset of the granted scopes'],
    noAccount: [400, 'invalid_grant', 'account is deleted'],
  },
  refreshToken: /^[\w-]{64}$/,
  // The official SDK puts everything into the address; the request log names that.
  furtherMembers: ({ url }) => url.searchParams,
  spelt: (scopes) => scopes,

  answer(parts, issued) {
    const { account, grant, accessToken, refreshToken, by } = issued
    return {
      access_token: accessToken,
      token_type: 'bearer',
      expires_in: parts.oauth.accessTokenSeconds,
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      ...(by !== 'refresh' && { scope: grant.scopes.join(' ') }),
      ...(by === 'code' && { uid: uidOf(account), account_id: account.id }),
      ...(by === 'code' && grant.scopes.includes('openid') && { id_token: idToken(parts, issued) }),
    }
  },
}

/** No `nonce`: Dropbox takes the parameter and does not repeat it (openid/AppAuth-iOS#824). */
function idToken(parts: EmulatorParts, { account, grant }: IssuedTokens): string {
  const issuedAt = Math.floor(parts.clock.now() / 1000)
  return parts.signingKey.signJwt({
    iss: parts.issuer(),
    aud: grant.clientId,
    ...identityClaims(account, grant.scopes),
    auth_time: issuedAt,
    iat: issuedAt,
    exp: issuedAt + ID_TOKEN_SECONDS,
  })
}
