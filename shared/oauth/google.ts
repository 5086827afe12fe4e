/**
 * Google's OAuth 2 and OpenID Connect (https://developers.google.com/identity/protocols/oauth2/web-server).
 * The endpoints are fixed rather than discovered: a cold start must not depend on one more request.
 */
import * as oauth from 'openid-client'
import type { OauthClientSecret } from '../platform/secrets.ts'
import {
  type FlowChecks,
  type OauthProvider,
  OauthRefused,
  OauthUnavailable,
  type TokenSet,
} from './oauth-provider.ts'

const IDENTITY_SCOPES = ['openid', 'email', 'profile']
/** Least scope that delivers: files that this app created (https://developers.google.com/workspace/drive/api/guides/api-specific-auth). */
const DRIVE_SCOPE = 'https://www.googleapis.com/auth/drive.file'

/** Shorter than the lease under which a token is refreshed, and than an API function lives. */
const TIMEOUT_SECONDS = 10

export interface GoogleUrls {
  accountsUrl: string
  oauthUrl: string
  apiUrl: string
}

export function googleOauth(deps: {
  urls: GoogleUrls
  client: () => Promise<OauthClientSecret>
}): OauthProvider {
  async function configuration(): Promise<oauth.Configuration> {
    const { clientId, clientSecret } = await deps.client()
    const { accountsUrl, oauthUrl, apiUrl } = deps.urls
    const config = new oauth.Configuration(
      {
        issuer: accountsUrl,
        authorization_endpoint: `${accountsUrl}/o/oauth2/v2/auth`,
        token_endpoint: `${oauthUrl}/token`,
        revocation_endpoint: `${oauthUrl}/revoke`,
        jwks_uri: `${apiUrl}/oauth2/v3/certs`,
        code_challenge_methods_supported: ['S256'],
      },
      clientId,
      clientSecret,
    )
    config.timeout = TIMEOUT_SECONDS
    if (isLoopback(oauthUrl)) oauth.allowInsecureRequests(config)
    return config
  }

  return {
    id: 'google',
    storageScopes: [DRIVE_SCOPE],

    async authorizeUrl(kind, redirectUri, checks) {
      const connect = kind === 'connect'
      return oauth.buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        scope: [...IDENTITY_SCOPES, ...(connect ? [DRIVE_SCOPE] : [])].join(' '),
        state: checks.state,
        nonce: checks.nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(checks.codeVerifier),
        code_challenge_method: 'S256',
        // Without prompt=consent only the first exchange ever returns a refresh token.
        ...(connect
          ? { access_type: 'offline', prompt: 'consent select_account' }
          : { prompt: 'select_account' }),
      })
    },

    async exchange(callbackUrl, checks) {
      const reply = await asking(async () =>
        matching(
          oauth.authorizationCodeGrant(await configuration(), callbackUrl, {
            expectedState: checks.state,
            expectedNonce: checks.nonce,
            pkceCodeVerifier: checks.codeVerifier,
            idTokenExpected: true,
          }),
        ),
      )
      const claims = reply.claims()
      if (!claims) throw new OauthRefused('id_token_missing', { grantIsDead: false })
      return {
        tokens: tokenSet(reply),
        identity: {
          provider: 'google',
          subject: claims.sub,
          email: text(claims['email']),
          emailVerified: claims['email_verified'] === true,
          name: text(claims['name']),
          image: text(claims['picture']),
        },
      }
    },

    async refresh(refreshToken) {
      return tokenSet(
        await asking(async () => oauth.refreshTokenGrant(await configuration(), refreshToken)),
      )
    },

    // https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
    async revoke(refreshToken) {
      await asking(async () => oauth.tokenRevocation(await configuration(), refreshToken))
    },
  }
}

/** Fresh values for one flow. */
export function newFlowChecks(): FlowChecks {
  return {
    state: oauth.randomState(),
    nonce: oauth.randomNonce(),
    codeVerifier: oauth.randomPKCECodeVerifier(),
  }
}

/** How the client names an answer with another issuer or nonce, without a code, or of another flow. */
const MISMATCHES = [
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_UNSUPPORTED_OPERATION',
]

/** An answer that is not the one that the flow waits for is refused; asking again would not mend it. */
async function matching<Value>(exchange: Promise<Value>): Promise<Value> {
  try {
    return await exchange
  } catch (error) {
    if (!(error instanceof oauth.ClientError) || !MISMATCHES.includes(error.code ?? '')) throw error
    throw new OauthRefused('invalid_response', { grantIsDead: false, cause: error })
  }
}

async function asking<Value>(ask: () => Promise<Value>): Promise<Value> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof OauthRefused) throw error
    if (error instanceof oauth.ResponseBodyError) {
      if (error.status >= 500 || error.status === 429) throw new OauthUnavailable(error)
      throw new OauthRefused(error.error, { grantIsDead: grantIsDead(error), cause: error })
    }
    if (error instanceof oauth.AuthorizationResponseError) {
      throw new OauthRefused(error.error, { grantIsDead: false, cause: error })
    }
    throw new OauthUnavailable(error)
  }
}

/** `invalid_client` is a fault of the deployment and must never disconnect an owner. */
function grantIsDead(error: oauth.ResponseBodyError): boolean {
  return ['invalid_grant', 'admin_policy_enforced', 'org_internal'].includes(error.error)
}

function tokenSet(reply: oauth.TokenEndpointResponse): TokenSet {
  return {
    accessToken: reply.access_token,
    ...(reply.refresh_token === undefined ? {} : { refreshToken: reply.refresh_token }),
    // An hour is what Google grants; a reply without the member is treated as already old.
    expiresInSeconds: reply.expires_in ?? 0,
    scopes: reply.scope?.split(' ') ?? [],
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

function isLoopback(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
}
