import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  PurgeQueueCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  StartMessageMoveTaskCommand,
  TagQueueCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SqsFixture, startSqs } from './sqs-fixture.ts'

let sqs: SqsFixture
beforeAll(async () => {
  sqs = await startSqs()
})
afterAll(() => sqs.close())

const refused = (name: string) => expect.objectContaining({ name })
const bodies = (messages: { Body?: string | undefined }[]) => messages.map(({ Body }) => Body)

describe('a queue', () => {
  it('is found by its name; another account’s is not', async () => {
    const { url, name } = sqs.makeQueue()

    const found = await sqs.client.send(new GetQueueUrlCommand({ QueueName: name }))

    expect(found.QueueUrl).toBe(url)
    expect(url).toBe(`${sqs.endpoint.url}/111122223333/${name}`)
    await expect(
      sqs.client.send(
        new PurgeQueueCommand({ QueueUrl: url.replace('111122223333', '999999999999') }),
      ),
    ).rejects.toEqual(refused('QueueDoesNotExist'))
  })

  it('tells its settings and how many messages are visible, held and delayed', async () => {
    const { url, arn } = sqs.makeQueue({ VisibilityTimeout: '330' })
    for (const delaySeconds of [0, 0, 0, 60]) sqs.engine.send(arn, 'x', { delaySeconds })
    await sqs.receive(url, { max: 2 })

    const { Attributes } = await sqs.client.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }),
    )

    expect(Attributes).toMatchObject({
      QueueArn: arn,
      VisibilityTimeout: '330',
      MaximumMessageSize: '1048576',
      MessageRetentionPeriod: '345600',
      ApproximateNumberOfMessages: '1',
      ApproximateNumberOfMessagesNotVisible: '2',
      ApproximateNumberOfMessagesDelayed: '1',
    })
    expect(sqs.engine.stats().find((it) => it.arn === arn)).toMatchObject({
      available: 1,
      inFlight: 2,
      delayed: 1,
    })
    await expect(
      sqs.client.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['Colour' as 'All'] }),
      ),
    ).rejects.toEqual(refused('InvalidAttributeName'))
  })

  it('is made again with other settings and keeps its messages', async () => {
    const { url, arn, name } = sqs.makeQueue()
    sqs.engine.send(arn, 'kept')

    sqs.engine.createQueue({ name, VisibilityTimeout: 77 })

    expect(sqs.engine.visibilitySeconds(arn)).toBe(77)
    expect(bodies(await sqs.receive(url))).toEqual(['kept'])
  })

  it('takes no property that it does not know and no value out of range', () => {
    const make = (properties: object) => () => sqs.makeQueue(properties)

    expect(make({ Colour: 'red' })).toThrow(/Colour/)
    expect(make({ VisibilityTimeout: 43_201 })).toThrow(/VisibilityTimeout/)
    expect(make({ RedrivePolicy: { deadLetterTargetArn: 'arn:x', maxReceiveCount: 1 } })).toThrow(
      /Dead letter target does not exist/,
    )
  })

  it('is purged at most once in 60 seconds', async () => {
    const { url, arn } = sqs.makeQueue()
    sqs.engine.send(arn, 'x')
    const purge = () => sqs.client.send(new PurgeQueueCommand({ QueueUrl: url }))

    await purge()
    expect(await sqs.receive(url)).toEqual([])
    await expect(purge()).rejects.toEqual(refused('PurgeQueueInProgress'))
    sqs.clock.advance(60)
    await expect(purge()).resolves.toBeDefined()
  })

  it('knows no operation beyond its own and names it', async () => {
    const { url } = sqs.makeQueue()

    await expect(
      sqs.client.send(new TagQueueCommand({ QueueUrl: url, Tags: { a: 'b' } })),
    ).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: expect.stringContaining('TagQueue'),
    })
  })

  it('asks for the action of the single operation also for a batch', async () => {
    const { url, arn } = sqs.makeQueue()
    await sqs.client.send(
      new SendMessageBatchCommand({ QueueUrl: url, Entries: [{ Id: 'a', MessageBody: 'x' }] }),
    )

    expect(sqs.endpoint.accessRequests.at(-1)).toEqual([
      { action: 'sqs:SendMessage', resource: arn },
    ])
  })
})

describe('a dead-letter queue', () => {
  const makePair = (maxReceiveCount: number, options: object = {}) => {
    const dead = sqs.makeQueue(options)
    const RedrivePolicy = { deadLetterTargetArn: dead.arn, maxReceiveCount }
    return { dead, source: sqs.makeQueue({ VisibilityTimeout: 0, RedrivePolicy, ...options }) }
  }

  it('gets a message that was received too often, with its id, its time and its source', async () => {
    const { dead, source } = makePair(2)
    const sent = sqs.engine.send(source.arn, 'x')
    const sentAtMs = sqs.clock.now()
    sqs.clock.advance(100)

    expect(await sqs.receive(source.url)).toHaveLength(1)
    expect(await sqs.receive(source.url)).toHaveLength(1)
    expect(await sqs.receive(source.url)).toEqual([])

    const [message] = await sqs.receive(dead.url)
    expect(message?.MessageId).toBe(sent.messageId)
    expect(message?.Attributes).toMatchObject({
      SentTimestamp: String(sentAtMs),
      DeadLetterQueueSourceArn: source.arn,
    })
  })

  it('is not in the way of the other messages of a receive', async () => {
    const { source } = makePair(1)
    sqs.engine.send(source.arn, 'poison')
    await sqs.receive(source.url)
    sqs.engine.send(source.arn, 'good')

    expect(bodies(await sqs.receive(source.url))).toEqual(['good'])
  })

  it('names the queues that it serves', async () => {
    const { dead, source } = makePair(1)

    const { queueUrls } = await sqs.client.send(
      new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead.url }),
    )

    expect(queueUrls).toEqual([source.url])
  })

  it('gives its messages back to where they came from, as new ones', async () => {
    const { dead, source } = makePair(1)
    const sent = sqs.engine.send(source.arn, 'x')
    await sqs.receive(source.url)
    await sqs.receive(source.url)
    sqs.clock.advance(10)

    await sqs.client.send(new StartMessageMoveTaskCommand({ SourceArn: dead.arn }))
    const [message] = await sqs.receive(source.url)
    const { Results } = await sqs.client.send(
      new ListMessageMoveTasksCommand({ SourceArn: dead.arn }),
    )

    expect(message?.Body).toBe('x')
    expect(message?.MessageId).not.toBe(sent.messageId)
    expect(message?.Attributes).toMatchObject({
      ApproximateReceiveCount: '1',
      SentTimestamp: String(sqs.clock.now()),
    })
    expect(Results).toEqual([
      {
        Status: 'COMPLETED',
        SourceArn: dead.arn,
        ApproximateNumberOfMessagesMoved: 1,
        ApproximateNumberOfMessagesToMove: 1,
        StartedTimestamp: sqs.clock.now(),
      },
    ])
    const asked = sqs.endpoint.accessRequests.at(-3)
    expect(asked).toContainEqual({ action: 'sqs:StartMessageMoveTask', resource: dead.arn })
    expect(asked).toContainEqual({ action: 'sqs:SendMessage', resource: source.arn })
  })

  it('fails a move of what did not come from a queue, and moves it to a named destination', async () => {
    const { dead, source } = makePair(1)
    sqs.engine.send(dead.arn, 'direct')
    const start = (options: object) =>
      sqs.client.send(new StartMessageMoveTaskCommand({ SourceArn: dead.arn, ...options }))

    await start({})
    const { Results } = await sqs.client.send(
      new ListMessageMoveTasksCommand({ SourceArn: dead.arn, MaxResults: 10 }),
    )
    expect(Results?.[0]).toMatchObject({
      Status: 'FAILED',
      FailureReason: 'CouldNotDetermineMessageSource',
    })
    await start({ DestinationArn: source.arn })
    expect(bodies(await sqs.receive(source.url))).toEqual(['direct'])
    await expect(start({ DestinationArn: `${source.arn}-x` })).rejects.toEqual(
      refused('ResourceNotFoundException'),
    )
    await expect(
      sqs.client.send(new StartMessageMoveTaskCommand({ SourceArn: source.arn })),
    ).rejects.toEqual(refused('InvalidParameterValue'))
  })
})

describe('a FIFO queue', () => {
  const send = (QueueUrl: string, MessageGroupId: string, MessageBody: string, dedup?: string) =>
    sqs.client.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody,
        MessageGroupId,
        MessageDeduplicationId: dedup ?? MessageBody,
      }),
    )

  it('needs a group and a deduplication id and takes no delay per message', async () => {
    const { url } = sqs.makeQueue({ FifoQueue: true })
    const attempt = (options: object) =>
      sqs.client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x', ...options }))

    await expect(attempt({})).rejects.toEqual(refused('MissingParameter'))
    await expect(attempt({ MessageGroupId: 'g' })).rejects.toEqual(refused('InvalidParameterValue'))
    await expect(
      attempt({ MessageGroupId: 'g', MessageDeduplicationId: 'd', DelaySeconds: 1 }),
    ).rejects.toEqual(refused('InvalidParameterValue'))
  })

  it('gives a batch of one group in order, and nothing more of it until that is deleted', async () => {
    const { url, arn } = sqs.makeQueue({ FifoQueue: true })
    for (const body of ['a1', 'a2', 'b1', 'a3']) await send(url, body.charAt(0), body)

    const first = await sqs.receive(url, { max: 2 })
    expect(bodies(first)).toEqual(['a1', 'a2'])
    const sequence = first.map(({ Attributes }) => Attributes?.SequenceNumber ?? '')
    expect(sequence).toEqual([...sequence].sort())
    expect(sequence[0]).toMatch(/^\d{20}$/)
    expect(bodies(await sqs.receive(url))).toEqual(['b1'])
    sqs.engine.deleteBatch(arn, [first[0]?.ReceiptHandle ?? ''])
    expect(await sqs.receive(url)).toEqual([])
    sqs.engine.deleteBatch(arn, [first[1]?.ReceiptHandle ?? ''])
    expect(bodies(await sqs.receive(url))).toEqual(['a3'])
  })

  it('takes the same deduplication id once in 5 minutes', async () => {
    const { url } = sqs.makeQueue({ FifoQueue: true, ContentBasedDeduplication: true })
    const first = await send(url, 'g', 'one', 'd')

    sqs.clock.advance(299)
    const again = await send(url, 'g', 'two', 'd')
    sqs.clock.advance(1)
    const later = await send(url, 'g', 'three', 'd')

    expect(again.MessageId).toBe(first.MessageId)
    expect(again.SequenceNumber).toBe(first.SequenceNumber)
    expect(later.MessageId).not.toBe(first.MessageId)
    expect(bodies(await sqs.receive(url))).toEqual(['one', 'three'])
  })

  it('refuses to delete with a handle whose time is up', async () => {
    const { url, arn } = sqs.makeQueue({ FifoQueue: true, VisibilityTimeout: 10 })
    await send(url, 'g', 'x')
    const [message] = await sqs.receive(url)
    sqs.clock.advance(10)

    expect(() => sqs.engine.deleteBatch(arn, [message?.ReceiptHandle ?? ''])).toThrow(/expired/)
  })
})

describe('a fair queue', () => {
  it('lets a tenant with many messages in flight yield to the others', async () => {
    const { url, arn } = sqs.makeQueue()
    for (let index = 0; index < 30; index += 1) sqs.engine.send(arn, 'noisy', { groupId: 'noisy' })
    await sqs.receive(url)
    sqs.engine.send(arn, 'quiet', { groupId: 'quiet' })
    sqs.engine.send(arn, 'alone')

    const next = bodies(await sqs.receive(url, { max: 3 }))

    expect(next).toEqual(['quiet', 'alone', 'noisy'])
  })

  it('takes turns between tenants that hold as many, the older message first', async () => {
    const { url, arn } = sqs.makeQueue()
    for (const groupId of ['a', 'a', 'a', 'a', 'b', 'b', 'c']) {
      sqs.engine.send(arn, groupId, { groupId })
    }

    expect(bodies(await sqs.receive(url))).toEqual(['a', 'b', 'c', 'a', 'b', 'a', 'a'])
  })

  it('does not order within a group: messages of one group are received side by side', async () => {
    const { url, arn } = sqs.makeQueue()
    for (const body of ['1', '2']) sqs.engine.send(arn, body, { groupId: 'g' })

    expect(bodies(await sqs.receive(url, { max: 1 }))).toEqual(['1'])
    const [second] = await sqs.receive(url, { max: 1 })
    expect(second).toMatchObject({ Body: '2', Attributes: { MessageGroupId: 'g' } })
  })
})
