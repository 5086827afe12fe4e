import { describe, expect, it } from 'vitest'
import { portalsStoppedBy } from '../../../web/dashboard/accounts/portals-stopped-by.ts'

const a = { storageAccountId: 'a', storageStatus: 'ACTIVE' } as const
const b = { storageAccountId: 'b', storageStatus: 'ACTIVE' } as const

function portal(storageAccountId: string, ...backupStorageAccountIds: string[]) {
  return { storageAccountId, backupStorageAccountIds, acceptsUploads: true }
}

describe('An account that is stopped takes along', () => {
  it('portals that it alone delivers for, and no others', () => {
    const mine = portal('a')

    expect(portalsStoppedBy(a, [mine, portal('b')], [a, b])).toEqual([mine])
  })

  it('no portal for which a backup stands in', () => {
    expect(portalsStoppedBy(a, [portal('a', 'b')], [a, b])).toEqual([])
  })

  it('a portal whose backup takes nothing either', () => {
    const backed = portal('a', 'b')

    expect(portalsStoppedBy(a, [backed], [a, { ...b, storageStatus: 'INACTIVE' }])).toEqual([
      backed,
    ])
  })

  it('a portal that it stood in for', () => {
    const backed = portal('b', 'a')

    expect(portalsStoppedBy(a, [backed], [a, { ...b, storageStatus: 'DISCONNECTED' }])).toEqual([
      backed,
    ])
  })

  it('nothing that takes no files anyway', () => {
    expect(portalsStoppedBy(a, [{ ...portal('a'), acceptsUploads: false }], [a])).toEqual([])
  })
})
