/**
 * Delivery against rclone: the same objects of our S3 engine, the same emulator in a process of its
 * own, the same number of files at a time, both warm, in turns.
 *
 * Ours runs from the moment at which workers are fed from the full queue until the last message is
 * deleted: every file is proved, bound and its staged object removed. rclone's runs from the
 * command to a running daemon until that reports success.
 */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CopyObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import type { LocalCloud } from '../../infra/local/local-cloud.ts'
import { providerVariables } from '../../infra/local/provider-emulators.ts'
import { startQueueMapping } from '../../infra/local/triggers/queue-mapping.ts'
import type { IntentReply } from '../../shared/contract/uploads.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import { installedRclone } from '../local/providers/rclone/rclone.ts'
import { until } from '../support/until.ts'
import {
  announce,
  type BenchCloud,
  type BenchCloudOptions,
  benchFile,
  complete,
  delivered,
  eachOf,
  sendBytes,
  withBenchCloud,
} from './bench-cloud.ts'
import { type Child, startChild } from './child.ts'
import { type Figure, overRounds } from './figure.ts'
import {
  type RcloneDaemon,
  type RcloneSource,
  REDIRECT_PATH,
  startRcloneDaemon,
} from './rclone-daemon.ts'
import { fastTempDir, withTempDir } from './temp-dir.ts'

const MIB = 1024 * 1024
/** Of many small files every step would wait for this disk's sync, of which a real stage has none. */
const SHAPES: Shape[] = [
  {
    name: '1 × 1 GiB',
    worker: 'deliver-large',
    fileBytes: 1024 * MIB,
    count: 1,
    inMemory: false,
  },
  {
    name: '500 × 256 KiB',
    worker: 'deliver-small',
    fileBytes: MIB / 4,
    count: 500,
    inMemory: true,
  },
]
const ROUNDS = 3
const FULL_ROUNDS = 7
const WARM_UP = { name: 'warm-up', count: 40 }
const STAGED_AT_ONCE = 4
/** A look costs the cloud's process a millisecond, which rclone's turn does not pay. */
const LOOK_MS = 50
const STAGE_LIMIT_MS = 300_000
const CLIENT = { clientId: 'bench.apps.googleusercontent.com', clientSecret: 'bench-secret' }
/** What the source is called when rclone reads it; no rule listens there. */
const COPIES = 'copies'

interface Shape {
  name: string
  worker: string
  fileBytes: number
  count: number
  /** Where the local cloud keeps its files, if the machine has room for them. */
  inMemory: boolean
}

interface Round {
  ours: number
  rclone: number
  redirectCpuSeconds: number
}

export async function measureDelivery(
  stage: BuiltStage,
  { full }: { full: boolean },
): Promise<Figure[]> {
  const version = await installedRclone()
  if (version === undefined) {
    return SHAPES.map(({ name }) => ({
      name: `delivery against rclone, ${name}`,
      missing: 'rclone is not installed (Debian: apt-get install rclone)',
    }))
  }
  return withTempDir(async (googleDir) => {
    const emulator = await startChild<{ url: string }>('emulator-process.ts', [googleDir])
    try {
      return await againstRclone(stage, emulator, version, full ? FULL_ROUNDS : ROUNDS)
    } finally {
      await emulator.close()
    }
  })
}

async function againstRclone(
  stage: BuiltStage,
  emulator: Child<{ url: string }>,
  version: string,
  rounds: number,
): Promise<Figure[]> {
  const googleUrl = emulator.hello.url
  const measure = async (shape: Shape, bench: BenchCloud, dataDir: string): Promise<Figure[]> => {
    const transfers = transfersOf(bench.cloud, shape)
    const where = shape.inMemory ? 'records and objects in memory' : 'records and objects on disk'
    const source = sourceOf(bench)
    const dir = join(dataDir, 'rclone')
    await mkdir(dir)
    const rclone = await startRcloneDaemon({ dir, googleUrl, client: CLIENT, source, transfers })
    try {
      const measured = await measureShape(bench, rclone, shape, rounds)
      return figuresOf(shape, measured, `${version}, ${transfers} transfers, ${where}`)
    } finally {
      await rclone.close()
    }
  }
  const options: BenchCloudOptions = {
    cloudOptions: {
      oauthClients: { google: CLIENT },
      environment: providerVariables('google', googleUrl),
    },
    async onStarted({ urls }) {
      const callbacks = ['/api/auth/callback/google', '/api/oauth/google/callback']
      const redirectUris = [
        ...callbacks.map((path) => `${urls.app}${path}`),
        `${googleUrl}${REDIRECT_PATH}`,
      ]
      await emulator.ask({ ...CLIENT, redirectUris })
    },
  }
  const figures: Figure[] = []
  for (const shape of SHAPES) {
    const parent = shape.inMemory ? fastTempDir() : tmpdir()
    figures.push(
      ...(await withBenchCloud(stage, (...it) => measure(shape, ...it), { ...options, parent })),
    )
  }
  return figures
}

/** Files that our workers deliver at a time. */
function transfersOf({ provisioned }: LocalCloud, { worker, count }: Shape): number {
  const mapping = mappingOf(provisioned, worker)
  const workers = mapping.ScalingConfig?.MaximumConcurrency ?? 1
  return Math.min(count, workers * (mapping.BatchSize ?? 1))
}

function mappingOf({ mappings }: LocalCloud['provisioned'], worker: string) {
  const mapping = mappings.find(({ FunctionName }) => FunctionName.endsWith(worker))
  if (!mapping) throw new Error(`no queue feeds ${worker}`)
  return mapping
}

function sourceOf({ cloud }: BenchCloud): RcloneSource {
  const bucket = cloud.provisioned.functions
    .map(({ environment }) => environment[ENV.stagingBucket])
    .find((name) => name !== undefined)
  if (bucket === undefined) throw new Error('no function knows the staging bucket')
  return { endpoint: cloud.urls.aws, ...cloud.operator, bucket }
}

async function measureShape(
  bench: BenchCloud,
  rclone: RcloneDaemon,
  shape: Shape,
  rounds: number,
): Promise<Round[]> {
  await bench.cloud.mappings
    .get(mappingOf(bench.cloud.provisioned, shape.worker).FunctionName)
    ?.close()
  const warmUp = { ...shape, ...WARM_UP, count: Math.min(shape.count, WARM_UP.count) }
  await measureRound(bench, rclone, warmUp, 0)
  const measured: Round[] = []
  for (let round = 1; round <= rounds; round += 1) {
    measured.push(await measureRound(bench, rclone, shape, round))
  }
  return measured
}

async function measureRound(
  bench: BenchCloud,
  rclone: RcloneDaemon,
  shape: Shape,
  round: number,
): Promise<Round> {
  const { fileBytes, count } = shape
  const folder = `${shape.worker}-${round}`
  const intents = await stageFiles(bench, shape)
  const prefix = await copyStaged(bench, intents, folder)
  const megabytes = (fileBytes * count) / 1e6
  const ours = async () => megabytes / (await deliverAll(bench, shape, intents))
  const theirs = async () => {
    const { seconds, redirectCpuSeconds } = await rclone.copy(prefix, folder)
    const copied = await rclone.countFiles(folder)
    if (copied !== count) throw new Error(`rclone brought ${copied} of ${count} files`)
    return { rclone: megabytes / seconds, redirectCpuSeconds }
  }
  if (round % 2 === 0) {
    const first = await theirs()
    return { ours: await ours(), ...first }
  }
  return { ours: await ours(), ...(await theirs()) }
}

/** Sends the files and waits until the delivery queue holds one message for each. */
async function stageFiles(bench: BenchCloud, shape: Shape): Promise<IntentReply[]> {
  const file = benchFile(shape.fileBytes, randomBytes(4_000_037))
  const intents = await announce(bench, shape.fileBytes, shape.count)
  const plans = intents.flatMap((intent) => intent.uploads.map((plan) => ({ intent, plan })))
  await eachOf(plans, STAGED_AT_ONCE, async ({ intent, plan }) => {
    await complete(bench, intent, plan, await sendBytes(bench, intent, plan, file))
  })
  const waiting = () =>
    queueOf(bench, shape.worker)?.available === shape.count &&
    bench.cloud.lambda.stats().running === 0
  await until(waiting, { timeoutMs: STAGE_LIMIT_MS })
  return intents
}

function queueOf({ cloud }: BenchCloud, worker: string) {
  const { EventSourceArn } = mappingOf(cloud.provisioned, worker)
  return cloud.sqs.stats().find(({ arn }) => arn === EventSourceArn)
}

/** The same bytes under another key: our own objects are deleted when they are delivered. */
async function copyStaged(
  bench: BenchCloud,
  intents: IntentReply[],
  folder: string,
): Promise<string> {
  const { endpoint, region, bucket, ...credentials } = sourceOf(bench)
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  const wanted = new Set(intents.flatMap(({ uploads }) => uploads.map(({ uploadId }) => uploadId)))
  const prefix = `${COPIES}/${folder}`
  let token: string | undefined
  do {
    const page = await s3.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: 'staging/',
        ...(token === undefined ? {} : { ContinuationToken: token }),
      }),
    )
    for (const { Key = '' } of page.Contents ?? []) {
      const name = Key.split('/').at(-1) ?? ''
      if (!wanted.delete(name)) continue
      await s3.send(
        new CopyObjectCommand({
          Bucket: bucket,
          Key: `${prefix}/${name}`,
          CopySource: `${bucket}/${Key}`,
        }),
      )
    }
    token = page.NextContinuationToken
  } while (token !== undefined)
  s3.destroy()
  if (wanted.size > 0) throw new Error(`${wanted.size} staged objects are missing`)
  return prefix
}

/** Seconds from feeding the workers until they are through. */
async function deliverAll(
  bench: BenchCloud,
  shape: Shape,
  intents: IntentReply[],
): Promise<number> {
  const { sqs, lambda, clock, provisioned } = bench.cloud
  const mapping = mappingOf(provisioned, shape.worker)
  const fn = provisioned.functions.find(({ name }) => name === mapping.FunctionName)
  const isThrough = () => {
    const queue = queueOf(bench, shape.worker)
    return queue !== undefined && queue.available + queue.inFlight === 0
  }
  const startedAt = performance.now()
  const feed = startQueueMapping({
    sqs,
    lambda,
    clock,
    mapping,
    functionTimeoutSeconds: fn?.timeoutSeconds ?? 0,
  })
  try {
    await until(isThrough, { timeoutMs: STAGE_LIMIT_MS, everyMs: LOOK_MS })
    const seconds = (performance.now() - startedAt) / 1000
    await delivered(bench, intents)
    return seconds
  } finally {
    await feed.close()
  }
}

function figuresOf(shape: Shape, rounds: Round[], how: string): Figure[] {
  const { name } = shape
  const cpu = rounds.map(({ redirectCpuSeconds }) => redirectCpuSeconds)
  return [
    {
      name: `delivery against rclone, ${name}`,
      ...overRounds(rounds.map(({ ours, rclone }) => ours / rclone)),
      unit: '×',
      atLeast: 1,
      terms: `${how}, ${rounds.length} rounds in turns, both warm; rclone with chunks of 32 MiB, its pacer at 0`,
    },
    { name: `delivery, ${name}`, ...overRounds(rounds.map(({ ours }) => ours)), unit: 'MB/s' },
    {
      name: `rclone, ${name}`,
      ...overRounds(rounds.map(({ rclone }) => rclone)),
      unit: 'MB/s',
    },
    {
      name: `processor time of rclone's TLS redirection, ${name}`,
      ...overRounds(cpu),
      unit: 's',
      terms: 'a process of its own; TLS in rclone itself comes on top',
    },
  ]
}
