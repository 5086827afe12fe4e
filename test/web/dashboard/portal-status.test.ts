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

describe('The words of a portal (A18, C34)', () => {
  it('name the disconnected storage as the source document does', () => {
    const { label } = describePortal({ acceptsUploads: false, reason: 'STORAGE_DISCONNECTED' })

    expect(label).toBe('Storage Disconnected')
  })

  it('are different for every reason', () => {
    const labels = acceptanceReason.options.map(
      (reason) => describePortal({ acceptsUploads: false, reason }).label,
    )

    expect(new Set(labels).size).toBe(labels.length)
  })

  it('say when a backup account stands in', () => {
    const status = describePortal({ acceptsUploads: true }, 'DISCONNECTED')

    expect(status).toMatchObject({ color: 'green', label: 'Takes files', atAccounts: true })
    expect(status.advice).toContain('backup')
    expect(describePortal({ acceptsUploads: true }, 'ACTIVE').advice).toBeUndefined()
  })
})
