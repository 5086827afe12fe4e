/** Sends and deletes until it is killed, and says so after each acknowledgement. */
import { writeSync } from 'node:fs'
import { LocalClock } from '../../../infra/local/clock.ts'
import { createSqsEngine } from '../../../infra/local/sqs/sqs-engine.ts'

const [, , dataDir = ''] = process.argv
const engine = createSqsEngine({
  dataDir,
  clock: new LocalClock(),
  baseUrl: () => 'http://127.0.0.1',
})
// A visibility of 0 lets what this process holds be received again after its death.
const { arn } = engine.createQueue({ name: 'killed', VisibilityTimeout: 0 })

for (;;) {
  for (let index = 0; index < 3; index += 1) {
    writeSync(1, `sent ${engine.send(arn, `message ${index}`).messageId}\n`)
  }
  for (const message of await engine.receive(arn, { maxMessages: 2, waitMs: 0 })) {
    writeSync(1, `deleting ${message.messageId}\n`)
    engine.deleteBatch(arn, [message.receiptHandle])
    writeSync(1, `deleted ${message.messageId}\n`)
  }
}
