import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DeleteMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { insideEngine } from '../../support/contract-target.ts'
import { refused } from './aws-endpoint.ts'
import { bodies, type SqsFixture, startSqs } from './sqs-fixture.ts'

const MOST_IN_FLIGHT = 120_000

let sqs: SqsFixture
beforeAll(async () => {
  sqs = await startSqs()
})
afterAll(() => sqs.close())

/** As if that many messages of the queue had been received: calls would take minutes. */
function holdMessages(queue: string, count: number): void {
  const database = new DatabaseSync(join(sqs.inside.dataDir, 'sqs.db'))
  const visibleMs = sqs.inside.clock.now() + 3_600_000
  database
    .prepare(`WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
      INSERT INTO messages (queue, id, state, visible_ms, group_id, sender_id, sent_ms,
        retained_from_ms, attributes, system_attributes, body)
      SELECT ?2, n, 2, ?3, 'held', '', ?3, ?3, '{}', '{}', '' FROM numbers`)
    .run(count, queue, visibleMs)
  database.close()
}

const inside = insideEngine('SQS')

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
inside.describe('120,000 messages in flight', () => {
  it('are the most of a standard queue: a short poll gets OverLimit, a long poll nothing', async () => {
    const { url, name } = await sqs.makeQueue()
    holdMessages(name, MOST_IN_FLIGHT - 3)
    for (let index = 0; index < 5; index += 1) await sqs.send(url, 'x')

    const last = await sqs.receive(url)
    expect(last).toHaveLength(3)
    await expect(sqs.receive(url)).rejects.toEqual(refused('OverLimit'))
    const waiting = sqs.receive(url, { waitSeconds: 20 })

    await sqs.client.send(
      new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: last[0]?.ReceiptHandle }),
    )
    // A place is free: who waits finds it at the next look.
    sqs.inside.engine.clockMoved()

    expect(bodies(await waiting)).toEqual(['x'])
    await expect(sqs.receive(url)).rejects.toEqual(refused('OverLimit'))
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-fifo.html
  it('are the most of a FIFO queue too, which gives nothing more and no error', async () => {
    const { url, name } = await sqs.makeQueue({ FifoQueue: 'true' })
    holdMessages(name, MOST_IN_FLIGHT - 1)
    for (const body of ['1', '2']) {
      await sqs.send(url, body, { MessageGroupId: body, MessageDeduplicationId: body })
    }

    const [message] = await sqs.receive(url)
    expect(message?.Body).toBe('1')
    expect(await sqs.receive(url)).toEqual([])

    await sqs.client.send(
      new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message?.ReceiptHandle }),
    )
    expect(bodies(await sqs.receive(url))).toEqual(['2'])
  })
})
