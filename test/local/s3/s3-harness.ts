/**
 * What the contract suite of S3 runs on: our engine behind the real gateway, or the endpoint that
 * PORTAGE_CONTRACT_ENDPOINT_S3 names, with a bucket of its own that is emptied and removed at the end.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutBucketCorsCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { LocalClock } from '../../../infra/local/clock.ts'
import { LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../../../infra/local/engine.ts'
import { createGateway } from '../../../infra/local/gateway/gateway.ts'
import { PrincipalStore } from '../../../infra/local/gateway/principals.ts'
import type { PolicyDocument } from '../../../infra/local/policy-document.ts'
import {
  type BucketOptions,
  type CorsRule,
  createS3Engine,
  type S3Engine,
  type S3EngineOptions,
} from '../../../infra/local/s3/s3-engine.ts'
import { contractTarget, freshName } from '../../support/contract-target.ts'

export const MIB = 1024 * 1024

/** What every endpoint offers. */
export interface S3Suite {
  client: S3Client
  /** Where path-style requests go, for what no SDK client sends. */
  endpoint: string
  region: string
  bucket: string
  /** A client with other settings, allowed everything. */
  clientWith(config: S3ClientConfig): S3Client
  /** Another bucket, without settings. */
  makeBucket(): Promise<string>
  put(key: string, body: string | Buffer): Promise<void>
  /** Size of the object with this key, undefined when there is none. */
  sizeOf(key: string): Promise<number | undefined>
  bytesOf(key: string): Promise<Buffer>
  close(): Promise<void>
}

/** What only our engine offers besides. */
export interface S3Harness extends S3Suite {
  engine: S3Engine
  clock: LocalClock
  dataDir: string
  /** A client that may do only what the policies allow. */
  clientOf(policies: PolicyDocument[]): S3Client
  /** Closes the engine and opens another on the same directory. */
  reopen(): Promise<void>
}

type HarnessOptions = Partial<S3EngineOptions> & { bucket?: Partial<BucketOptions> }

/** Starts what the suite is pointed at. */
export async function startSuite(options: { corsRules?: CorsRule[] } = {}): Promise<S3Suite> {
  const target = contractTarget('S3')
  if (!target) return startS3({ bucket: options })
  const endpoint = target.endpoint ?? `https://s3.${target.region}.amazonaws.com`
  const shared = { ...target, forcePathStyle: true, maxAttempts: 1 }
  const client = new S3Client(shared)
  const clients = [client]
  const buckets: string[] = []
  const make = async () => {
    const Bucket = freshName('portage-contract')
    await client.send(new CreateBucketCommand({ Bucket }))
    buckets.push(Bucket)
    return Bucket
  }
  const bucket = await make()
  if (options.corsRules) await putCorsRules(client, bucket, options.corsRules)
  return {
    ...objectsOf(client, bucket),
    client,
    endpoint,
    region: target.region,
    bucket,
    clientWith(config) {
      const made = new S3Client({ ...shared, ...config })
      clients.push(made)
      return made
    },
    makeBucket: make,
    async close() {
      for (const it of buckets) await removeBucket(client, it)
      for (const it of clients) it.destroy()
    },
  }
}

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

  const client = makeClient('unrestricted')
  return {
    ...objectsOf(client, bucketOptions.name),
    get engine() {
      return engine
    },
    clock,
    client,
    endpoint,
    region: LOCAL_REGION,
    dataDir,
    bucket: bucketOptions.name,
    clientOf: (policies) => makeClient(policies),
    clientWith: (config) => makeClient('unrestricted', config),
    async makeBucket() {
      const Bucket = freshName('other')
      await client.send(new CreateBucketCommand({ Bucket }))
      return Bucket
    },
    async reopen() {
      await engine.close()
      engine = openEngine()
    },
    async close() {
      for (const made of clients) made.destroy()
      await gateway.close()
      await engine.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

function objectsOf(client: S3Client, Bucket: string): Pick<S3Suite, 'put' | 'sizeOf' | 'bytesOf'> {
  return {
    async put(Key, Body) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body }))
    },
    async sizeOf(Key) {
      try {
        return (await client.send(new HeadObjectCommand({ Bucket, Key }))).ContentLength
      } catch (error) {
        if (error instanceof S3ServiceException && error.name === 'NotFound') return undefined
        throw error
      }
    },
    async bytesOf(Key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
      return Buffer.from((await Body?.transformToByteArray()) ?? [])
    },
  }
}

async function putCorsRules(client: S3Client, Bucket: string, rules: CorsRule[]): Promise<void> {
  const CORSRules = rules.map(({ ExposedHeaders, MaxAge, ...rule }) => ({
    ...rule,
    ExposeHeaders: ExposedHeaders,
    MaxAgeSeconds: MaxAge,
  }))
  await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }))
}

async function removeBucket(client: S3Client, Bucket: string): Promise<void> {
  const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket }))
  for (const { Key, UploadId } of Uploads ?? []) {
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
  }
  const { Contents } = await client.send(new ListObjectsV2Command({ Bucket }))
  for (const { Key } of Contents ?? []) await client.send(new DeleteObjectCommand({ Bucket, Key }))
  await client.send(new DeleteBucketCommand({ Bucket }))
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
