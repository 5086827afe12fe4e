/**
 * Dropbox's OAuth 2 (https://www.dropbox.com/developers/documentation/http/documentation#authorization)
 * and OpenID Connect (https://developers.dropbox.com/oidc-guide).
 */
import * as oauth from 'openid-client'
import { checksOf, exchanged } from '../../oauth/oauth-flow.ts'
import {
  type FlowChecks,
  type OauthDeps,
  type OauthFlows,
  type OauthTokens,
  OauthUnavailable,
} from '../../oauth/oauth-provider.ts'
import { configuration, refreshed } from '../../oauth/oauth-token.ts'

const IDENTITY_SCOPES = ['openid', 'email', 'profile']
/** Least scopes that deliver, prove and read back (https://www.dropbox.com/developers/documentation/http/documentation). */
const STORAGE_SCOPES = ['files.content.write', 'files.content.read', 'files.metadata.read']
/** How much room there is (https://www.dropbox.com/developers/documentation/http/documentation#users-get_space_usage). */
const ACCOUNT_SCOPE = 'account_info.read'

type DropboxDeps = OauthDeps<'dropbox'>

const REVOKE_TIMEOUT_MS = 10_000

export function dropboxFlows(deps: DropboxDeps): OauthFlows {
  return {
    id: 'dropbox',
    storageScopes: STORAGE_SCOPES,

    async authorizeUrl(kind, redirectUri, checks) {
      const connect = kind === 'connect'
      const storage = connect ? [ACCOUNT_SCOPE, ...STORAGE_SCOPES] : []
      return oauth.buildAuthorizationUrl(await dropbox(deps), {
        redirect_uri: redirectUri,
        scope: [...IDENTITY_SCOPES, ...storage].join(' '),
        ...(await checksOf(withoutNonce(checks))),
        ...(connect
          ? { token_access_type: 'offline', force_reapprove: 'true' }
          : { token_access_type: 'online' }),
      })
    },

    async exchange(callbackUrl, checks) {
      return exchanged('dropbox', await dropbox(deps), callbackUrl, withoutNonce(checks))
    },
  }
}

export function dropboxTokens(deps: DropboxDeps): OauthTokens {
  async function refresh(refreshToken: string) {
    return refreshed(await dropbox(deps), refreshToken)
  }

  return {
    refresh,

    // It ends the grant of the access token with which it is called, which may have expired meanwhile
    // (https://www.dropbox.com/developers/documentation/http/documentation#auth-token-revoke).
    async revoke(refreshToken) {
      const { accessToken } = await refresh(refreshToken)
      const reply = await fetch(`${deps.urls.apiUrl}/2/auth/token/revoke`, {
        method: 'POST',
        headers: { authorization: `Bearer ${accessToken}` },
        signal: AbortSignal.timeout(REVOKE_TIMEOUT_MS),
      }).catch((error: unknown) => {
        throw new OauthUnavailable(error)
      })
      // 401: it is revoked already.
      if (!reply.ok && reply.status !== 401) throw new OauthUnavailable(reply.status)
    },
  }
}

/**
 * `nonce` is no documented parameter of Dropbox, and its ID tokens do not repeat one
 * (https://github.com/openid/AppAuth-iOS/issues/824).
 */
function withoutNonce({ state, codeVerifier }: FlowChecks): Omit<FlowChecks, 'nonce'> {
  return { state, codeVerifier }
}

async function dropbox({ urls, client }: DropboxDeps): Promise<oauth.Configuration> {
  const server = {
    issuer: urls.wwwUrl,
    authorization_endpoint: `${urls.wwwUrl}/oauth2/authorize`,
    token_endpoint: `${urls.apiUrl}/oauth2/token`,
    code_challenge_methods_supported: ['S256'],
  }
  return configuration(server, await client())
}
