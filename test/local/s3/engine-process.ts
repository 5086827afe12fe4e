/**
 * An engine behind the gateway in a process of its own, on the directory that it is given: to be
 * killed, or to have its memory measured. Says `{endpoint}` when it serves, and answers every
 * message with `{peakBytes}`, the most memory that it ever held.
 */
import { readFileSync } from 'node:fs'
import { LocalClock } from '../../../infra/local/clock.ts'
import { createGateway } from '../../../infra/local/gateway/gateway.ts'
import { PrincipalStore } from '../../../infra/local/gateway/principals.ts'
import { createS3Engine } from '../../../infra/local/s3/s3-engine.ts'

const clock = new LocalClock()
const engine = createS3Engine({ dataDir: process.argv[2] ?? '', clock })
engine.createBucket({ name: 'staging', eventBridgeEnabled: true })
const principals = new PrincipalStore()
principals.register({
  accessKeyId: 'AKIAENGINE',
  secretAccessKey: 'secret',
  arn: 'arn:aws:iam::111122223333:user/operator',
  policies: 'unrestricted',
})
const gateway = createGateway({ engines: { s3: engine }, principals, clock })
const { port } = await gateway.listen(0)

process.on('message', () => {
  process.send?.({ peakBytes: peakBytes() })
})
process.on('disconnect', () => process.exit())
process.send?.({ endpoint: `http://127.0.0.1:${port}` })

/**
 * `VmHWM` begins anew with a program, while `getrusage` also counts what its parent held when it was
 * forked (https://man7.org/linux/man-pages/man2/getrusage.2.html).
 */
function peakBytes(): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  if (kib === undefined) throw new Error('the system does not tell how much memory was held')
  return Number(kib) * 1024
}
