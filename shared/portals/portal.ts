import { canCreateUploads } from '../accounts/account.ts'
import type { StorageAccountStatus } from '../contract/accounts.ts'
import type { StorageProviderId } from '../contract/common.ts'
import type { AcceptanceReason } from '../contract/portals.ts'

export interface Portal {
  id: string
  userId: string
  name: string
  slug: string
  storageProvider: StorageProviderId
  storageAccountId: string
  isActive: boolean
  deactivatedBy: 'USER' | 'SYSTEM' | null
  deactivatedAt: string | null
  deactivationReason: string | null
  autoDeactivatedAccountId: string | null
  requireClientName: boolean
  requireClientEmail: boolean
  version: number
  createdAt: string
  updatedAt: string
}

export interface PortalAcceptance {
  acceptsUploads: boolean
  reason?: AcceptanceReason
  storageAccountId?: string
  requiresUserAction: boolean
}

const REASON: Record<Exclude<StorageAccountStatus, 'ACTIVE'>, AcceptanceReason> = {
  INACTIVE: 'STORAGE_INACTIVE',
  DISCONNECTED: 'STORAGE_DISCONNECTED',
  ERROR: 'STORAGE_ERROR',
}

/**
 * Whether a portal takes files now. The account's own status decides; the portal's flag only tells
 * what its owner wants, and an automatic stop is not the owner's wish.
 */
export function getPortalUploadAcceptance(
  portal: Pick<Portal, 'isActive' | 'deactivatedBy' | 'storageAccountId'>,
  account: { status: StorageAccountStatus } | undefined,
): PortalAcceptance {
  const status = account?.status ?? 'DISCONNECTED'
  if (status !== 'ACTIVE') {
    return { acceptsUploads: false, reason: REASON[status], requiresUserAction: status !== 'ERROR' }
  }
  if (!portal.isActive && portal.deactivatedBy !== 'SYSTEM') {
    return { acceptsUploads: false, reason: 'PORTAL_CLOSED', requiresUserAction: true }
  }
  return {
    acceptsUploads: canCreateUploads(status),
    storageAccountId: portal.storageAccountId,
    requiresUserAction: false,
  }
}
