/** AWS cost of 1,000 uploads of 10 MB, from what they used here, told with its terms. */
import { randomBytes } from 'node:crypto'
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import { added, chargesText, costUsd, PRICES_READ_ON, scaled, type Usage } from './aws-prices.ts'
import { usageOf } from './aws-usage.ts'
import {
  announce,
  type BenchCloud,
  benchFile,
  complete,
  delivered,
  SLUG,
  sendBytes,
  submissionOf,
  withBenchCloud,
} from './bench-cloud.ts'
import type { Figure } from './figure.ts'
import { loadedFiles } from './page-files.ts'

const FILE_BYTES = 10_000_000
const UPLOADS = 1000
/** Enough that rounding to request units evens out. */
const MEASURED_UPLOADS = 20
const SHAPES = [
  { name: 'one file a submission', filesEach: 1, atMost: 0.1 },
  { name: 'ten files a submission', filesEach: 10, atMost: 0.06 },
]
/** The page asks 2 s after the last byte, then 4 s later; a file of 10 MB is delivered by then. */
const STATUS_ASKED = 2
/** A staged file waits for scan and delivery no longer than this. */
const STAGED_HOURS = 1
const HOURS_A_MONTH = 730

export async function measureUploadCost(stage: BuiltStage): Promise<Figure[]> {
  return withBenchCloud(stage, async (bench) => {
    const content = benchFile(FILE_BYTES, randomBytes(1_000_003))
    await handOver(bench, content, 10)
    await handOver(bench, content, 1)
    const figures: Figure[] = []
    for (const { name, filesEach, atMost } of SHAPES) {
      const submissions = MEASURED_UPLOADS / filesEach
      const used = await usageOf(bench, async () => {
        for (let count = 0; count < submissions; count += 1) {
          await handOver(bench, content, filesEach)
        }
      })
      const visits = scaled(visitUsage(stage, filesEach), submissions)
      const usage = scaled(added(used, visits), UPLOADS / MEASURED_UPLOADS)
      figures.push({
        name: `AWS cost of 1,000 uploads of 10 MB, ${name}`,
        value: costUsd(usage),
        unit: '$',
        atMost,
        terms: chargesText(usage),
      })
    }
    return [...figures, ...apart()]
  })
}

/** A client's visit: page, intent, bytes, `complete` for each file, and two looks at the status. */
async function handOver(bench: BenchCloud, content: ReturnType<typeof benchFile>, files: number) {
  await bench.client.call('GET', `/api/portals/public/${SLUG}`)
  const intents = await announce(bench, FILE_BYTES, files)
  for (const intent of intents) {
    for (const plan of intent.uploads) {
      await sendBytes(bench, intent, plan, content)
      await complete(bench, intent, plan)
    }
    for (let asked = 0; asked < STATUS_ASKED; asked += 1) await submissionOf(bench, intent)
  }
  await delivered(bench, intents)
}

/** What the local cloud does not count: requests at the edge, S3's events and the staged bytes. */
function visitUsage(stage: BuiltStage, files: number): Usage {
  const apiCalls = 2 + files + STATUS_ASKED
  const pageRequests = 1 + loadedFiles(stage.siteDir, 'portal.html').length
  return {
    cloudFrontRequests: apiCalls + pageRequests,
    cloudFrontFunctionRuns: pageRequests,
    httpApiRequests: apiCalls,
    eventBridgeEvents: files,
    // EventBridge sends to the intake queue.
    sqsRequests: files,
    // The browser asks before each PUT to another origin.
    s3Reads: files,
    s3GbMonths: (files * FILE_BYTES * STAGED_HOURS) / HOURS_A_MONTH / 1e9,
  }
}

/** Not part of the target, because the files' size and the owner's choices decide them. */
function apart(): Figure[] {
  const gb = (UPLOADS * FILE_BYTES) / 1e9
  const usages: [name: string, usage: Usage][] = [
    ['egress to the provider', { internetGb: gb }],
    ['malware scan', { scannedGb: gb, scannedObjects: UPLOADS }],
    ['one mail each', { mails: UPLOADS }],
  ]
  return usages.map(([name, usage]) => ({
    name: `apart: ${name}, 1,000 uploads of 10 MB`,
    value: costUsd(usage),
    unit: '$',
    terms: `${chargesText(usage)}; prices of ${PRICES_READ_ON}`,
  }))
}
