import type { StorageProviderId } from '../../shared/contract/common.ts'
import { factsOf, STORAGE_PROVIDER_IDS } from '../../shared/contract/providers.ts'

/** Storage providers as they call themselves. */
export const PROVIDER_NAMES = Object.fromEntries(
  STORAGE_PROVIDER_IDS.map((id) => [id, factsOf(id).name]),
) as Record<StorageProviderId, string>
