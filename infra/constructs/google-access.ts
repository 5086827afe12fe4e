/** What a function needs to talk to Google: the OAuth client and the hosts, which a local run replaces. */
import { ENV } from '../../shared/platform/env-names.ts'
import type { PurposeSecret } from './purpose-secret.ts'
import type { ServiceFunction } from './service-function.ts'

/** https://accounts.google.com/.well-known/openid-configuration */
const HOSTS = {
  [ENV.googleAccountsUrl]: 'https://accounts.google.com',
  [ENV.googleOauthUrl]: 'https://oauth2.googleapis.com',
  [ENV.googleApiUrl]: 'https://www.googleapis.com',
} as const

export function letCallGoogle(fn: ServiceFunction, oauthClient: PurposeSecret): void {
  oauthClient.letRead(fn)
  for (const name of [ENV.googleAccountsUrl, ENV.googleOauthUrl, ENV.googleApiUrl] as const) {
    fn.setEnv(name, HOSTS[name])
  }
}
