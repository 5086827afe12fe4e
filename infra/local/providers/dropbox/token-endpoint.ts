/**
 * `/oauth2/token`, and `/1/oauth2/token` for older clients.
 * https://www.dropbox.com/developers/documentation/http/documentation#oauth2-token
 */
import type { Clock } from '../../clock.ts'
import { type Exchange, jsonReply, type Reply, readForm } from '../exchange.ts'
import {
  clientCredentials,
  type OAuthClient,
  refuseRepeated,
  requiredMember,
  sameText,
  verifierFits,
} from '../oauth-client.ts'
import { OAuthError } from '../oauth-error.ts'
import type { SigningKey } from '../signing-key.ts'
import type { Account, AccountStore } from './account-store.ts'
import { identityClaims } from './identity.ts'
import { ACCESS_TOKEN_SECONDS, type Grant, type OAuthStore } from './oauth-store.ts'
import { splitScopes } from './scopes.ts'

const ID_TOKEN_SECONDS = 3600

export interface TokenParts {
  accounts: AccountStore
  oauth: OAuthStore
  clients: Map<string, OAuthClient>
  signingKey: SigningKey
  clock: Clock
  issuer(): string
}

export async function handleToken(parts: TokenParts, exchange: Exchange): Promise<Reply> {
  exchange.operation = 'oauth.token'
  if (exchange.method !== 'POST') throw new OAuthError(400, 'invalid_request', 'Use POST')
  const form = await readForm(exchange)
  // The official SDK puts everything into the address; the request log names that.
  for (const [name, value] of exchange.url.searchParams) form.append(name, value)
  refuseRepeated(form)
  const grantType = requiredMember(form, 'grant_type')
  if (grantType === 'authorization_code') {
    exchange.operation = 'oauth.token.code'
    return redeemCode(parts, exchange, form)
  }
  if (grantType === 'refresh_token') {
    exchange.operation = 'oauth.token.refresh'
    return refresh(parts, exchange, form)
  }
  throw new OAuthError(400, 'unsupported_grant_type', `grant type ${grantType} is not supported`)
}

function redeemCode(parts: TokenParts, exchange: Exchange, form: URLSearchParams): Reply {
  const client = authenticate(parts, exchange, form)
  const code = parts.oauth.findCode(requiredMember(form, 'code'))
  if (!code?.usable || code.clientId !== client.clientId) {
    throw new OAuthError(400, 'invalid_grant', "code doesn't exist or has expired")
  }
  if (form.get('redirect_uri') !== code.redirectUri) {
    throw new OAuthError(400, 'invalid_grant', 'redirect_uri mismatch')
  }
  if (code.challenge !== undefined) {
    const verifier = form.get('code_verifier')
    if (!verifier || !verifierFits(verifier, code.challenge, code.challengeMethod)) {
      throw new OAuthError(400, 'invalid_grant', 'invalid code verifier')
    }
  } else if (form.has('code_verifier') || !client.hasProof) {
    throw new OAuthError(400, 'invalid_grant', 'code was not requested with a code challenge')
  }
  if (!parts.oauth.consumeCode(code.code)) {
    throw new OAuthError(400, 'invalid_grant', "code doesn't exist or has expired")
  }
  const account = grantOwner(parts, exchange, code)
  const made = code.offline ? parts.oauth.issueRefreshToken(code, client.hasProof) : undefined
  const idToken = code.scopes.includes('openid') && makeIdToken(parts, code, account)
  return tokenReply({
    access_token: parts.oauth.issueAccessToken(code, made?.number),
    token_type: 'bearer',
    expires_in: ACCESS_TOKEN_SECONDS,
    ...(made === undefined ? {} : { refresh_token: made.token }),
    scope: code.scopes.join(' '),
    uid: account.uid,
    account_id: account.accountId,
    ...(idToken ? { id_token: idToken } : {}),
  })
}

/** "The refresh token … does not expire": no new one comes with the new access token. */
function refresh(parts: TokenParts, exchange: Exchange, form: URLSearchParams): Reply {
  const client = authenticate(parts, exchange, form)
  const token = requiredMember(form, 'refresh_token')
  if (!/^[\w-]{64}$/.test(token)) {
    throw new OAuthError(400, 'invalid_grant', 'refresh token is malformed')
  }
  const grant = parts.oauth.findRefreshToken(token)
  if (!grant || grant.revoked || grant.clientId !== client.clientId) {
    throw new OAuthError(400, 'invalid_grant', 'refresh token is invalid or revoked')
  }
  if (grant.needsSecret && !client.hasProof) throw unknownClient()
  const scopes = form.has('scope') ? splitScopes(form.get('scope')) : grant.scopes
  if (scopes.some((scope) => !grant.scopes.includes(scope))) {
    throw new OAuthError(400, 'invalid_scope', 'scope must be a subset of the granted scopes')
  }
  grantOwner(parts, exchange, grant)
  return tokenReply({
    access_token: parts.oauth.issueAccessToken({ ...grant, scopes }, grant.number),
    token_type: 'bearer',
    expires_in: ACCESS_TOKEN_SECONDS,
    ...(form.has('scope') ? { scope: scopes.join(' ') } : {}),
  })
}

/** No `nonce`: Dropbox takes the parameter and does not repeat it (openid/AppAuth-iOS#824). */
function makeIdToken(parts: TokenParts, grant: Grant, account: Account): string {
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

function grantOwner(parts: TokenParts, exchange: Exchange, grant: Grant): Account {
  const account = parts.accounts.byId(grant.accountId)
  if (!account) throw new OAuthError(400, 'invalid_grant', 'account is deleted')
  exchange.account = account.email
  return account
}

/** With the app's secret, or without one, which is enough only where PKCE or its grant proves the client. */
function authenticate(
  parts: TokenParts,
  exchange: Exchange,
  form: URLSearchParams,
): { clientId: string; hasProof: boolean } {
  const { id, secret } = clientCredentials(exchange, form)
  if (id === '') throw new OAuthError(400, 'invalid_request', 'No client_id')
  const client = parts.clients.get(id)
  const hasProof = secret !== ''
  if (!client || (hasProof && !sameText(secret, client.clientSecret))) throw unknownClient()
  return { clientId: client.clientId, hasProof }
}

/** 400, where other providers answer 401. */
function unknownClient(): OAuthError {
  return new OAuthError(400, 'invalid_client', 'Invalid client_id or client_secret')
}

function tokenReply(body: Record<string, unknown>): Reply {
  return jsonReply(200, body, { 'cache-control': 'no-store', pragma: 'no-cache' })
}
