import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Message, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { QueueProperties } from '../../../infra/local/sqs/queue-settings.ts'
import { createSqsEngine, type SqsEngine } from '../../../infra/local/sqs/sqs-engine.ts'
import { type AwsEndpoint, clientOptions, serveEngine, TestClock } from './aws-endpoint.ts'

export interface SqsFixture {
  engine: SqsEngine
  endpoint: AwsEndpoint
  client: SQSClient
  clock: TestClock
  /** A queue of its own for a test; gives its URL. */
  makeQueue(properties?: Partial<QueueProperties>): { url: string; arn: string; name: string }
  /** Receives without waiting, with every system attribute. */
  receive(
    url: string,
    options?: { max?: number; visibilitySeconds?: number },
  ): Promise<(Message & { ReceiptHandle: string })[]>
  close(): Promise<void>
}

export async function startSqs(): Promise<SqsFixture> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sqs-'))
  const clock = new TestClock()
  let origin = ''
  const engine = createSqsEngine({ dataDir, clock, baseUrl: () => origin })
  const endpoint = await serveEngine('sqs', engine)
  origin = endpoint.url
  const client = new SQSClient(clientOptions(endpoint.url))
  let queues = 0
  return {
    engine,
    endpoint,
    client,
    clock,
    makeQueue(properties = {}) {
      queues += 1
      const name = `queue-${queues}${properties.FifoQueue === true ? '.fifo' : ''}`
      return { name, ...engine.createQueue({ name, ...properties }) }
    },
    async receive(url, options = {}) {
      const reply = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: options.max ?? 10,
          VisibilityTimeout: options.visibilitySeconds,
          MessageSystemAttributeNames: ['All'],
          MessageAttributeNames: ['All'],
        }),
      )
      return (reply.Messages ?? []).map((message) => ({
        ...message,
        ReceiptHandle: message.ReceiptHandle ?? '',
      }))
    },
    async close() {
      client.destroy()
      await endpoint.close()
      await engine.close()
      await rm(dataDir, { recursive: true })
    },
  }
}
