/**
 * An object far larger than the memory that the engine may use: 5 GiB with PORTAGE_LARGE=1, else a
 * twentieth. Prints what was measured.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, expect } from 'vitest'
import { insideEngine } from '../../support/contract-target.ts'
import { type EngineChild, startEngineChild } from './engine-child.ts'
import { MIB, sampleBytes } from './s3-harness.ts'

const PART_BYTES = 32 * MIB
const PARTS = process.env['PORTAGE_LARGE'] ? 160 : 8
const WORKERS = 4
const MAX_PEAK_BYTES = 200 * MIB
const TIMEOUT_MS = process.env['PORTAGE_LARGE'] ? 900_000 : 120_000

const engine = insideEngine('S3')
let dataDir: string
let child: EngineChild

engine.describe('the memory of the engine', () => {
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 's3-memory-'))
    child = await startEngineChild(dataDir)
  })
  afterAll(async () => {
    await child.kill()
    rmSync(dataDir, { recursive: true, force: true })
  })

  engine.it(
    'does not grow with the object that passes through it',
    async () => {
      const target = { Bucket: child.bucket, Key: 'large' }
      const body = sampleBytes(PART_BYTES)
      const startedMs = performance.now()
      const { UploadId } = await child.client.send(
        new CreateMultipartUploadCommand({
          ...target,
          ChecksumAlgorithm: 'CRC64NVME',
          ChecksumType: 'FULL_OBJECT',
        }),
      )
      const etags: string[] = []
      let next = 1
      const work = async () => {
        while (next <= PARTS) {
          const PartNumber = next++
          const part = { ...target, UploadId, PartNumber, ContentLength: PART_BYTES }
          const url = await getSignedUrl(child.client, new UploadPartCommand(part))
          etags[PartNumber - 1] = await put(url, body)
        }
      }
      await Promise.all(Array.from({ length: WORKERS }, work))
      const Parts = etags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }))
      await child.client.send(
        new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }),
      )
      const storedMs = performance.now()
      const read = await hashOf(await getSignedUrl(child.client, new GetObjectCommand(target)))
      const readMs = performance.now()
      const peakBytes = await child.peakBytes()
      const mibPerSecond = (ms: number) => Math.round((PARTS * 32 * 1000) / ms)
      process.stdout.write(
        `s3 engine, ${PARTS * 32} MiB: in ${mibPerSecond(storedMs - startedMs)} MiB/s, out ${mibPerSecond(readMs - storedMs)} MiB/s, peak ${Math.round(peakBytes / MIB)} MiB\n`,
      )

      const expected = createHash('sha1')
      for (let part = 0; part < PARTS; part += 1) expected.update(body)
      expect(read).toEqual({ sizeBytes: PARTS * PART_BYTES, sha1: expected.digest('hex') })
      expect(peakBytes).toBeLessThanOrEqual(MAX_PEAK_BYTES)
    },
    TIMEOUT_MS,
  )
})

/** Plain `http`, which copies no bytes; answers the ETag. */
function put(url: string, body: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-length': body.length }
    const sent = request(url, { method: 'PUT', headers }, (reply) => {
      reply.resume()
      if (reply.statusCode === 200) resolve(reply.headers.etag ?? '')
      else reject(new Error(`PUT was answered ${reply.statusCode}`))
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

async function hashOf(url: string): Promise<{ sizeBytes: number; sha1: string }> {
  const { body } = await fetch(url)
  const sha1 = createHash('sha1')
  let sizeBytes = 0
  for await (const chunk of body ?? []) {
    sizeBytes += chunk.length
    sha1.update(chunk)
  }
  return { sizeBytes, sha1: sha1.digest('hex') }
}
