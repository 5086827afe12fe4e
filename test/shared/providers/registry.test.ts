import { expect, it } from 'vitest'
import { createAccessRegistry, createProviderRegistry } from '../../../shared/providers/registry.ts'

const addresses = { googleApiUrl: 'http://127.0.0.1:1' }
const provider = createProviderRegistry(addresses)
const access = createAccessRegistry(addresses)

it('finds the driver of a storage provider', () => {
  expect(provider('google_drive').id).toBe('google_drive')
})

it('names the provider for which there is none', () => {
  expect(() => provider('dropbox')).toThrow('dropbox')
  expect(() => access('dropbox')).toThrow('dropbox')
})

it('gives those who deliver nothing what a delivery has besides', () => {
  const methods = Object.keys(access('google_drive'))
  expect(methods.sort()).toEqual(['deleteFile', 'download', 'id', 'quota'])
  expect(Object.keys(provider('google_drive'))).toEqual(expect.arrayContaining(methods))
})

it('cuts every file at the blocks of the content hash', () => {
  expect(provider('google_drive').chunkBytes % (4 * 1024 * 1024)).toBe(0)
})
