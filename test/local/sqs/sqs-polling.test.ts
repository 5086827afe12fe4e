import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contractTarget, insideEngine } from '../../support/contract-target.ts'
import { until } from '../../support/until.ts'
import { bodies, type SqsFixture, startSqs, type TestQueue } from './sqs-fixture.ts'

let sqs: SqsFixture
beforeAll(async () => {
  sqs = await startSqs()
})
afterAll(() => sqs.close())

const inside = insideEngine('SQS')
const isHere = contractTarget('SQS') === undefined
const LONG_MS = 20_000
const texts = (messages: { body: string }[]) => messages.map(({ body }) => body)
const poll = (url: string) => sqs.receive(url, { waitSeconds: 20, max: 1 })

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html */
describe('a long poll', () => {
  it('answers when a message is sent', async () => {
    const { url } = await sqs.makeQueue()
    const waiting = poll(url)

    await sqs.send(url, 'x')

    expect(bodies(await waiting)).toEqual(['x'])
  })

  it('answers when a visibility timeout ends, without a sound from anyone', async () => {
    const { url } = await sqs.makeQueue()
    await sqs.send(url, 'x')
    await sqs.receiveAll(url, 1, { visibilitySeconds: 1 })
    const waiting = poll(url)

    // Elsewhere a second passes by itself.
    if (isHere) sqs.advance(1)

    expect(bodies(await waiting)).toEqual(['x'])
  })

  it('answers when a consumer gives a message back', async () => {
    const { url } = await sqs.makeQueue()
    await sqs.send(url, 'x')
    const [held] = await sqs.receiveAll(url, 1)
    const waiting = poll(url)

    await sqs.client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: url,
        ReceiptHandle: held?.ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    )

    expect(bodies(await waiting)).toEqual(['x'])
  })

  it('answers when the message before it in a FIFO group is deleted', async () => {
    const { url } = await sqs.makeQueue({ FifoQueue: 'true' })
    for (const body of ['1', '2']) {
      await sqs.send(url, body, { MessageGroupId: 'g', MessageDeduplicationId: body })
    }
    const [held] = await sqs.receiveAll(url, 1)
    const waiting = poll(url)

    await sqs.client.send(
      new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: held?.ReceiptHandle }),
    )

    expect(bodies(await waiting)).toEqual(['2'])
  })

  it('of the queue’s own ReceiveMessageWaitTimeSeconds needs no word in the call', async () => {
    const { url } = await sqs.makeQueue({ ReceiveMessageWaitTimeSeconds: '20' })
    const waiting = sqs.receive(url)

    await sqs.send(url, 'x')

    expect(bodies(await waiting)).toEqual(['x'])
  })

  it('shares messages out: 16 consumers get 100 messages, each once', async () => {
    const { url } = await sqs.makeQueue()
    const sent = Array.from({ length: 100 }, (_, index) => String(index))
    const seen: (string | undefined)[] = []
    const consume = async (): Promise<void> => {
      while (seen.length < sent.length) {
        const messages = await sqs.receive(url, { waitSeconds: 1 })
        seen.push(...bodies(messages))
      }
    }
    const consumers = Array.from({ length: 16 }, consume)
    for (const body of sent) await sqs.send(url, body)

    await until(() => seen.length >= sent.length)
    expect(seen.toSorted()).toEqual(sent.toSorted())
    // Those who still wait are let go by the clock; elsewhere by their second.
    if (isHere) sqs.advance(1)
    await Promise.all(consumers)
  })
})

inside.describe('a long poll of this engine', () => {
  it('answers when a delay or a visibility timeout ends by a moved clock', async () => {
    const { engine, clock } = sqs.inside
    const { arn } = engine.createQueue({ name: 'moved', VisibilityTimeout: 3600 })
    engine.send(arn, 'x')
    await engine.receive(arn, { maxMessages: 1, waitMs: 0 })
    const held = engine.receive(arn, { maxMessages: 1, waitMs: 7_200_000 })

    // Nobody is told: who waits looks at the clock by itself.
    clock.advance(3600)

    expect(texts(await held)).toEqual(['x'])
  })

  it('answers when a dead letter arrives', async () => {
    const { engine } = sqs.inside
    const dead = engine.createQueue({ name: 'polled-dead' })
    const RedrivePolicy = { deadLetterTargetArn: dead.arn, maxReceiveCount: 1 }
    const source = engine.createQueue({ name: 'polled', VisibilityTimeout: 0, RedrivePolicy })
    engine.send(source.arn, 'x')
    const waiting = engine.receive(dead.arn, { maxMessages: 1, waitMs: LONG_MS })

    await engine.receive(source.arn, { maxMessages: 1, waitMs: 0 })
    await engine.receive(source.arn, { maxMessages: 1, waitMs: 0 })

    expect(texts(await waiting)).toEqual(['x'])
  })

  it('answers with nothing when its time is up, the machine’s or the clock’s', async () => {
    const { engine } = sqs.inside
    const { arn } = engine.createQueue({ name: 'silent' })

    expect(await engine.receive(arn, { maxMessages: 1, waitMs: 20 })).toEqual([])
    const waiting = engine.receive(arn, { maxMessages: 1, waitMs: LONG_MS })
    sqs.advance(20)
    expect(await waiting).toEqual([])
  })

  it('takes nothing once its caller has gone', async () => {
    const { engine, endpoint } = sqs.inside
    const { url, arn }: TestQueue = await sqs.makeQueue()
    const inProcess = new AbortController()
    const overHttp = new AbortController()
    const asked = () =>
      endpoint.accessRequests
        .flat()
        .filter(({ action, resource }) => action === 'sqs:ReceiveMessage' && resource === arn)
    const polls = [
      engine.receive(arn, { maxMessages: 1, waitMs: LONG_MS, signal: inProcess.signal }),
      sqs.client
        .send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }), {
          abortSignal: overHttp.signal,
        })
        .catch((error: Error) => error.name),
    ]
    await until(() => asked().length === 1)

    inProcess.abort()
    overHttp.abort()
    expect(await Promise.all(polls)).toEqual([[], 'AbortError'])
    // The server learns of the closed connection in a later turn of its loop.
    await until(() => endpoint.runningCalls() === 0)
    engine.send(arn, 'x')

    const [message] = await engine.receive(arn, { maxMessages: 1, waitMs: LONG_MS })
    expect(message?.attributes['ApproximateReceiveCount']).toBe('1')
  })

  it('ends with nothing when its queue is deleted or the engine closes', async () => {
    const other = await startSqs()
    const deleted = await other.makeQueue()
    const closed = await other.makeQueue()
    const polls = [deleted, closed].map(({ arn }) =>
      other.inside.engine.receive(arn, { maxMessages: 1, waitMs: LONG_MS }),
    )

    await other.client.send(new DeleteQueueCommand({ QueueUrl: deleted.url }))
    expect(await polls[0]).toEqual([])
    await other.close()
    expect(await polls[1]).toEqual([])
  })
})

inside.describe('onWake', () => {
  it('tells of messages that may be there until it is stopped', async () => {
    const { engine } = sqs.inside
    const { arn } = await sqs.makeQueue()
    const woken: string[] = []
    const stop = engine.onWake((queueArn) => woken.push(queueArn))

    engine.send(arn, 'x')
    stop()
    engine.send(arn, 'y')

    expect(woken).toEqual([arn])
  })
})
