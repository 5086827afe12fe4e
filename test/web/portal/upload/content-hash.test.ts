import { describe, expect, it } from 'vitest'
import { contentHash } from '../../../../web/portal/upload/content-hash.ts'

const MIB = 1024 * 1024

describe('contentHash', () => {
  it.each([
    ['nothing', new Blob([]), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    [
      'a few bytes',
      new Blob(['hello\n']),
      'ecb65bb98f9d905b70458986c39fcbad7715e5f2fcc3b1f07767d7c83e2438cc',
    ],
    [
      'one whole block',
      new Blob([new Uint8Array(4 * MIB)]),
      'c7e946d101855255d919ef0c70718633adf77d3dfb3adeeecf5d0cb4e951be58',
    ],
    [
      'a block and a byte',
      new Blob([new Uint8Array(4 * MIB + 1)]),
      '14a4d47f23a30177885d9820122f17d2d3a55fe63f7f5c27b95f689e0b2accd6',
    ],
    [
      'two whole blocks',
      new Blob([new Uint8Array(8 * MIB)]),
      '03ae066c707c588592d9e27aa2444ca98423e0999024f1ceaa11a153790b37de',
    ],
  ])('is what Dropbox computes for %s', async (_, file, expected) => {
    expect(await contentHash(file)).toBe(expected)
  })

  it('stops when the file is given up', async () => {
    const given = AbortSignal.abort(new Error('given up'))

    await expect(contentHash(new Blob(['x']), given)).rejects.toThrow('given up')
  })
})
