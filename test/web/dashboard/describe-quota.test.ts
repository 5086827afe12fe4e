import { describe, expect, it } from 'vitest'
import { describeQuota } from '../../../web/dashboard/accounts/describe-quota.ts'

const GB = 1_000_000_000
const words = (usedBytes: number, totalBytes: number | null) =>
  describeQuota({ usedBytes, totalBytes }, 'en-GB')

describe('The room of an account in words', () => {
  it('says what is used, of how much, and what is free', () => {
    expect(words(3 * GB, 15 * GB)).toEqual({
      usedPercent: 20,
      text: '3 GB of 15 GB used (20%), 12 GB free',
    })
  })

  it('without a limit has no share', () => {
    expect(words(3 * GB, null)).toEqual({ usedPercent: null, text: '3 GB used, without a limit' })
  })

  it.each([
    [13.4, undefined],
    [13.5, 'almost full'],
    [15, 'It is full'],
    [16, 'It is full'],
  ])('%s GB of 15 GB warns: %s', (usedGb, warning) => {
    const { usedPercent, warning: told } = words(usedGb * GB, 15 * GB)

    expect(usedPercent).toBeLessThanOrEqual(100)
    if (warning === undefined) expect(told).toBeUndefined()
    else expect(told).toContain(warning)
  })

  it('is a plain number however small the share is', () => {
    expect(String(words(7, 2_200 * GB).usedPercent)).toBe('0')
  })

  it('of no bytes at all is full', () => {
    expect(words(0, 0)).toMatchObject({ usedPercent: 100 })
  })
})
