import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import {
  type ChecksumAlgorithm,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MIB, PRESIGNING, type S3Suite, sampleBytes, startSuite } from './s3-harness.ts'

let s3: S3Suite
beforeAll(async () => {
  s3 = await startSuite()
})
afterAll(() => s3.close())

const stored = (key: string) => s3.sizeOf(key)

async function presignPut(key: string, more: object = {}, settings = PRESIGNING) {
  const command = new PutObjectCommand({ Bucket: s3.bucket, Key: key, ...more })
  return getSignedUrl(s3.clientWith(settings), command, { expiresIn: 60 })
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
describe('a checksum', () => {
  const body = Buffer.from('123456789')
  const vectors: [ChecksumAlgorithm, string, string][] = [
    ['CRC32', 'ChecksumCRC32', 'cbf43926'],
    ['CRC32C', 'ChecksumCRC32C', 'e3069283'],
    ['CRC64NVME', 'ChecksumCRC64NVME', 'ae8b14860a799888'],
    ['SHA1', 'ChecksumSHA1', createHash('sha1').update(body).digest('hex')],
    ['SHA256', 'ChecksumSHA256', createHash('sha256').update(body).digest('hex')],
  ]

  it.each(vectors)('of %s is verified, kept and told', async (algorithm, member, hex) => {
    const value = Buffer.from(hex, 'hex').toString('base64')
    const Key = `checksum/${algorithm}`
    const put = await s3.client.send(
      new PutObjectCommand({ Bucket: s3.bucket, Key, Body: body, [member]: value }),
    )
    const head = await s3.client.send(
      new HeadObjectCommand({ Bucket: s3.bucket, Key, ChecksumMode: 'ENABLED' }),
    )

    expect(put).toMatchObject({ [member]: value, ChecksumType: 'FULL_OBJECT' })
    expect(head).toMatchObject({ [member]: value, ChecksumType: 'FULL_OBJECT' })
  })

  it.each(vectors)(
    'of %s that is not that of the bytes is refused',
    async (algorithm, member, hex) => {
      const wrong = Buffer.from(hex, 'hex').reverse().toString('base64')
      const Key = `wrong/${algorithm}`
      const put = new PutObjectCommand({ Bucket: s3.bucket, Key, Body: body, [member]: wrong })

      await expect(s3.client.send(put)).rejects.toMatchObject({ name: 'BadDigest' })
      expect(await stored(Key)).toBeUndefined()
    },
  )

  it('nobody sent is CRC64NVME', async () => {
    const url = await presignPut('plain')
    await fetch(url, { method: 'PUT', body })
    const head = await s3.client.send(
      new HeadObjectCommand({ Bucket: s3.bucket, Key: 'plain', ChecksumMode: 'ENABLED' }),
    )

    expect(head.ChecksumCRC64NVME).toBe(Buffer.from('ae8b14860a799888', 'hex').toString('base64'))
  })

  it('may follow a streamed body as trailer', async () => {
    const bytes = sampleBytes(3 * MIB + 5)
    const chunks = [bytes.subarray(0, 70_000), bytes.subarray(70_000)]
    const input = {
      Bucket: s3.bucket,
      Key: 'streamed',
      Body: Readable.from(chunks, { objectMode: false }),
      ContentLength: bytes.length,
      ChecksumAlgorithm: 'CRC32' as const,
    }
    await s3.client.send(new PutObjectCommand(input))
    const reply = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: 'streamed' }))

    const received = Buffer.from((await reply.Body?.transformToByteArray()) ?? [])
    expect(received.equals(bytes)).toBe(true)
    expect(reply.ContentEncoding).toBeUndefined()
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
describe('a signed payload hash', () => {
  it('that is not that of the bytes is refused', async () => {
    const tamper = s3.clientWith({})
    tamper.middlewareStack.add(
      (next) => (args) => {
        const { request } = args as { request: { headers: Record<string, string>; body: unknown } }
        request.body = Buffer.from('other')
        return next(args)
      },
      { step: 'finalizeRequest', priority: 'low' },
    )
    const put = new PutObjectCommand({
      Bucket: s3.bucket,
      Key: 'tampered',
      Body: 'bytes',
      ContentMD5: createHash('md5').update('other').digest('base64'),
    })

    await expect(tamper.send(put)).rejects.toMatchObject({ name: 'XAmzContentSHA256Mismatch' })
    expect(await stored('tampered')).toBeUndefined()
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
describe('Content-MD5', () => {
  it('must be that of the bytes', async () => {
    const put = (md5Of: string) =>
      s3.client.send(
        new PutObjectCommand({
          Bucket: s3.bucket,
          Key: 'md5',
          Body: 'bytes',
          ContentMD5: createHash('md5').update(md5Of).digest('base64'),
        }),
      )

    await expect(put('other')).rejects.toMatchObject({ name: 'BadDigest' })
    expect(await stored('md5')).toBeUndefined()
    await put('bytes')
    expect(await stored('md5')).toBe(5)
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/PresignedUrlUploadObject.html
describe('a presigned PUT', () => {
  it('takes exactly the length that was signed', async () => {
    const url = await presignPut('sized', { ContentLength: 5 })
    const send = (body: string) => fetch(url, { method: 'PUT', body })

    expect((await send('123456')).status).toBe(403)
    expect((await send('1234')).status).toBe(403)
    expect(await stored('sized')).toBeUndefined()
    expect((await send('12345')).status).toBe(200)
    expect(await stored('sized')).toBe(5)
  })

  it('made by a client that signs the checksum of an empty body is of no use', async () => {
    const url = await presignPut('trap', {}, {})
    expect(url).toContain('x-amz-checksum-crc32=AAAAAA')
    const reply = await fetch(url, { method: 'PUT', body: 'bytes' })

    expect(reply.status).toBe(400)
    expect(await reply.text()).toContain('<Code>BadDigest</Code>')
    expect(await stored('trap')).toBeUndefined()
  })

  it('without a length is refused', async () => {
    const url = await presignPut('unsized')
    const body = Readable.toWeb(Readable.from(['bytes'])) as ReadableStream
    const reply = await fetch(url, { method: 'PUT', body, duplex: 'half' } as RequestInit)

    expect(reply.status).toBe(411)
    expect(await stored('unsized')).toBeUndefined()
  })

  it('may be followed by another request when it was refused in mid-body', async () => {
    await s3.put('taken', 'first')
    const url = await presignPut('taken')
    const send = () =>
      fetch(url, {
        method: 'PUT',
        body: sampleBytes(4 * MIB),
        headers: { 'if-none-match': '*' },
      })

    for (let attempt = 0; attempt < 3; attempt += 1) expect((await send()).status).toBe(412)
    expect(await stored('taken')).toBe(5)
  })
})

describe('a connection that is lost in mid-body', () => {
  async function sendHalf(url: string): Promise<void> {
    const { hostname, port, pathname, search, host } = new URL(url)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    const head = `PUT ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4000000\r\n\r\n`
    socket.write(head)
    await new Promise((resolve) => socket.write(sampleBytes(2 * MIB), resolve))
    socket.destroy()
    await once(socket, 'close')
  }

  it('leaves the object as it was', async () => {
    await s3.put('half', 'before')
    await sendHalf(await presignPut('half'))
    await sendHalf(await presignPut('half-new'))
    // A later write that succeeds shows that the engine has dealt with the lost ones.
    await fetch(await presignPut('after'), { method: 'PUT', body: 'x' })

    expect(await stored('half')).toBe(6)
    expect(await stored('half-new')).toBeUndefined()
    expect(await stored('after')).toBe(1)
  })
})
