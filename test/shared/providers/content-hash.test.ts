import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createFileDigests,
  DigestStateError,
  type Digests,
  provesContent,
} from '../../../shared/providers/content-hash.ts'

const MIB = 1024 * 1024
const BLOCK_BYTES = 4 * MIB

/** Vectors of the content hash, each agreed with an independent implementation. */
const VECTORS: [string, Buffer, string][] = [
  ['nothing', Buffer.alloc(0), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  [
    '"hello\\n"',
    Buffer.from('hello\n'),
    'ecb65bb98f9d905b70458986c39fcbad7715e5f2fcc3b1f07767d7c83e2438cc',
  ],
  [
    '4 MiB of zeros',
    Buffer.alloc(BLOCK_BYTES),
    'c7e946d101855255d919ef0c70718633adf77d3dfb3adeeecf5d0cb4e951be58',
  ],
  [
    '4 MiB + 1 of zeros',
    Buffer.alloc(BLOCK_BYTES + 1),
    '14a4d47f23a30177885d9820122f17d2d3a55fe63f7f5c27b95f689e0b2accd6',
  ],
  [
    '8 MiB of zeros',
    Buffer.alloc(2 * BLOCK_BYTES),
    '03ae066c707c588592d9e27aa2444ca98423e0999024f1ceaa11a153790b37de',
  ],
]

const CONTENT = Buffer.from(
  Uint8Array.from({ length: 9 * MIB + 12_345 }, (_, i) => (i * 31 + (i >> 9)) & 255),
)
const hash = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest('hex')

async function digestsOf(bytes: Buffer, resumable: boolean, pieceBytes: number): Promise<Digests> {
  const digests = await createFileDigests({ resumable, sha256: true, md5: true })
  for (let from = 0; from < bytes.byteLength; from += pieceBytes) {
    digests.update(bytes.subarray(from, from + pieceBytes))
  }
  return digests.digest()
}

describe.each([
  ['in one pass', false],
  ['resumable', true],
])('digests %s', (_kind, resumable) => {
  it.each(VECTORS)('of %s', async (_name, bytes, contentHash) => {
    expect(await digestsOf(bytes, resumable, 64 * 1024)).toEqual({
      contentHash,
      sha256: hash('sha256', bytes),
      md5: hash('md5', bytes),
    })
  })

  it.each([1_000_003, BLOCK_BYTES, BLOCK_BYTES - 1, BLOCK_BYTES + 1, 9 * MIB])(
    'do not depend on pieces of %i bytes',
    async (pieceBytes) => {
      expect(await digestsOf(CONTENT, resumable, pieceBytes)).toEqual(
        await digestsOf(CONTENT, false, CONTENT.byteLength),
      )
    },
  )

  it.each([
    ['SHA-256 and MD5', {}, ['contentHash']],
    ['MD5', { sha256: true }, ['contentHash', 'sha256']],
    ['SHA-256', { md5: true }, ['contentHash', 'md5']],
  ])('leave %s out when nobody asks for it', async (_, more, taken) => {
    const digests = await createFileDigests({ resumable, ...more })

    expect(Object.keys(digests.digest())).toEqual(taken)
  })

  it('skip what they have seen, so that a chunk may be read again', async () => {
    const digests = await createFileDigests({ resumable, sha256: true, md5: true })

    digests.update(CONTENT.subarray(0, 5 * MIB), 0)
    digests.update(CONTENT.subarray(MIB, 2 * MIB), MIB)
    digests.update(CONTENT.subarray(4 * MIB), 4 * MIB)

    expect(digests.offsetBytes).toBe(CONTENT.byteLength)
    expect(digests.digest()).toEqual(await digestsOf(CONTENT, false, CONTENT.byteLength))
  })

  it('refuse a gap', async () => {
    const digests = await createFileDigests({ resumable })
    digests.update(CONTENT.subarray(0, 10), 0)

    expect(() => digests.update(CONTENT.subarray(11, 20), 11)).toThrow(RangeError)
  })
})

describe('saved digests', () => {
  it('go on in another process, wherever they were saved', async () => {
    const expected = await digestsOf(CONTENT, false, CONTENT.byteLength)
    const cut = fc.oneof(
      fc.constantFrom(0, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES),
      fc.integer({ min: 0, max: CONTENT.byteLength }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(cut, { minLength: 1, maxLength: 4 }), async (cuts) => {
        let state: string | undefined
        let from = 0
        for (const to of [...cuts.sort((a, b) => a - b), CONTENT.byteLength]) {
          const digests = await createFileDigests({
            resumable: true,
            sha256: true,
            md5: true,
            state,
          })
          expect(digests.offsetBytes).toBe(from)
          digests.update(CONTENT.subarray(from, to))
          state = digests.save()
          expect(state.length).toBeLessThan(1024)
          from = to
        }
        const last = await createFileDigests({ resumable: true, sha256: true, md5: true, state })
        expect(last.digest()).toEqual(expected)
      }),
      { numRuns: 8 },
    )
  })

  it('may go on after they were saved', async () => {
    const digests = await createFileDigests({ resumable: true, sha256: true, md5: true })
    for (let from = 0; from < CONTENT.byteLength; from += 3 * MIB) {
      digests.update(CONTENT.subarray(from, from + 3 * MIB))
      digests.save()
    }

    expect(digests.digest()).toEqual(await digestsOf(CONTENT, false, CONTENT.byteLength))
  })

  it.each([
    ['of another layout', () => Buffer.alloc(300, 9).toString('base64')],
    ['of another build', (state: string) => corrupt(state, 12)],
    ['cut short', (state: string) => state.slice(0, 200)],
    ['empty', () => ''],
  ])('are refused when they are %s', async (_case, spoil) => {
    const digests = await createFileDigests({ resumable: true })
    digests.update(CONTENT.subarray(0, 100))
    const state = spoil(digests.save())

    await expect(createFileDigests({ resumable: true, state })).rejects.toBeInstanceOf(
      DigestStateError,
    )
  })

  it.each([
    ['more', { md5: true }, {}],
    ['fewer', {}, { sha256: true }],
    ['as many other', { sha256: true }, { md5: true }],
  ])('are refused when they are of %s hashes than are asked for', async (_, saved, asked) => {
    const digests = await createFileDigests({ resumable: true, ...saved })
    const state = digests.save()

    await expect(createFileDigests({ resumable: true, ...asked, state })).rejects.toBeInstanceOf(
      DigestStateError,
    )
  })
})

describe('provesContent', () => {
  const file = { id: 'f', name: 'a', sizeBytes: 3, trashed: false }

  it.each([
    ['an equal SHA-256', { sha256: 'aa' }, true],
    ['another SHA-256', { sha256: 'bb' }, false],
    ['an equal content hash', { contentHash: 'cc' }, true],
    ['one equal and one other hash', { sha256: 'aa', contentHash: 'dd' }, false],
    ['size alone', {}, false],
    ['a hash that we do not have', { md5: 'ee' }, false],
  ])('by %s: %s', (_case, hashes, expected) => {
    const ours = { sizeBytes: 3, sha256: 'aa', contentHash: 'cc' }

    expect(provesContent({ ...file, ...hashes }, ours)).toBe(expected)
    expect(provesContent({ ...file, ...hashes, sizeBytes: 4 }, ours)).toBe(false)
  })
})

function corrupt(state: string, index: number): string {
  const bytes = Buffer.from(state, 'base64')
  bytes[index] = (bytes[index] ?? 0) ^ 255
  return bytes.toString('base64')
}
