import type { StorageAccountStatus } from '../../../shared/contract/accounts.ts'
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

/** A portal's state with its cause; `accountStatus` is that of its own account, where it is known. */
export function describePortal(
  portal: Pick<PortalReply, 'acceptsUploads' | 'reason'>,
  accountStatus?: StorageAccountStatus | null,
): PortalStatus {
  if (portal.acceptsUploads) {
    const open: PortalStatus = { color: 'green', label: 'Takes files' }
    return accountStatus && accountStatus !== 'ACTIVE'
      ? {
          ...open,
          advice: 'Its own account takes none now; a backup account stands in.',
          atAccounts: true,
        }
      : open
  }
  switch (portal.reason) {
    case 'STORAGE_INACTIVE':
      return {
        color: 'yellow',
        label: 'Storage Inactive',
        advice: 'Its storage account is paused. Reactivate it and the portal opens by itself.',
        atAccounts: true,
      }
    case 'STORAGE_DISCONNECTED':
      return {
        color: 'red',
        label: 'Storage Disconnected',
        advice:
          'Reconnect its storage account and the portal opens by itself, or choose another account in its settings.',
        atAccounts: true,
      }
    case 'STORAGE_ERROR':
      return {
        color: 'orange',
        label: 'Storage Unavailable',
        advice: 'The provider does not answer. We keep trying; the portal opens by itself.',
        atAccounts: true,
      }
    case 'DEADLINE_PASSED':
      return {
        color: 'grey',
        label: 'Deadline passed',
        advice: 'Set a later deadline in its settings, or none, and it takes files again.',
      }
    case 'LIMIT_REACHED':
      return {
        color: 'yellow',
        label: 'Full',
        advice: 'It has as many files as you allowed. Raise its limits and it takes files again.',
      }
    default:
      return {
        color: 'grey',
        label: 'Closed',
        advice: 'You closed it. Its link says so. Reopen it and it takes files again.',
      }
  }
}
