/** Records as they stand after a first connect and a first portal. */
import type { Account } from '../../shared/accounts/account.ts'
import { accountIds } from '../../shared/accounts/account-store.ts'
import type { StorageProviderId } from '../../shared/contract/common.ts'
import { isoTime } from '../../shared/platform/clock.ts'
import { newId } from '../../shared/platform/ids.ts'
import type { Portal } from '../../shared/portals/portal.ts'
import { DEFAULT_SETTINGS } from '../../shared/portals/portal-settings.ts'

export function newAccount(nowMs: number, provider: StorageProviderId = 'google_drive'): Account {
  const userId = newId('user', nowMs)
  const providerAccountId = `subject of ${userId}`
  const { accountId, grantId } = accountIds(userId, provider, providerAccountId)
  return {
    id: accountId,
    userId,
    provider,
    providerAccountId,
    displayName: 'Owner',
    email: 'owner@example.com',
    status: 'ACTIVE',
    disconnectedBy: null,
    lastError: null,
    lastAccessedAt: null,
    quota: null,
    failures: 0,
    probeAtMs: nowMs,
    grantId,
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
    ...DEFAULT_SETTINGS,
    storageFolderId: null,
    deletedAt: null,
    version: 1,
    createdAt: isoTime(nowMs),
    updatedAt: isoTime(nowMs),
  }
}
