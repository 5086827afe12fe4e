import { describe, expect, it } from 'vitest'
import { acceptanceReason } from '../../../shared/contract/portals.ts'
import { describePortal } from '../../../web/dashboard/portals/portal-status.ts'

describe('A portal', () => {
  it('that takes files is green and needs no advice', () => {
    expect(describePortal({ acceptsUploads: true })).toEqual({
      color: 'green',
      label: 'Takes files',
    })
  })

  it.each(acceptanceReason.options)('that is stopped by %s says so and what to do', (reason) => {
    const status = describePortal({ acceptsUploads: false, reason })

    expect(status.color).not.toBe('green')
    expect(status.advice).toBeTruthy()
    expect(status.atAccounts === true).toBe(reason.startsWith('STORAGE_'))
  })
})
