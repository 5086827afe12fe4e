import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { formValuesOf, NEW_PORTAL, type PortalFormValues } from './portal-form.ts'
import { suggestSlug } from './suggest-slug.ts'

const MAX_NAME_LENGTH = 100

/** What the form of a new portal begins with; a copy takes everything but the link, and a deadline that is over. */
export function newPortalValues(
  active: Pick<AccountEntry, 'storageAccountId'>[],
  original: PortalReply | undefined,
  nowMs = Date.now(),
): PortalFormValues {
  const firstId = active[0]?.storageAccountId ?? ''
  if (!original) return { ...NEW_PORTAL, storageAccountId: firstId }
  const values = formValuesOf(original)
  const name = `Copy of ${original.name}`.slice(0, MAX_NAME_LENGTH)
  const isActive = active.some(
    ({ storageAccountId }) => storageAccountId === original.storageAccountId,
  )
  const storageAccountId = isActive ? original.storageAccountId : firstId
  const isOver = original.deadline !== null && Date.parse(original.deadline) <= nowMs
  return {
    ...values,
    name,
    slug: suggestSlug(name),
    storageAccountId,
    backupStorageAccountIds: values.backupStorageAccountIds.filter((id) => id !== storageAccountId),
    deadline: isOver ? '' : values.deadline,
  }
}
