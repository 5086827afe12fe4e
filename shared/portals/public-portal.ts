/** What anybody with the link may know of a portal: never its owner, never its account. */
import type { AccountStore } from '../accounts/account-store.ts'
import { MAX_FILE_BYTES, MAX_FILES_PER_INTENT } from '../contract/limits.ts'
import type { PublicPortalReply } from '../contract/portals.ts'
import { PortageError } from '../errors.ts'
import { getPortalUploadAcceptance } from './portal.ts'
import type { PortalStore } from './portal-store.ts'

export async function getPublicPortal(
  deps: { portals: PortalStore; accounts: AccountStore },
  slug: string,
): Promise<PublicPortalReply> {
  const portal = await deps.portals.findBySlug(slug)
  if (!portal) {
    throw new PortageError(
      'PORTAL_NOT_FOUND',
      'This link leads nowhere. Check it for typing errors, or ask for a new one.',
    )
  }
  const account = await deps.accounts.find(portal.storageAccountId)
  const { acceptsUploads, reason } = getPortalUploadAcceptance(portal, account)
  return {
    portalId: portal.id,
    name: portal.name,
    passwordRequired: false,
    fields: {
      clientName: portal.requireClientName ? 'required' : 'optional',
      clientEmail: portal.requireClientEmail ? 'required' : 'optional',
      clientMessage: 'optional',
    },
    limits: { maxFileBytes: MAX_FILE_BYTES, maxFilesPerIntent: MAX_FILES_PER_INTENT },
    acceptsUploads,
    ...(acceptsUploads ? {} : { reason: reason === 'PORTAL_CLOSED' ? 'closed' : 'paused' }),
  }
}
