import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LocalClock } from '../../../infra/local/clock.ts'
import { createS3Engine, type S3ObjectEvent } from '../../../infra/local/s3/s3-engine.ts'
import { storageFailure } from '../../../infra/local/s3/s3-errors.ts'
import { MIB, sampleBytes, startS3 } from './s3-harness.ts'

/** More than the engine keeps in the row itself. */
const LARGE_BYTES = 100_000
const WRITER = new URL('./writer-process.ts', import.meta.url).pathname

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 's3-durability-'))
})
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true })
})

function blobCount(): number {
  return readdirSync(join(dataDir, 'blobs'), { recursive: true }).filter(
    (name) => String(name).length > 2,
  ).length
}

describe('a process that is killed', () => {
  it('loses no write that it acknowledged, nor its event', async () => {
    const child = spawn(process.execPath, [WRITER, dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const acknowledged: string[] = []
    const lines = createInterface({ input: child.stdout })
    lines.on('line', (line) => {
      acknowledged.push(line)
      if (acknowledged.length === 60) child.kill('SIGKILL')
    })
    await Promise.all([once(child, 'exit'), once(lines, 'close')])

    const engine = createS3Engine({ dataDir, clock: new LocalClock() })
    const events = new Set<string>()
    engine.onObjectEvent(async (event: S3ObjectEvent) => void events.add(event.detail.object.key))
    await engine.flushEvents()
    const broken: string[] = []
    for (const line of acknowledged) {
      const [key = '', etag] = line.split(' ')
      const object = engine.readObject('staging', key)
      const bytes = Buffer.concat((await object?.stream.toArray()) ?? [])
      const md5 = createHash('md5').update(bytes).digest('hex')
      const isWhole = object?.etag === etag && md5 === etag
      if (!isWhole || !events.has(key)) broken.push(line)
    }
    await engine.close()

    expect(acknowledged.length).toBeGreaterThanOrEqual(60)
    expect(broken).toEqual([])
  })

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

describe('disk space', () => {
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

describe('a metadata database that is full', () => {
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

describe('a directory', () => {
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
