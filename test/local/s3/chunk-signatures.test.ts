import { createHash, createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type S3Suite, sampleBytes, startSuite } from './s3-harness.ts'

const SIGNED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
const SIGNED_TRAILER = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
const EMPTY_SHA256 = createHash('sha256').digest('hex')

let s3: S3Suite
beforeAll(async () => {
  s3 = await startSuite()
})
afterAll(() => s3.close())

interface SentBody {
  chunks: Buffer[]
  /** Value of `x-amz-checksum-crc32`, for a body with a trailer. */
  checksum?: string
  /** Changes the framed body after it was signed. */
  tamper?: (framed: string) => string
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/**
 * Puts an object through a real client, whose signature becomes the seed of the chunks':
 * the SDKs for other languages sign their chunks, this one does not.
 */
async function putChunks(key: string, { chunks, checksum, tamper }: SentBody): Promise<unknown> {
  const client = s3.clientWith({ requestChecksumCalculation: 'WHEN_REQUIRED' })
  const { secretAccessKey } = await client.config.credentials()
  const frame = (sign: (algorithm: string, hashes: string) => string) => {
    const framed = [...chunks, Buffer.alloc(0)].map((chunk) => {
      const signature = sign('PAYLOAD', `${EMPTY_SHA256}\n${sha256(chunk)}`)
      const head = `${chunk.length.toString(16)};chunk-signature=${signature}\r\n`
      return chunk.length === 0 ? head : `${head}${chunk.toString('latin1')}\r\n`
    })
    const trailer = `x-amz-checksum-crc32:${checksum}`
    if (checksum !== undefined) {
      framed.push(`${trailer}\r\n`)
      framed.push(`x-amz-trailer-signature:${sign('TRAILER', sha256(`${trailer}\n`))}\r\n`)
    }
    return `${framed.join('')}\r\n`
  }
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args as { request: { headers: Record<string, string> } }
      Object.assign(request.headers, {
        'x-amz-content-sha256': checksum === undefined ? SIGNED : SIGNED_TRAILER,
        'x-amz-decoded-content-length': String(Buffer.concat(chunks).length),
        'content-encoding': 'aws-chunked',
        'content-length': String(frame(() => '0'.repeat(64)).length),
        ...(checksum !== undefined && { 'x-amz-trailer': 'x-amz-checksum-crc32' }),
      })
      return next(args)
    },
    { step: 'build', priority: 'low' },
  )
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args as { request: { headers: Record<string, string>; body: Buffer } }
      const authorization = request.headers['authorization'] ?? ''
      const scope = /Credential=[^/]+\/([^,]+)/.exec(authorization)?.[1] ?? ''
      const signingKey = Buffer.from(
        scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`),
      )
      let previous = /Signature=([0-9a-f]+)/.exec(authorization)?.[1]
      const framed = frame((algorithm, hashes) => {
        const prefix = `AWS4-HMAC-SHA256-${algorithm}\n${request.headers['x-amz-date']}\n${scope}`
        previous = hmac(signingKey, `${prefix}\n${previous}\n${hashes}`).toString('hex')
        return previous
      })
      request.body = Buffer.from(tamper ? tamper(framed) : framed, 'latin1')
      return next(args)
    },
    { step: 'finalizeRequest', priority: 'low' },
  )
  return client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: key, Body: 'replaced' }))
}

const crc32Of = (bytes: Buffer) => {
  const value = Buffer.alloc(4)
  value.writeUInt32BE(crc32(bytes))
  return value.toString('base64')
}
const CHUNKS = [sampleBytes(70_000, 1), sampleBytes(8192, 2), sampleBytes(100, 3)]
const WHOLE = Buffer.concat(CHUNKS)

// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
describe('a body whose every chunk is signed', () => {
  it.each([
    ['of several chunks', CHUNKS],
    ['of one chunk', [WHOLE]],
    ['without bytes', []],
  ])('%s is stored without its framing', async (name, chunks) => {
    const key = `signed ${name}`
    await putChunks(key, { chunks })

    expect((await s3.bytesOf(key)).equals(Buffer.concat(chunks))).toBe(true)
  })

  it.each<[string, (framed: string) => string]>([
    [
      'whose bytes were changed',
      (it) => it.replace(WHOLE.toString('latin1', 500, 510), 'x'.repeat(10)),
    ],
    ['whose chunks were exchanged', (it) => exchangeChunks(it)],
    [
      'whose last signature was changed',
      (it) => it.replace(/[0-9a-f]{8}\r\n\r\n$/, '00000000\r\n\r\n'),
    ],
    ['whose signatures are missing', (it) => it.replaceAll(/;chunk-signature=[0-9a-f]{64}/g, '')],
  ])('%s is refused and leaves nothing', async (name, tamper) => {
    const put = putChunks(name, { chunks: CHUNKS, tamper })

    await expect(put).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
    expect(await s3.sizeOf(name)).toBeUndefined()
  })

  it('must have chunks of 8 KiB or more, but for the last', async () => {
    const chunks = [sampleBytes(8191), sampleBytes(10)]

    await expect(putChunks('small', { chunks })).rejects.toMatchObject({
      name: 'InvalidChunkSizeError',
    })
    expect(await s3.sizeOf('small')).toBeUndefined()
  })

  /** Two chunks of the same length change places with their signatures. */
  function exchangeChunks(framed: string): string {
    const [first = '', second = '', ...rest] = framed.split(/(?=2000;chunk|64;chunk)/)
    return [second, first, ...rest].join('')
  }
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
describe('a signed body with a signed trailer', () => {
  it('is verified by the checksum in the trailer', async () => {
    await putChunks('trailed', { chunks: CHUNKS, checksum: crc32Of(WHOLE) })

    expect((await s3.bytesOf('trailed')).equals(WHOLE)).toBe(true)
    const wrong = putChunks('wrong', { chunks: CHUNKS, checksum: 'AAAAAA==' })
    await expect(wrong).rejects.toMatchObject({ name: 'BadDigest' })
    expect(await s3.sizeOf('wrong')).toBeUndefined()
  })

  it('is refused when the trailer was changed', async () => {
    const tamper = (framed: string) => framed.replace(crc32Of(WHOLE), 'AAAAAA==')
    const put = putChunks('forged', { chunks: CHUNKS, checksum: crc32Of(WHOLE), tamper })

    await expect(put).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
    expect(await s3.sizeOf('forged')).toBeUndefined()
  })
})
