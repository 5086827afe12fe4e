import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type S3Suite, startSuite } from './s3-harness.ts'

const WRITERS = 50

let s3: S3Suite
beforeEach(async () => {
  s3 = await startSuite()
})
afterEach(() => s3.close())

const read = async (key: string) => (await s3.bytesOf(key)).toString()

function refusals(results: PromiseSettledResult<unknown>[]): string[] {
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason.name] : []))
}

/** "409 Conflict" is S3's other answer to a write that lost: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html */
const LOST = expect.stringMatching(/^(PreconditionFailed|ConditionalRequestConflict)$/)

describe('If-None-Match: *', () => {
  it('lets one of 50 concurrent PutObjects win', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: WRITERS }, (_, writer) =>
        s3.client.send(
          new PutObjectCommand({
            Bucket: s3.bucket,
            Key: 'contested',
            Body: `writer ${writer}`,
            IfNoneMatch: '*',
          }),
        ),
      ),
    )

    const winner = results.findIndex((result) => result.status === 'fulfilled')
    expect(refusals(results)).toEqual(Array(WRITERS - 1).fill(LOST))
    expect(await read('contested')).toBe(`writer ${winner}`)
  })

  it('lets one of several concurrent completions of one key win', async () => {
    const target = { Bucket: s3.bucket, Key: 'assembled' }
    const uploads = await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        const { UploadId } = await s3.client.send(
          new CreateMultipartUploadCommand({ ...target, ChecksumAlgorithm: 'CRC32' }),
        )
        const part = { ...target, UploadId, PartNumber: 1, Body: `writer ${writer}` }
        const { ETag, ChecksumCRC32 } = await s3.client.send(new UploadPartCommand(part))
        return { UploadId, Parts: [{ PartNumber: 1, ETag, ChecksumCRC32 }] }
      }),
    )
    const results = await Promise.allSettled(
      uploads.map(({ UploadId, Parts }) =>
        s3.client.send(
          new CompleteMultipartUploadCommand({
            ...target,
            UploadId,
            MultipartUpload: { Parts },
            IfNoneMatch: '*',
          }),
        ),
      ),
    )

    const winner = results.findIndex((result) => result.status === 'fulfilled')
    expect(refusals(results)).toEqual(Array(7).fill(LOST))
    expect(await read('assembled')).toBe(`writer ${winner}`)
  })

  it('takes no other value for a write', async () => {
    const input = { Bucket: s3.bucket, Key: 'x', Body: 'x', IfNoneMatch: '"0123"' }
    await expect(s3.client.send(new PutObjectCommand(input))).rejects.toMatchObject({
      name: 'NotImplemented',
    })
  })
})

describe('If-Match', () => {
  it('replaces only the version that it names', async () => {
    const input = { Bucket: s3.bucket, Key: 'versioned' }
    const first = await s3.client.send(new PutObjectCommand({ ...input, Body: 'one' }))
    const replace = (Body: string) =>
      s3.client.send(new PutObjectCommand({ ...input, Body, IfMatch: first.ETag }))
    const missing = new PutObjectCommand({ ...input, Key: 'missing', Body: 'x', IfMatch: '"1"' })

    await replace('two')
    await expect(replace('three')).rejects.toMatchObject({ name: 'PreconditionFailed' })
    await expect(s3.client.send(missing)).rejects.toMatchObject({ name: 'NoSuchKey' })
    expect(await read('versioned')).toBe('two')
  })
})

// "If two writes occur simultaneously, the last writer wins": one of them, never a mixture.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
describe('concurrent overwriting without a condition', () => {
  it("leaves one writer's object whole, and readers see whole objects only", async () => {
    const bodyOf = (writer: number) => Buffer.alloc(200_000 + writer, writer)
    const isWhole = (bytes: Buffer) => bytes.equals(bodyOf(bytes[0] ?? 0))
    await s3.put('shared', bodyOf(0))
    const writes = Array.from({ length: 20 }, (_, writer) => s3.put('shared', bodyOf(writer + 1)))
    const reads = Array.from({ length: 20 }, () => s3.bytesOf('shared'))
    const seen = await Promise.all(reads)
    await Promise.all(writes)

    expect(seen.every(isWhole)).toBe(true)
    expect(isWhole(await s3.bytesOf('shared'))).toBe(true)
  })
})
