/** The storage providers for which every story is told that concerns storage; another one is another line. */
import type { OauthProviderId } from '../../shared/contract/common.ts'
import type { ProviderSuite } from './provider-suite.ts'
import { DRIVE } from './providers/drive.ts'
import { DROPBOX } from './providers/dropbox.ts'

export const PROVIDERS: readonly ProviderSuite[] = [DRIVE, DROPBOX]

/** Every provider with every other one. */
export const PROVIDER_PAIRS = PROVIDERS.flatMap((first) =>
  PROVIDERS.filter((second) => second !== first).map((second) => ({ first, second })),
)

export function suiteOf(id: OauthProviderId): ProviderSuite {
  const suite = PROVIDERS.find((provider) => provider.id === id)
  if (!suite) throw new Error(`no tests know the provider ${id}`)
  return suite
}
