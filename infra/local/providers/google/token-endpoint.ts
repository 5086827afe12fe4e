/**
 * `/token`, `/revoke` and `/tokeninfo`.
 * https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code
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
import { OAuthError, oauthErrorReply } from '../oauth-error.ts'
import { accessTokenHash, type SigningKey } from '../signing-key.ts'
import type { AccountStore } from './account-store.ts'
import { identityClaims } from './identity.ts'
import { ACCESS_TOKEN_SECONDS, type Grant, type OAuthStore } from './oauth-store.ts'
import { grantedScopes, splitScopes } from './scopes.ts'

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
  if (exchange.method !== 'POST') throw new OAuthError(405, 'invalid_request', 'Use POST')
  const form = await readForm(exchange)
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
  throw new OAuthError(400, 'unsupported_grant_type', `Invalid grant_type: ${grantType}`)
}

function redeemCode(parts: TokenParts, exchange: Exchange, form: URLSearchParams): Reply {
  const client = authenticate(parts, exchange, form)
  const code = parts.oauth.findCode(requiredMember(form, 'code'))
  if (!code || code.clientId !== client.clientId) {
    throw new OAuthError(400, 'invalid_grant', 'Malformed auth code.')
  }
  if (!code.usable) throw new OAuthError(400, 'invalid_grant', 'Bad Request')
  if (form.get('redirect_uri') !== code.redirectUri) {
    throw new OAuthError(400, 'redirect_uri_mismatch', 'Bad Request')
  }
  if (code.challenge !== undefined) {
    const verifier = form.get('code_verifier')
    if (!verifier) throw new OAuthError(400, 'invalid_request', 'Missing code verifier.')
    if (!verifierFits(verifier, code.challenge, code.challengeMethod)) {
      throw new OAuthError(400, 'invalid_grant', 'Invalid code verifier.')
    }
  } else if (form.has('code_verifier')) {
    throw new OAuthError(400, 'invalid_grant', 'code_verifier or verifier is not needed.')
  }
  if (!parts.oauth.consumeCode(code.code)) {
    throw new OAuthError(400, 'invalid_grant', 'Bad Request')
  }
  const refreshToken = code.withRefresh ? parts.oauth.issueRefreshToken(code) : undefined
  return tokens(parts, exchange, code, { nonce: code.nonce, refreshToken })
}

function refresh(parts: TokenParts, exchange: Exchange, form: URLSearchParams): Reply {
  const client = authenticate(parts, exchange, form)
  const token = requiredMember(form, 'refresh_token')
  const { state, grant } = parts.oauth.findRefreshToken(token)
  if (!grant || grant.clientId !== client.clientId) {
    throw new OAuthError(400, 'invalid_grant', 'Bad Request')
  }
  if (state === 'dead') {
    throw new OAuthError(400, 'invalid_grant', 'Token has been expired or revoked.')
  }
  const narrowed = form.has('scope') ? grantedScopes(splitScopes(form.get('scope'))) : grant.scopes
  if (narrowed.some((scope) => !grant.scopes.includes(scope))) {
    throw new OAuthError(400, 'invalid_scope', 'Bad Request')
  }
  parts.oauth.touchRefreshToken(token)
  return tokens(parts, exchange, { ...grant, scopes: narrowed }, {})
}

function tokens(
  parts: TokenParts,
  exchange: Exchange,
  grant: Grant,
  extra: { nonce?: string | undefined; refreshToken?: string | undefined },
): Reply {
  const account = parts.accounts.bySub(grant.sub)
  if (!account) throw new OAuthError(400, 'invalid_grant', 'Account has been deleted')
  exchange.account = account.email
  const accessToken = parts.oauth.issueAccessToken(grant)
  const issuedAt = Math.floor(parts.clock.now() / 1000)
  const idToken =
    grant.scopes.includes('openid') &&
    parts.signingKey.signJwt({
      iss: parts.issuer(),
      azp: grant.clientId,
      aud: grant.clientId,
      ...identityClaims(account, grant.scopes, parts.issuer()),
      at_hash: accessTokenHash(accessToken),
      ...(extra.nonce === undefined ? {} : { nonce: extra.nonce }),
      iat: issuedAt,
      exp: issuedAt + 3600,
    })
  const body = {
    access_token: accessToken,
    expires_in: ACCESS_TOKEN_SECONDS,
    ...(extra.refreshToken === undefined ? {} : { refresh_token: extra.refreshToken }),
    scope: grant.scopes.join(' '),
    token_type: 'Bearer',
    ...(idToken ? { id_token: idToken } : {}),
  }
  return jsonReply(200, body, { 'cache-control': 'no-store', pragma: 'no-cache' })
}

function authenticate(parts: TokenParts, exchange: Exchange, form: URLSearchParams): OAuthClient {
  const { id, secret } = clientCredentials(exchange, form)
  if (id === '') {
    throw new OAuthError(400, 'invalid_request', 'Could not determine client ID from request.')
  }
  const client = parts.clients.get(id)
  if (!client) throw new OAuthError(401, 'invalid_client', 'The OAuth client was not found.')
  if (secret === '') throw new OAuthError(400, 'invalid_request', 'client_secret is missing.')
  if (!sameText(secret, client.clientSecret)) {
    throw new OAuthError(401, 'invalid_client', 'Unauthorized')
  }
  return client
}

export async function handleRevoke(parts: TokenParts, exchange: Exchange): Promise<Reply> {
  exchange.operation = 'oauth.revoke'
  const form = exchange.method === 'POST' ? await readForm(exchange) : new URLSearchParams()
  const token = form.get('token') ?? exchange.url.searchParams.get('token')
  if (!token) return oauthErrorReply(400, 'invalid_request', 'Missing required parameter: token')
  const { state, grant } = parts.oauth.findRefreshToken(token)
  const owner = state === 'live' ? grant : parts.oauth.findAccessToken(token)
  if (!owner) return oauthErrorReply(400, 'invalid_token', 'Token expired or revoked')
  const account = parts.accounts.bySub(owner.sub)
  if (account) exchange.account = account.email
  parts.oauth.revokeEverything(owner.sub)
  return jsonReply(200, {})
}

export async function handleTokenInfo(parts: TokenParts, exchange: Exchange): Promise<Reply> {
  exchange.operation = 'oauth.tokeninfo'
  const form = exchange.method === 'POST' ? await readForm(exchange) : new URLSearchParams()
  const token = form.get('access_token') ?? exchange.url.searchParams.get('access_token') ?? ''
  const grant = parts.oauth.findAccessToken(token)
  if (!grant) return oauthErrorReply(400, 'invalid_token', 'Invalid Value')
  return jsonReply(200, {
    azp: grant.clientId,
    aud: grant.clientId,
    sub: grant.sub,
    scope: grant.scopes.join(' '),
    exp: String(Math.floor(grant.expiresAtMs / 1000)),
    expires_in: String(Math.floor((grant.expiresAtMs - parts.clock.now()) / 1000)),
  })
}
