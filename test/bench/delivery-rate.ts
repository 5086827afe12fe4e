/** From the moment that S3's events reach intake until every file is bound: MB/s, for trend. */
import { randomBytes } from 'node:crypto'
import { announce, type BenchCloud, complete, delivered, sendBytes } from './bench-cloud.ts'
import type { Figure } from './figure.ts'

const MIB = 1024 * 1024
const SHAPES = [
  { name: '1 × 512 MiB', fileBytes: 512 * MIB, count: 1 },
  { name: '200 × 256 KiB', fileBytes: MIB / 4, count: 200 },
]
/** Longer than staging takes, so that no file is delivered while others are still being sent. */
const HELD_SECONDS = 600

export async function measureDelivery(bench: BenchCloud): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const { name, fileBytes, count } of SHAPES) {
    const content = randomBytes(fileBytes)
    bench.cloud.s3.eventFaults.delayMs = HELD_SECONDS * 1000
    const intents = await announce(bench, content, count)
    for (const intent of intents) {
      for (const plan of intent.uploads) {
        await sendBytes(bench, intent, plan, content)
        await complete(bench, intent, plan)
      }
    }
    bench.cloud.s3.eventFaults.delayMs = 0
    const startedAt = performance.now()
    await bench.cloud.advanceClock(HELD_SECONDS)
    await delivered(bench, intents)
    const seconds = (performance.now() - startedAt) / 1000
    figures.push({
      name: `delivery of ${name}`,
      value: (fileBytes * count) / 1e6 / seconds,
      unit: 'MB/s',
    })
  }
  return figures
}
