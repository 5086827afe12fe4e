import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectAclCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshName, insideEngine } from '../../support/contract-target.ts'
import { MIB, type S3Suite, sampleBytes, startS3, startSuite } from './s3-harness.ts'

let s3: S3Suite
beforeAll(async () => {
  s3 = await startSuite()
})
afterAll(() => s3.close())

async function put(key: string, body: string | Buffer, more: object = {}) {
  const input = { Bucket: s3.bucket, Key: key, Body: body, ...more }
  return s3.client.send(new PutObjectCommand(input))
}

async function getBytes(key: string, more: object = {}) {
  const reply = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: key, ...more }))
  return { reply, bytes: Buffer.from((await reply.Body?.transformToByteArray()) ?? []) }
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
describe('an object', () => {
  it('comes back with the bytes, headers and metadata it was stored with', async () => {
    const body = sampleBytes(3 * MIB + 17)
    const stored = await put('a/report.pdf', body, {
      ContentType: 'application/pdf',
      CacheControl: 'no-cache',
      ContentDisposition: 'attachment',
      ContentEncoding: 'identity',
      Metadata: { origin: 'portal' },
    })
    const { reply, bytes } = await getBytes('a/report.pdf')

    expect(bytes.equals(body)).toBe(true)
    expect(stored.ETag).toBe(`"${createHash('md5').update(body).digest('hex')}"`)
    expect(reply).toMatchObject({
      ETag: stored.ETag,
      ContentLength: body.length,
      ContentType: 'application/pdf',
      CacheControl: 'no-cache',
      ContentDisposition: 'attachment',
      ContentEncoding: 'identity',
      Metadata: { origin: 'portal' },
      AcceptRanges: 'bytes',
    })
  })

  it('may be empty', async () => {
    await put('empty', Buffer.alloc(0), { ContentLength: 0 })
    const { reply, bytes } = await getBytes('empty')

    expect(bytes.length).toBe(0)
    expect(reply.ETag).toBe('"d41d8cd98f00b204e9800998ecf8427e"')
  })

  it.each([
    'Résumé – "ünïcode" (1).pdf',
    'a b+c%20d?e#f&g=h',
    '/leading//double/slash/',
    'quote\'s "<>&.txt',
    '漢字/🎉.txt',
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
    'long'.repeat(256),
    'folder/../other',
    './here',
    'a/./b/..',
    '../beside',
    '.../...',
    'control \t\r\n',
    "~!*'()@$,;:[]{}|^`\\",
  ])('may have the key %s', async (key) => {
    await put(key, key)
    const { bytes } = await getBytes(key)

    expect(bytes.toString()).toBe(key)
  })

  it('is told apart from others whose keys would be the same path', async () => {
    const keys = ['dots/a', 'dots/./a', 'dots/b/../a', 'dots//a']
    for (const key of keys) await put(key, key)
    const listed = await s3.client.send(
      new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: 'dots/' }),
    )

    for (const key of keys) expect((await s3.bytesOf(key)).toString()).toBe(key)
    expect(listed.Contents?.map(({ Key }) => Key).sort()).toEqual([...keys].sort())
  })

  it('may not have a key with more relative path elements than others before them', async () => {
    await expect(put('a/../../../b', 'x')).rejects.toMatchObject({
      $metadata: { httpStatusCode: 400 },
    })
  })

  it('may not have a key of more than 1,024 bytes', async () => {
    await expect(put('é'.repeat(513), 'x')).rejects.toMatchObject({ name: 'KeyTooLongError' })
  })

  it('is replaced whole by a second write', async () => {
    await put('twice', 'first', { ContentType: 'text/plain' })
    await put('twice', 'second one')
    const { reply, bytes } = await getBytes('twice')

    expect(bytes.toString()).toBe('second one')
    expect(reply.ContentType).not.toBe('text/plain')
  })

  it('is gone after a delete, which may be repeated', async () => {
    await put('short-lived', 'x')
    const input = { Bucket: s3.bucket, Key: 'short-lived' }
    await s3.client.send(new DeleteObjectCommand(input))
    const again = await s3.client.send(new DeleteObjectCommand(input))

    expect(again.$metadata.httpStatusCode).toBe(204)
    await expect(getBytes('short-lived')).rejects.toMatchObject({ name: 'NoSuchKey' })
    await expect(s3.client.send(new HeadObjectCommand(input))).rejects.toMatchObject({
      name: 'NotFound',
    })
  })

  it('answers a GET begun before its deletion with all its bytes', async () => {
    const body = sampleBytes(8 * MIB)
    await put('read-while-deleted', body)
    const input = { Bucket: s3.bucket, Key: 'read-while-deleted' }
    const reply = await s3.client.send(new GetObjectCommand(input))
    await s3.client.send(new DeleteObjectCommand(input))

    const bytes = Buffer.from((await reply.Body?.transformToByteArray()) ?? [])
    expect(bytes.equals(body)).toBe(true)
  })

  it('can be asked for again by a reader that hung up in its midst', async () => {
    const body = sampleBytes(8 * MIB)
    await put('abandoned', body)
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const input = { Bucket: s3.bucket, Key: 'abandoned' }
      const { Body } = await s3.client.send(new GetObjectCommand(input))
      if (Body instanceof Readable) Body.destroy()
    }

    expect((await s3.bytesOf('abandoned')).equals(body)).toBe(true)
  })

  it('tells its checksum and size as attributes', async () => {
    await put('attributes', '123456789', { ChecksumAlgorithm: 'CRC64NVME' })
    const reply = await s3.client.send(
      new GetObjectAttributesCommand({
        Bucket: s3.bucket,
        Key: 'attributes',
        ObjectAttributes: ['ETag', 'Checksum', 'ObjectSize', 'StorageClass'],
      }),
    )

    expect(reply.ObjectSize).toBe(9)
    expect(reply.ETag).toBe(createHash('md5').update('123456789').digest('hex'))
    expect(reply.Checksum).toMatchObject({
      ChecksumCRC64NVME: Buffer.from('ae8b14860a799888', 'hex').toString('base64'),
      ChecksumType: 'FULL_OBJECT',
    })
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
describe('a read', () => {
  const body = sampleBytes(1000)
  beforeAll(() => put('ranged', body, { ContentType: 'text/plain' }))

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=10-19', 10, 20],
    ['bytes=990-', 990, 1000],
    ['bytes=990-5000', 990, 1000],
    ['bytes=-10', 990, 1000],
    ['bytes=-5000', 0, 1000],
  ])('of the range %s gets exactly those bytes', async (range, from, to) => {
    const { reply, bytes } = await getBytes('ranged', { Range: range })

    expect(bytes.equals(body.subarray(from, to))).toBe(true)
    expect(reply.ContentRange).toBe(`bytes ${from}-${to - 1}/1000`)
    expect(reply.$metadata.httpStatusCode).toBe(206)
  })

  it.each(['bytes=1000-', 'bytes=-0'])('of the range %s is refused', async (range) => {
    await expect(getBytes('ranged', { Range: range })).rejects.toMatchObject({
      name: 'InvalidRange',
    })
  })

  it.each(['bytes=5-1', 'bytes=a-b', 'bytes=0-1,5-6'])(
    'of the range %s gets the whole object',
    async (range) => {
      const { reply, bytes } = await getBytes('ranged', { Range: range })

      expect(bytes.equals(body)).toBe(true)
      expect(reply.$metadata.httpStatusCode).toBe(200)
    },
  )

  it('with the ETag of another version is refused', async () => {
    const etag = (await getBytes('ranged')).reply.ETag
    const { bytes } = await getBytes('ranged', { IfMatch: etag, Range: 'bytes=0-9' })

    expect(bytes.length).toBe(10)
    await expect(getBytes('ranged', { IfMatch: '"0123"' })).rejects.toMatchObject({
      name: 'PreconditionFailed',
    })
  })

  it('is answered 304 when the reader has the object already', async () => {
    const { reply } = await getBytes('ranged')
    const unchanged = { $metadata: { httpStatusCode: 304 } }

    await expect(getBytes('ranged', { IfNoneMatch: reply.ETag })).rejects.toMatchObject(unchanged)
    await expect(getBytes('ranged', { IfModifiedSince: reply.LastModified })).rejects.toMatchObject(
      unchanged,
    )
  })

  it('by presigned URL carries the headers that the URL asks for', async () => {
    const command = new GetObjectCommand({
      Bucket: s3.bucket,
      Key: 'ranged',
      ResponseContentType: 'application/octet-stream',
      ResponseContentDisposition: `attachment; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf`,
      ResponseCacheControl: 'no-store',
    })
    const reply = await fetch(await getSignedUrl(s3.client, command, { expiresIn: 60 }))

    expect(Buffer.from(await reply.arrayBuffer()).equals(body)).toBe(true)
    expect(reply.headers.get('content-type')).toBe('application/octet-stream')
    expect(reply.headers.get('content-disposition')).toContain('r%C3%A9sum%C3%A9.pdf')
    expect(reply.headers.get('cache-control')).toBe('no-store')
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
describe('a copy', () => {
  it('has the bytes and headers of its source and outlives it', async () => {
    await put('copy/source ü.txt', 'copied', { ContentType: 'text/plain' })
    const CopySource = `${s3.bucket}/${encodeURIComponent('copy/source ü.txt')}`
    const copied = await s3.client.send(
      new CopyObjectCommand({ Bucket: s3.bucket, Key: 'copy/target', CopySource }),
    )
    const source = { Bucket: s3.bucket, Key: 'copy/source ü.txt' }
    await s3.client.send(new DeleteObjectCommand(source))
    const { reply, bytes } = await getBytes('copy/target')

    expect(bytes.toString()).toBe('copied')
    expect(reply.ContentType).toBe('text/plain')
    expect(copied.CopyObjectResult?.ETag).toBe(reply.ETag)
  })

  it('onto itself needs new headers', async () => {
    await put('self', 'same bytes', { ContentType: 'text/plain' })
    const input = { Bucket: s3.bucket, Key: 'self', CopySource: `${s3.bucket}/self` }

    await expect(s3.client.send(new CopyObjectCommand(input))).rejects.toMatchObject({
      name: 'InvalidRequest',
    })
    await s3.client.send(
      new CopyObjectCommand({
        ...input,
        MetadataDirective: 'REPLACE',
        ContentType: 'application/pdf',
      }),
    )
    const { reply, bytes } = await getBytes('self')
    expect(reply.ContentType).toBe('application/pdf')
    expect(bytes.toString()).toBe('same bytes')
  })

  it('of a missing object is refused', async () => {
    const input = { Bucket: s3.bucket, Key: 'x', CopySource: `${s3.bucket}/nothing-here` }
    await expect(s3.client.send(new CopyObjectCommand(input))).rejects.toMatchObject({
      name: 'NoSuchKey',
    })
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
describe('tags', () => {
  it('are stored with the object and replaced whole', async () => {
    await put('tagged', 'x', { Tagging: 'scan=pending&a%20b=c%26d' })
    const input = { Bucket: s3.bucket, Key: 'tagged' }
    const first = await s3.client.send(new GetObjectTaggingCommand(input))
    const TagSet = [{ Key: 'scan', Value: '<clean> & "sound"' }]
    await s3.client.send(new PutObjectTaggingCommand({ ...input, Tagging: { TagSet } }))
    const second = await s3.client.send(new GetObjectTaggingCommand(input))

    expect(first.TagSet).toEqual([
      { Key: 'scan', Value: 'pending' },
      { Key: 'a b', Value: 'c&d' },
    ])
    expect(second.TagSet).toEqual(TagSet)
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
describe('a delete of several objects', () => {
  it('removes those that are there and reports all', async () => {
    const keys = ['many/1', 'many/ <&"> ', 'many/missing']
    await Promise.all(keys.slice(0, 2).map((key) => put(key, 'x')))
    const Objects = keys.map((Key) => ({ Key }))
    const reply = await s3.client.send(
      new DeleteObjectsCommand({ Bucket: s3.bucket, Delete: { Objects } }),
    )
    const quiet = await s3.client.send(
      new DeleteObjectsCommand({ Bucket: s3.bucket, Delete: { Objects, Quiet: true } }),
    )

    expect(reply.Deleted?.map(({ Key }) => Key)).toEqual(keys)
    expect(quiet.Deleted ?? []).toEqual([])
    await expect(getBytes('many/ <&"> ')).rejects.toMatchObject({ name: 'NoSuchKey' })
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html and API_DeleteBucket.html
describe('a bucket', () => {
  it('is made, listed, and removed only when it is empty', async () => {
    const bucket = freshName('removed')
    await s3.client.send(new CreateBucketCommand({ Bucket: bucket }))
    const target = { Bucket: bucket, Key: 'x' }
    const listed = async () =>
      (await s3.client.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)
    await s3.client.send(new PutObjectCommand({ ...target, Body: 'x' }))
    const remove = () => s3.client.send(new DeleteBucketCommand({ Bucket: bucket }))

    await expect(remove()).rejects.toMatchObject({ name: 'BucketNotEmpty' })
    expect(await listed()).toContain(bucket)
    await s3.client.send(new DeleteObjectCommand(target))
    await remove()
    expect(await listed()).not.toContain(bucket)
    await expect(remove()).rejects.toMatchObject({ name: 'NoSuchBucket' })
  })

  it.each(['ab', 'Capital-letters', 'under_score', 'two..dots', 'ends-in-'])(
    'may not be called %s',
    async (Bucket) => {
      await expect(s3.client.send(new CreateBucketCommand({ Bucket }))).rejects.toMatchObject({
        name: 'InvalidBucketName',
      })
    },
  )

  it('answers where it is', async () => {
    const { bucket, client } = s3
    const head = await client.send(new HeadBucketCommand({ Bucket: bucket }))
    const location = await client.send(new GetBucketLocationCommand({ Bucket: bucket }))

    expect(head.BucketRegion).toBe(s3.region)
    expect(location.LocationConstraint || 'us-east-1').toBe(s3.region)
  })

  it('that was never versioned says so', async () => {
    const command = new GetBucketVersioningCommand({ Bucket: s3.bucket })
    expect((await s3.client.send(command)).Status).toBeUndefined()
  })

  it('that nobody made does not exist', async () => {
    const input = { Bucket: freshName('nowhere'), Key: 'x', Body: 'x' }
    await expect(s3.client.send(new PutObjectCommand(input))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    })
  })
})

insideEngine('S3').describe('an operation that is not here', () => {
  const calls: [string, (on: { Bucket: string; Key: string }) => Promise<unknown>][] = [
    [
      'PutBucketVersioning',
      ({ Bucket }) =>
        s3.client.send(
          new PutBucketVersioningCommand({
            Bucket,
            VersioningConfiguration: { Status: 'Enabled' },
          }),
        ),
    ],
    [
      'ListObjectVersions',
      ({ Bucket }) => s3.client.send(new ListObjectVersionsCommand({ Bucket })),
    ],
    ['GetObjectAcl', (on) => s3.client.send(new GetObjectAclCommand(on))],
    ['x-amz-acl: public-read', ({ Key }) => put(Key, 'x', { ACL: 'public-read' })],
    [
      'x-amz-server-side-encryption: aws:kms',
      ({ Key }) => put(Key, 'x', { ServerSideEncryption: 'aws:kms' }),
    ],
    ['versionId', (on) => s3.client.send(new GetObjectCommand({ ...on, VersionId: '3' }))],
  ]

  it.each(calls)('is refused by its name: %s', async (name, call) => {
    await put('here', 'x')

    await expect(call({ Bucket: s3.bucket, Key: 'here' })).rejects.toMatchObject({
      name: 'NotImplemented',
      message: expect.stringContaining(name),
      $metadata: { httpStatusCode: 501 },
    })
  })
})

insideEngine('S3').describe('the runner itself', () => {
  it('stores and reads objects without a request', async () => {
    const own = await startS3()
    const body = Buffer.from('<!doctype html>')
    const { etag } = await own.engine.putObject(own.bucket, 'index.html', {
      body,
      contentType: 'text/html',
      cacheControl: 'no-cache',
    })
    const object = own.engine.readObject(own.bucket, 'index.html')
    const bytes = await object?.stream.toArray()

    expect(Buffer.concat(bytes ?? []).equals(body)).toBe(true)
    expect(object).toMatchObject({ size: body.length, etag, contentType: 'text/html' })
    expect(object?.headers).toMatchObject({ 'cache-control': 'no-cache', etag: `"${etag}"` })
    expect(own.engine.readObject(own.bucket, 'missing')).toBeUndefined()
    await own.close()
  })
})
