import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  type QueueAttributeName,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SendMessageCommandInput,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { createSqsEngine, type SqsEngine } from '../../../infra/local/sqs/sqs-engine.ts'
import { contractTarget, freshName } from '../../support/contract-target.ts'
import { until } from '../../support/until.ts'
import { type AwsEndpoint, serveEngines, TestClock } from './aws-endpoint.ts'

export interface TestQueue {
  url: string
  arn: string
  name: string
}

export type Received = Message & { ReceiptHandle: string }

interface ReceiveOptions {
  max?: number
  visibilitySeconds?: number
  waitSeconds?: number
}

/** Hands inside the engine, for stories that no other endpoint can play. */
interface SqsInside {
  engine: SqsEngine
  endpoint: AwsEndpoint
  clock: TestClock
  dataDir: string
}

export interface SqsFixture {
  client: SQSClient
  /** Throws at another endpoint. */
  inside: SqsInside
  /** Moves the clock of the engine and of the client's signatures. */
  advance(seconds: number): void
  /** A queue of its own for a test, made by a call. */
  makeQueue(attributes?: Partial<Record<QueueAttributeName, string>>): Promise<TestQueue>
  send(url: string, body: string, options?: Partial<SendMessageCommandInput>): Promise<string>
  /** One receive with every attribute. */
  receive(url: string, options?: ReceiveOptions): Promise<Received[]>
  /** Receives until `count` messages have come, as a standard queue may give fewer at a time. */
  receiveAll(url: string, count: number, options?: ReceiveOptions): Promise<Received[]>
  attribute(url: string, name: QueueAttributeName): Promise<string | undefined>
  close(): Promise<void>
}

export async function startSqs(): Promise<SqsFixture> {
  const target = contractTarget('SQS')
  const started = target === undefined ? await startEngine() : undefined
  const client = new SQSClient(started?.endpoint.clientOptions ?? target ?? {})
  const made: string[] = []

  const fixture: SqsFixture = {
    client,
    get inside() {
      if (started === undefined) throw new Error('There is no engine: the suite runs elsewhere')
      return started
    },
    advance(seconds) {
      const { clock, engine } = fixture.inside
      clock.advance(seconds)
      engine.clockMoved()
      client.config.systemClockOffset = clock.signingOffsetMs
    },
    async makeQueue(attributes = {}) {
      const name = `${freshName('queue')}${attributes.FifoQueue === 'true' ? '.fifo' : ''}`
      const { QueueUrl: url = '' } = await client.send(
        new CreateQueueCommand({ QueueName: name, Attributes: attributes }),
      )
      made.push(url)
      return { url, name, arn: (await fixture.attribute(url, 'QueueArn')) ?? '' }
    },
    async send(url, body, options = {}) {
      const sent = await client.send(
        new SendMessageCommand({ QueueUrl: url, MessageBody: body, ...options }),
      )
      return sent.MessageId ?? ''
    },
    async receive(url, options = {}) {
      const reply = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: options.max ?? 10,
          VisibilityTimeout: options.visibilitySeconds,
          WaitTimeSeconds: options.waitSeconds,
          MessageSystemAttributeNames: ['All'],
          MessageAttributeNames: ['All'],
        }),
      )
      return (reply.Messages ?? []).map((message) => ({
        ...message,
        ReceiptHandle: message.ReceiptHandle ?? '',
      }))
    },
    async receiveAll(url, count, options = {}) {
      const messages: Received[] = []
      await until(async () => {
        const max = Math.min(options.max ?? 10, count - messages.length)
        messages.push(...(await fixture.receive(url, { ...options, max })))
        return messages.length >= count
      })
      return messages
    },
    async attribute(url, name) {
      const { Attributes } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [name] }),
      )
      return Attributes?.[name]
    },
    async close() {
      if (started === undefined) {
        for (const url of made) await client.send(new DeleteQueueCommand({ QueueUrl: url }))
      }
      client.destroy()
      await started?.close()
    },
  }
  return fixture
}

export const bodies = (messages: Message[]): (string | undefined)[] =>
  messages.map(({ Body }) => Body)

async function startEngine(): Promise<SqsInside & { close(): Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sqs-'))
  const clock = new TestClock()
  let origin = ''
  const engine = createSqsEngine({ dataDir, clock, baseUrl: () => origin })
  const endpoint = await serveEngines({ sqs: engine }, clock)
  origin = endpoint.url
  return {
    engine,
    endpoint,
    clock,
    dataDir,
    async close() {
      await endpoint.close()
      await engine.close()
      await rm(dataDir, { recursive: true })
    },
  }
}
