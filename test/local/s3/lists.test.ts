import { ListObjectsCommand, ListObjectsV2Command, paginateListObjectsV2 } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type S3Suite, startSuite } from './s3-harness.ts'

const KEYS = [
  'a',
  'a/1',
  'a/2',
  'a/b/3',
  'a0',
  'b/1',
  'é',
  'z <&>',
  // The order of UTF-8 bytes: U+FF5E comes before U+1F389, unlike in UTF-16.
  '～',
  '🎉',
]

let s3: S3Suite
beforeAll(async () => {
  s3 = await startSuite()
  await Promise.all([...KEYS].reverse().map((key) => s3.put(key, 'x')))
})
afterAll(() => s3.close())

async function list(input: object) {
  const command = new ListObjectsV2Command({ Bucket: s3.bucket, ...input })
  const reply = await s3.client.send(command)
  return {
    reply,
    keys: reply.Contents?.map(({ Key }) => Key) ?? [],
    prefixes: reply.CommonPrefixes?.map(({ Prefix }) => Prefix) ?? [],
  }
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
describe('ListObjectsV2', () => {
  it('lists keys in the order of their bytes', async () => {
    const { keys, reply } = await list({})

    const sorted = [...KEYS].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(keys).toEqual(sorted)
    expect(reply).toMatchObject({ KeyCount: KEYS.length, IsTruncated: false })
    expect(reply.Contents?.[0]).toMatchObject({ Size: 1, StorageClass: 'STANDARD' })
  })

  it.each([
    [{ Prefix: 'a/' }, ['a/1', 'a/2', 'a/b/3'], []],
    [{ Prefix: 'a/', Delimiter: '/' }, ['a/1', 'a/2'], ['a/b/']],
    [{ Delimiter: '/', Prefix: 'a' }, ['a', 'a0'], ['a/']],
    [{ StartAfter: 'b/1', MaxKeys: 1 }, ['z <&>'], []],
    [{ Prefix: 'nothing' }, [], []],
    [{ MaxKeys: 0 }, [], []],
  ])('of %j answers what it asks for', async (input, expectedKeys, expectedPrefixes) => {
    const { keys, prefixes } = await list(input)

    expect(keys).toEqual(expectedKeys)
    expect(prefixes).toEqual(expectedPrefixes)
  })

  it.each([1, 2, 3, 7])('in pages of %i loses and repeats nothing', async (pageSize) => {
    for (const Delimiter of [undefined, '/']) {
      const all = await list({ Delimiter })
      const keys: unknown[] = []
      const prefixes: unknown[] = []
      const pages = paginateListObjectsV2(
        { client: s3.client, pageSize },
        { Bucket: s3.bucket, Delimiter },
      )
      for await (const page of pages) {
        keys.push(...(page.Contents ?? []).map(({ Key }) => Key))
        prefixes.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix))
        expect(page.KeyCount).toBeLessThanOrEqual(pageSize)
      }

      expect(keys).toEqual(all.keys)
      expect(prefixes).toEqual(all.prefixes)
    }
  })

  it('encodes keys when asked to', async () => {
    const { keys } = await list({ EncodingType: 'url', Prefix: 'z' })

    expect(keys).toEqual(['z%20%3C%26%3E'])
  })

  it('refuses a token it did not give', async () => {
    await expect(list({ ContinuationToken: '!!' })).rejects.toMatchObject({
      name: 'InvalidArgument',
    })
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html
describe('ListObjects', () => {
  const first = (input: object) =>
    s3.client.send(new ListObjectsCommand({ Bucket: s3.bucket, ...input }))

  it('lists the same keys, and whose they are', async () => {
    const reply = await first({ Prefix: 'a', Delimiter: '/' })

    expect(reply.Contents?.map(({ Key }) => Key)).toEqual(['a', 'a0'])
    expect(reply.CommonPrefixes).toEqual([{ Prefix: 'a/' }])
    expect(reply.Contents?.[0]?.Owner?.ID).toMatch(/.+/)
    expect(reply).toMatchObject({ IsTruncated: false, MaxKeys: 1000, Marker: '' })
  })

  it('names the next marker only where a delimiter makes it needed', async () => {
    expect((await first({ MaxKeys: 2 })).NextMarker).toBeUndefined()
    expect((await first({ MaxKeys: 2, Delimiter: '/' })).NextMarker).toBe('a/')
  })

  it.each([1, 2, 3, 7])('in pages of %i loses and repeats nothing', async (MaxKeys) => {
    for (const Delimiter of [undefined, '/']) {
      const all = await list({ Delimiter })
      const keys: (string | undefined)[] = []
      const prefixes: (string | undefined)[] = []
      let Marker: string | undefined
      do {
        const page = await first({ Delimiter, MaxKeys, Marker })
        const pageKeys = page.Contents?.map(({ Key }) => Key) ?? []
        keys.push(...pageKeys)
        prefixes.push(...(page.CommonPrefixes?.map(({ Prefix }) => Prefix) ?? []))
        Marker = page.IsTruncated ? (page.NextMarker ?? pageKeys.at(-1)) : undefined
      } while (Marker !== undefined)

      expect(keys).toEqual(all.keys)
      expect(prefixes).toEqual(all.prefixes)
    }
  })

  it('encodes keys and markers when asked to', async () => {
    const reply = await first({ EncodingType: 'url', Prefix: 'z', Marker: 'b <' })

    expect(reply.Contents?.map(({ Key }) => Key)).toEqual(['z%20%3C%26%3E'])
    expect(reply.Marker).toBe('b%20%3C')
  })
})
