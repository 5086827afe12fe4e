import { describe, expect, it } from 'vitest'
import type { StorageAccountStatus } from '../../../shared/contract/accounts.ts'
import type { StorageProviderId } from '../../../shared/contract/common.ts'
import { movedSettings } from '../../../web/dashboard/accounts/moved-settings.ts'
import { portalsLeftBehind } from '../../../web/dashboard/accounts/portals-left-behind.ts'

function account(
  storageAccountId: string,
  storageStatus: StorageAccountStatus | null = 'ACTIVE',
  storageProvider: StorageProviderId = 'google_drive',
) {
  return { storageAccountId, storageStatus, storageProvider }
}

describe('After another identity was connected (C32)', () => {
  const portals = [
    { name: 'X', storageAccountId: 'a' },
    { name: 'Y', storageAccountId: 'a' },
    { name: 'Z', storageAccountId: 'b' },
  ]

  it('the portals of the disconnected one are left behind', () => {
    const a = account('a', 'DISCONNECTED')
    const b = account('b')

    expect(portalsLeftBehind(b, [a, b], portals)).toEqual([
      { from: a, portals: [portals[0], portals[1]] },
    ])
  })

  it.each(['ACTIVE', 'INACTIVE', 'ERROR'] as const)(
    'those of an account that is %s are not: it may come back, or its owner wants it so',
    (status) => {
      const b = account('b')

      expect(portalsLeftBehind(b, [account('a', status), b], portals)).toEqual([])
    },
  )

  it('those of another provider are not', () => {
    const b = account('b')

    expect(portalsLeftBehind(b, [account('a', 'DISCONNECTED', 'dropbox'), b], portals)).toEqual([])
  })

  it('a disconnected account without portals is nothing to speak of', () => {
    const b = account('b')

    expect(portalsLeftBehind(b, [account('c', 'DISCONNECTED'), b], portals)).toEqual([])
  })

  it('nothing moves to an account that takes no files', () => {
    const b = account('b', 'INACTIVE')

    expect(portalsLeftBehind(b, [account('a', 'DISCONNECTED'), b], portals)).toEqual([])
  })
})

describe('A portal that moves', () => {
  it('names its new account', () => {
    expect(movedSettings({ backupStorageAccountIds: ['c'] }, account('b'))).toEqual({
      storageAccountId: 'b',
      storageProvider: 'google_drive',
    })
  })

  it('no longer has that account as its own backup', () => {
    expect(
      movedSettings({ backupStorageAccountIds: ['b', 'c'] }, account('b')).backupStorageAccountIds,
    ).toEqual(['c'])
  })
})
