import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Clock, LocalClock } from '../../../infra/local/clock.ts'
import { createSqsEngine, type SqsEngine } from '../../../infra/local/sqs/sqs-engine.ts'
import { insideEngine } from '../../support/contract-target.ts'
import { until } from '../../support/until.ts'
import { serveEngines, TestClock } from './aws-endpoint.ts'
import { startKilledEngines } from './killed-engines.ts'

const HELD_SECONDS = 600
const inside = insideEngine('SQS')
const clock = new TestClock()

let dataDir: string
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sqs-'))
})
afterAll(() => rm(dataDir, { recursive: true }))

const open = (at: Clock = clock): SqsEngine =>
  createSqsEngine({ dataDir, clock: at, baseUrl: () => 'http://127.0.0.1' })

async function drain(engine: SqsEngine, arn: string): Promise<string[]> {
  const ids: string[] = []
  for (;;) {
    const messages = await engine.receive(arn, { maxMessages: 10, waitMs: 0 })
    if (messages.length === 0) return ids
    ids.push(...messages.map(({ messageId }) => messageId))
  }
}

inside.describe('kill -9 under the load of eight clients', () => {
  it('loses no acknowledged send and brings back no acknowledged delete', async () => {
    const engines = await startKilledEngines(dataDir)
    const client = new SQSClient(engines.clientOptions)
    const { QueueUrl } = await client.send(
      new CreateQueueCommand({
        QueueName: 'killed',
        Attributes: { VisibilityTimeout: String(HELD_SECONDS) },
      }),
    )
    const sent = new Set<string>()
    const deleting = new Set<string>()
    const deleted = new Set<string>()
    const sendSome = async (): Promise<void> => {
      const Entries = ['a', 'b', 'c'].map((Id) => ({ Id, MessageBody: 'x' }))
      const { Successful } = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }))
      for (const { MessageId = '' } of Successful ?? []) sent.add(MessageId)
    }
    const deleteSome = async (): Promise<void> => {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 2 }),
      )
      if (Messages.length === 0) return
      for (const { MessageId = '' } of Messages) deleting.add(MessageId)
      const Entries = Messages.map(({ MessageId: Id, ReceiptHandle }) => ({ Id, ReceiptHandle }))
      const { Successful } = await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))
      for (const { Id = '' } of Successful ?? []) deleted.add(Id)
    }
    const loads = [sendSome, deleteSome].flatMap((work) =>
      Array.from({ length: 4 }, () => engines.load(work)),
    )

    await Promise.race([
      until(() => deleted.size >= 100, { timeoutMs: 50_000 }),
      Promise.all(loads),
    ])
    await engines.kill()
    await Promise.all(loads)
    client.destroy()

    // The engines ran by the machine's time, and nobody holds a message any more.
    const later = new LocalClock()
    later.advance(HELD_SECONDS + 1)
    const engine = open(later)
    const left = new Set(await drain(engine, engine.stats()[0]?.arn ?? ''))
    await engine.close()

    expect(deleted.size).toBeGreaterThanOrEqual(100)
    expect(sent.size).toBeGreaterThan(0)
    // A delete may have been done and its word not heard: such a message may be gone or there.
    expect([...sent].filter((id) => !deleting.has(id) && !left.has(id))).toEqual([])
    expect([...deleted].filter((id) => left.has(id))).toEqual([])
  }, 60_000)
})

inside.describe('a restart', () => {
  it('keeps queues, their policies and what is in flight; the file is the owner’s alone', async () => {
    const policy = { Version: '2012-10-17', Statement: [] }
    const before = open()
    const { arn } = before.createQueue({ name: 'restarted', VisibilityTimeout: 600 })
    before.setQueuePolicy(arn, policy)
    before.send(arn, 'x')
    const [held] = await before.receive(arn, { maxMessages: 1, waitMs: 0 })
    await before.close()

    const after = open()

    expect(after.resourcePolicy(arn)).toEqual(policy)
    expect(await drain(after, arn)).toEqual([])
    after.deleteBatch(arn, [held?.receiptHandle ?? ''])
    expect(after.stats().find((it) => it.arn === arn)?.inFlight).toBe(0)
    await after.close()
    expect((await stat(join(dataDir, 'sqs.db'))).mode & 0o777).toBe(0o600)
  })

  it('remembers what a FIFO queue has taken', async () => {
    const before = open()
    const { arn } = before.createQueue({ name: 'restarted.fifo', FifoQueue: true })
    const options = { groupId: 'g', deduplicationId: 'd' }
    const { messageId } = before.send(arn, 'x', options)
    await before.close()

    const after = open()

    expect(after.send(arn, 'x', options).messageId).toBe(messageId)
    expect(await drain(after, arn)).toEqual([messageId])
    await after.close()
  })

  it('goes on with what was being moved, and moves nothing twice', async () => {
    const before = open()
    const dead = before.createQueue({ name: 'moved-dead' })
    const RedrivePolicy = { deadLetterTargetArn: dead.arn, maxReceiveCount: 1 }
    const source = before.createQueue({ name: 'moved', VisibilityTimeout: 0, RedrivePolicy })
    for (let index = 0; index < 5; index += 1) before.send(source.arn, String(index))
    await drain(before, source.arn)
    const endpoint = await serveEngines({ sqs: before }, clock)
    const client = new SQSClient(endpoint.clientOptions)
    await client.send(
      new StartMessageMoveTaskCommand({ SourceArn: dead.arn, MaxNumberOfMessagesPerSecond: 2 }),
    )
    client.destroy()
    await endpoint.close()
    await before.close()
    clock.advance(10)

    const after = open()

    const there = after.stats().find(({ arn }) => arn === source.arn)?.available
    expect(there).toBe(5)
    expect(await drain(after, dead.arn)).toEqual([])
    await after.close()
  })
})
