import { describe, expect, test } from 'vitest'
import { added, chargesOf, chargesText, costUsd, gbSeconds, PRICES, scaled } from './aws-prices.ts'
import { type Figure, figureJson, figureLines, isHeld, median, overRounds } from './figure.ts'

describe('the price of what was used', () => {
  test('each amount is charged by its own unit', () => {
    expect(costUsd({ dynamodbWriteUnits: 2_000_000 })).toBeCloseTo(1.25)
    expect(costUsd({ s3Writes: 1000 })).toBeCloseTo(0.005)
    expect(costUsd({ lambdaGbSeconds: 400_000 })).toBeCloseTo(5.33336)
    expect(costUsd({ kmsKeyMonths: 2, secretMonths: 5 })).toBeCloseTo(4)
    expect(costUsd({})).toBe(0)
  })

  test('charges come dearest first, without what was not used', () => {
    const usage = { s3Reads: 1000, httpApiRequests: 1_000_000, sqsRequests: 0 }

    expect(chargesOf(usage)).toEqual([
      { thing: 'httpApiRequests', amount: 1_000_000, usd: 1 },
      { thing: 's3Reads', amount: 1000, usd: 0.0004 },
    ])
    expect(chargesText(usage)).toBe('1000000 http api requests $1.0000, 1000 s3 reads $0.0004')
  })

  test('usage is added and scaled thing by thing', () => {
    const both = added({ s3Reads: 1, mails: 2 }, { s3Reads: 3 })

    expect(both).toEqual({ s3Reads: 4, mails: 2 })
    expect(scaled(both, 10)).toEqual({ s3Reads: 40, mails: 20 })
    expect(costUsd(scaled(both, 10))).toBeCloseTo(10 * costUsd(both))
  })

  test('every price says where it stands', () => {
    for (const price of Object.values(PRICES)) {
      expect(price.source).toMatch(/^https:\/\/aws\.amazon\.com\//)
    }
  })

  test('time is stretched to the share of a processor that the memory gets', () => {
    expect(gbSeconds(1000, 1769)).toBeCloseTo(1.7275, 3)
    // 512 MB get 29 % of a processor.
    expect(gbSeconds(1000, 512)).toBeCloseTo(1.7275, 3)
    expect(gbSeconds(1000, 3538)).toBeCloseTo(3.455, 3)
  })
})

describe('a figure', () => {
  const figure = { name: 'ratio', value: 1.5, unit: '×' }

  test('is held at its target, not beyond', () => {
    expect(isHeld({ ...figure, atMost: 1.5 })).toBe(true)
    expect(isHeld({ ...figure, atMost: 1.4 })).toBe(false)
    expect(isHeld({ ...figure, atLeast: 1.5 })).toBe(true)
    expect(isHeld({ ...figure, atLeast: 1.6 })).toBe(false)
    expect(isHeld(figure)).toBeUndefined()
  })

  test('that is not a number is never held', () => {
    expect(isHeld({ ...figure, value: Number.NaN, atMost: 1 })).toBe(false)
  })

  test('that could not be taken says why and is not held', () => {
    const missing: Figure = { name: 'rate', missing: 'rclone is not installed' }

    expect(isHeld(missing)).toBeUndefined()
    expect(figureJson(missing)).toEqual({ ...missing, value: null, held: null })
    expect(figureLines([missing]).join('\n')).toContain('rclone is not installed')
  })

  test('of several rounds is their median with its range', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(overRounds([5, 1, 3])).toEqual({ value: 3, range: [1, 5] })
  })

  test('shows its target, whether it is held, and its terms', () => {
    const [line, terms] = figureLines([
      { ...figure, atLeast: 1, range: [1.25, 2], terms: '3 rounds' },
    ])

    expect(line).toBe('ratio  1.50 × (1.25 to 2 ×)  ≥ 1  held')
    expect(terms).toBe('    3 rounds')
  })
})
