import { canCreateUploads } from '../accounts/account.ts'
import type { StorageAccountStatus } from '../contract/accounts.ts'
import type { StorageProviderId } from '../contract/common.ts'
import type { AcceptanceReason, FieldRule } from '../contract/portals.ts'
import { MINUTE_MS } from '../platform/clock.ts'

export interface Portal {
  id: string
  userId: string
  name: string
  slug: string
  storageProvider: StorageProviderId
  storageAccountId: string
  /** Asked in this order when the portal's own account takes nothing. */
  backupStorageAccountIds: string[]
  /** Below the top of what this app may see; null is `Portage/{name}`. */
  storageFolderPath: string | null
  /** What the folder turned out to be at the provider. */
  storageFolderId: string | null
  clientFolders: boolean
  isActive: boolean
  deactivatedBy: 'USER' | 'SYSTEM' | null
  deactivatedAt: string | null
  deactivationReason: string | null
  autoDeactivatedAccountId: string | null
  fields: Record<'clientName' | 'clientEmail' | 'clientMessage', FieldRule>
  instructions: string | null
  allowedTypes: string[]
  maxFileBytes: number | null
  /** Of all files together; what is left of them lies in a counter of its own. */
  maxFiles: number | null
  maxTotalBytes: number | null
  /** The last limits, for which what is left is counted; they outlive limits that were lifted. */
  countedFiles?: number | null
  countedBytes?: number | null
  deadline: string | null
  graceMinutes: number
  passwordHash: string | null
  /** Tokens of an earlier password end with it. */
  passwordVersion: number
  deletedAt: string | null
  version: number
  createdAt: string
  updatedAt: string
}

/** What a portal still takes of what its owner limits; absent members are not limited. */
export interface RemainingLimits {
  remainingFiles?: number
  remainingBytes?: number
}

/** What the accounts that portals name are at; undefined of one that does not exist. */
export type StatusOf = (accountId: string) => StorageAccountStatus | undefined

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
 * Whether a portal takes files now, and into which account: its own, or the first of its backups
 * that takes any. The accounts' own status decides; the portal's flag only tells what its owner
 * wants, and an automatic stop is not the owner's wish.
 */
export function getPortalUploadAcceptance(
  portal: Portal,
  now: {
    statusOf: StatusOf
    nowMs: number
    remaining?: RemainingLimits | undefined
  },
): PortalAcceptance {
  if (!portal.isActive && portal.deactivatedBy !== 'SYSTEM') return refused('PORTAL_CLOSED', true)
  if (now.nowMs >= lastMomentMs(portal)) return refused('DEADLINE_PASSED', true)
  if (limitsAreUsedUp(portal, now.remaining ?? {})) return refused('LIMIT_REACHED', true)
  const accepting = firstThatAccepts(accountsOf(portal), now.statusOf)
  if (accepting !== undefined) {
    return { acceptsUploads: true, storageAccountId: accepting, requiresUserAction: false }
  }
  const status = now.statusOf(portal.storageAccountId) ?? 'DISCONNECTED'
  // An account that was connected anew between two reads takes files at the next look.
  const reason = status === 'ACTIVE' ? 'STORAGE_ERROR' : REASON[status]
  return refused(reason, status !== 'ERROR')
}

/** A counter outlives its limit, so that only those count that the owner still limits. */
function limitsAreUsedUp(
  portal: Pick<Portal, 'maxFiles' | 'maxTotalBytes'>,
  { remainingFiles = 1, remainingBytes = 1 }: RemainingLimits,
): boolean {
  return (
    (portal.maxFiles !== null && remainingFiles <= 0) ||
    (portal.maxTotalBytes !== null && remainingBytes <= 0)
  )
}

function refused(reason: AcceptanceReason, requiresUserAction: boolean): PortalAcceptance {
  return { acceptsUploads: false, reason, requiresUserAction }
}

/** Of accounts in the order in which they are asked, the first that takes files. */
export function firstThatAccepts(accountIds: string[], statusOf: StatusOf): string | undefined {
  return accountIds.find((accountId) => {
    const status = statusOf(accountId)
    return status !== undefined && canCreateUploads(status)
  })
}

/** Every account that may get the portal's files, in the order in which they are asked. */
export function accountsOf(
  portal: Pick<Portal, 'storageAccountId' | 'backupStorageAccountIds'>,
): string[] {
  return [portal.storageAccountId, ...portal.backupStorageAccountIds]
}

/** The first millisecond of the clock at which nothing more is taken. */
function lastMomentMs(portal: Pick<Portal, 'deadline' | 'graceMinutes'>): number {
  if (portal.deadline === null) return Number.POSITIVE_INFINITY
  return Date.parse(portal.deadline) + portal.graceMinutes * MINUTE_MS
}

/** Whether what comes now comes after the deadline, though within the time of grace. */
export function isLate(portal: Pick<Portal, 'deadline'>, nowMs: number): boolean {
  return portal.deadline !== null && nowMs >= Date.parse(portal.deadline)
}
