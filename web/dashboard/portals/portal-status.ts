import type { PortalReply } from '../../../shared/contract/portals.ts'
import type { StatusColor } from '../shell/status-label.tsx'

interface PortalStatus {
  color: StatusColor
  label: string
  /** Why it takes no files, and what to do. */
  advice?: string
  /** Whether the Accounts page is where to do it. */
  atAccounts?: boolean
}

export function describePortal(
  portal: Pick<PortalReply, 'acceptsUploads' | 'reason'>,
): PortalStatus {
  if (portal.acceptsUploads) return { color: 'green', label: 'Takes files' }
  switch (portal.reason) {
    case 'STORAGE_INACTIVE':
      return {
        color: 'yellow',
        label: 'Storage paused',
        advice: 'Its storage account is paused. Reactivate it and the portal opens by itself.',
        atAccounts: true,
      }
    case 'STORAGE_DISCONNECTED':
      return {
        color: 'red',
        label: 'Storage disconnected',
        advice: 'Reconnect its storage account and the portal opens by itself.',
        atAccounts: true,
      }
    case 'STORAGE_ERROR':
      return {
        color: 'orange',
        label: 'Storage has a problem',
        advice: 'The provider does not answer. We keep trying; the portal opens by itself.',
        atAccounts: true,
      }
    default:
      return { color: 'grey', label: 'Closed', advice: 'You closed it. Its link says so.' }
  }
}
