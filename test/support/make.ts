/** Records as they stand after a first connect and a first portal. */
import type { Account } from '../../shared/accounts/account.ts'
import { isoTime } from '../../shared/platform/clock.ts'
import { newId } from '../../shared/platform/ids.ts'
import type { Portal } from '../../shared/portals/portal.ts'

export function newAccount(nowMs: number): Account {
  const id = newId('account', nowMs)
  return {
    id,
    userId: newId('user', nowMs),
    provider: 'google_drive',
    providerAccountId: id,
    displayName: 'Owner',
    email: 'owner@example.com',
    status: 'ACTIVE',
    disconnectedBy: null,
    lastError: null,
    lastAccessedAt: null,
    quota: null,
    failures: 0,
    probeAtMs: nowMs,
    grantId: newId('grant', nowMs),
    version: 1,
    createdAt: isoTime(nowMs),
    updatedAt: isoTime(nowMs),
  }
}

export function newPortal(account: Account, nowMs: number): Portal {
  const id = newId('portal', nowMs)
  return {
    id,
    userId: account.userId,
    name: 'Letters',
    slug: id.replace('_', '-'),
    storageProvider: account.provider,
    storageAccountId: account.id,
    isActive: true,
    deactivatedBy: null,
    deactivatedAt: null,
    deactivationReason: null,
    autoDeactivatedAccountId: null,
    requireClientName: false,
    requireClientEmail: false,
    version: 1,
    createdAt: isoTime(nowMs),
    updatedAt: isoTime(nowMs),
  }
}
