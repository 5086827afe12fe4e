/** Who somebody is: discovery, signing key, claims. https://developers.dropbox.com/oidc-guide */
import { type Account, namesOf } from '../account-store.ts'
import type { EmulatorParts } from '../emulator.ts'
import { type Exchange, jsonReply, type Reply } from '../exchange.ts'

/** Claims about a person that the granted scopes allow; the same in id_token and userinfo. */
export function identityClaims(account: Account, scopes: string[]): Record<string, unknown> {
  const { given, family } = namesOf(account)
  return {
    sub: account.id,
    ...(scopes.includes('email') ? { email: account.email, email_verified: true } : {}),
    ...(scopes.includes('profile') ? { given_name: given, family_name: family } : {}),
  }
}

/** As published, on this origin; userinfo is not named there, nor is PKCE. */
export function handleDiscovery(parts: EmulatorParts, exchange: Exchange): Reply {
  exchange.operation = 'oauth.discovery'
  const issuer = parts.issuer()
  return jsonReply(200, {
    issuer,
    authorization_endpoint: `${issuer}/oauth2/authorize`,
    token_endpoint: `${issuer}/oauth2/token`,
    jwks_uri: `${issuer}/.well-known/jwks`,
    scopes_supported: ['openid', 'profile', 'email'],
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment'],
    grant_types_supported: ['authorization_code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    claim_types_supported: ['normal'],
    claims_supported: ['email', 'email_verified', 'family_name', 'given_name'],
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  })
}

export function handleKeys(parts: EmulatorParts, exchange: Exchange): Reply {
  exchange.operation = 'oauth.certs'
  return jsonReply(200, parts.signingKey.jwks(), { 'cache-control': 'public, max-age=3600' })
}
