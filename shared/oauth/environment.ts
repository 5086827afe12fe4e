import { environmentSecrets } from '../platform/clients.ts'
import { requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import { oauthClientReader } from '../platform/secrets.ts'
import { googleOauth } from './google.ts'

export function environmentOauth() {
  return googleOauth({
    urls: {
      accountsUrl: requireEnv(ENV.googleAccountsUrl),
      oauthUrl: requireEnv(ENV.googleOauthUrl),
      apiUrl: requireEnv(ENV.googleApiUrl),
    },
    client: oauthClientReader(environmentSecrets(), requireEnv(ENV.googleOauthSecret)),
  })
}
