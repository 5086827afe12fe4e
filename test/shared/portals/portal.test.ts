import { describe, expect, it, test } from 'vitest'
import type { StorageAccountStatus } from '../../../shared/contract/accounts.ts'
import { MINUTE_MS } from '../../../shared/platform/clock.ts'
import { getPortalUploadAcceptance, isLate, type Portal } from '../../../shared/portals/portal.ts'
import { newAccount, newPortal } from '../../support/make.ts'

const account = newAccount(0)
const open = newPortal(account, 0)
const stopped = (deactivatedBy: 'USER' | 'SYSTEM'): Portal => ({
  ...open,
  isActive: false,
  deactivatedBy,
})
const own = account.id

type Statuses = Record<string, StorageAccountStatus>

function acceptance(portal: Portal, statuses: Statuses, nowMs = 0, remaining = {}) {
  return getPortalUploadAcceptance(portal, {
    statusOf: (accountId) => statuses[accountId],
    nowMs,
    remaining,
  })
}

const accepted = (storageAccountId: string) => ({
  acceptsUploads: true,
  storageAccountId,
  requiresUserAction: false,
})
const refused = (reason: string, requiresUserAction = true) => ({
  acceptsUploads: false,
  reason,
  requiresUserAction,
})

describe('whether a portal takes files (A10, A12)', () => {
  test.each([
    ['open', open, 'ACTIVE', accepted(own)],
    ['open', open, 'INACTIVE', refused('STORAGE_INACTIVE')],
    ['open', open, 'DISCONNECTED', refused('STORAGE_DISCONNECTED')],
    ['open', open, 'ERROR', refused('STORAGE_ERROR', false)],
    ['closed by its owner', stopped('USER'), 'ACTIVE', refused('PORTAL_CLOSED')],
    ['closed by its owner', stopped('USER'), 'INACTIVE', refused('PORTAL_CLOSED')],
    ['stopped automatically, its flag not yet turned', stopped('SYSTEM'), 'ACTIVE', accepted(own)],
  ] as const)('%s (%#), account %s', (_, portal, status, expected) => {
    expect(acceptance(portal, { [own]: status })).toEqual(expected)
  })

  it('counts an account that is gone as disconnected', () => {
    expect(acceptance(open, {})).toEqual(refused('STORAGE_DISCONNECTED'))
  })

  it('asks backup accounts in their order, and only when its own takes nothing (C7)', () => {
    const portal = { ...open, backupStorageAccountIds: ['acc_b', 'acc_c'] }

    const all = { acc_b: 'ACTIVE', acc_c: 'ACTIVE' } as const
    expect(acceptance(portal, { [own]: 'ACTIVE', ...all })).toEqual(accepted(own))
    expect(acceptance(portal, { [own]: 'ERROR', ...all })).toEqual(accepted('acc_b'))
    expect(acceptance(portal, { [own]: 'ERROR', acc_b: 'INACTIVE', acc_c: 'ACTIVE' })).toEqual(
      accepted('acc_c'),
    )
    expect(acceptance(portal, { [own]: 'INACTIVE', acc_b: 'ERROR', acc_c: 'ERROR' })).toEqual(
      refused('STORAGE_INACTIVE'),
    )
  })

  it('takes files until the deadline and as long as the grace lasts, which are late', () => {
    const deadlineMs = 60 * MINUTE_MS
    const portal = { ...open, deadline: new Date(deadlineMs).toISOString(), graceMinutes: 10 }
    const at = (nowMs: number) => acceptance(portal, { [own]: 'ACTIVE' }, nowMs).acceptsUploads

    expect([at(deadlineMs - 1), isLate(portal, deadlineMs - 1)]).toEqual([true, false])
    expect([at(deadlineMs), isLate(portal, deadlineMs)]).toEqual([true, true])
    expect(at(deadlineMs + 10 * MINUTE_MS - 1)).toBe(true)
    expect(at(deadlineMs + 10 * MINUTE_MS)).toBe(false)
    expect(acceptance(portal, { [own]: 'ACTIVE' }, deadlineMs + 10 * MINUTE_MS)).toEqual(
      refused('DEADLINE_PASSED'),
    )
  })

  it('takes nothing when a limit is reached', () => {
    const active = { [own]: 'ACTIVE' } as const
    const files = { ...open, maxFiles: 5 }
    const bytes = { ...open, maxTotalBytes: 100 }
    expect(acceptance(files, active, 0, { remainingFiles: 1 })).toEqual(accepted(own))
    expect(acceptance(files, active, 0, { remainingFiles: 0 })).toEqual(refused('LIMIT_REACHED'))
    expect(acceptance(bytes, active, 0, { remainingBytes: 1 })).toEqual(accepted(own))
    expect(acceptance(bytes, active, 0, { remainingBytes: -5 })).toEqual(refused('LIMIT_REACHED'))
  })

  it('does not look at what is left of a limit that its owner has lifted', () => {
    const used = { remainingFiles: 0, remainingBytes: 0 }
    expect(acceptance(open, { [own]: 'ACTIVE' }, 0, used)).toEqual(accepted(own))
  })
})
