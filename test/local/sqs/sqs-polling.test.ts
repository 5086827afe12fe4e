import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SqsFixture, startSqs } from './sqs-fixture.ts'

let sqs: SqsFixture
beforeAll(async () => {
  sqs = await startSqs()
})
afterAll(() => sqs.close())

const LONG_MS = 20_000
const bodies = (messages: { body: string }[]) => messages.map(({ body }) => body)

describe('a long poll', () => {
  it('answers when a message is sent', async () => {
    const { url, arn } = sqs.makeQueue()
    const poll = sqs.client.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }))

    sqs.engine.send(arn, 'x')

    expect((await poll).Messages?.map(({ Body }) => Body)).toEqual(['x'])
  })

  it('answers when a visibility timeout or a delay ends by a moved clock', async () => {
    const { arn } = sqs.makeQueue({ VisibilityTimeout: 3600 })
    sqs.engine.send(arn, 'x')
    await sqs.engine.receive(arn, { maxMessages: 1, waitMs: 0 })
    const poll = sqs.engine.receive(arn, { maxMessages: 1, waitMs: 7_200_000 })

    sqs.clock.advance(3600)

    expect(bodies(await poll)).toEqual(['x'])
  })

  it('answers at once when the engine is told that the clock moved', async () => {
    const { arn } = sqs.makeQueue()
    sqs.engine.send(arn, 'x', { delaySeconds: 900 })
    const poll = sqs.engine.receive(arn, { maxMessages: 1, waitMs: 7_200_000 })
    const startedMs = performance.now()

    sqs.clock.advance(900)
    sqs.engine.clockMoved()

    expect(bodies(await poll)).toEqual(['x'])
    expect(performance.now() - startedMs).toBeLessThan(150)
  })

  it('answers when a consumer gives a message back', async () => {
    const { arn } = sqs.makeQueue()
    sqs.engine.send(arn, 'x')
    const [held] = await sqs.engine.receive(arn, { maxMessages: 1, waitMs: 0 })
    const poll = sqs.engine.receive(arn, { maxMessages: 1, waitMs: LONG_MS })

    sqs.engine.changeVisibility(arn, held?.receiptHandle ?? '', 0)

    expect(bodies(await poll)).toEqual(['x'])
  })

  it('answers when the next message of a FIFO group becomes free', async () => {
    const { arn } = sqs.makeQueue({ FifoQueue: true })
    for (const body of ['1', '2'])
      sqs.engine.send(arn, body, { groupId: 'g', deduplicationId: body })
    const [held] = await sqs.engine.receive(arn, { maxMessages: 1, waitMs: 0 })
    const poll = sqs.engine.receive(arn, { maxMessages: 1, waitMs: LONG_MS })

    sqs.engine.deleteBatch(arn, [held?.receiptHandle ?? ''])

    expect(bodies(await poll)).toEqual(['2'])
  })

  it('answers when a dead letter arrives', async () => {
    const dead = sqs.makeQueue()
    const RedrivePolicy = { deadLetterTargetArn: dead.arn, maxReceiveCount: 1 }
    const source = sqs.makeQueue({ VisibilityTimeout: 0, RedrivePolicy })
    sqs.engine.send(source.arn, 'x')
    const poll = sqs.engine.receive(dead.arn, { maxMessages: 1, waitMs: LONG_MS })

    await sqs.engine.receive(source.arn, { maxMessages: 1, waitMs: 0 })
    await sqs.engine.receive(source.arn, { maxMessages: 1, waitMs: 0 })

    expect(bodies(await poll)).toEqual(['x'])
  })

  it('answers with nothing when its time is up, the machine’s or the clock’s', async () => {
    const { arn } = sqs.makeQueue()

    expect(await sqs.engine.receive(arn, { maxMessages: 1, waitMs: 20 })).toEqual([])
    const poll = sqs.engine.receive(arn, { maxMessages: 1, waitMs: LONG_MS })
    sqs.clock.advance(20)
    sqs.engine.clockMoved()
    expect(await poll).toEqual([])
  })

  it('takes nothing once its caller has gone', async () => {
    const { url, arn } = sqs.makeQueue()
    const inProcess = new AbortController()
    const overHttp = new AbortController()
    const polls = [
      sqs.engine.receive(arn, { maxMessages: 1, waitMs: LONG_MS, signal: inProcess.signal }),
      sqs.client
        .send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }), {
          abortSignal: overHttp.signal,
        })
        .catch((error: Error) => error.name),
    ]
    await expect.poll(() => sqs.endpoint.accessRequests.length).toBeGreaterThan(0)
    await expect
      .poll(() => sqs.endpoint.accessRequests.flat().filter(({ resource }) => resource === arn))
      .toHaveLength(1)

    inProcess.abort()
    overHttp.abort()
    expect(await Promise.all(polls)).toEqual([[], 'AbortError'])
    // The server learns of the closed connection in a later turn of its loop.
    await new Promise((resolve) => setTimeout(resolve, 50))
    sqs.engine.send(arn, 'x')

    expect(bodies(await sqs.engine.receive(arn, { maxMessages: 1, waitMs: 500 }))).toEqual(['x'])
  })

  it('shares messages out: 64 consumers get 200 messages, each once', async () => {
    const { arn } = sqs.makeQueue()
    const seen: string[] = []
    const consume = async (): Promise<void> => {
      for (;;) {
        const messages = await sqs.engine.receive(arn, { maxMessages: 10, waitMs: 150 })
        if (messages.length === 0) return
        seen.push(...bodies(messages))
        sqs.engine.deleteBatch(
          arn,
          messages.map(({ receiptHandle }) => receiptHandle),
        )
      }
    }
    const consumers = Array.from({ length: 64 }, consume)
    for (let index = 0; index < 200; index += 1) sqs.engine.send(arn, String(index))

    await Promise.all(consumers)

    expect(seen.sort()).toEqual(Array.from({ length: 200 }, (_, index) => String(index)).sort())
  })

  it('ends with nothing when the engine closes', async () => {
    const other = await startSqs()
    const { arn } = other.makeQueue()
    const poll = other.engine.receive(arn, { maxMessages: 1, waitMs: LONG_MS })

    await other.close()

    expect(await poll).toEqual([])
  })
})

describe('onWake', () => {
  it('tells of messages that may be there until it is stopped', () => {
    const { arn } = sqs.makeQueue()
    const woken: string[] = []
    const stop = sqs.engine.onWake((queueArn) => woken.push(queueArn))

    sqs.engine.send(arn, 'x')
    stop()
    sqs.engine.send(arn, 'y')

    expect(woken).toEqual([arn])
  })
})
