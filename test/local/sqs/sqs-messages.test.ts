import { createHash } from 'node:crypto'
import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SqsFixture, startSqs } from './sqs-fixture.ts'

let sqs: SqsFixture
beforeAll(async () => {
  sqs = await startSqs()
})
afterAll(() => sqs.close())

const refused = (name: string) => expect.objectContaining({ name })

describe('SendMessage', () => {
  it('gives back what it took, with digests that the SDK accepts', async () => {
    const { url } = sqs.makeQueue()
    const body = 'grüße ✓'

    const sent = await sqs.client.send(
      new SendMessageCommand({
        QueueUrl: url,
        MessageBody: body,
        MessageAttributes: {
          b: { DataType: 'Number', StringValue: '12' },
          a: { DataType: 'Binary', BinaryValue: Uint8Array.of(1, 2, 3) },
        },
      }),
    )
    const [message] = await sqs.receive(url)

    expect(message?.Body).toBe(body)
    expect(message?.MessageId).toBe(sent.MessageId)
    expect(message?.MD5OfBody).toBe(createHash('md5').update(body).digest('hex'))
    expect(message?.MessageAttributes?.['a']?.BinaryValue).toEqual(Uint8Array.of(1, 2, 3))
    expect(message?.MD5OfMessageAttributes).toBe(sent.MD5OfMessageAttributes)
    expect(message?.Attributes).toEqual({
      ApproximateReceiveCount: '1',
      SentTimestamp: String(sqs.clock.now()),
      ApproximateFirstReceiveTimestamp: String(sqs.clock.now()),
      SenderId: expect.stringMatching(/^AIDA[0-9A-F]{17}$/),
    })
  })

  it('digests attributes as AWS documents it: sorted, length-prefixed, with a transport type', async () => {
    const { url } = sqs.makeQueue()
    const field = (text: string) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(text.length)
      return Buffer.concat([length, Buffer.from(text)])
    }
    const bytes = [field('key'), field('String'), Buffer.of(1), field('value')]

    const sent = await sqs.client.send(
      new SendMessageCommand({
        QueueUrl: url,
        MessageBody: 'x',
        MessageAttributes: { key: { DataType: 'String', StringValue: 'value' } },
      }),
    )

    const md5 = createHash('md5').update(Buffer.concat(bytes)).digest('hex')
    expect(sent.MD5OfMessageAttributes).toBe(md5)
  })

  it('refuses an unknown queue, an empty body, refused characters and more than the maximum', async () => {
    const { url } = sqs.makeQueue({ MaximumMessageSize: 1024 })
    const send = (QueueUrl: string, MessageBody: string) =>
      sqs.client.send(new SendMessageCommand({ QueueUrl, MessageBody }))

    await expect(send(`${url}-other`, 'x')).rejects.toEqual(refused('QueueDoesNotExist'))
    await expect(send(url, '')).rejects.toEqual(refused('MissingParameter'))
    await expect(send(url, 'a\u0000b')).rejects.toEqual(refused('InvalidMessageContents'))
    await expect(send(url, 'x'.repeat(1025))).rejects.toEqual(refused('InvalidParameterValue'))
    await expect(send(url, 'x'.repeat(1024))).resolves.toBeDefined()
  })

  it('hides a message for its delay, or the queue’s', async () => {
    const { url } = sqs.makeQueue({ DelaySeconds: 5 })
    await sqs.client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'queue' }))
    await sqs.client.send(
      new SendMessageCommand({ QueueUrl: url, MessageBody: 'own', DelaySeconds: 60 }),
    )

    expect(await sqs.receive(url)).toEqual([])
    sqs.clock.advance(5)
    expect((await sqs.receive(url)).map(({ Body }) => Body)).toEqual(['queue'])
    sqs.clock.advance(55)
    expect((await sqs.receive(url)).map(({ Body }) => Body)).toContain('own')
    await expect(
      sqs.client.send(
        new SendMessageCommand({ QueueUrl: url, MessageBody: 'x', DelaySeconds: 901 }),
      ),
    ).rejects.toEqual(refused('InvalidParameterValue'))
  })

  it('keeps a message for the retention period and no longer', async () => {
    const { url } = sqs.makeQueue({ MessageRetentionPeriod: 60, VisibilityTimeout: 0 })
    await sqs.client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }))

    sqs.clock.advance(59)
    expect(await sqs.receive(url)).toHaveLength(1)
    sqs.clock.advance(1)
    expect(await sqs.receive(url)).toEqual([])
  })
})

describe('ReceiveMessage', () => {
  it('gives only the attributes that were asked for', async () => {
    const { url } = sqs.makeQueue({ VisibilityTimeout: 0 })
    const attribute = { DataType: 'String', StringValue: 'v' }
    await sqs.client.send(
      new SendMessageCommand({
        QueueUrl: url,
        MessageBody: 'x',
        MessageAttributes: { 'trace.id': attribute, other: attribute },
      }),
    )
    const receive = async (
      MessageSystemAttributeNames: 'SentTimestamp'[],
      MessageAttributeNames: string[],
    ) => {
      const command = { QueueUrl: url, MessageSystemAttributeNames, MessageAttributeNames }
      const [message] = (await sqs.client.send(new ReceiveMessageCommand(command))).Messages ?? []
      return [Object.keys(message?.Attributes ?? {}), Object.keys(message?.MessageAttributes ?? {})]
    }

    expect(await receive([], [])).toEqual([[], []])
    expect(await receive(['SentTimestamp'], ['trace.*'])).toEqual([['SentTimestamp'], ['trace.id']])
    expect(await receive([], ['other'])).toEqual([[], ['other']])
  })

  it('takes 1 to 10 messages and waits 0 to 20 seconds', async () => {
    const { url } = sqs.makeQueue()
    const receive = (options: Record<string, unknown>) =>
      sqs.client.send(new ReceiveMessageCommand({ QueueUrl: url, ...options }))

    for (const wrong of [
      { MaxNumberOfMessages: 0 },
      { MaxNumberOfMessages: 11 },
      { WaitTimeSeconds: 21 },
      { VisibilityTimeout: 43_201 },
    ]) {
      await expect(receive(wrong)).rejects.toEqual(refused('InvalidParameterValue'))
    }
    await expect(receive({ AttributeNames: ['Colour'] })).rejects.toEqual(
      refused('InvalidAttributeName'),
    )
  })
})

describe('visibility', () => {
  it('hides a received message until its timeout, then counts another receive', async () => {
    const { url, arn } = sqs.makeQueue({ VisibilityTimeout: 30 })
    sqs.engine.send(arn, 'x')

    const [first] = await sqs.receive(url)
    sqs.clock.advance(29)
    expect(await sqs.receive(url)).toEqual([])
    sqs.clock.advance(1)
    const [second] = await sqs.receive(url)

    expect(second?.Attributes?.ApproximateReceiveCount).toBe('2')
    expect(second?.ReceiptHandle).not.toBe(first?.ReceiptHandle)
  })

  it('is changed from the moment of the call; 0 gives the message back at once', async () => {
    const { url, arn } = sqs.makeQueue({ VisibilityTimeout: 30 })
    sqs.engine.send(arn, 'x')
    const [first] = await sqs.receive(url)
    const change = (ReceiptHandle: string | undefined, VisibilityTimeout: number) =>
      sqs.client.send(
        new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle, VisibilityTimeout }),
      )

    sqs.clock.advance(20)
    await change(first?.ReceiptHandle, 100)
    sqs.clock.advance(99)
    expect(await sqs.receive(url)).toEqual([])
    await change(first?.ReceiptHandle, 0)
    const [second] = await sqs.receive(url)
    expect(second?.Body).toBe('x')

    await expect(change(first?.ReceiptHandle, 10)).rejects.toEqual(refused('InvalidParameterValue'))
    await expect(change('garbage', 10)).rejects.toEqual(refused('ReceiptHandleIsInvalid'))
    await expect(change(second?.ReceiptHandle, 43_201)).rejects.toEqual(
      refused('InvalidParameterValue'),
    )
    sqs.clock.advance(60)
    await expect(change(second?.ReceiptHandle, 10)).rejects.toEqual(refused('MessageNotInflight'))
  })

  it('lasts at most 12 hours from the receive', async () => {
    const { url, arn } = sqs.makeQueue({ VisibilityTimeout: 7200 })
    sqs.engine.send(arn, 'x')
    const [message] = await sqs.receive(url)
    sqs.clock.advance(3600)

    const change = (VisibilityTimeout: number) =>
      sqs.client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: url,
          ReceiptHandle: message?.ReceiptHandle,
          VisibilityTimeout,
        }),
      )

    await expect(change(43_200 - 3599)).rejects.toEqual(refused('InvalidParameterValue'))
    await expect(change(43_200 - 3600)).resolves.toBeDefined()
  })
})

describe('DeleteMessage', () => {
  it('succeeds without deleting when the handle is not the latest one', async () => {
    const { url, arn } = sqs.makeQueue({ VisibilityTimeout: 10 })
    sqs.engine.send(arn, 'x')
    const remove = (ReceiptHandle: string | undefined) =>
      sqs.client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }))
    const [first] = await sqs.receive(url)
    sqs.clock.advance(10)
    const [second] = await sqs.receive(url)

    await remove(first?.ReceiptHandle)
    expect(sqs.engine.stats().find((it) => it.arn === arn)?.inFlight).toBe(1)
    await remove(second?.ReceiptHandle)
    expect(sqs.engine.stats().find((it) => it.arn === arn)?.inFlight).toBe(0)
    await expect(remove(second?.ReceiptHandle)).resolves.toBeDefined()
  })

  it('deletes with the latest handle also after its timeout', async () => {
    const { url, arn } = sqs.makeQueue({ VisibilityTimeout: 10 })
    sqs.engine.send(arn, 'x')
    const [message] = await sqs.receive(url)
    sqs.clock.advance(11)

    await sqs.client.send(
      new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message?.ReceiptHandle }),
    )

    expect(await sqs.receive(url)).toEqual([])
  })

  it('refuses a handle that this queue never gave', async () => {
    const { url, arn } = sqs.makeQueue()
    const other = sqs.makeQueue()
    sqs.engine.send(arn, 'x')
    const [message] = await sqs.receive(url)
    const remove = (QueueUrl: string, ReceiptHandle: string | undefined) =>
      sqs.client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))

    await expect(remove(url, 'garbage')).rejects.toEqual(refused('ReceiptHandleIsInvalid'))
    await expect(remove(other.url, message?.ReceiptHandle)).rejects.toEqual(
      refused('ReceiptHandleIsInvalid'),
    )
  })
})

describe('batches', () => {
  const entries = (count: number, body = 'x') =>
    Array.from({ length: count }, (_, index) => ({ Id: `e${index}`, MessageBody: body }))
  const sendBatch = (QueueUrl: string, Entries: { Id: string; MessageBody: string }[]) =>
    sqs.client.send(new SendMessageBatchCommand({ QueueUrl, Entries }))

  it('hold 1 to 10 entries with distinct, well-formed ids', async () => {
    const { url } = sqs.makeQueue()
    const [entry = { Id: '', MessageBody: '' }] = entries(1)

    await expect(sendBatch(url, [])).rejects.toEqual(refused('EmptyBatchRequest'))
    await expect(sendBatch(url, entries(11))).rejects.toEqual(
      refused('TooManyEntriesInBatchRequest'),
    )
    await expect(sendBatch(url, [entry, entry])).rejects.toEqual(
      refused('BatchEntryIdsNotDistinct'),
    )
    await expect(sendBatch(url, [{ ...entry, Id: 'a.b' }])).rejects.toEqual(
      refused('InvalidBatchEntryId'),
    )
    const sent = await sendBatch(url, entries(10))
    expect(sent.Successful?.map(({ Id }) => Id)).toEqual(entries(10).map(({ Id }) => Id))
    expect(await sqs.receive(url)).toHaveLength(10)
  })

  it('sum up to 1 MiB', async () => {
    const { url } = sqs.makeQueue()
    const half = 'x'.repeat(524_288)

    await expect(sendBatch(url, entries(2, half))).resolves.toBeDefined()
    await expect(sendBatch(url, entries(2, `${half}x`))).rejects.toEqual(
      refused('BatchRequestTooLong'),
    )
  })

  it('answer per entry: one that is refused stops no other', async () => {
    const { url, arn } = sqs.makeQueue()
    sqs.engine.send(arn, 'x')
    const [message] = await sqs.receive(url)
    const wrong = { Id: 'wrong', ReceiptHandle: 'garbage' }
    const right = { Id: 'right', ReceiptHandle: message?.ReceiptHandle ?? '' }
    const results = (reply: {
      Successful: { Id: string | undefined }[] | undefined
      Failed: { Id: string | undefined; Code: string | undefined }[] | undefined
    }) => [reply.Successful?.map(({ Id }) => Id), reply.Failed?.map(({ Code }) => Code)]

    const changed = await sqs.client.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl: url,
        Entries: [wrong, right].map((entry) => ({ ...entry, VisibilityTimeout: 60 })),
      }),
    )
    const deleted = await sqs.client.send(
      new DeleteMessageBatchCommand({ QueueUrl: url, Entries: [wrong, right] }),
    )

    expect(results(changed)).toEqual([['right'], ['ReceiptHandleIsInvalid']])
    expect(results(deleted)).toEqual([['right'], ['ReceiptHandleIsInvalid']])
    const sent = await sqs.client.send(
      new SendMessageBatchCommand({
        QueueUrl: url,
        Entries: [
          { Id: 'late', MessageBody: 'x', DelaySeconds: 901 },
          { Id: 'right', MessageBody: 'x' },
        ],
      }),
    )
    expect(results(sent)).toEqual([['right'], ['InvalidParameterValue']])
  })
})
