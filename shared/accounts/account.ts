import type { StorageAccountStatus } from '../contract/accounts.ts'
import type { StorageProviderId } from '../contract/common.ts'

export interface Account {
  id: string
  userId: string
  provider: StorageProviderId
  providerAccountId: string
  displayName: string
  email: string | null
  status: StorageAccountStatus
  /** Who ended the connection, with DISCONNECTED. */
  disconnectedBy: 'USER' | 'REVOKED' | null
  /** Code of what went wrong last; cleared on ACTIVE. */
  lastError: string | null
  lastAccessedAt: string | null
  quota: { usedBytes: number; totalBytes: number | null } | null
  grantId: string
  version: number
  createdAt: string
  updatedAt: string
}

/** What happens to an account; the words of the left column of the transition table below. */
export type AccountEvent =
  | 'CONNECTED'
  | 'DEACTIVATED'
  | 'DISCONNECTED_BY_USER'
  | 'GRANT_REFUSED'
  | 'FAILING'
  | 'PROBE_SUCCEEDED'
  | 'PROBE_FAILED'

/** Where each event leads; an absent entry changes nothing. A rate limit or a full storage is no event: the account stays ACTIVE. */
const TRANSITIONS: Record<
  StorageAccountStatus,
  Partial<Record<AccountEvent, StorageAccountStatus>>
> = {
  ACTIVE: {
    DEACTIVATED: 'INACTIVE',
    DISCONNECTED_BY_USER: 'DISCONNECTED',
    GRANT_REFUSED: 'DISCONNECTED',
    FAILING: 'ERROR',
  },
  INACTIVE: {
    DISCONNECTED_BY_USER: 'DISCONNECTED',
    GRANT_REFUSED: 'DISCONNECTED',
    PROBE_SUCCEEDED: 'ACTIVE',
    PROBE_FAILED: 'ERROR',
  },
  ERROR: {
    DEACTIVATED: 'INACTIVE',
    DISCONNECTED_BY_USER: 'DISCONNECTED',
    GRANT_REFUSED: 'DISCONNECTED',
    CONNECTED: 'ACTIVE',
    PROBE_SUCCEEDED: 'ACTIVE',
  },
  DISCONNECTED: { CONNECTED: 'ACTIVE', PROBE_SUCCEEDED: 'ACTIVE' },
}

/** The status that follows; undefined when the event changes nothing. */
export function nextStatus(
  status: StorageAccountStatus,
  event: AccountEvent,
): StorageAccountStatus | undefined {
  return TRANSITIONS[status][event]
}

export function canCreateUploads(status: StorageAccountStatus): boolean {
  return status === 'ACTIVE'
}

export function canAccessFiles(status: StorageAccountStatus): boolean {
  return status === 'ACTIVE' || status === 'INACTIVE'
}
