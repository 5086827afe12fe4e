import { describe, expect, it } from 'vitest'
import { storageProviderId } from '../../../shared/contract/common.ts'
import { hostsFrom } from '../../../shared/providers/hosts.ts'
import { createAccessRegistry, createProviderRegistry } from '../../../shared/providers/registry.ts'

const hosts = hostsFrom(() => 'http://127.0.0.1:1')
const provider = createProviderRegistry(hosts)
const access = createAccessRegistry(hosts)

describe.each(storageProviderId.options)('the driver of %s', (id) => {
  it('is found', () => {
    expect(provider(id).id).toBe(id)
    expect(access(id).id).toBe(id)
  })

  it('gives those who deliver nothing what a delivery has besides', () => {
    const methods = Object.keys(access(id))
    const own = methods.filter((name) => name !== 'downloadLink')
    expect(own.sort()).toEqual(['deleteFile', 'download', 'id', 'quota'])
    expect(Object.keys(provider(id))).toEqual(expect.arrayContaining(methods))
  })

  it('cuts every file at the blocks of the content hash', () => {
    expect(provider(id).chunkBytes % (4 * 1024 * 1024)).toBe(0)
  })
})
