import type { StorageAccountStatus } from '../contract/accounts.ts'
import type { StorageProviderId } from '../contract/common.ts'
import { HOUR_MS, MINUTE_MS } from '../platform/clock.ts'

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
  /** As the last probe found it. */
  quota: { usedBytes: number; totalBytes: number | null } | null
  /** Probes that failed in a row, for a passing cause. */
  failures: number
  /** When to look at its health next; null while nothing but a new consent can help. */
  probeAtMs: number | null
  grantId: string
  version: number
  createdAt: string
  updatedAt: string
}

/** What happens to an account; the words of the left column of the transition table below. */
export type AccountEvent =
  /** The owner gave consent. */
  | 'CONNECTED'
  | 'DEACTIVATED'
  /** The owner asks for it again, and a probe went well. */
  | 'REACTIVATED'
  /** The owner asks for it again, and the provider does not answer. */
  | 'REACTIVATION_FAILED'
  | 'DISCONNECTED_BY_USER'
  /** The provider says that the grant is no more. */
  | 'GRANT_REFUSED'
  /** Several probes in a row failed for a passing cause. */
  | 'FAILING'
  /** A scheduled probe went well. */
  | 'RECOVERED'

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
  // A new consent does not undo the owner's own pause.
  INACTIVE: {
    REACTIVATED: 'ACTIVE',
    REACTIVATION_FAILED: 'ERROR',
    DISCONNECTED_BY_USER: 'DISCONNECTED',
    GRANT_REFUSED: 'DISCONNECTED',
  },
  ERROR: {
    CONNECTED: 'ACTIVE',
    REACTIVATED: 'ACTIVE',
    RECOVERED: 'ACTIVE',
    DEACTIVATED: 'INACTIVE',
    DISCONNECTED_BY_USER: 'DISCONNECTED',
    GRANT_REFUSED: 'DISCONNECTED',
  },
  DISCONNECTED: { CONNECTED: 'ACTIVE', REACTIVATED: 'ACTIVE' },
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

/** A warm hour ends before its token does, so one look also keeps the token fresh. */
const PROBE_EVERY_MS = 40 * MINUTE_MS
const PROBE_SPREAD_MS = 10 * MINUTE_MS
const LONGEST_RETRY_MS = HOUR_MS
/** Failures in a row after which an account is in ERROR. */
export const FAILURES_UNTIL_ERROR = 3

/**
 * When an account is looked at next, in milliseconds from now: about every 45 minutes while it is
 * well, after 1, 2, 4 … 60 minutes while it fails, never while it is disconnected. Spread, so that
 * accounts of one hour do not stay together.
 */
export function untilNextProbeMs(
  account: Pick<Account, 'status' | 'failures'>,
  random: number,
): number | null {
  if (account.status === 'DISCONNECTED') return null
  if (account.failures === 0 && account.status !== 'ERROR') {
    return PROBE_EVERY_MS + random * PROBE_SPREAD_MS
  }
  const growing = Math.min(LONGEST_RETRY_MS, MINUTE_MS * 2 ** Math.max(0, account.failures - 1))
  return growing * (0.75 + random / 2)
}

/** Whether the provider's last word was that nothing more fits in. */
export function isFull(account: Pick<Account, 'quota'>): boolean {
  const { usedBytes, totalBytes } = account.quota ?? { usedBytes: 0, totalBytes: null }
  return totalBytes !== null && usedBytes >= totalBytes
}
