import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AwsChunkedDecoder } from '../../../infra/local/s3/aws-chunked.ts'
import {
  type ChecksumAlgorithm,
  joinChecksums,
  startChecksum,
} from '../../../infra/local/s3/checksums.ts'

async function checksumOf(algorithm: ChecksumAlgorithm, ...chunks: Uint8Array[]): Promise<string> {
  const hash = await startChecksum(algorithm)
  for (const chunk of chunks) hash.update(Buffer.from(chunk))
  return hash.digest().toString('base64')
}

describe('the checksum of joined parts', () => {
  it.each(['CRC32', 'CRC32C', 'CRC64NVME'] as const)(
    'by %s over the whole object equals that of all bytes in one go',
    async (algorithm) => {
      const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 6 })
      await fc.assert(
        fc.asyncProperty(parts, async (chunks) => {
          const partChecksums = await Promise.all(
            chunks.map(async (chunk) => ({
              value: await checksumOf(algorithm, chunk),
              sizeBytes: chunk.length,
            })),
          )
          const joined = await joinChecksums(algorithm, 'FULL_OBJECT', partChecksums)

          expect(joined.value).toBe(await checksumOf(algorithm, ...chunks))
        }),
        { numRuns: 50 },
      )
    },
  )

  it('joins 10,000 parts of 500 MiB without counting their bytes', async () => {
    const part = { value: 'yvQ5Jg==', sizeBytes: 500 * 1024 ** 2 }
    const joined = await joinChecksums('CRC32', 'FULL_OBJECT', Array(10_000).fill(part))

    expect(Buffer.from(joined.value, 'base64')).toHaveLength(4)
  })

  it('is the checksum of the checksums with their number when composite', async () => {
    const parts = await Promise.all(
      ['one', 'two'].map(async (text) => ({
        value: await checksumOf('SHA256', Buffer.from(text)),
        sizeBytes: 3,
      })),
    )
    const digests = parts.map(({ value }) => Buffer.from(value, 'base64'))
    const joined = await joinChecksums('SHA256', 'COMPOSITE', parts)

    expect(joined.value).toBe(`${await checksumOf('SHA256', ...digests)}-2`)
  })
})

describe('an aws-chunked body', () => {
  // "The size of chunks must be at least 8 KB", all but the last:
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
  const hello = 'hello'.repeat(2000)
  const framed = `2710\r\n${hello}\r\n7;chunk-signature=x\r\n, world\r\n0\r\nx-amz-checksum-crc32: abc=\r\n\r\n`

  it('is read alike however the network cuts it', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(cuts, (sizes) => {
        const decoder = new AwsChunkedDecoder()
        const payload: Buffer[] = []
        let rest = Buffer.from(framed)
        for (let index = 0; rest.length > 0; index += 1) {
          const size = sizes[index % sizes.length] ?? 1
          const received = Buffer.from(rest.subarray(0, size))
          payload.push(...decoder.decode(received).map((bytes) => Buffer.from(bytes)))
          // The memory of what was received is used again.
          received.fill(0)
          rest = rest.subarray(size)
        }
        decoder.finish()

        expect(Buffer.concat(payload).toString()).toBe(`${hello}, world`)
        expect(decoder.trailers.get('x-amz-checksum-crc32')).toBe('abc=')
      }),
    )
  })

  it.each([
    ['cut short', framed.slice(0, -2)],
    ['without its last chunk', '5\r\nhello\r\n'],
  ])('%s is incomplete', (_, body) => {
    const decoder = new AwsChunkedDecoder()
    decoder.decode(Buffer.from(body))

    expect(() => decoder.finish()).toThrow(expect.objectContaining({ code: 'IncompleteBody' }))
  })

  it('with a small chunk before the last is refused', () => {
    const decode = () => new AwsChunkedDecoder().decode(Buffer.from('5\r\nhello\r\n1\r\n!\r\n'))

    expect(decode).toThrow(expect.objectContaining({ code: 'InvalidChunkSizeError' }))
  })

  it.each(['hello', 'zz\r\n', '5\r\nhello!!\r\n', `${framed}more`])('of %j is refused', (body) => {
    const decode = () => new AwsChunkedDecoder().decode(Buffer.from(`${body}${'x'.repeat(5000)}`))

    expect(decode).toThrow(expect.objectContaining({ code: 'InvalidRequest' }))
  })
})
