import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ContentChanged } from '../../../shared/deliveries/send-job.ts'
import { stagedFile } from '../../../shared/deliveries/staged-file.ts'
import type { StagingBucket } from '../../../shared/platform/staging-bucket.ts'

const CONTENT = randomBytes(100_000)
const OBJECT = { stagingKey: 'staging/scan/a', etag: 'e1', sizeBytes: CONTENT.length }

/** A bucket whose answers break off after so many bytes, one after the other; then they are whole. */
function bucketThatBreaks(...breaksAfterBytes: number[]) {
  const bodies: Readable[] = []
  const asked: number[] = []
  const staging: Pick<StagingBucket, 'read'> = {
    async read(_key, etag, { offsetBytes, sizeBytes }) {
      asked.push(offsetBytes)
      if (etag !== OBJECT.etag) return undefined
      const bytes = CONTENT.subarray(offsetBytes, offsetBytes + sizeBytes)
      const body = Readable.from(pieces(bytes, breaksAfterBytes.shift()), { objectMode: false })
      bodies.push(body)
      return body
    },
  }
  return { staging, bodies, asked }
}

async function* pieces(bytes: Buffer, breakAfterBytes = Infinity): AsyncGenerator<Buffer> {
  for (let from = 0; from < bytes.length; from += 1000) {
    if (from >= breakAfterBytes) throw new Error('ECONNRESET')
    yield bytes.subarray(from, from + 1000)
  }
}

async function readAll(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const read: Buffer[] = []
  for await (const piece of bytes) read.push(piece)
  return Buffer.concat(read)
}

const never = new AbortController().signal

describe('a staged file', () => {
  it('is read in one request by whoever reads on, wherever the pieces are cut', async () => {
    const { staging, asked } = bucketThatBreaks()
    const file = stagedFile(staging, OBJECT, never)

    const first = await readAll(file.read(0, 33_333))
    const second = await readAll(file.read(33_333, 33_334))
    const third = await readAll(file.read(33_334, 100_000))

    expect(Buffer.concat([first, second, third])).toEqual(CONTENT)
    expect(asked).toEqual([0])
  })

  it('is asked for anew by whoever goes back or skips, and the old request is let go', async () => {
    const { staging, asked, bodies } = bucketThatBreaks()
    const file = stagedFile(staging, OBJECT, never)

    await readAll(file.read(0, 50_000))
    expect(await readAll(file.read(20_000, 30_000))).toEqual(CONTENT.subarray(20_000, 30_000))
    expect(await readAll(file.read(90_000, 100_000))).toEqual(CONTENT.subarray(90_000))

    expect(asked).toEqual([0, 20_000, 90_000])
    expect(bodies.slice(0, 2).map((body) => body.destroyed)).toEqual([true, true])
  })

  it('goes on where a request breaks off', async () => {
    const { staging, asked } = bucketThatBreaks(10_000, 5000, 1000)

    expect(await readAll(stagedFile(staging, OBJECT, never).read(0, 100_000))).toEqual(CONTENT)
    expect(asked).toEqual([0, 10_000, 15_000, 16_000])
  })

  it('is given up when request after request breaks without a byte', async () => {
    const { staging, asked } = bucketThatBreaks(0, 0, 0, 0, 0)

    const reading = readAll(stagedFile(staging, OBJECT, never).read(0, 100_000))

    await expect(reading).rejects.toThrow('ECONNRESET')
    expect(asked).toHaveLength(4)
  })

  it('is not asked for anew once the work is stopped', async () => {
    const { staging, asked } = bucketThatBreaks(0)

    const reading = readAll(stagedFile(staging, OBJECT, AbortSignal.abort()).read(0, 100_000))

    await expect(reading).rejects.toThrow()
    expect(asked).toHaveLength(1)
  })

  it('is another file when its ETag is', async () => {
    const { staging } = bucketThatBreaks()
    const changed = { ...OBJECT, etag: 'e2' }

    const reading = readAll(stagedFile(staging, changed, never).read(0, 1))

    await expect(reading).rejects.toBeInstanceOf(ContentChanged)
  })

  it('that is empty is not asked for', async () => {
    const { staging, asked } = bucketThatBreaks()

    await readAll(stagedFile(staging, { ...OBJECT, sizeBytes: 0 }, never).read(0, 0))

    expect(asked).toEqual([])
  })

  it('lets its connection go when it is closed', async () => {
    const { staging, bodies } = bucketThatBreaks()
    const file = stagedFile(staging, OBJECT, never)
    await readAll(file.read(0, 10))

    file.close()

    expect(bodies.map((body) => body.destroyed)).toEqual([true])
  })
})
