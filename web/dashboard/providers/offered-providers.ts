import { useQuery } from '@tanstack/react-query'
import type { OauthProviderId, StorageProviderId } from '../../../shared/contract/common.ts'
import { factsOf, PROVIDERS, STORAGE_PROVIDER_IDS } from '../../../shared/contract/providers.ts'
import { listProviders } from '../api/client.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'

interface OfferedProvider {
  id: OauthProviderId
  storageProvider: StorageProviderId
  name: string
  /** Who knows an owner, as far as that has a name of its own. */
  signInName: string
}

const ALL: OfferedProvider[] = STORAGE_PROVIDER_IDS.map((storageProvider) => ({
  id: PROVIDERS[storageProvider].oauthId,
  storageProvider,
  name: factsOf(storageProvider).name,
  signInName: factsOf(storageProvider).signInName,
}))

/** Of all providers those that this deployment has said it offers; all of them as long as it has not. */
export function offeredProviders(offered: OauthProviderId[] | undefined): OfferedProvider[] {
  return ALL.filter(({ id }) => offered === undefined || offered.includes(id))
}

/**
 * In the order in which they are offered. Most deployments offer them all, so they are shown
 * while nothing is known; what is not offered is refused by the API in plain words.
 */
export function useOfferedProviders(): OfferedProvider[] {
  const { data } = useQuery({
    queryKey: QUERY_KEYS.providers,
    queryFn: ({ signal }) => listProviders(signal),
    staleTime: 5 * 60_000,
  })
  return offeredProviders(data)
}

/** `Google Drive or Dropbox`. */
export function anyOf(providers: Pick<OfferedProvider, 'name'>[]): string {
  return new Intl.ListFormat('en', { type: 'disjunction' }).format(
    providers.map(({ name }) => name),
  )
}

/** The provider that an address names, if it is one. */
export function providerNamed(id: string | null): OfferedProvider | undefined {
  return ALL.find((provider) => provider.id === id)
}
