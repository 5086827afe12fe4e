import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import { factsOf, STORAGE_PROVIDER_IDS } from '../../shared/contract/providers.ts'
import type { Messages } from './messages.ts'

/** A portal's limit is one of these where its owner has set none, and nobody has a file as large. */
const LIMITS_OF_PROVIDERS: ReadonlySet<number> = new Set(
  STORAGE_PROVIDER_IDS.map((id) => factsOf(id).maxFileBytes),
)

/** What the portal takes, in a sentence; empty when it takes whatever its owner's storage does. */
export function fileRules({ limits }: Pick<OpenPortalReply, 'limits'>, messages: Messages): string {
  const { allowedTypes, maxFileBytes } = limits
  const isOwners = !LIMITS_OF_PROVIDERS.has(maxFileBytes)
  return messages.fileRules(allowedTypes, isOwners ? maxFileBytes : undefined)
}
