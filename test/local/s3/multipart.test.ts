import { createHash } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startChecksum } from '../../../infra/local/s3/checksums.ts'
import { insideEngine } from '../../support/contract-target.ts'
import {
  MIB,
  PRESIGNING,
  type S3Harness,
  type S3Suite,
  sampleBytes,
  startS3,
  startSuite,
} from './s3-harness.ts'

const PARTS = [sampleBytes(5 * MIB, 1), sampleBytes(5 * MIB, 2), sampleBytes(1234, 3)]
const WHOLE = Buffer.concat(PARTS)
/** The settings that Portage's clients use, for parts that a browser sends without checksums. */
const FULL_OBJECT = { ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'FULL_OBJECT' } as const

let s3: S3Suite
let presigner: S3Client
beforeAll(async () => {
  s3 = await startSuite()
  presigner = s3.clientWith(PRESIGNING)
})
afterAll(() => s3.close())

interface Started {
  target: { Bucket: string; Key: string; UploadId: string | undefined }
  send: (number: number, body: Buffer) => Promise<CompletedPart>
  complete: (parts: CompletedPart[], more?: object) => Promise<{ ETag?: string | undefined }>
}

async function startUpload(key: string, settings: object = FULL_OBJECT): Promise<Started> {
  const object = { Bucket: s3.bucket, Key: key }
  const { UploadId } = await presigner.send(
    new CreateMultipartUploadCommand({ ...object, ...settings }),
  )
  const target = { ...object, UploadId }
  return {
    target,
    async send(PartNumber, body) {
      const command = new UploadPartCommand({ ...target, PartNumber, ContentLength: body.length })
      const url = await getSignedUrl(presigner, command, { expiresIn: 60 })
      const reply = await fetch(url, { method: 'PUT', body })
      if (!reply.ok) throw new Error(await reply.text())
      return { PartNumber, ETag: reply.headers.get('etag') ?? '' }
    },
    complete: (Parts, more = {}) =>
      presigner.send(
        new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts }, ...more }),
      ),
  }
}

async function uploadAll(key: string): Promise<Started & { parts: CompletedPart[] }> {
  const upload = await startUpload(key)
  const parts = await Promise.all(PARTS.map((body, index) => upload.send(index + 1, body)))
  return { ...upload, parts }
}

async function crc64Of(bytes: Buffer): Promise<string> {
  const hash = await startChecksum('CRC64NVME')
  hash.update(bytes)
  return hash.digest().toString('base64')
}

const isStored = async (key: string) => (await s3.sizeOf(key)) !== undefined

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
describe('a multipart upload', () => {
  it('becomes one object with the checksum of all its bytes', async () => {
    const { parts, complete, target } = await uploadAll('whole')
    const md5s = PARTS.map((part) => createHash('md5').update(part).digest())
    const etag = `"${createHash('md5').update(Buffer.concat(md5s)).digest('hex')}-3"`
    const checksum = await crc64Of(WHOLE)
    const completed = await complete(parts, { MpuObjectSize: WHOLE.length })
    const { Bucket, Key } = target
    const got = await s3.client.send(new GetObjectCommand({ Bucket, Key }))
    const bytes = Buffer.from((await got.Body?.transformToByteArray()) ?? [])

    expect(completed).toMatchObject({
      ETag: etag,
      ChecksumCRC64NVME: checksum,
      ChecksumType: 'FULL_OBJECT',
      Bucket,
      Key,
    })
    expect(bytes.equals(WHOLE)).toBe(true)
    expect(got).toMatchObject({ ETag: etag, ChecksumCRC64NVME: checksum })
  })

  it('is read across the borders of its parts', async () => {
    const { parts, complete, target } = await uploadAll('ranges')
    await complete(parts)
    const { Bucket, Key } = target
    const [from, to] = [5 * MIB - 10, 10 * MIB + 10]
    const got = await s3.client.send(
      new GetObjectCommand({ Bucket, Key, Range: `bytes=${from}-${to - 1}` }),
    )
    const part = await s3.client.send(new HeadObjectCommand({ Bucket, Key, PartNumber: 3 }))

    const bytes = Buffer.from((await got.Body?.transformToByteArray()) ?? [])
    expect(bytes.equals(WHOLE.subarray(from, to))).toBe(true)
    expect(part).toMatchObject({ PartsCount: 3, ContentLength: 1234 })
  })

  it('keeps only the parts that are listed, in their order', async () => {
    const { send, parts, complete, target } = await uploadAll('chosen')
    const last = await send(9, Buffer.from('last'))
    await complete([...parts.slice(0, 1), last])
    const { Bucket, Key } = target
    const head = await s3.client.send(new HeadObjectCommand({ Bucket, Key }))

    expect(head.ContentLength).toBe(5 * MIB + 4)
  })

  it('takes the last body that was sent for a part number', async () => {
    const { send, complete } = await startUpload('resent')
    await send(1, Buffer.from('first'))
    const second = await send(1, Buffer.from('second'))
    await complete([second])

    expect((await s3.bytesOf('resent')).toString()).toBe('second')
  })

  it('may be one empty part', async () => {
    const { send, complete } = await startUpload('nothing')
    await complete([await send(1, Buffer.alloc(0))])

    expect(await s3.sizeOf('nothing')).toBe(0)
  })

  it('lists the parts that are there, page by page', async () => {
    const { parts, target } = await uploadAll('listed')
    const first = await s3.client.send(new ListPartsCommand({ ...target, MaxParts: 2 }))
    const second = await s3.client.send(
      new ListPartsCommand({ ...target, PartNumberMarker: first.NextPartNumberMarker }),
    )

    const listed = [...(first.Parts ?? []), ...(second.Parts ?? [])]
    expect([first.IsTruncated, second.IsTruncated]).toEqual([true, false])
    expect(listed.map(({ Size }) => Size)).toEqual(PARTS.map((part) => part.length))
    expect(listed.map(({ ETag }) => ETag)).toEqual(parts.map(({ ETag }) => ETag))
    expect(first).toMatchObject(FULL_OBJECT)
  })

  it('takes no part outside of 1 to 10,000, and none of another length than signed', async () => {
    const { target, send } = await startUpload('bounds')
    const command = new UploadPartCommand({ ...target, PartNumber: 1, ContentLength: 5 })
    const url = await getSignedUrl(presigner, command, { expiresIn: 60 })

    await expect(send(0, Buffer.from('x'))).rejects.toThrow('InvalidArgument')
    await expect(send(10_001, Buffer.from('x'))).rejects.toThrow('InvalidArgument')
    expect((await fetch(url, { method: 'PUT', body: '123456' })).status).toBe(403)
    const { Parts } = await s3.client.send(new ListPartsCommand(target))
    expect(Parts ?? []).toEqual([])
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
describe('completing', () => {
  it.each([
    ['InvalidPart', (parts: CompletedPart[]) => [{ ...parts[0], ETag: '"0123"' }]],
    ['InvalidPart', (parts: CompletedPart[]) => [...parts, { PartNumber: 4, ETag: '"0123"' }]],
    ['InvalidPartOrder', (parts: CompletedPart[]) => [...parts].reverse()],
    [
      'EntityTooSmall',
      (parts: CompletedPart[]) => [...parts.slice(2), { PartNumber: 4, ETag: '' }],
    ],
    ['MalformedXML', () => []],
  ])('is refused as %s and changes nothing', async (name, choose) => {
    const key = `refused/${name}`
    const { parts, send, complete, target } = await uploadAll(key)
    const fourth = await send(4, Buffer.from('fourth'))
    const list = choose(parts).map((part) => (part.ETag === '' ? fourth : part))
    // The list that asks for part 4 must find it missing.
    const asked = list.map((part) => (part.ETag === '"0123"' ? { ...part, PartNumber: 5 } : part))

    await expect(complete(asked)).rejects.toMatchObject({ name })
    expect(await isStored(key)).toBe(false)
    const { Parts } = await s3.client.send(new ListPartsCommand(target))
    expect(Parts).toHaveLength(4)
  })

  it('is refused when the size or the checksum is another', async () => {
    const { parts, complete } = await uploadAll('declared')
    const wrong = Buffer.alloc(8).toString('base64')

    await expect(complete(parts, { MpuObjectSize: WHOLE.length + 1 })).rejects.toMatchObject({
      name: 'InvalidRequest',
    })
    await expect(complete(parts, { ChecksumCRC64NVME: wrong })).rejects.toMatchObject({
      name: 'BadDigest',
    })
    expect(await isStored('declared')).toBe(false)
    await complete(parts, {
      MpuObjectSize: WHOLE.length,
      ChecksumCRC64NVME: await crc64Of(WHOLE),
      ChecksumType: 'FULL_OBJECT',
    })
    expect(await isStored('declared')).toBe(true)
  })

  it('again with the same parts gets the same answer and changes nothing', async () => {
    const { parts, complete } = await uploadAll('repeated')
    const first = await complete(parts)
    await s3.put('repeated', 'newer')
    const second = await complete(parts)

    expect(second.ETag).toBe(first.ETag)
    expect(await s3.sizeOf('repeated')).toBe(5)
    await expect(complete(parts.slice(0, 1))).rejects.toMatchObject({ name: 'NoSuchUpload' })
  })

  it('from many sides at once gives all the same answer', async () => {
    const { parts, complete } = await uploadAll('racing')
    const replies = await Promise.all(Array.from({ length: 8 }, () => complete(parts)))

    expect(new Set(replies.map(({ ETag }) => ETag)).size).toBe(1)
  })
})

insideEngine('S3').describe('completing with faults on demand', () => {
  let own: S3Harness
  let client: S3Client
  beforeAll(async () => {
    own = await startS3()
    client = own.clientWith(PRESIGNING)
  })
  afterAll(() => own.close())

  async function startedUpload(Key: string) {
    const object = { Bucket: own.bucket, Key }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(object))
    const { ETag } = await client.send(
      new UploadPartCommand({ ...object, UploadId, PartNumber: 1, Body: 'x' }),
    )
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] }
    const command = () =>
      new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload })
    return () => client.send(command())
  }

  // "A 200 OK response can contain either a success or an error":
  // https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
  it.each([true, false])('may answer 200 with an error inside, applied: %s', async (applied) => {
    const key = `error-in-ok/${applied}`
    const complete = await startedUpload(key)
    Object.assign(own.engine.faults, { completeErrorsInOk: 1, completeErrorsApply: applied })

    await expect(complete()).rejects.toMatchObject({ name: 'InternalError' })
    expect(await own.sizeOf(key)).toBe(applied ? 1 : undefined)
    await complete()
    expect(await own.sizeOf(key)).toBe(1)
  })

  it('again may find the upload forgotten', async () => {
    const complete = await startedUpload('forgotten')
    await complete()
    own.engine.faults.forgetCompletedUploads = true

    await expect(complete()).rejects.toMatchObject({ name: 'NoSuchUpload' })
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
describe('a part copied from an object', () => {
  const SOURCE = 'copied/source ü'
  const copyPart = (target: Started['target'], more: object) =>
    s3.client.send(
      new UploadPartCopyCommand({
        ...target,
        PartNumber: 1,
        CopySource: `${s3.bucket}/${encodeURIComponent(SOURCE)}`,
        ...more,
      }),
    )
  beforeAll(() => s3.put(SOURCE, WHOLE))

  it.each([
    ['the whole', undefined, 0, WHOLE.length],
    ['a range', 'bytes=100-7000099', 100, 7_000_100],
  ])('is %s of it, with hashes of its own', async (_, CopySourceRange, from, to) => {
    const { target, send, complete } = await startUpload(`copied/${from}`)
    const { CopyPartResult: copied } = await copyPart(target, { CopySourceRange })
    const bytes = WHOLE.subarray(from, to)
    const last = await send(2, Buffer.from('last'))
    await complete([{ PartNumber: 1, ETag: copied?.ETag }, last])

    expect(copied?.ETag).toBe(`"${createHash('md5').update(bytes).digest('hex')}"`)
    expect(copied?.ChecksumCRC64NVME).toBe(await crc64Of(bytes))
    const got = await s3.bytesOf(`copied/${from}`)
    expect(got.equals(Buffer.concat([bytes, Buffer.from('last')]))).toBe(true)
  })

  it.each([
    ['bytes=0-99999999', 'InvalidArgument'],
    ['bytes=5-', 'InvalidArgument'],
    ['bytes=9-5', 'InvalidArgument'],
    ['0-5', 'InvalidArgument'],
  ])('is refused for the range %s', async (CopySourceRange, name) => {
    const { target } = await startUpload('copied/refused')
    await expect(copyPart(target, { CopySourceRange })).rejects.toMatchObject({ name })
  })

  it('is refused when its source is missing or another version', async () => {
    const { target } = await startUpload('copied/conditions')

    await expect(copyPart(target, { CopySource: `${s3.bucket}/none` })).rejects.toMatchObject({
      name: 'NoSuchKey',
    })
    await expect(copyPart(target, { CopySourceIfMatch: '"0123"' })).rejects.toMatchObject({
      name: 'PreconditionFailed',
    })
    const { Parts } = await s3.client.send(new ListPartsCommand(target))
    expect(Parts ?? []).toEqual([])
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
describe('an abort', () => {
  it('forgets the upload; nothing can be added or completed after it', async () => {
    const { parts, send, complete, target } = await uploadAll('aborted')
    await s3.client.send(new AbortMultipartUploadCommand(target))

    await expect(send(1, Buffer.from('late'))).rejects.toThrow('NoSuchUpload')
    await expect(complete(parts)).rejects.toMatchObject({ name: 'NoSuchUpload' })
    await expect(s3.client.send(new ListPartsCommand(target))).rejects.toMatchObject({
      name: 'NoSuchUpload',
    })
    expect(await isStored('aborted')).toBe(false)
  })

  it('of a finished upload leaves its object alone', async () => {
    const { send, complete, target } = await startUpload('finished')
    await complete([await send(1, Buffer.from('x'))])

    await expect(s3.client.send(new AbortMultipartUploadCommand(target))).rejects.toMatchObject({
      name: 'NoSuchUpload',
    })
    expect(await isStored('finished')).toBe(true)
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
describe('an upload with a checksum per part', () => {
  it('keeps the checksum of the checksums', async () => {
    const object = { Bucket: s3.bucket, Key: 'composite' }
    const { UploadId } = await s3.client.send(
      new CreateMultipartUploadCommand({ ...object, ChecksumAlgorithm: 'SHA256' }),
    )
    const Parts = await Promise.all(
      PARTS.map(async (Body, index) => {
        const part = { PartNumber: index + 1, Body, ChecksumAlgorithm: 'SHA256' as const }
        const reply = await s3.client.send(new UploadPartCommand({ ...object, UploadId, ...part }))
        const { ETag, ChecksumSHA256 } = reply
        return { PartNumber: index + 1, ETag, ChecksumSHA256 }
      }),
    )
    const complete = (list: CompletedPart[]) =>
      s3.client.send(
        new CompleteMultipartUploadCommand({
          ...object,
          UploadId,
          MultipartUpload: { Parts: list },
        }),
      )
    const digests = PARTS.map((part) => createHash('sha256').update(part).digest())
    const expected = createHash('sha256').update(Buffer.concat(digests)).digest('base64')

    await expect(
      complete(Parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }))),
    ).rejects.toMatchObject({ name: 'InvalidRequest' })
    expect(await complete(Parts)).toMatchObject({ ChecksumSHA256: `${expected}-3` })
    const attributes = await s3.client.send(
      new GetObjectAttributesCommand({ ...object, ObjectAttributes: ['ObjectParts'] }),
    )
    expect(attributes.ObjectParts?.TotalPartsCount).toBe(3)
    expect(attributes.ObjectParts?.Parts?.map(({ Size }) => Size)).toEqual([5 * MIB, 5 * MIB, 1234])
  })

  it('refuses parts of another algorithm', async () => {
    const object = { Bucket: s3.bucket, Key: 'mixed' }
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand(object))
    const part = { ...object, UploadId, PartNumber: 1, Body: 'x' }
    const send = s3.client.send(new UploadPartCommand({ ...part, ChecksumAlgorithm: 'SHA1' }))

    await expect(send).rejects.toMatchObject({
      name: 'InvalidRequest',
      message: expect.stringContaining('Checksum Type mismatch'),
    })
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
describe('the list of uploads', () => {
  it('shows the open ones by key, page by page', async () => {
    const started = await Promise.all(['open/b', 'open/a', 'open/c'].map((key) => startUpload(key)))
    const input = { Bucket: s3.bucket, Prefix: 'open/', MaxUploads: 2 }
    const first = await s3.client.send(new ListMultipartUploadsCommand(input))
    const second = await s3.client.send(
      new ListMultipartUploadsCommand({
        ...input,
        KeyMarker: first.NextKeyMarker,
        UploadIdMarker: first.NextUploadIdMarker,
      }),
    )

    const listed = [...(first.Uploads ?? []), ...(second.Uploads ?? [])]
    expect(listed.map(({ Key }) => Key)).toEqual(['open/a', 'open/b', 'open/c'])
    expect(listed.map(({ UploadId }) => UploadId).sort()).toEqual(
      started.map(({ target }) => target.UploadId).sort(),
    )
    expect(second.IsTruncated).toBe(false)
  })
})
