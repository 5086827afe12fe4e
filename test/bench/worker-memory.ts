/** Peak memory of the delivery worker over sizes, each in a new environment; and the hash that arrives. */
import { createHash, randomBytes } from 'node:crypto'
import { FUNCTIONS } from '../../infra/constructs/function-list.ts'
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import {
  announce,
  type BenchCloud,
  type BenchFile,
  benchFile,
  complete,
  delivered,
  OWNER,
  sendBytes,
  settled,
  withBenchCloud,
} from './bench-cloud.ts'
import type { Figure } from './figure.ts'

const MIB = 1024 * 1024
const SIZES = [
  { name: '100 MiB', sizeBytes: 100 * MIB },
  { name: '1 GiB', sizeBytes: 1024 * MIB },
  { name: '5 GiB', sizeBytes: 5120 * MIB },
]
const PEAK_MB = 220
const GROWTH_MB = 20
const HASH_STEP_BYTES = 8 * MIB

export async function measureMemory(stage: BuiltStage): Promise<Figure[]> {
  return withBenchCloud(stage, async (bench) => {
    const block = randomBytes(8_000_009)
    const figures: Figure[] = []
    const peaks: number[] = []
    for (const { name, sizeBytes } of SIZES) {
      const file = benchFile(sizeBytes, block)
      const { peakMb, seconds } = await deliver(bench, file)
      peaks.push(peakMb)
      figures.push({
        name: `worker's peak memory, ${name}`,
        value: peakMb,
        unit: 'MB',
        atMost: PEAK_MB,
        terms: `VmHWM of a new environment of ${FUNCTIONS['deliver-large'].memoryMb} MB, Node included; sent and delivered in ${seconds.toFixed(0)} s, SHA-256 at the provider as sent`,
      })
    }
    figures.push({
      name: `worker's memory: growth from ${SIZES[0]?.name} to ${SIZES.at(-1)?.name}`,
      value: (peaks.at(-1) ?? Number.NaN) - (peaks[0] ?? Number.NaN),
      unit: 'MB',
      atMost: GROWTH_MB,
    })
    return figures
  })
}

async function deliver(
  bench: BenchCloud,
  file: BenchFile,
): Promise<{ peakMb: number; seconds: number }> {
  const { cloud, logs } = bench
  const worker = [...cloud.mappings.keys()].find((name) => name.endsWith('deliver-large'))
  if (!worker) throw new Error('no queue feeds deliver-large')
  while (cloud.lambda.killEnvironment(worker)) await settled(bench)
  const firstLine = logs.length
  const startedAt = performance.now()
  const intents = await announce(bench, file.sizeBytes, 1)
  const [intent] = intents
  const plan = intent?.uploads[0]
  if (!intent || !plan) throw new Error('the intent named no file')
  await complete(bench, intent, plan, await sendBytes(bench, intent, plan, file))
  await delivered(bench, intents)
  const seconds = (performance.now() - startedAt) / 1000
  await assertSameHash(bench, plan.fileName, file)
  const peaks = logs
    .slice(firstLine)
    .filter(({ functionName }) => functionName === worker)
    .flatMap(({ line }) => /Max Memory Used: (\d+) MB/.exec(line)?.[1] ?? [])
  if (peaks.length === 0) throw new Error('deliver-large reported nothing')
  return { peakMb: Math.max(...peaks.map(Number)), seconds }
}

async function assertSameHash({ cloud }: BenchCloud, name: string, file: BenchFile): Promise<void> {
  const hash = createHash('sha256')
  for (let at = 0; at < file.sizeBytes; at += HASH_STEP_BYTES) {
    hash.update(file.bytes(at, Math.min(file.sizeBytes, at + HASH_STEP_BYTES)))
  }
  const sha256 = hash.digest('hex')
  const response = await fetch(`${cloud.urls.google}/_emulator/files?account=${OWNER}`)
  const { files } = (await response.json()) as { files: { name: string; sha256: string }[] }
  const arrived = files.filter((each) => each.name === name).map((each) => each.sha256)
  if (arrived.length !== 1 || arrived[0] !== sha256) {
    throw new Error(`${name} did not arrive once as it was sent`)
  }
}
