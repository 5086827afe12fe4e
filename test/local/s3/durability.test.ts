import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { LocalClock } from '../../../infra/local/clock.ts'
import { createS3Engine, type S3ObjectEvent } from '../../../infra/local/s3/s3-engine.ts'
import { storageFailure } from '../../../infra/local/s3/s3-errors.ts'
import { insideEngine } from '../../support/contract-target.ts'
import { type EngineChild, startEngineChild } from './engine-child.ts'
import { MIB, sampleBytes, startS3 } from './s3-harness.ts'

/** More than the engine keeps in the row itself. */
const LARGE_BYTES = 100_000
const WRITES_BEFORE_KILL = 80
const UPLOAD_PARTS = [randomBytes(5 * MIB), randomBytes(LARGE_BYTES)]
const UPLOAD_BYTES = Buffer.concat(UPLOAD_PARTS)

const inside = insideEngine('S3')
let dataDir: string

function freshDirectory(): void {
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 's3-durability-'))
  })
  afterEach(() => {
    rmSync(dataDir, { recursive: true, force: true })
  })
}

const md5Of = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex')

interface Upload {
  key: string
  UploadId: string | undefined
  parts: CompletedPart[]
}

/** Eight clients write until the engine is killed in their midst; answers what it acknowledged. */
async function writeUntilKilled({ client, bucket, kill }: EngineChild) {
  const acknowledged = new Map<string, string>()
  const uploads = new Map<string, Upload>()
  let killed: Promise<void> | undefined
  const acknowledge = (key: string, body: Buffer) => {
    acknowledged.set(key, md5Of(body))
    const hasUpload = [...acknowledged.keys()].some((it) => it.startsWith('multipart/'))
    if (acknowledged.size >= WRITES_BEFORE_KILL && hasUpload) killed ??= kill()
  }
  const putObjects = async (writer: number) => {
    for (let index = 0; ; index += 1) {
      const Key = `${writer}/${index}`
      const Body = randomBytes(1 + ((index * 7919) % 200_000))
      await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body }))
      acknowledge(Key, Body)
    }
  }
  const putUploads = async (writer: number) => {
    for (let index = 0; ; index += 1) {
      const key = `multipart/${writer}/${index}`
      const target = { Bucket: bucket, Key: key }
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(target))
      const parts: CompletedPart[] = []
      uploads.set(key, { key, UploadId, parts })
      for (const [at, Body] of UPLOAD_PARTS.entries()) {
        const part = { ...target, UploadId, PartNumber: at + 1, Body }
        const { ETag } = await client.send(new UploadPartCommand(part))
        parts.push({ ETag, PartNumber: at + 1 })
      }
      const MultipartUpload = { Parts: parts }
      const whole = { ...target, UploadId, MultipartUpload }
      await client.send(new CompleteMultipartUploadCommand(whole))
      acknowledge(key, UPLOAD_BYTES)
    }
  }
  const writers = Array.from({ length: 8 }, (_, writer) =>
    writer < 6 ? putObjects(writer) : putUploads(writer),
  )
  // Every writer ends by losing its connection, and only by that.
  const ends = await Promise.allSettled(writers)
  if (!killed) throw ends.find((end) => end.status === 'rejected')?.reason
  await killed
  return { acknowledged, uploads }
}

function blobCount(): number {
  return readdirSync(join(dataDir, 'blobs'), { recursive: true }).filter(
    (name) => String(name).length > 2,
  ).length
}

inside.describe('a process that is killed', () => {
  freshDirectory()

  inside.it(
    'loses no write that it acknowledged, nor its event',
    async () => {
      const child = await startEngineChild(dataDir)
      const written = await writeUntilKilled(child)
      const s3 = await startS3({ dataDir, bucket: { eventBridgeEnabled: true } })
      const events = new Set<string>()
      s3.engine.onObjectEvent(
        async (event: S3ObjectEvent) => void events.add(event.detail.object.key),
      )
      await s3.engine.flushEvents()

      const lost: string[] = []
      for (const [key, md5] of written.acknowledged) {
        const isWhole = (await s3.sizeOf(key)) !== undefined && md5Of(await s3.bytesOf(key)) === md5
        if (!isWhole || !events.has(key)) lost.push(key)
      }
      expect(lost).toEqual([])
      expect(written.acknowledged.size).toBeGreaterThanOrEqual(WRITES_BEFORE_KILL)

      // An upload is there with every part that was acknowledged, or it is the whole object: never torn.
      const torn: string[] = []
      for (const { key, parts, UploadId } of written.uploads.values()) {
        const target = { Bucket: s3.bucket, Key: key }
        const size = await s3.sizeOf(key)
        if (size === undefined) {
          const { Parts } = await s3.client.send(new ListPartsCommand({ ...target, UploadId }))
          const listed = new Set(Parts?.map(({ ETag }) => ETag))
          if (!parts.every(({ ETag }) => listed.has(ETag))) torn.push(key)
          await s3.client.send(new AbortMultipartUploadCommand({ ...target, UploadId }))
        } else if (md5Of(await s3.bytesOf(key)) !== md5Of(UPLOAD_BYTES)) torn.push(key)
      }
      expect(torn).toEqual([])

      const { Contents = [] } = await s3.client.send(
        new ListObjectsV2Command({ Bucket: s3.bucket }),
      )
      for (const { Key } of Contents) {
        await s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key }))
      }
      const { Uploads } = await s3.client.send(
        new ListMultipartUploadsCommand({ Bucket: s3.bucket }),
      )
      for (const { Key, UploadId } of Uploads ?? []) {
        const target = { Bucket: s3.bucket, Key, UploadId }
        await s3.client.send(new AbortMultipartUploadCommand(target))
      }
      // With every object and upload gone, a blob that is left belongs to nothing.
      expect(blobCount()).toBe(0)
      await s3.close()
    },
    90_000,
  )

  it('leaves nothing behind that no object needs', async () => {
    const first = createS3Engine({ dataDir, clock: new LocalClock() })
    first.createBucket({ name: 'staging' })
    const body = sampleBytes(LARGE_BYTES)
    await first.putObject('staging', 'kept', { body })
    await first.close()
    const orphan = join(dataDir, 'blobs', 'ab', `ab${'0'.repeat(30)}`)
    const unfinished = join(dataDir, 'tmp', 'unfinished')
    writeFileSync(orphan, 'renamed, but its row was never written')
    writeFileSync(unfinished, 'half')
    const second = createS3Engine({ dataDir, clock: new LocalClock() })

    expect([existsSync(orphan), existsSync(unfinished)]).toEqual([false, false])
    const kept = await second.readObject('staging', 'kept')?.stream.toArray()
    expect(Buffer.concat(kept ?? []).equals(body)).toBe(true)
    await second.close()
  })
})

inside.describe('disk space', () => {
  freshDirectory()

  it('is given back by overwriting, deleting and refusing', async () => {
    const s3 = await startS3({ dataDir })
    const put = (seed: number, more = {}) => {
      const Body = sampleBytes(LARGE_BYTES, seed)
      return s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'x', Body, ...more }))
    }
    await put(1)
    await put(2)
    const wrong = { ContentMD5: Buffer.alloc(16).toString('base64') }
    await expect(put(3, wrong)).rejects.toMatchObject({ name: 'BadDigest' })
    await expect(put(4, { IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed' })
    expect(blobCount()).toBe(1)

    await s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: 'x' }))
    expect(blobCount()).toBe(0)
    await s3.close()
  })

  it('that is used up makes a passing 503, and the object stays as it was', async () => {
    let isFull = false
    // A real full disk: every write to this device fails with ENOSPC.
    const s3 = await startS3({
      dataDir,
      openFile: (path, flags) => open(isFull ? '/dev/full' : path, isFull ? 'w' : flags),
    })
    const put = (body: Buffer) =>
      s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'x', Body: body }))
    await put(Buffer.from('before'))
    isFull = true

    const refusal = { name: 'ServiceUnavailable', $metadata: { httpStatusCode: 503 } }
    await expect(put(sampleBytes(4 * MIB))).rejects.toMatchObject(refusal)
    await expect(put(sampleBytes(LARGE_BYTES))).rejects.toMatchObject(refusal)
    isFull = false
    expect(s3.engine.readObject(s3.bucket, 'x')?.size).toBe(6)
    await put(Buffer.from('afterwards'))
    expect(s3.engine.readObject(s3.bucket, 'x')?.size).toBe(10)
    await s3.close()
  })
})

inside.describe('a metadata database that is full', () => {
  it('makes the same 503', () => {
    const database = new DatabaseSync(':memory:')
    database.exec('CREATE TABLE filler (bytes); PRAGMA max_page_count = 3')
    const fill = () => {
      try {
        database.exec('INSERT INTO filler VALUES (zeroblob(100000))')
        return undefined
      } catch (error) {
        return storageFailure(error)
      }
    }

    expect(fill()).toMatchObject({ code: 'ServiceUnavailable', status: 503 })
  })
})

inside.describe('a directory', () => {
  freshDirectory()

  it('is used by one engine at a time', async () => {
    const first = createS3Engine({ dataDir, clock: new LocalClock() })
    const openAgain = () => createS3Engine({ dataDir, clock: new LocalClock() })

    expect(openAgain).toThrow('is another runner using it?')
    await first.close()
    await openAgain().close()
  })

  it('of another engine keeps its buckets without being told them again', async () => {
    const first = createS3Engine({ dataDir, clock: new LocalClock() })
    first.createBucket({ name: 'staging' })
    await first.putObject('staging', 'x', { body: Buffer.from('x'), contentType: 'text/plain' })
    await first.close()
    const second = createS3Engine({ dataDir, clock: new LocalClock() })

    await second.putObject('staging', 'y', { body: Buffer.from('y') })
    expect(second.readObject('staging', 'x')?.contentType).toBe('text/plain')
    await second.close()
  })
})
