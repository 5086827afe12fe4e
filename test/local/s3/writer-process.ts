/** Writes objects through an engine of its own until it is killed; prints `key etag` once each is acknowledged. */
import { randomBytes } from 'node:crypto'
import { LocalClock } from '../../../infra/local/clock.ts'
import { createS3Engine } from '../../../infra/local/s3/s3-engine.ts'

const dataDir = process.argv[2] ?? ''
const engine = createS3Engine({ dataDir, clock: new LocalClock() })
engine.createBucket({ name: 'staging', eventBridgeEnabled: true })

async function write(writer: number): Promise<never> {
  for (let index = 0; ; index += 1) {
    const key = `${writer}/${index}`
    const body = randomBytes(1 + ((index * 7919) % 200_000))
    const { etag } = await engine.putObject('staging', key, { body })
    process.stdout.write(`${key} ${etag}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)))
