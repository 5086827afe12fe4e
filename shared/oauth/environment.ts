import { environmentSecrets } from '../platform/clients.ts'
import { requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import { oauthClientReader } from '../platform/secrets.ts'
import { type DropboxDeps, dropboxFlows, dropboxTokens } from './dropbox.ts'
import { type GoogleDeps, googleFlows, googleTokens } from './google.ts'
import type { FlowsRegistry, TokensRegistry } from './oauth-provider.ts'

/** For functions by which owners sign in and connect. */
export function environmentFlows(): FlowsRegistry {
  const flows = { google: googleFlows(google()), dropbox: dropboxFlows(dropbox()) }
  return (id) => flows[id]
}

/** For functions that act by a grant. */
export function environmentTokens(): TokensRegistry {
  const tokens = { google: googleTokens(google()), dropbox: dropboxTokens(dropbox()) }
  return (id) => tokens[id]
}

function google(): GoogleDeps {
  return {
    urls: {
      accountsUrl: requireEnv(ENV.googleAccountsUrl),
      oauthUrl: requireEnv(ENV.googleOauthUrl),
      apiUrl: requireEnv(ENV.googleApiUrl),
    },
    client: oauthClientReader(environmentSecrets(), requireEnv(ENV.googleOauthSecret)),
  }
}

function dropbox(): DropboxDeps {
  return {
    urls: { wwwUrl: requireEnv(ENV.dropboxWwwUrl), apiUrl: requireEnv(ENV.dropboxApiUrl) },
    client: oauthClientReader(environmentSecrets(), requireEnv(ENV.dropboxOauthSecret)),
  }
}
