import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refused } from './aws-endpoint.ts'
import { type SqsFixture, startSqs } from './sqs-fixture.ts'

let sqs: SqsFixture
beforeAll(async () => {
  sqs = await startSqs()
})
afterAll(() => sqs.close())

const entries = (count: number, body = 'x') =>
  Array.from({ length: count }, (_, index) => ({ Id: `e${index}`, MessageBody: body }))
const sendBatch = (QueueUrl: string, Entries: SendMessageBatchRequestEntry[]) =>
  sqs.client.send(new SendMessageBatchCommand({ QueueUrl, Entries }))
const results = (reply: {
  Successful: { Id: string | undefined }[] | undefined
  Failed: { Id: string | undefined; Code: string | undefined }[] | undefined
}) => [
  reply.Successful?.map(({ Id }) => Id) ?? [],
  reply.Failed?.map(({ Id, Code }) => `${Id} ${Code}`) ?? [],
]

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html */
describe('a batch', () => {
  it('holds 1 to 10 entries', async () => {
    const { url } = await sqs.makeQueue()

    await expect(sendBatch(url, [])).rejects.toEqual(refused('EmptyBatchRequest'))
    await expect(sendBatch(url, entries(11))).rejects.toEqual(
      refused('TooManyEntriesInBatchRequest'),
    )
    const sent = await sendBatch(url, entries(10))
    expect(sent.Successful?.map(({ Id }) => Id).sort()).toEqual(entries(10).map(({ Id }) => Id))
    expect(await sqs.receiveAll(url, 10)).toHaveLength(10)
  })

  it.each([
    ['that repeat', ['a', 'a'], 'BatchEntryIdsNotDistinct'],
    [
      'with other characters than letters, digits, hyphens and underscores',
      ['a.b'],
      'InvalidBatchEntryId',
    ],
    ['of more than 80 characters', ['a'.repeat(81)], 'InvalidBatchEntryId'],
  ])('has no ids %s', async (_, ids, code) => {
    const { url } = await sqs.makeQueue()

    await expect(
      sendBatch(
        url,
        ids.map((Id) => ({ Id, MessageBody: 'x' })),
      ),
    ).rejects.toEqual(refused(code))
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
  it('sums up to 1 MiB over all its messages', async () => {
    const { url } = await sqs.makeQueue()
    const half = 'x'.repeat(524_288)

    await expect(sendBatch(url, entries(2, half))).resolves.toBeDefined()
    await expect(sendBatch(url, entries(2, `${half}x`))).rejects.toEqual(
      refused('BatchRequestTooLong'),
    )
  })

  it('of sends answers per entry: one that is refused stops no other', async () => {
    const { url } = await sqs.makeQueue()

    const sent = await sendBatch(url, [
      { Id: 'late', MessageBody: 'x', DelaySeconds: 901 },
      { Id: 'bad', MessageBody: 'a\u0000' },
      { Id: 'right', MessageBody: 'x' },
    ])

    expect(results(sent)).toEqual([
      ['right'],
      ['late InvalidParameterValue', 'bad InvalidMessageContents'],
    ])
    expect(sent.Failed?.every(({ SenderFault }) => SenderFault)).toBe(true)
  })

  it('of deletes or changes names garbage handles and does the rest', async () => {
    const { url } = await sqs.makeQueue()
    await sqs.send(url, 'x')
    const [message] = await sqs.receiveAll(url, 1)
    const wrong = { Id: 'wrong', ReceiptHandle: 'garbage' }
    const right = { Id: 'right', ReceiptHandle: message?.ReceiptHandle ?? '' }

    const changed = await sqs.client.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl: url,
        Entries: [wrong, right].map((entry) => ({ ...entry, VisibilityTimeout: 60 })),
      }),
    )
    const deleted = await sqs.client.send(
      new DeleteMessageBatchCommand({ QueueUrl: url, Entries: [wrong, right] }),
    )

    expect(results(changed)).toEqual([['right'], ['wrong ReceiptHandleIsInvalid']])
    expect(results(deleted)).toEqual([['right'], ['wrong ReceiptHandleIsInvalid']])
    expect(await sqs.attribute(url, 'ApproximateNumberOfMessagesNotVisible')).toBe('0')
  })
})
