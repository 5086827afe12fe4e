import { describe, expect, test } from 'vitest'
import { getPortalUploadAcceptance } from '../../../shared/portals/portal.ts'

const open = { isActive: true, deactivatedBy: null, storageAccountId: 'acc_1' } as const
const stoppedByOwner = { ...open, isActive: false, deactivatedBy: 'USER' } as const
const stoppedBySystem = { ...open, isActive: false, deactivatedBy: 'SYSTEM' } as const

describe('whether a portal takes files', () => {
  test.each([
    [
      'open',
      open,
      'ACTIVE',
      { acceptsUploads: true, storageAccountId: 'acc_1', requiresUserAction: false },
    ],
    [
      'open',
      open,
      'INACTIVE',
      { acceptsUploads: false, reason: 'STORAGE_INACTIVE', requiresUserAction: true },
    ],
    [
      'open',
      open,
      'DISCONNECTED',
      { acceptsUploads: false, reason: 'STORAGE_DISCONNECTED', requiresUserAction: true },
    ],
    [
      'open',
      open,
      'ERROR',
      { acceptsUploads: false, reason: 'STORAGE_ERROR', requiresUserAction: false },
    ],
    [
      'closed by its owner',
      stoppedByOwner,
      'ACTIVE',
      { acceptsUploads: false, reason: 'PORTAL_CLOSED', requiresUserAction: true },
    ],
    [
      'closed by its owner',
      stoppedByOwner,
      'INACTIVE',
      { acceptsUploads: false, reason: 'STORAGE_INACTIVE', requiresUserAction: true },
    ],
    [
      'stopped automatically, its flag not yet turned',
      stoppedBySystem,
      'ACTIVE',
      { acceptsUploads: true, storageAccountId: 'acc_1', requiresUserAction: false },
    ],
  ] as const)('%s (%#), account %s', (_, portal, status, acceptance) => {
    expect(getPortalUploadAcceptance(portal, { status })).toEqual(acceptance)
  })

  test('an account that is gone counts as disconnected', () => {
    expect(getPortalUploadAcceptance(open, undefined)).toMatchObject({
      reason: 'STORAGE_DISCONNECTED',
    })
  })
})
