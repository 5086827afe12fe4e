import {
  CancelMessageMoveTaskCommand,
  DeleteQueueCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  SetQueueAttributesCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insideEngine } from '../../support/contract-target.ts'
import { until } from '../../support/until.ts'
import { refused } from './aws-endpoint.ts'
import { bodies, type SqsFixture, startSqs, type TestQueue } from './sqs-fixture.ts'

let sqs: SqsFixture
beforeAll(async () => {
  sqs = await startSqs()
})
afterAll(() => sqs.close())

const inside = insideEngine('SQS')

interface Pair {
  dead: TestQueue
  source: TestQueue
}

const redriveTo = (deadLetterTargetArn: string, maxReceiveCount: number) => ({
  RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }),
})
async function makePair(maxReceiveCount: number, options: object = {}): Promise<Pair> {
  const dead = await sqs.makeQueue(options)
  const source = await sqs.makeQueue({
    VisibilityTimeout: '0',
    ...redriveTo(dead.arn, maxReceiveCount),
    ...options,
  })
  return { dead, source }
}
/** Receives what is there until it has gone to the dead letters. */
async function bury(source: TestQueue, dead: TestQueue, count: number): Promise<void> {
  await until(async () => {
    await sqs.receive(source.url)
    return (await sqs.attribute(dead.url, 'ApproximateNumberOfMessages')) === String(count)
  })
}
const start = (SourceArn: string, options: object = {}) =>
  sqs.client.send(new StartMessageMoveTaskCommand({ SourceArn, ...options }))
const tasks = async (SourceArn: string) =>
  (await sqs.client.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults: 10 }))).Results ??
  []

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html */
describe('a dead-letter queue', () => {
  it('gets a message received more than maxReceiveCount times, with its id, time and source', async () => {
    const { dead, source } = await makePair(2)
    await sqs.send(source.url, 'x')

    const [first] = await sqs.receiveAll(source.url, 1)
    const [second] = await sqs.receiveAll(source.url, 1)
    expect(second?.Attributes?.ApproximateReceiveCount).toBe('2')
    expect(await sqs.receive(source.url)).toEqual([])

    const [message] = await sqs.receiveAll(dead.url, 1)
    expect(message?.MessageId).toBe(first?.MessageId)
    expect(message?.Attributes).toMatchObject({
      SentTimestamp: first?.Attributes?.SentTimestamp,
      DeadLetterQueueSourceArn: source.arn,
    })
  })

  it('is not in the way of the other messages of a receive', async () => {
    const { source } = await makePair(1)
    await sqs.send(source.url, 'poison')
    await sqs.receiveAll(source.url, 1)
    await sqs.send(source.url, 'good')

    expect(bodies(await sqs.receiveAll(source.url, 1))).toEqual(['good'])
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html
  it('names the queues that it serves, a page at a time', async () => {
    const { dead, source } = await makePair(1)
    const second = await sqs.makeQueue(redriveTo(dead.arn, 1))
    const list = async (options: object) => {
      const command = new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead.url, ...options })
      return sqs.client.send(command)
    }

    await until(async () => (await list({})).queueUrls?.length === 2)
    const one = await list({ MaxResults: 1 })
    const two = await list({ MaxResults: 1, NextToken: one.NextToken })

    expect([...(one.queueUrls ?? []), ...(two.queueUrls ?? [])].sort()).toEqual(
      [source.url, second.url].sort(),
    )
  })

  it('exists, is of the same type, and is asked for after 1 to 1,000 receives', async () => {
    const { dead, source } = await makePair(1)
    const fifo = await sqs.makeQueue({ FifoQueue: 'true' })
    const set = (Attributes: Record<string, string>) =>
      sqs.client.send(new SetQueueAttributesCommand({ QueueUrl: source.url, Attributes }))

    for (const wrong of [
      redriveTo(`${dead.arn}-x`, 1),
      redriveTo(fifo.arn, 1),
      redriveTo(dead.arn, 0),
      redriveTo(dead.arn, 1001),
      { RedrivePolicy: 'garbage' },
      { RedrivePolicy: '{"maxReceiveCount":3}' },
    ]) {
      await expect(set(wrong)).rejects.toEqual(refused('InvalidParameterValue'))
    }
  })

  it('is left by an empty RedrivePolicy: then messages come again and again', async () => {
    const { source } = await makePair(1)
    await sqs.send(source.url, 'x')

    await sqs.client.send(
      new SetQueueAttributesCommand({ QueueUrl: source.url, Attributes: { RedrivePolicy: '' } }),
    )

    await until(async () => (await sqs.attribute(source.url, 'RedrivePolicy')) === undefined)
    for (let round = 0; round < 3; round += 1) await sqs.receiveAll(source.url, 1)
  })

  it('keeps the order of a FIFO group', async () => {
    const options = { FifoQueue: 'true' }
    const { dead, source } = await makePair(1, options)
    for (const body of ['1', '2', '3']) {
      await sqs.send(source.url, body, { MessageGroupId: 'g', MessageDeduplicationId: body })
    }

    await bury(source, dead, 3)

    expect(bodies(await sqs.receive(dead.url))).toEqual(['1', '2', '3'])
  })
})

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue.html */
describe('RedriveAllowPolicy', () => {
  const target = (policy: object) => sqs.makeQueue({ RedriveAllowPolicy: JSON.stringify(policy) })

  it('denyAll lets no queue send its dead letters', async () => {
    const dead = await target({ redrivePermission: 'denyAll' })

    await expect(sqs.makeQueue(redriveTo(dead.arn, 1))).rejects.toEqual(
      refused('InvalidParameterValue'),
    )
  })

  it('byQueue lets the queues it names, and no others', async () => {
    const source = await sqs.makeQueue()
    const dead = await target({ redrivePermission: 'byQueue', sourceQueueArns: [source.arn] })

    await expect(
      sqs.client.send(
        new SetQueueAttributesCommand({
          QueueUrl: source.url,
          Attributes: redriveTo(dead.arn, 1),
        }),
      ),
    ).resolves.toBeDefined()
    await expect(sqs.makeQueue(redriveTo(dead.arn, 1))).rejects.toEqual(
      refused('InvalidParameterValue'),
    )
  })

  it.each([
    ['another word', { redrivePermission: 'someQueues' }],
    ['byQueue without queues', { redrivePermission: 'byQueue' }],
    ['allowAll with queues', { redrivePermission: 'allowAll', sourceQueueArns: ['arn:aws:sqs:x'] }],
    [
      'more than ten queues',
      {
        redrivePermission: 'byQueue',
        sourceQueueArns: Array.from({ length: 11 }, (_, n) => `a${n}`),
      },
    ],
  ])('refuses %s', async (_, policy) => {
    await expect(target(policy)).rejects.toEqual(refused('InvalidParameterValue'))
  })
})

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html */
describe('a message move task', () => {
  it('gives messages back to where they came from, as new ones', async () => {
    const { dead, source } = await makePair(1)
    const messageId = await sqs.send(source.url, 'x')
    await bury(source, dead, 1)

    await start(dead.arn)
    const [message] = await sqs.receiveAll(source.url, 1)
    const [task] = await until(async () => {
      const found = await tasks(dead.arn)
      return found[0]?.Status === 'COMPLETED' && found
    })

    expect(message?.Body).toBe('x')
    expect(message?.MessageId).not.toBe(messageId)
    expect(message?.Attributes?.ApproximateReceiveCount).toBe('1')
    expect(task).toEqual({
      Status: 'COMPLETED',
      SourceArn: dead.arn,
      ApproximateNumberOfMessagesMoved: 1,
      ApproximateNumberOfMessagesToMove: 1,
      StartedTimestamp: expect.any(Number),
    })
  })

  it('fails for what did not come from a queue, and moves it to a named destination', async () => {
    const { dead, source } = await makePair(1)
    await sqs.send(dead.url, 'direct')

    await start(dead.arn)
    const [failed] = await until(async () => {
      const found = await tasks(dead.arn)
      return found[0]?.Status === 'FAILED' && found
    })
    await start(dead.arn, { DestinationArn: source.arn })

    expect(failed?.FailureReason).toBe('CouldNotDetermineMessageSource')
    expect(bodies(await sqs.receiveAll(source.url, 1))).toEqual(['direct'])
  })

  it('starts at a dead-letter queue only, towards a queue that exists, at 1 to 500 a second', async () => {
    const { dead, source } = await makePair(1)

    await expect(start(source.arn)).rejects.toEqual(refused('InvalidParameterValue'))
    await expect(start(`${dead.arn}-x`)).rejects.toEqual(refused('ResourceNotFoundException'))
    await expect(start(dead.arn, { DestinationArn: `${source.arn}-x` })).rejects.toEqual(
      refused('ResourceNotFoundException'),
    )
    for (const MaxNumberOfMessagesPerSecond of [0, 501]) {
      await expect(start(dead.arn, { MaxNumberOfMessagesPerSecond })).rejects.toEqual(
        refused('InvalidParameterValue'),
      )
    }
  })

  it('is not cancelled by a handle that nobody was given', async () => {
    await expect(
      sqs.client.send(new CancelMessageMoveTaskCommand({ TaskHandle: 'garbage' })),
    ).rejects.toEqual(refused('InvalidParameterValue'))
  })
})

inside.describe('a message move task with a rate', () => {
  async function bury7(): Promise<Pair> {
    const pair = await makePair(1)
    for (const body of '1234567') await sqs.send(pair.source.url, body)
    await bury(pair.source, pair.dead, 7)
    return pair
  }

  it('moves that many in each second, one task at a time', async () => {
    const { dead, source } = await bury7()
    const there = () => sqs.attribute(source.url, 'ApproximateNumberOfMessages')

    const { TaskHandle } = await start(dead.arn, { MaxNumberOfMessagesPerSecond: 3 })
    expect(await tasks(dead.arn)).toEqual([
      {
        TaskHandle,
        Status: 'RUNNING',
        SourceArn: dead.arn,
        MaxNumberOfMessagesPerSecond: 3,
        ApproximateNumberOfMessagesMoved: 3,
        ApproximateNumberOfMessagesToMove: 7,
        StartedTimestamp: sqs.inside.clock.now(),
      },
    ])
    await expect(start(dead.arn)).rejects.toEqual(refused('InvalidParameterValue'))

    sqs.advance(1)
    expect(await there()).toBe('6')
    sqs.advance(1)
    expect(await there()).toBe('7')
    const [task] = await tasks(dead.arn)
    expect(task).toMatchObject({ Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 7 })
    expect(task).not.toHaveProperty('TaskHandle')
  })

  it('stops when it is cancelled; what was moved stays moved', async () => {
    const { dead, source } = await bury7()
    const { TaskHandle } = await start(dead.arn, { MaxNumberOfMessagesPerSecond: 2 })
    const cancel = () => sqs.client.send(new CancelMessageMoveTaskCommand({ TaskHandle }))

    const cancelled = await cancel()
    sqs.advance(10)

    expect(cancelled.ApproximateNumberOfMessagesMoved).toBe(2)
    expect(await sqs.attribute(source.url, 'ApproximateNumberOfMessages')).toBe('2')
    expect(await sqs.attribute(dead.url, 'ApproximateNumberOfMessages')).toBe('5')
    expect((await tasks(dead.arn))[0]?.Status).toBe('CANCELLED')
    await expect(cancel()).rejects.toEqual(refused('ResourceNotFoundException'))
  })

  it('moves on by itself when nobody looks', async () => {
    const { dead, source } = await bury7()
    await start(dead.arn, { MaxNumberOfMessagesPerSecond: 4 })

    // The engine is not told that its clock moved.
    sqs.inside.clock.advance(1)

    await until(
      () => sqs.inside.engine.stats().find(({ arn }) => arn === source.arn)?.available === 7,
    )
  })
})

inside.describe('rights', () => {
  it('of a move are those to take from the source and to send to each destination', async () => {
    const { dead, source } = await makePair(1)

    await start(dead.arn)

    const asked = sqs.inside.endpoint.accessRequests.at(-1)
    expect(asked).toContainEqual({ action: 'sqs:StartMessageMoveTask', resource: dead.arn })
    expect(asked).toContainEqual({ action: 'sqs:DeleteMessage', resource: dead.arn })
    expect(asked).toContainEqual({ action: 'sqs:SendMessage', resource: source.arn })
  })
})

inside.describe('time of dead letters', () => {
  // "For standard queues, the expiration is always based on the original enqueue timestamp; for FIFO
  // queues, the enqueue timestamp resets when the message is moved."
  it('goes on for a standard queue and begins anew for a FIFO queue', async () => {
    const options = { MessageRetentionPeriod: '100' }
    const standard = await makePair(1, options)
    const fifo = await makePair(1, { ...options, FifoQueue: 'true' })
    await sqs.send(standard.source.url, 'x')
    await sqs.send(fifo.source.url, 'x', { MessageGroupId: 'g', MessageDeduplicationId: 'd' })
    sqs.advance(60)
    for (const { source, dead } of [standard, fifo]) await bury(source, dead, 1)

    sqs.advance(40)

    expect(await sqs.receive(standard.dead.url)).toEqual([])
    expect(await sqs.receive(fifo.dead.url)).toHaveLength(1)
  })

  it('ends with its queue: messages without a dead-letter queue are received on', async () => {
    const { dead, source } = await makePair(1)
    await sqs.send(source.url, 'x')
    await sqs.client.send(new DeleteQueueCommand({ QueueUrl: dead.url }))

    for (let round = 0; round < 3; round += 1) {
      expect(bodies(await sqs.receive(source.url))).toEqual(['x'])
    }
  })
})
