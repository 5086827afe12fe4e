/** What every provider's token endpoint has in common: our client, how refusals are told apart, what tokens come. */
import * as oauth from 'openid-client'
import { OauthRefused, OauthUnavailable, type TokenSet } from './oauth-provider.ts'

/** Shorter than the lease under which a token is refreshed, and than an API function lives. */
const TIMEOUT_SECONDS = 10

/** A provider's endpoints with our client. They are fixed rather than discovered: a cold start must not depend on one more request. */
export function configuration(
  server: oauth.ServerMetadata,
  client: { clientId: string; clientSecret: string },
): oauth.Configuration {
  const config = new oauth.Configuration(server, client.clientId, client.clientSecret)
  config.timeout = TIMEOUT_SECONDS
  if (isLoopback(server.token_endpoint ?? '')) oauth.allowInsecureRequests(config)
  return config
}

export async function refreshed(
  config: oauth.Configuration,
  refreshToken: string,
): Promise<TokenSet> {
  return tokenSet(await asking(() => oauth.refreshTokenGrant(config, refreshToken)))
}

export async function asking<Value>(ask: () => Promise<Value>): Promise<Value> {
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

export function tokenSet(reply: oauth.TokenEndpointResponse): TokenSet {
  return {
    accessToken: reply.access_token,
    ...(reply.refresh_token === undefined ? {} : { refreshToken: reply.refresh_token }),
    // An hour is what Google grants; a reply without the member is treated as already old.
    expiresInSeconds: reply.expires_in ?? 0,
    scopes: reply.scope?.split(' ') ?? [],
  }
}

function isLoopback(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
}
