/** A local cloud of its own for each group, and the steps that every measurement begins with, over HTTP as a client takes them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AppClient } from '../../infra/local/app-client.ts'
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import type { LambdaLogLine } from '../../infra/local/lambda/invocation.ts'
import {
  type LocalCloud,
  type LocalCloudOptions,
  startLocalCloud,
} from '../../infra/local/local-cloud.ts'
import { MAX_FILES_PER_INTENT } from '../../shared/contract/limits.ts'
import type { PortalReply } from '../../shared/contract/portals.ts'
import type {
  IntentReply,
  SignedPart,
  SignPartsReply,
  SubmissionReply,
  UploadPlan,
} from '../../shared/contract/uploads.ts'
import { toStorageProviderId } from '../../shared/providers/provider-id.ts'
import type { OauthProviderId } from '../../shared/providers/providers.ts'
import { type Records, recordsOf } from './records.ts'
import { withTempDir } from './temp-dir.ts'

export const OWNER = 'owner@example.com'
export const SLUG = 'bench'

export interface BenchCloud {
  cloud: LocalCloud
  records: Records
  /** What functions wrote, oldest first. */
  logs: LambdaLogLine[]
  /** Signed in. */
  owner: AppClient
  /** Without cookies. */
  client: AppClient
  portalId: string
  accountId: string
}

/** What a file consists of, made as it is read, so that no size needs the memory. */
export interface BenchFile {
  sizeBytes: number
  bytes(startBytes: number, endBytes: number): Buffer
}

const QUIET_LOOKS = 10
const POLL_MS = 20
/** Longer than any measured step takes: what is not settled by then has failed. */
const UNSETTLED_MS = 600_000
const SIGNED_AT_ONCE = 100
const PARTS_AT_ONCE = 3

/** Names differ, so that no file has to be numbered because its name is taken. */
let named = 0

export interface BenchCloudOptions {
  cloudOptions?: Partial<LocalCloudOptions>
  /** Before anybody signs in. */
  onStarted?: (cloud: LocalCloud) => Promise<void>
  /** The folder in which the data folder is made. */
  parent?: string
  /** Whose storage the portal has; Google's when absent. */
  provider?: OauthProviderId
}

export async function withBenchCloud<T>(
  stage: BuiltStage,
  use: (bench: BenchCloud, dataDir: string) => Promise<T>,
  { cloudOptions, onStarted, parent, provider = 'google' }: BenchCloudOptions = {},
): Promise<T> {
  return withTempDir(async (dataDir) => {
    const logs: LambdaLogLine[] = []
    const cloud = await startLocalCloud({
      assemblyDir: stage.assemblyDir,
      siteDir: stage.siteDir,
      dataDir,
      onLog: (line) => logs.push(line),
      ...cloudOptions,
    })
    const records = recordsOf(cloud)
    try {
      await onStarted?.(cloud)
      return await use({ cloud, logs, records, ...(await openPortal(cloud, provider)) }, dataDir)
    } finally {
      records.close()
      await cloud.close()
    }
  }, parent)
}

async function openPortal(cloud: LocalCloud, provider: OauthProviderId) {
  const owner = new AppClient(cloud.urls.app)
  await owner.signIn(OWNER, { provider })
  const accountId = await owner.connectStorage(OWNER, { provider })
  const portal = await owner.call<PortalReply>('POST', '/api/portals', {
    json: {
      name: 'Bench',
      slug: SLUG,
      storageProvider: toStorageProviderId(provider),
      storageAccountId: accountId,
    },
  })
  return { owner, client: new AppClient(cloud.urls.app), portalId: portal.id, accountId }
}

/** A file of random blocks that repeat out of step with parts and chunks. */
export function benchFile(sizeBytes: number, block: Buffer): BenchFile {
  return {
    sizeBytes,
    bytes(startBytes, endBytes) {
      const content = Buffer.allocUnsafe(endBytes - startBytes)
      for (let at = startBytes; at < endBytes; ) {
        const from = at % block.length
        at += block.copy(
          content,
          at - startBytes,
          from,
          Math.min(block.length, from + endBytes - at),
        )
      }
      return content
    },
  }
}

/** Announces files of this size, as many to a submission as the contract takes, or fewer. */
export async function announce(
  { client, portalId }: Pick<BenchCloud, 'client' | 'portalId'>,
  fileSize: number,
  count: number,
  atOnce: number = MAX_FILES_PER_INTENT,
): Promise<IntentReply[]> {
  const intents: IntentReply[] = []
  for (let first = 0; first < count; first += atOnce) {
    const files = Array.from({ length: Math.min(atOnce, count - first) }, () => {
      named += 1
      return { fileName: `bench-${named}.bin`, fileSize, mimeType: 'application/octet-stream' }
    })
    intents.push(await client.call('POST', '/api/upload', { json: { portalId, files } }))
  }
  return intents
}

/** Puts all parts, a few at a time; gives their ETags in order, as the page hands them to `complete`. */
export async function sendBytes(
  { client }: Pick<BenchCloud, 'client'>,
  intent: IntentReply,
  plan: UploadPlan,
  file: BenchFile,
): Promise<string[]> {
  const signed = new Map(plan.partUrls.map((part) => [part.partNumber, part]))
  const etags: string[] = []
  await eachOf(numbers(plan.partCount), PARTS_AT_ONCE, async (partNumber) => {
    if (!signed.has(partNumber)) await sign(client, intent, plan, partNumber, signed)
    const startBytes = (partNumber - 1) * plan.partSize
    const endBytes = Math.min(file.sizeBytes, startBytes + plan.partSize)
    const { url, headers } = partOf(signed, partNumber)
    const response = await fetch(url, {
      method: 'PUT',
      headers,
      body: new Uint8Array(file.bytes(startBytes, endBytes)),
    })
    if (!response.ok) throw new Error(`PUT answered ${response.status}: ${await response.text()}`)
    etags[partNumber - 1] = response.headers.get('etag') ?? ''
  })
  return etags
}

async function sign(
  client: AppClient,
  intent: IntentReply,
  plan: UploadPlan,
  from: number,
  signed: Map<number, SignedPart>,
): Promise<void> {
  const count = Math.min(SIGNED_AT_ONCE, plan.partCount - from + 1)
  const partNumbers = numbers(count).map((index) => from + index - 1)
  const reply = await client.call<SignPartsReply>('POST', `/api/upload/${plan.uploadId}/parts`, {
    headers: bearer(intent),
    json: { partNumbers },
  })
  for (const part of reply.parts) signed.set(part.partNumber, part)
}

function partOf(signed: Map<number, SignedPart>, partNumber: number): SignedPart {
  const part = signed.get(partNumber)
  if (part === undefined) throw new Error(`part ${partNumber} was not signed`)
  return part
}

export async function complete(
  { client }: Pick<BenchCloud, 'client'>,
  intent: IntentReply,
  plan: UploadPlan,
  etags?: string[],
): Promise<void> {
  const parts = etags?.map((etag, index) => ({ partNumber: index + 1, etag }))
  await client.call('POST', `/api/upload/${plan.uploadId}/complete`, {
    headers: bearer(intent),
    json: plan.method === 'multipart' && parts ? { parts } : {},
  })
}

export async function submissionOf(
  { client }: Pick<BenchCloud, 'client'>,
  intent: IntentReply,
): Promise<SubmissionReply> {
  return client.call('GET', `/api/submissions/${intent.submissionId}`, { headers: bearer(intent) })
}

/** Resolves when every file is bound to the owner's account and whoever worked on it is done. */
export async function delivered(bench: BenchCloud, intents: IntentReply[]): Promise<void> {
  const uploads = intents.flatMap((intent) => intent.uploads)
  await bench.records.delivered(uploads.map(({ uploadId }) => uploadId))
  await settled(bench)
}

/** Resolves when no message waits and no function runs, however often one looks; asks nothing of the app. */
export async function settled({ cloud }: Pick<BenchCloud, 'cloud'>): Promise<void> {
  const startedAt = performance.now()
  for (let quietLooks = 0; quietLooks < QUIET_LOOKS; ) {
    const isWaiting = cloud.sqs
      .stats()
      .some(({ available, inFlight, delayed }) => available + inFlight + delayed > 0)
    quietLooks = isWaiting || cloud.lambda.stats().running > 0 ? 0 : quietLooks + 1
    if (performance.now() - startedAt > UNSETTLED_MS) {
      throw new Error('the cloud does not come to rest')
    }
    await sleep(POLL_MS)
  }
}

export async function eachOf<T>(
  values: readonly T[],
  atOnce: number,
  work: (value: T) => Promise<void>,
): Promise<void> {
  const waiting = values.values()
  const next = async (): Promise<void> => {
    for (const value of waiting) await work(value)
  }
  await Promise.all(Array.from({ length: atOnce }, next))
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

function bearer(intent: IntentReply): Record<string, string> {
  return { authorization: `Bearer ${intent.uploadToken}` }
}
