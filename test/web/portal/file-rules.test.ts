import { describe, expect, it } from 'vitest'
import { factsOf, STORAGE_PROVIDER_IDS } from '../../../shared/contract/providers.ts'
import { fileRules } from '../../../web/portal/file-rules.ts'
import { messagesFor } from '../../../web/portal/messages.ts'

const messages = messagesFor(['en'])

function rulesOf(maxFileBytes: number, allowedTypes: string[] = []): string {
  return fileRules({ limits: { maxFileBytes, maxFilesPerIntent: 50, allowedTypes } }, messages)
}

describe('what a client reads of the largest file', () => {
  it.each(STORAGE_PROVIDER_IDS)('is nothing where only the storage sets it: %s', (id) => {
    const { maxFileBytes } = factsOf(id)

    expect(rulesOf(maxFileBytes)).toBe('')
    expect(rulesOf(maxFileBytes, ['.pdf'])).toBe('Only PDF are taken.')
  })

  it.each([
    [25_000_000, 'Files of up to 25 MB each are taken.'],
    [2_000_000_000_000, 'Files of up to 2 TB each are taken.'],
    [3_000_000_000_000, 'Files of up to 3 TB each are taken.'],
  ])('is the limit that the owner set: %i', (maxFileBytes, expected) => {
    expect(rulesOf(maxFileBytes)).toBe(expected)
  })
})
