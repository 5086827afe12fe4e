/**
 * Delivery against rclone: the same objects of our S3 engine, the same emulator in a process of its
 * own, the same number of files at a time, both warm, in turns.
 *
 * Ours runs from the moment at which workers are fed from the full queue until the last message is
 * deleted: every file is proved, bound and its staged object removed. rclone's runs from the
 * command to a running daemon until that reports success.
 */
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CopyObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import type { IntentReply } from '../../shared/contract/uploads.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import { toStorageProviderId } from '../../shared/providers/provider-id.ts'
import { factsOf, type OauthProviderId } from '../../shared/providers/providers.ts'
import { installedRclone } from '../local/providers/rclone/rclone.ts'
import type { BenchCloud } from './bench-cloud.ts'
import { deliverAll, filesAtOnce, type Load, stageFiles, stopFeeding } from './delivery-feed.ts'
import { type Figure, overRounds } from './figure.ts'
import { withProviderCloud } from './provider-cloud.ts'
import { type RcloneDaemon, type RcloneSource, startRcloneDaemon } from './rclone-daemon.ts'
import { RCLONE_REMOTES } from './rclone-remotes.ts'
import { fastTempDir } from './temp-dir.ts'

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
/** What the source is called when rclone reads it; no rule listens there. */
const COPIES = 'copies'

interface Shape extends Load {
  name: string
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
  provider: OauthProviderId,
  { full }: { full: boolean },
): Promise<Figure[]> {
  const { name } = factsOf(toStorageProviderId(provider))
  const version = await installedRclone()
  if (version === undefined) {
    return SHAPES.map((shape) => ({
      name: `against rclone to ${name}, ${shape.name}`,
      missing: 'rclone is not installed (Debian: apt-get install rclone)',
    }))
  }
  const figures: Figure[] = []
  for (const shape of SHAPES) {
    const parent = shape.inMemory ? fastTempDir() : tmpdir()
    const where = shape.inMemory ? 'records and objects in memory' : 'records and objects on disk'
    figures.push(
      ...(await withProviderCloud(stage, provider, parent, async (bench) => {
        const transfers = filesAtOnce(bench.cloud, shape)
        const dir = join(bench.dataDir, 'rclone')
        await mkdir(dir)
        const { providerUrl, app } = bench
        const source = sourceOf(bench)
        const daemon = await startRcloneDaemon({
          dir,
          provider,
          providerUrl,
          app,
          source,
          transfers,
        })
        try {
          const rounds = await measureShape(bench, daemon, shape, full ? FULL_ROUNDS : ROUNDS)
          const how = `${version}, ${transfers} transfers, ${where}`
          const terms = `${how}, ${rounds.length} rounds in turns, both warm; ${RCLONE_REMOTES[provider].terms}`
          return figuresOf(`${name}, ${shape.name}`, rounds, terms)
        } finally {
          await daemon.close()
        }
      })),
    )
  }
  return figures
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
  await stopFeeding(bench, shape.worker)
  // A whole round of it: a worker's code is compiled as it runs.
  await measureRound(bench, rclone, shape, 0)
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

function figuresOf(what: string, rounds: Round[], terms: string): Figure[] {
  const cpu = rounds.map(({ redirectCpuSeconds }) => redirectCpuSeconds)
  return [
    {
      name: `against rclone to ${what}`,
      ...overRounds(rounds.map(({ ours, rclone }) => ours / rclone)),
      unit: '×',
      atLeast: 1,
      terms,
    },
    { name: `delivery to ${what}`, ...overRounds(rounds.map(({ ours }) => ours)), unit: 'MB/s' },
    {
      name: `rclone to ${what}`,
      ...overRounds(rounds.map(({ rclone }) => rclone)),
      unit: 'MB/s',
    },
    {
      name: `processor time of rclone's TLS redirection, ${what}`,
      ...overRounds(cpu),
      unit: 's',
      terms: 'a process of its own; TLS in rclone itself comes on top',
    },
  ]
}
