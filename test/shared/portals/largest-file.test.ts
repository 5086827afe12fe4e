import { describe, expect, it } from 'vitest'
import { MAX_FILE_BYTES } from '../../../shared/contract/limits.ts'
import { largestFileBytes } from '../../../shared/portals/largest-file.ts'
import { factsOf, STORAGE_PROVIDER_IDS } from '../../../shared/providers/providers.ts'

describe.each(STORAGE_PROVIDER_IDS)('the largest file of a portal on %s', (storageProvider) => {
  const { maxFileBytes: most } = factsOf(storageProvider)

  it.each([
    ['its storage takes', null, most],
    ['its owner wants, when that is less', 1000, 1000],
    ['its storage takes, when its owner wants more', most + 1, most],
  ])('is what %s', (_, maxFileBytes, largest) => {
    expect(largestFileBytes({ maxFileBytes, storageProvider })).toBe(largest)
  })
})

it('what the contract takes at all is what the most capable storage takes', () => {
  const all = STORAGE_PROVIDER_IDS.map((id) => factsOf(id).maxFileBytes)

  expect(MAX_FILE_BYTES).toBe(Math.max(...all))
})
