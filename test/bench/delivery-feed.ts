/** Files wait in a delivery queue that feeds nobody, until its workers are fed and timed. */
import { randomBytes } from 'node:crypto'
import type { LocalCloud } from '../../infra/local/local-cloud.ts'
import { startQueueMapping } from '../../infra/local/triggers/queue-mapping.ts'
import type { IntentReply } from '../../shared/contract/uploads.ts'
import { until } from '../support/until.ts'
import {
  announce,
  type BenchCloud,
  benchFile,
  complete,
  delivered,
  eachOf,
  sendBytes,
} from './bench-cloud.ts'

export interface Load {
  /** The worker that delivers files of this size. */
  worker: 'deliver-small' | 'deliver-large'
  fileBytes: number
  count: number
}

const STAGED_AT_ONCE = 4
/** A look costs the cloud's process a millisecond, which is not the delivery's. */
const LOOK_MS = 50
const LIMIT_MS = 300_000

/** Files that our workers deliver at a time. */
export function filesAtOnce({ provisioned }: LocalCloud, { worker, count }: Load): number {
  const mapping = mappingOf(provisioned, worker)
  const workers = mapping.ScalingConfig?.MaximumConcurrency ?? 1
  return Math.min(count, workers * (mapping.BatchSize ?? 1))
}

/** From now on what is staged waits for `deliverAll`. */
export async function stopFeeding({ cloud }: BenchCloud, worker: Load['worker']): Promise<void> {
  await cloud.mappings.get(mappingOf(cloud.provisioned, worker).FunctionName)?.close()
}

/** Sends the files and waits until the delivery queue holds one message for each. */
export async function stageFiles(bench: BenchCloud, load: Load): Promise<IntentReply[]> {
  const file = benchFile(load.fileBytes, randomBytes(4_000_037))
  const intents = await announce(bench, load.fileBytes, load.count)
  const plans = intents.flatMap((intent) => intent.uploads.map((plan) => ({ intent, plan })))
  await eachOf(plans, STAGED_AT_ONCE, async ({ intent, plan }) => {
    await complete(bench, intent, plan, await sendBytes(bench, intent, plan, file))
  })
  const waiting = () =>
    queueOf(bench, load.worker)?.available === load.count &&
    bench.cloud.lambda.stats().running === 0
  await until(waiting, { timeoutMs: LIMIT_MS })
  return intents
}

/** Seconds from feeding the workers until they are through. */
export async function deliverAll(
  bench: BenchCloud,
  load: Load,
  intents: IntentReply[],
): Promise<number> {
  const { sqs, lambda, clock, provisioned } = bench.cloud
  const mapping = mappingOf(provisioned, load.worker)
  const fn = provisioned.functions.find(({ name }) => name === mapping.FunctionName)
  const isThrough = () => {
    const queue = queueOf(bench, load.worker)
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
    await until(isThrough, { timeoutMs: LIMIT_MS, everyMs: LOOK_MS })
    const seconds = (performance.now() - startedAt) / 1000
    await delivered(bench, intents)
    return seconds
  } finally {
    await feed.close()
  }
}

function mappingOf({ mappings }: LocalCloud['provisioned'], worker: string) {
  const mapping = mappings.find(({ FunctionName }) => FunctionName.endsWith(worker))
  if (!mapping) throw new Error(`no queue feeds ${worker}`)
  return mapping
}

function queueOf({ cloud }: BenchCloud, worker: string) {
  const { EventSourceArn } = mappingOf(cloud.provisioned, worker)
  return cloud.sqs.stats().find(({ arn }) => arn === EventSourceArn)
}
