/** AWS calls of one upload, counted at the gateway by who makes them. */
import { randomBytes } from 'node:crypto'
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import {
  announce,
  assertDelivered,
  type BenchCloud,
  type BenchFile,
  benchFile,
  complete,
  sendBytes,
  settled,
  withBenchCloud,
} from './bench-cloud.ts'
import type { Figure } from './figure.ts'

const MIB = 1024 * 1024
const SINGLE_BYTES = 10_000_000
/** Each further chunk of 32 MiB is a step of its own. */
const ONE_CHUNK_BYTES = 20 * MIB
const THREE_CHUNKS_BYTES = 90 * MIB
const WARM_RUNS = 4

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
      { name: 'AWS calls of each further chunk of 32 MiB', value: further, unit: '', atMost: 2 },
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

/** Early uploads pay for secrets, folders and data keys that each environment then keeps. */
async function warmed(bench: BenchCloud, file: BenchFile): Promise<Measured> {
  const runs: Measured[] = []
  while (runs.length < WARM_RUNS) runs.push(await measure(bench, file))
  const sorted = (phase: Phase) => runs.map((run) => run[phase]).toSorted(byTotal)
  const least = (phase: Phase) => sorted(phase)[0] ?? new Map()
  return {
    intent: least('intent'),
    // Completing what intake has taken in already is cheaper; the dear case counts.
    complete:
      runs
        .slice(1)
        .map((run) => run.complete)
        .toSorted(byTotal)
        .at(-1) ?? new Map(),
    intake: least('intake'),
    delivery: least('delivery'),
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
  // A single PUT is taken in as soon as its bytes are there; signing parts is counted by neither.
  const early = callsOf(bench, 'intake')
  const earlyDelivery = callsOf(bench, 'delivery')
  gateway.resetCalls()
  await complete(bench, first, plan, etags)
  const completed = callsOf(bench, 'complete')
  await settled(bench)
  const intake = merged(early, callsOf(bench, 'intake'))
  const delivery = merged(earlyDelivery, callsOf(bench, 'delivery'))
  await assertDelivered(bench, intents)
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
