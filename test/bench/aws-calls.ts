/** AWS calls of one upload, counted at the gateway by who makes them. */
import { randomBytes } from 'node:crypto'
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import {
  announce,
  type BenchCloud,
  type BenchFile,
  benchFile,
  complete,
  delivered,
  sendBytes,
  withBenchCloud,
} from './bench-cloud.ts'
import type { Figure } from './figure.ts'

const MIB = 1024 * 1024
const SINGLE_BYTES = 10_000_000
/** What they differ by is two further chunks of 32 MiB. */
const ONE_CHUNK_BYTES = 20 * MIB
const THREE_CHUNKS_BYTES = 90 * MIB
const EARLY_RUNS = 2
const WARM_RUNS = 3
const EVENT_DELAY_MS = 1500

const PHASES = {
  intent: 'clientuploads',
  complete: 'clientuploads',
  intake: 'takeinupload',
  delivery: 'deliver',
} as const
type Phase = keyof typeof PHASES

/** How often each operation was called. */
type Calls = Map<string, number>
type Measured = Record<Phase, Calls>

export async function measureCalls(stage: BuiltStage): Promise<Figure[]> {
  return withBenchCloud(stage, async (bench) => {
    // As slow as S3's own events are: the client's `complete` comes before them.
    bench.cloud.s3.eventFaults.delayMs = EVENT_DELAY_MS
    const block = randomBytes(1_000_003)
    const single = await warmed(bench, benchFile(SINGLE_BYTES, block))
    const oneChunk = await warmed(bench, benchFile(ONE_CHUNK_BYTES, block))
    const threeChunks = await warmed(bench, benchFile(THREE_CHUNKS_BYTES, block))
    const further = (total(threeChunks.delivery) - total(oneChunk.delivery)) / 2
    return [
      figure('intent', 'single PUT', single.intent, 3),
      figure('intent', 'multipart', oneChunk.intent, 4),
      figure('complete', 'single PUT', single.complete, 3),
      figure('complete', 'multipart', oneChunk.complete, 3),
      figure('intake', 'not scanned', single.intake, 4),
      figure('delivery', 'single PUT', single.delivery, 8),
      figure('delivery', 'multipart of one chunk', oneChunk.delivery, 8),
      { name: 'AWS calls of each further 32 MiB delivered', value: further, unit: '', atMost: 2 },
    ]
  })
}

function figure(phase: Phase, shape: string, calls: Calls, atMost: number): Figure {
  const terms = [...calls].map(([operation, count]) => `${count} ${operation}`).join(', ')
  return { name: `AWS calls: ${phase}, ${shape}`, value: total(calls), unit: '', atMost, terms }
}

function total(calls: Calls): number {
  return [...calls.values()].reduce((sum, count) => sum + count, 0)
}

/** Of the runs after the early ones, which pay for secrets, folders and data keys that each environment then keeps, the middle. */
async function warmed(bench: BenchCloud, file: BenchFile): Promise<Measured> {
  for (let run = 0; run < EARLY_RUNS; run += 1) await measure(bench, file)
  const runs: Measured[] = []
  while (runs.length < WARM_RUNS) runs.push(await measure(bench, file))
  const middle = (phase: Phase): Calls => {
    const sorted = runs.map((run) => run[phase]).toSorted(byTotal)
    return sorted[Math.floor(WARM_RUNS / 2)] ?? new Map()
  }
  return {
    intent: middle('intent'),
    complete: middle('complete'),
    intake: middle('intake'),
    delivery: middle('delivery'),
  }
}

function byTotal(one: Calls, other: Calls): number {
  return total(one) - total(other)
}

async function measure(bench: BenchCloud, file: BenchFile): Promise<Measured> {
  const { gateway } = bench.cloud
  gateway.resetCalls()
  const intents = await announce(bench, file.sizeBytes, 1)
  const intent = callsOf(bench, 'intent')
  const [first] = intents
  const plan = first?.uploads[0]
  if (!first || !plan) throw new Error('The intent named no file')
  gateway.resetCalls()
  const etags = await sendBytes(bench, first, plan, file)
  // Signing further parts is counted by no phase.
  const early = callsOf(bench, 'intake')
  const earlyDelivery = callsOf(bench, 'delivery')
  gateway.resetCalls()
  await complete(bench, first, plan, etags)
  const completed = callsOf(bench, 'complete')
  await delivered(bench, intents)
  const intake = merged(early, callsOf(bench, 'intake'))
  const delivery = merged(earlyDelivery, callsOf(bench, 'delivery'))
  return { intent, complete: completed, intake, delivery }
}

function merged(one: Calls, other: Calls): Calls {
  const sum = new Map(one)
  for (const [operation, count] of other) sum.set(operation, (sum.get(operation) ?? 0) + count)
  return sum
}

function callsOf({ cloud }: BenchCloud, phase: Phase): Calls {
  const calls: Calls = new Map()
  for (const { principalArn, operation, count } of cloud.gateway.calls()) {
    // Presigned requests are the browser's; they carry the signer's role.
    if (operation === 'PutObject' || operation === 'UploadPart') continue
    if (principalArn.toLowerCase().includes(PHASES[phase])) {
      calls.set(operation, (calls.get(operation) ?? 0) + count)
    }
  }
  return calls
}
