import { describe, expect, it } from 'vitest'
import { physicalName } from '../../../infra/local/template/physical-name.ts'

describe('physicalName', () => {
  it('is the stack and the logical id', () => {
    expect(physicalName('portage-local', 'Intake1A', { maxLength: 80 })).toBe(
      'portage-local-Intake1A',
    )
  })

  it('is cut to the service limit, stays apart from its neighbours and never changes', () => {
    const rule = { maxLength: 30, lowerCase: true }
    const name = physicalName('portage-local', 'AVeryLongLogicalIdOfABucketOne', rule)
    const neighbour = physicalName('portage-local', 'AVeryLongLogicalIdOfABucketTwo', rule)

    expect(name).toMatch(/^portage-local-averylo-[0-9a-f]{8}$/)
    expect(name).toHaveLength(30)
    expect(neighbour).not.toBe(name)
    expect(physicalName('portage-local', 'AVeryLongLogicalIdOfABucketOne', rule)).toBe(name)
  })
})
