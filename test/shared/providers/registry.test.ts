import { expect, it } from 'vitest'
import { createProviderRegistry } from '../../../shared/providers/registry.ts'

const provider = createProviderRegistry({ googleApiUrl: 'http://127.0.0.1:1' })

it('finds the driver of a storage provider', () => {
  expect(provider('google_drive').id).toBe('google_drive')
})

it('names the provider for which there is none', () => {
  expect(() => provider('dropbox')).toThrow('dropbox')
})

it('cuts every file at the blocks of the content hash', () => {
  expect(provider('google_drive').chunkBytes % (4 * 1024 * 1024)).toBe(0)
})
