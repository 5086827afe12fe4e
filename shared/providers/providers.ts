/**
 * The providers, in the order in which they are offered. Ids, hosts, names and the operator's texts
 * follow from this table; what runs is in `registry.ts`, so that nobody loads it who only names a
 * provider.
 */
import { drive } from './drive/facts.ts'
import { dropbox } from './dropbox/facts.ts'
import type { ProviderFacts } from './facts.ts'

/** By storage id, as records carry it. */
export const PROVIDERS = {
  google_drive: drive,
  dropbox,
} as const satisfies Record<string, ProviderFacts>

export type StorageProviderId = keyof typeof PROVIDERS
export type OauthProviderId = (typeof PROVIDERS)[StorageProviderId]['oauthId']

export const STORAGE_PROVIDER_IDS = Object.keys(PROVIDERS) as StorageProviderId[]
export const OAUTH_PROVIDER_IDS: OauthProviderId[] = Object.values(PROVIDERS).map(
  ({ oauthId }) => oauthId,
)

/** The facts without what only one provider has in its type. */
export function factsOf(id: StorageProviderId): ProviderFacts {
  return PROVIDERS[id]
}
