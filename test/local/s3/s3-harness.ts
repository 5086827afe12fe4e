/** A running engine behind the real gateway, and a client of the real SDK that may do everything. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { LocalClock } from '../../../infra/local/clock.ts'
import { LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../../../infra/local/engine.ts'
import { createGateway } from '../../../infra/local/gateway/gateway.ts'
import { PrincipalStore } from '../../../infra/local/gateway/principals.ts'
import type { PolicyDocument } from '../../../infra/local/policy-document.ts'
import {
  type BucketOptions,
  createS3Engine,
  type S3Engine,
  type S3EngineOptions,
} from '../../../infra/local/s3/s3-engine.ts'

export const MIB = 1024 * 1024

export interface S3Harness {
  engine: S3Engine
  clock: LocalClock
  client: S3Client
  endpoint: string
  dataDir: string
  bucket: string
  /** A client that may do only what the policies allow. */
  clientOf(policies: PolicyDocument[]): S3Client
  /** A client with other settings, allowed everything. */
  clientWith(config: S3ClientConfig): S3Client
  /** Closes the engine and opens another on the same directory. */
  reopen(): Promise<void>
  close(): Promise<void>
}

type HarnessOptions = Partial<S3EngineOptions> & { bucket?: Partial<BucketOptions> }

export async function startS3(options: HarnessOptions = {}): Promise<S3Harness> {
  const clock = new LocalClock()
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 's3-engine-'))
  const bucketOptions = { name: 'staging', ...options.bucket }
  const principals = new PrincipalStore()
  const clients: S3Client[] = []
  let engine = openEngine()

  function openEngine(): S3Engine {
    const opened = createS3Engine({ clock, ...options, dataDir })
    opened.createBucket(bucketOptions)
    return opened
  }

  const gateway = createGateway({
    engines: {
      get s3() {
        return engine
      },
    },
    principals,
    clock,
  })
  const { port } = await gateway.listen(0)
  const endpoint = `http://127.0.0.1:${port}`

  function register(policies: PolicyDocument[] | 'unrestricted'): {
    accessKeyId: string
    secretAccessKey: string
  } {
    const accessKeyId = `AKIATEST${clients.length}`
    const arn = `arn:aws:iam::${LOCAL_ACCOUNT_ID}:role/tester-${clients.length}`
    principals.register({ accessKeyId, secretAccessKey: 'secret', arn, policies })
    return { accessKeyId, secretAccessKey: 'secret' }
  }

  function makeClient(
    policies: PolicyDocument[] | 'unrestricted',
    config: S3ClientConfig = {},
  ): S3Client {
    const made = new S3Client({
      endpoint,
      region: LOCAL_REGION,
      credentials: register(policies),
      maxAttempts: 1,
      ...config,
    })
    clients.push(made)
    return made
  }

  return {
    get engine() {
      return engine
    },
    clock,
    client: makeClient('unrestricted'),
    endpoint,
    dataDir,
    bucket: bucketOptions.name,
    clientOf: (policies) => makeClient(policies),
    clientWith: (config) => makeClient('unrestricted', config),
    async reopen() {
      await engine.close()
      engine = openEngine()
    },
    async close() {
      for (const client of clients) client.destroy()
      await gateway.close()
      await engine.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Settings by which a presigned URL promises nothing about the body. */
export const PRESIGNING: S3ClientConfig = { requestChecksumCalculation: 'WHEN_REQUIRED' }

/** Bytes that differ from place to place and are the same in every run. */
export function sampleBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let state = seed
  for (let index = 0; index < length; index += 1) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
    bytes[index] = state >>> 16
  }
  return bytes
}
