/** Who somebody is: userinfo, signing keys and the discovery document. */
import { type Account, namesOf } from '../account-store.ts'
import { createCertificate } from '../certificate.ts'
import type { EmulatorParts } from '../emulator.ts'
import { bearerToken, type Exchange, jsonReply, type Reply } from '../exchange.ts'
import { escapeHtml } from '../html.ts'
import type { SigningKey } from '../signing-key.ts'

const CERTIFICATE_SUBJECT = 'federated-signon.system.gserviceaccount.com'
/** Wide, because tests travel in time and the key never changes. */
const CERTIFICATE_VALIDITY = {
  notBefore: new Date('2020-01-01T00:00:00Z'),
  notAfter: new Date('2099-12-31T00:00:00Z'),
}

/** Claims about a person that the granted scopes allow; the same in id_token and userinfo. */
export function identityClaims(account: Account, scopes: string[], issuer: string) {
  const { given, family } = namesOf(account)
  const has = (scope: string) => scopes.includes(`https://www.googleapis.com/auth/${scope}`)
  return {
    sub: account.id,
    ...(has('userinfo.email') ? { email: account.email, email_verified: true } : {}),
    ...(has('userinfo.profile')
      ? {
          name: account.name,
          picture: `${issuer}/a/${account.id}`,
          given_name: given,
          family_name: family,
        }
      : {}),
  }
}

export function handleUserinfo(parts: EmulatorParts, exchange: Exchange): Reply {
  exchange.operation = 'oauth.userinfo'
  const token = bearerToken(exchange)
  const grant = token === undefined ? undefined : parts.oauth.findAccessToken(token)
  const account = grant?.isExpired === false && parts.accounts.byId(grant.accountId)
  if (!account) {
    return jsonReply(
      401,
      { error: 'invalid_request', error_description: 'Invalid Credentials' },
      { 'www-authenticate': `Bearer realm="${parts.issuer()}/", error="invalid_token"` },
    )
  }
  exchange.account = account.email
  return jsonReply(200, identityClaims(account, grant.scopes, parts.issuer()))
}

export function handleDiscovery(parts: EmulatorParts, exchange: Exchange): Reply {
  exchange.operation = 'oauth.discovery'
  const issuer = parts.issuer()
  return jsonReply(200, {
    issuer,
    authorization_endpoint: `${issuer}/o/oauth2/v2/auth`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/v1/userinfo`,
    revocation_endpoint: `${issuer}/revoke`,
    jwks_uri: `${issuer}/oauth2/v3/certs`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'profile'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    claims_supported: [
      'aud',
      'email',
      'email_verified',
      'exp',
      'family_name',
      'given_name',
      'iat',
      'iss',
      'name',
      'picture',
      'sub',
    ],
    code_challenge_methods_supported: ['plain', 'S256'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    authorization_response_iss_parameter_supported: true,
  })
}

export function handleCerts(
  parts: EmulatorParts,
  exchange: Exchange,
  form: 'jwks' | 'certificates',
): Reply {
  exchange.operation = 'oauth.certs'
  const keys = form === 'jwks' ? parts.signingKey.jwks() : certificates(parts.signingKey)
  return jsonReply(200, keys, { 'cache-control': 'public, max-age=3600' })
}

/** `/oauth2/v1/certs`, which discovery does not name and Google's own libraries read. */
function certificates(signingKey: SigningKey): Record<string, string> {
  const { keyId, publicKey, privateKey } = signingKey.keys()
  const pem = createCertificate({
    subject: CERTIFICATE_SUBJECT,
    publicKey,
    issuer: CERTIFICATE_SUBJECT,
    issuerKey: privateKey,
    ...CERTIFICATE_VALIDITY,
  })
  return { [keyId]: pem }
}

/** The picture that the claims name: the person's initial. */
export function handlePicture(parts: EmulatorParts, exchange: Exchange, sub: string): Reply {
  exchange.operation = 'oauth.picture'
  const account = parts.accounts.byId(sub)
  if (!account) return { status: 404 }
  const initial = escapeHtml(account.name.slice(0, 1))
  return {
    status: 200,
    headers: { 'content-type': 'image/svg+xml' },
    body: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><circle cx="48" cy="48" r="48" fill="#1a5fd0"/><text x="48" y="64" font-family="sans-serif" font-size="48" fill="#fff" text-anchor="middle">${initial}</text></svg>`,
  }
}
