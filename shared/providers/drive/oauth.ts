/** Google's OAuth 2 and OpenID Connect (https://developers.google.com/identity/protocols/oauth2/web-server). */
import * as oauth from 'openid-client'
import { checksOf, exchanged } from '../../oauth/oauth-flow.ts'
import type { OauthDeps, OauthFlows, OauthTokens } from '../../oauth/oauth-provider.ts'
import { asking, configuration, refreshed } from '../../oauth/oauth-token.ts'

const IDENTITY_SCOPES = ['openid', 'email', 'profile']
/** Least scope that delivers: files that this app created (https://developers.google.com/workspace/drive/api/guides/api-specific-auth). */
const DRIVE_SCOPE = 'https://www.googleapis.com/auth/drive.file'

type GoogleDeps = OauthDeps<'google_drive'>

export function googleFlows(deps: GoogleDeps): OauthFlows {
  return {
    id: 'google',
    storageScopes: [DRIVE_SCOPE],

    async authorizeUrl(kind, redirectUri, checks) {
      const connect = kind === 'connect'
      return oauth.buildAuthorizationUrl(await google(deps), {
        redirect_uri: redirectUri,
        scope: [...IDENTITY_SCOPES, ...(connect ? [DRIVE_SCOPE] : [])].join(' '),
        ...(await checksOf(checks)),
        // Without prompt=consent only the first exchange ever returns a refresh token.
        ...(connect
          ? { access_type: 'offline', prompt: 'consent select_account' }
          : { prompt: 'select_account' }),
      })
    },

    async exchange(callbackUrl, checks) {
      return exchanged('google', await google(deps), callbackUrl, checks)
    },
  }
}

export function googleTokens(deps: GoogleDeps): OauthTokens {
  return {
    async refresh(refreshToken) {
      return refreshed(await google(deps), refreshToken)
    },

    // https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
    async revoke(refreshToken) {
      const config = await google(deps)
      await asking(() => oauth.tokenRevocation(config, refreshToken))
    },
  }
}

async function google({ urls, client }: GoogleDeps): Promise<oauth.Configuration> {
  const { accountsUrl, oauthUrl, apiUrl } = urls
  const server = {
    issuer: accountsUrl,
    authorization_endpoint: `${accountsUrl}/o/oauth2/v2/auth`,
    token_endpoint: `${oauthUrl}/token`,
    revocation_endpoint: `${oauthUrl}/revoke`,
    jwks_uri: `${apiUrl}/oauth2/v3/certs`,
    code_challenge_methods_supported: ['S256'],
  }
  return configuration(server, await client())
}
