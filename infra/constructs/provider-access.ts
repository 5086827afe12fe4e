/** What a function needs to talk to Google and Dropbox: the OAuth clients and the hosts, which a local run replaces. */
import { ENV } from '../../shared/platform/env-names.ts'
import type { DataStack } from '../data-stack.ts'
import type { ServiceFunction } from './service-function.ts'

const HOSTS = {
  // https://accounts.google.com/.well-known/openid-configuration
  [ENV.googleAccountsUrl]: 'https://accounts.google.com',
  [ENV.googleOauthUrl]: 'https://oauth2.googleapis.com',
  [ENV.googleApiUrl]: 'https://www.googleapis.com',
  // https://www.dropbox.com/developers/documentation/http/documentation#formats
  [ENV.dropboxWwwUrl]: 'https://www.dropbox.com',
  [ENV.dropboxApiUrl]: 'https://api.dropboxapi.com',
  [ENV.dropboxContentUrl]: 'https://content.dropboxapi.com',
} as const

export function letCallProviders(
  fn: ServiceFunction,
  clients: Pick<DataStack, 'googleOauth' | 'dropboxOauth'>,
): void {
  clients.googleOauth.letRead(fn)
  clients.dropboxOauth.letRead(fn)
  for (const [name, host] of Object.entries(HOSTS)) fn.setEnv(name as keyof typeof HOSTS, host)
}
