import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  PurgeQueueCommand,
  SendMessageBatchCommand,
  SetQueueAttributesCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshName, insideEngine } from '../../support/contract-target.ts'
import { until } from '../../support/until.ts'
import { refused } from './aws-endpoint.ts'
import { bodies, type SqsFixture, startSqs } from './sqs-fixture.ts'

let sqs: SqsFixture
beforeAll(async () => {
  sqs = await startSqs()
})
afterAll(() => sqs.close())

const inside = insideEngine('SQS')
const create = (QueueName: string, Attributes: Record<string, string> = {}) =>
  sqs.client.send(new CreateQueueCommand({ QueueName, Attributes }))
const set = (QueueUrl: string, Attributes: Record<string, string>) =>
  sqs.client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }))
const attributes = async (QueueUrl: string, ...AttributeNames: string[]) => {
  const names = AttributeNames as 'All'[]
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: names })
  return (await sqs.client.send(command)).Attributes ?? {}
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html */
describe('CreateQueue', () => {
  it('gives the defaults of every attribute that is not named', async () => {
    const { url, arn, name } = await sqs.makeQueue()

    expect(url).toMatch(new RegExp(`/\\d{12}/${name}$`))
    expect(await attributes(url, 'All')).toMatchObject({
      QueueArn: arn,
      VisibilityTimeout: '30',
      DelaySeconds: '0',
      MaximumMessageSize: '1048576',
      MessageRetentionPeriod: '345600',
      ReceiveMessageWaitTimeSeconds: '0',
      SqsManagedSseEnabled: 'true',
      CreatedTimestamp: expect.stringMatching(/^\d{10}$/),
      LastModifiedTimestamp: expect.stringMatching(/^\d{10}$/),
    })
  })

  it('gives the same queue for the same attributes and refuses others', async () => {
    const { url, name } = await sqs.makeQueue({ VisibilityTimeout: '77' })

    expect((await create(name, { VisibilityTimeout: '77' })).QueueUrl).toBe(url)
    expect((await create(name)).QueueUrl).toBe(url)
    await expect(create(name, { VisibilityTimeout: '78' })).rejects.toEqual(
      refused('QueueNameExists'),
    )
  })

  it.each([
    ['a name with a space', 'a b', {}, 'InvalidParameterValue'],
    ['a name of 81 characters', 'a'.repeat(81), {}, 'InvalidParameterValue'],
    [
      'a FIFO queue whose name does not end in .fifo',
      'a',
      { FifoQueue: 'true' },
      'InvalidParameterValue',
    ],
    ['.fifo at the end of a standard queue’s name', 'a.fifo', {}, 'InvalidParameterValue'],
    ['an attribute that it does not know', 'a', { Colour: 'red' }, 'InvalidAttributeName'],
    [
      'deduplication of a standard queue',
      'a',
      { ContentBasedDeduplication: 'true' },
      'InvalidAttributeName',
    ],
    ['a visibility above 12 hours', 'a', { VisibilityTimeout: '43201' }, 'InvalidAttributeValue'],
    ['a delay above 15 minutes', 'a', { DelaySeconds: '901' }, 'InvalidAttributeValue'],
    ['a size below 1 KiB', 'a', { MaximumMessageSize: '1023' }, 'InvalidAttributeValue'],
    ['a size above 1 MiB', 'a', { MaximumMessageSize: '1048577' }, 'InvalidAttributeValue'],
    ['a retention below a minute', 'a', { MessageRetentionPeriod: '59' }, 'InvalidAttributeValue'],
    [
      'a retention above 14 days',
      'a',
      { MessageRetentionPeriod: '1209601' },
      'InvalidAttributeValue',
    ],
    [
      'a wait above 20 seconds',
      'a',
      { ReceiveMessageWaitTimeSeconds: '21' },
      'InvalidAttributeValue',
    ],
    ['a policy that is not JSON', 'a', { Policy: '{' }, 'InvalidAttributeValue'],
  ])('refuses %s', async (_, name, wrong, code) => {
    await expect(create(name, wrong)).rejects.toEqual(refused(code))
  })
})

describe('a queue', () => {
  it('is found by its name; one that is not there is refused', async () => {
    const { url, name } = await sqs.makeQueue()
    const find = (QueueName: string) => sqs.client.send(new GetQueueUrlCommand({ QueueName }))

    expect((await find(name)).QueueUrl).toBe(url)
    await expect(find(`${name}-other`)).rejects.toEqual(refused('QueueDoesNotExist'))
    await expect(
      attributes(url.replace(/\d{12}/, '999999999999'), 'QueueArn'),
    ).rejects.toBeDefined()
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
  it('tells how many messages are visible, held and delayed', async () => {
    const { url } = await sqs.makeQueue()
    for (const DelaySeconds of [0, 0, 0, 900]) await sqs.send(url, 'x', { DelaySeconds })
    await sqs.receiveAll(url, 2)

    await until(async () => {
      const told = await attributes(
        url,
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      )
      return Object.values(told).sort().join() === '1,1,2'
    })
    await expect(attributes(url, 'Colour')).rejects.toEqual(refused('InvalidAttributeName'))
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
  it('is changed in the attributes that are named and keeps the others and its messages', async () => {
    const { url } = await sqs.makeQueue({ VisibilityTimeout: '11', DelaySeconds: '0' })
    await sqs.send(url, 'kept')

    await set(url, { VisibilityTimeout: '12', MessageRetentionPeriod: '600' })

    await until(async () => (await sqs.attribute(url, 'VisibilityTimeout')) === '12')
    expect(await attributes(url, 'MessageRetentionPeriod', 'DelaySeconds')).toEqual({
      MessageRetentionPeriod: '600',
      DelaySeconds: '0',
    })
    expect(bodies(await sqs.receiveAll(url, 1))).toEqual(['kept'])
    await expect(set(url, { VisibilityTimeout: '43201' })).rejects.toEqual(
      refused('InvalidAttributeValue'),
    )
    await expect(set(url, { FifoQueue: 'true' })).rejects.toEqual(refused('InvalidAttributeName'))
  })

  it('gets a policy as an attribute and loses it with an empty one', async () => {
    const { url, arn } = await sqs.makeQueue()
    const account = arn.split(':')[4] ?? ''
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'all',
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:iam::${account}:root` },
          Action: 'sqs:SendMessage',
          Resource: arn,
        },
      ],
    })

    await set(url, { Policy })
    const stored = await until(() => sqs.attribute(url, 'Policy'))
    expect(JSON.parse(stored)).toEqual(JSON.parse(Policy))
    await set(url, { Policy: '' })
    await until(async () => (await sqs.attribute(url, 'Policy')) === undefined)
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-tags.html
  it('carries tags that are added, replaced and taken away by key', async () => {
    const { url } = await sqs.makeQueue()
    const tag = (Tags: Record<string, string>) =>
      sqs.client.send(new TagQueueCommand({ QueueUrl: url, Tags }))

    await tag({ a: '1', b: '2' })
    await tag({ b: '3', c: '' })
    await sqs.client.send(new UntagQueueCommand({ QueueUrl: url, TagKeys: ['a'] }))

    const { Tags } = await sqs.client.send(new ListQueueTagsCommand({ QueueUrl: url }))
    expect(Tags).toEqual({ b: '3', c: '' })
    await expect(tag({ 'aws:x': '1' })).rejects.toEqual(refused('InvalidParameterValue'))
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html
  it('is listed by prefix, a page of MaxResults at a time', async () => {
    const prefix = freshName('listed')
    const urls: string[] = []
    for (const end of ['a', 'b', 'c']) {
      urls.push((await create(`${prefix}-${end}`)).QueueUrl ?? '')
    }
    const list = (options: object) =>
      sqs.client.send(new ListQueuesCommand({ QueueNamePrefix: prefix, ...options }))

    await until(async () => (await list({})).QueueUrls?.length === 3)
    const first = await list({ MaxResults: 2 })
    const second = await list({ MaxResults: 2, NextToken: first.NextToken })

    expect([...(first.QueueUrls ?? []), ...(second.QueueUrls ?? [])].sort()).toEqual(urls)
    expect(first.QueueUrls).toHaveLength(2)
    expect(second.NextToken).toBeUndefined()
    expect((await list({ QueueNamePrefix: `${prefix}-x` })).QueueUrls).toBeUndefined()
    for (const url of urls) await sqs.client.send(new DeleteQueueCommand({ QueueUrl: url }))
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html
  it('is purged of what waits and what is held, at most once in 60 seconds', async () => {
    const { url } = await sqs.makeQueue({ VisibilityTimeout: '0' })
    await sqs.send(url, 'x')
    await sqs.send(url, 'y', { DelaySeconds: 1 })
    const purge = () => sqs.client.send(new PurgeQueueCommand({ QueueUrl: url }))

    await purge()
    await expect(purge()).rejects.toEqual(refused('PurgeQueueInProgress'))
    await until(async () => (await sqs.receive(url)).length === 0)
  })
})

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
inside.describe('time of queues', () => {
  it('lets a name rest for 60 seconds after its queue was deleted with all it held', async () => {
    const { url, name } = await sqs.makeQueue()
    await sqs.send(url, 'gone')

    await sqs.client.send(new DeleteQueueCommand({ QueueUrl: url }))

    await expect(sqs.send(url, 'x')).rejects.toEqual(refused('QueueDoesNotExist'))
    sqs.advance(59)
    await expect(create(name)).rejects.toEqual(refused('QueueDeletedRecently'))
    sqs.advance(1)
    await create(name)
    expect(await sqs.receive(url)).toEqual([])
  })

  it('lets a queue be purged again after 60 seconds', async () => {
    const { url } = await sqs.makeQueue()
    const purge = () => sqs.client.send(new PurgeQueueCommand({ QueueUrl: url }))
    await purge()

    sqs.advance(59)
    await expect(purge()).rejects.toEqual(refused('PurgeQueueInProgress'))
    sqs.advance(1)
    await expect(purge()).resolves.toBeDefined()
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
  it('applies a new delay to what waits in a FIFO queue, not in a standard one', async () => {
    const standard = await sqs.makeQueue({ DelaySeconds: '60' })
    const fifo = await sqs.makeQueue({ DelaySeconds: '60', FifoQueue: 'true' })
    await sqs.send(standard.url, 'x')
    await sqs.send(fifo.url, 'x', { MessageGroupId: 'g', MessageDeduplicationId: 'd' })

    for (const { url } of [standard, fifo]) await set(url, { DelaySeconds: '5' })
    sqs.advance(5)

    expect(await sqs.receive(standard.url)).toEqual([])
    expect(bodies(await sqs.receive(fifo.url))).toEqual(['x'])
  })
})

inside.describe('a queue of a template', () => {
  it('is made again with other settings and keeps its messages', async () => {
    const { engine } = sqs.inside
    const { url, arn } = engine.createQueue({ name: 'template', VisibilityTimeout: '330' })
    engine.send(arn, 'kept')

    engine.createQueue({ name: 'template', VisibilityTimeout: 77 })

    expect(engine.visibilitySeconds(arn)).toBe(77)
    expect(bodies(await sqs.receive(url))).toEqual(['kept'])
    expect(engine.stats().find((it) => it.arn === arn)).toMatchObject({
      available: 0,
      inFlight: 1,
      delayed: 0,
    })
  })

  it('takes no property that it does not know', () => {
    const { engine } = sqs.inside
    const properties = { name: 'coloured', Colour: 'red' }

    expect(() => engine.createQueue(properties)).toThrow(/Colour/)
  })
})

inside.describe('the gateway', () => {
  // "Granting SendMessage also grants SendMessageBatch":
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
  it('is asked for the action of the single operation also for a batch', async () => {
    const { url, arn } = await sqs.makeQueue()
    await sqs.client.send(
      new SendMessageBatchCommand({ QueueUrl: url, Entries: [{ Id: 'a', MessageBody: 'x' }] }),
    )

    expect(sqs.inside.endpoint.accessRequests.at(-1)).toEqual([
      { action: 'sqs:SendMessage', resource: arn },
    ])
  })

  // Older clients know the codes of the query protocol only.
  it('answers refusals with the code of the older protocol beside the new one', async () => {
    const { url } = await sqs.makeQueue()

    await expect(sqs.send(`${url}-other`, 'x')).rejects.toMatchObject({
      name: 'QueueDoesNotExist',
      Code: 'AWS.SimpleQueueService.NonExistentQueue',
    })
  })
})
