import {
  DeleteMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insideEngine } from '../../support/contract-target.ts'
import { refused } from './aws-endpoint.ts'
import { bodies, type Received, type SqsFixture, startSqs } from './sqs-fixture.ts'

let sqs: SqsFixture
beforeAll(async () => {
  sqs = await startSqs()
})
afterAll(() => sqs.close())

const inside = insideEngine('SQS')
const FIFO = { FifoQueue: 'true' }
const send = (
  QueueUrl: string,
  MessageGroupId: string,
  MessageBody: string,
  MessageDeduplicationId: string | undefined = MessageBody,
) =>
  sqs.client.send(
    new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId }),
  )
const sendUnnamed = (QueueUrl: string, MessageGroupId: string, MessageBody: string) =>
  sqs.client.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId }))
const remove = (QueueUrl: string, message: Received | undefined) =>
  sqs.client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle }))

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html */
describe('a FIFO queue', () => {
  it('needs a group and a deduplication id and takes no delay per message', async () => {
    const { url } = await sqs.makeQueue(FIFO)

    await expect(sqs.send(url, 'x')).rejects.toEqual(refused('MissingParameter'))
    await expect(sqs.send(url, 'x', { MessageGroupId: 'g' })).rejects.toEqual(
      refused('InvalidParameterValue'),
    )
    await expect(
      sqs.send(url, 'x', { MessageGroupId: 'g', MessageDeduplicationId: 'd', DelaySeconds: 1 }),
    ).rejects.toEqual(refused('InvalidParameterValue'))
  })

  it('gives as many messages of one group as possible, in order, numbered upwards', async () => {
    const { url } = await sqs.makeQueue(FIFO)
    const sent: (string | undefined)[] = []
    for (const body of ['a1', 'a2', 'b1', 'a3']) {
      sent.push((await send(url, body.charAt(0), body)).SequenceNumber)
    }

    const messages = await sqs.receive(url, { max: 3 })

    expect(bodies(messages)).toEqual(['a1', 'a2', 'a3'])
    expect(messages.map(({ Attributes }) => Attributes?.SequenceNumber)).toEqual([
      sent[0],
      sent[1],
      sent[3],
    ])
    expect(sent).toEqual(sent.toSorted())
    expect(sent[0]).toMatch(/^\d{20}$/)
    expect(messages[0]?.Attributes).toMatchObject({
      MessageGroupId: 'a',
      MessageDeduplicationId: 'a1',
    })
  })

  it('gives nothing more of a group while any of it is in flight, but other groups', async () => {
    const { url } = await sqs.makeQueue(FIFO)
    for (const body of ['a1', 'a2', 'b1', 'a3']) await send(url, body.charAt(0), body)

    const first = await sqs.receive(url, { max: 2 })
    expect(bodies(first)).toEqual(['a1', 'a2'])
    expect(bodies(await sqs.receive(url))).toEqual(['b1'])
    await remove(url, first[0])
    expect(await sqs.receive(url)).toEqual([])
    await remove(url, first[1])
    expect(bodies(await sqs.receiveAll(url, 1))).toEqual(['a3'])
  })

  it('keeps a batch in the order of its entries', async () => {
    const { url } = await sqs.makeQueue(FIFO)
    const order = ['3', '1', '2', '5', '4']

    await sqs.client.send(
      new SendMessageBatchCommand({
        QueueUrl: url,
        Entries: order.map((body) => ({
          Id: `e${body}`,
          MessageBody: body,
          MessageGroupId: 'g',
          MessageDeduplicationId: body,
        })),
      }),
    )

    expect(bodies(await sqs.receive(url, { max: 3 }))).toEqual(['3', '1', '2'])
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
  it('takes a message with the same deduplication id once, whatever its body', async () => {
    const { url } = await sqs.makeQueue(FIFO)

    const first = await send(url, 'g', 'one', 'd')
    const again = await send(url, 'other', 'two', 'd')

    expect(again.MessageId).toBe(first.MessageId)
    expect(again.SequenceNumber).toBe(first.SequenceNumber)
    const messages = await sqs.receiveAll(url, 1)
    await remove(url, messages[0])
    // Also after it was deleted.
    await send(url, 'g', 'three', 'd')
    expect(bodies(messages)).toEqual(['one'])
    expect(await sqs.receive(url)).toEqual([])
  })

  it('knows a message by the SHA-256 of its body with ContentBasedDeduplication', async () => {
    const { url } = await sqs.makeQueue({ ...FIFO, ContentBasedDeduplication: 'true' })
    const one = await sendUnnamed(url, 'g', 'same')
    const two = await sendUnnamed(url, 'g', 'same')
    const named = await send(url, 'g', 'same', 'own')

    expect(two.MessageId).toBe(one.MessageId)
    expect(named.MessageId).not.toBe(one.MessageId)
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html
  it('deduplicates within a group when DeduplicationScope says so', async () => {
    const { url } = await sqs.makeQueue({ ...FIFO, DeduplicationScope: 'messageGroup' })

    const one = await send(url, 'a', 'x', 'd')
    const other = await send(url, 'b', 'x', 'd')
    const same = await send(url, 'a', 'x', 'd')

    expect(other.MessageId).not.toBe(one.MessageId)
    expect(same.MessageId).toBe(one.MessageId)
  })
})

inside.describe('time of a FIFO queue', () => {
  it('forgets a deduplication id after 5 minutes', async () => {
    const { url } = await sqs.makeQueue(FIFO)
    const first = await send(url, 'g', 'one', 'd')

    sqs.advance(299)
    expect((await send(url, 'g', 'two', 'd')).MessageId).toBe(first.MessageId)
    sqs.advance(1)
    expect((await send(url, 'g', 'three', 'd')).MessageId).not.toBe(first.MessageId)

    expect(bodies(await sqs.receive(url))).toEqual(['one', 'three'])
  })

  it('refuses to delete with a handle whose time is up', async () => {
    const { url } = await sqs.makeQueue({ ...FIFO, VisibilityTimeout: '10' })
    await send(url, 'g', 'x')
    const [message] = await sqs.receive(url)
    sqs.advance(10)

    await expect(remove(url, message)).rejects.toEqual(refused('InvalidParameterValue'))
  })
})

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html */
describe('a standard queue with MessageGroupId', () => {
  it('does not order or lock within a group: its messages are received side by side', async () => {
    const { url } = await sqs.makeQueue()
    for (const body of ['1', '2']) await sqs.send(url, body, { MessageGroupId: 'g' })

    const [first] = await sqs.receiveAll(url, 1)
    const [second] = await sqs.receiveAll(url, 1)

    expect(bodies([first ?? {}, second ?? {}]).sort()).toEqual(['1', '2'])
    expect(second?.Attributes?.MessageGroupId).toBe('g')
  })

  it('takes no deduplication id', async () => {
    const { url } = await sqs.makeQueue()

    await expect(sqs.send(url, 'x', { MessageDeduplicationId: 'd' })).rejects.toEqual(
      refused('InvalidParameterValue'),
    )
  })
})

// AWS prefers quiet tenants from a threshold on; which message comes next is certain here only.
inside.describe('fair order', () => {
  it('lets a tenant with many messages in flight yield to the others', async () => {
    const { url } = await sqs.makeQueue()
    for (let index = 0; index < 30; index += 1) {
      await sqs.send(url, 'noisy', { MessageGroupId: 'noisy' })
    }
    await sqs.receive(url)
    await sqs.send(url, 'quiet', { MessageGroupId: 'quiet' })
    await sqs.send(url, 'alone')

    expect(bodies(await sqs.receive(url, { max: 3 }))).toEqual(['quiet', 'alone', 'noisy'])
  })

  it('takes turns between tenants that hold as many, the older message first', async () => {
    const { url } = await sqs.makeQueue()
    for (const group of ['a', 'a', 'a', 'a', 'b', 'b', 'c']) {
      await sqs.send(url, group, { MessageGroupId: group })
    }

    expect(bodies(await sqs.receive(url))).toEqual(['a', 'b', 'c', 'a', 'b', 'a', 'a'])
  })
})
