import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type S3Harness, startS3 } from './s3-harness.ts'

const WRITERS = 50

let s3: S3Harness
beforeEach(async () => {
  s3 = await startS3()
})
afterEach(() => s3.close())

async function read(key: string): Promise<string> {
  const reply = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: key }))
  return (await reply.Body?.transformToString()) ?? ''
}

function refusals(results: PromiseSettledResult<unknown>[]): string[] {
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason.name] : []))
}

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
    expect(refusals(results)).toEqual(Array(WRITERS - 1).fill('PreconditionFailed'))
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
    expect(refusals(results)).toEqual(Array(7).fill('PreconditionFailed'))
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
