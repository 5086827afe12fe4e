import { createHash } from 'node:crypto'
import {
  type MessageAttributeValue,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insideEngine } from '../../support/contract-target.ts'
import { refused } from './aws-endpoint.ts'
import { bodies, type SqsFixture, startSqs } from './sqs-fixture.ts'

let sqs: SqsFixture
beforeAll(async () => {
  sqs = await startSqs()
})
afterAll(() => sqs.close())

const inside = insideEngine('SQS')
const LARGEST_BYTES = 1_048_576

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
describe('SendMessage', () => {
  it('gives back body, id and attributes as they were sent, with digests of both', async () => {
    const { url } = await sqs.makeQueue()
    const body = 'grüße ✓'

    const sent = await sqs.client.send(
      new SendMessageCommand({
        QueueUrl: url,
        MessageBody: body,
        MessageAttributes: {
          b: { DataType: 'Number', StringValue: '12' },
          a: { DataType: 'Binary', BinaryValue: Uint8Array.of(1, 2, 3) },
          c: { DataType: 'String.json', StringValue: '{}' },
        },
      }),
    )
    const [message] = await sqs.receiveAll(url, 1)

    expect(message?.Body).toBe(body)
    expect(message?.MessageId).toBe(sent.MessageId)
    expect(message?.MD5OfBody).toBe(createHash('md5').update(body).digest('hex'))
    expect(sent.MD5OfMessageBody).toBe(message?.MD5OfBody)
    expect(message?.MessageAttributes?.['a']?.BinaryValue).toEqual(Uint8Array.of(1, 2, 3))
    expect(message?.MessageAttributes?.['c']?.DataType).toBe('String.json')
    expect(message?.MD5OfMessageAttributes).toBe(sent.MD5OfMessageAttributes)
    expect(message?.Attributes).toEqual({
      ApproximateReceiveCount: '1',
      SentTimestamp: expect.stringMatching(/^\d{13}$/),
      ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
      SenderId: expect.stringMatching(/^A[0-9A-Z]{20}/),
    })
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
  it('digests attributes sorted by name, each part length-prefixed, with a transport type', async () => {
    const { url } = await sqs.makeQueue()
    const field = (text: string) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(text.length)
      return Buffer.concat([length, Buffer.from(text)])
    }
    const one = [field('a'), field('Binary'), Buffer.of(2), field('\u0001')]
    const two = [field('key'), field('String'), Buffer.of(1), field('value')]

    const sent = await sqs.client.send(
      new SendMessageCommand({
        QueueUrl: url,
        MessageBody: 'x',
        MessageAttributes: {
          key: { DataType: 'String', StringValue: 'value' },
          a: { DataType: 'Binary', BinaryValue: Uint8Array.of(1) },
        },
      }),
    )

    const md5 = createHash('md5')
      .update(Buffer.concat([...one, ...two]))
      .digest('hex')
    expect(sent.MD5OfMessageAttributes).toBe(md5)
  })

  it('carries AWSTraceHeader as the one system attribute, with a digest of its own', async () => {
    const { url } = await sqs.makeQueue()
    const send = (name: string) =>
      sqs.client.send(
        new SendMessageCommand({
          QueueUrl: url,
          MessageBody: 'x',
          MessageSystemAttributes: {
            [name as 'AWSTraceHeader']: { DataType: 'String', StringValue: 'Root=1-5' },
          },
        }),
      )

    const sent = await send('AWSTraceHeader')
    const [message] = await sqs.receiveAll(url, 1)

    expect(sent.MD5OfMessageSystemAttributes).toMatch(/^[0-9a-f]{32}$/)
    expect(message?.Attributes?.AWSTraceHeader).toBe('Root=1-5')
    await expect(send('Other')).rejects.toEqual(refused('InvalidParameterValue'))
  })

  it('refuses an unknown queue, an empty body and characters that XML does not allow', async () => {
    const { url } = await sqs.makeQueue()

    await expect(sqs.send(`${url}-other`, 'x')).rejects.toEqual(refused('QueueDoesNotExist'))
    await expect(sqs.send(url, '')).rejects.toEqual(refused('MissingParameter'))
    await expect(sqs.send(url, 'a\u0000b')).rejects.toEqual(refused('InvalidMessageContents'))
    await expect(sqs.send(url, 'tab\tand\nline')).resolves.toBeDefined()
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
  it('takes up to 1 MiB, names, types and values of attributes included', async () => {
    const { url } = await sqs.makeQueue()
    const MessageAttributes = { a: { DataType: 'String', StringValue: 'x' } }
    const attributeBytes = 1 + 6 + 1

    await expect(sqs.send(url, 'x'.repeat(LARGEST_BYTES))).resolves.toBeDefined()
    await expect(sqs.send(url, 'x'.repeat(LARGEST_BYTES + 1))).rejects.toEqual(
      refused('InvalidParameterValue'),
    )
    const rest = 'x'.repeat(LARGEST_BYTES - attributeBytes)
    await expect(sqs.send(url, rest, { MessageAttributes })).resolves.toBeDefined()
    await expect(sqs.send(url, `${rest}x`, { MessageAttributes })).rejects.toEqual(
      refused('InvalidParameterValue'),
    )
  })

  it('takes no more than MaximumMessageSize, counted in bytes of UTF-8', async () => {
    const { url } = await sqs.makeQueue({ MaximumMessageSize: '1024' })

    await expect(sqs.send(url, 'ü'.repeat(512))).resolves.toBeDefined()
    await expect(sqs.send(url, `${'ü'.repeat(512)}x`)).rejects.toEqual(
      refused('InvalidParameterValue'),
    )
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
  it.each<[string, Record<string, MessageAttributeValue>]>([
    ['a name that begins with AWS.', { 'AWS.x': { DataType: 'String', StringValue: 'x' } }],
    ['a name with two periods in a row', { 'a..b': { DataType: 'String', StringValue: 'x' } }],
    ['a type of its own', { a: { DataType: 'Colour', StringValue: 'x' } }],
    ['an empty value', { a: { DataType: 'String', StringValue: '' } }],
    ['a number that is none', { a: { DataType: 'Number', StringValue: 'x' } }],
    [
      'more than ten attributes',
      Object.fromEntries(
        Array.from({ length: 11 }, (_, n) => [`a${n}`, { DataType: 'String', StringValue: 'x' }]),
      ),
    ],
  ])('refuses attributes with %s', async (_, MessageAttributes) => {
    const { url } = await sqs.makeQueue()

    await expect(sqs.send(url, 'x', { MessageAttributes })).rejects.toEqual(
      refused('InvalidParameterValue'),
    )
  })

  it('takes a delay of 0 to 900 seconds', async () => {
    const { url } = await sqs.makeQueue()

    await expect(sqs.send(url, 'x', { DelaySeconds: 900 })).resolves.toBeDefined()
    for (const DelaySeconds of [-1, 901]) {
      await expect(sqs.send(url, 'x', { DelaySeconds })).rejects.toEqual(
        refused('InvalidParameterValue'),
      )
    }
    expect(await sqs.receive(url)).toEqual([])
  })
})

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html
inside.describe('time', () => {
  it('hides a message for its own delay, or else for the queue’s', async () => {
    const { url } = await sqs.makeQueue({ DelaySeconds: '5' })
    await sqs.send(url, 'queue')
    await sqs.send(url, 'own', { DelaySeconds: 60 })
    await sqs.send(url, 'none', { DelaySeconds: 0 })

    expect(bodies(await sqs.receive(url))).toEqual(['none'])
    sqs.advance(4)
    expect(await sqs.receive(url)).toEqual([])
    sqs.advance(1)
    expect(bodies(await sqs.receive(url))).toEqual(['queue'])
    sqs.advance(54)
    expect(bodies(await sqs.receive(url))).not.toContain('own')
    sqs.advance(1)
    expect(bodies(await sqs.receive(url))).toContain('own')
  })

  it('keeps a message for the retention period and no longer, received or not', async () => {
    const { url } = await sqs.makeQueue({ MessageRetentionPeriod: '60', VisibilityTimeout: '0' })
    await sqs.send(url, 'x')

    sqs.advance(59)
    expect(await sqs.receive(url)).toHaveLength(1)
    sqs.advance(1)
    expect(await sqs.receive(url)).toEqual([])
    expect(await sqs.attribute(url, 'ApproximateNumberOfMessages')).toBe('0')
  })

  it('says in milliseconds when a message was sent and first received', async () => {
    const { url } = await sqs.makeQueue({ VisibilityTimeout: '0' })
    const sentMs = sqs.inside.clock.now()
    await sqs.send(url, 'x')
    sqs.advance(7)
    await sqs.receive(url)
    sqs.advance(7)

    const [message] = await sqs.receive(url)

    expect(message?.Attributes).toMatchObject({
      SentTimestamp: String(sentMs),
      ApproximateFirstReceiveTimestamp: String(sentMs + 7000),
      ApproximateReceiveCount: '2',
    })
  })
})

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html */
describe('ReceiveMessage', () => {
  it('gives only the attributes that were asked for, by name or by prefix with .*', async () => {
    const { url } = await sqs.makeQueue({ VisibilityTimeout: '0' })
    const attribute = { DataType: 'String', StringValue: 'v' }
    await sqs.send(url, 'x', { MessageAttributes: { 'trace.id': attribute, other: attribute } })
    const receive = async (
      MessageSystemAttributeNames: 'SentTimestamp'[],
      MessageAttributeNames: string[],
    ) => {
      const command = new ReceiveMessageCommand({
        QueueUrl: url,
        WaitTimeSeconds: 1,
        MessageSystemAttributeNames,
        MessageAttributeNames,
      })
      const [message] = (await sqs.client.send(command)).Messages ?? []
      return [Object.keys(message?.Attributes ?? {}), Object.keys(message?.MessageAttributes ?? {})]
    }

    expect(await receive([], [])).toEqual([[], []])
    expect(await receive(['SentTimestamp'], ['trace.*'])).toEqual([['SentTimestamp'], ['trace.id']])
    expect(await receive([], ['other'])).toEqual([[], ['other']])
  })

  it('takes 1 to 10 messages, waits 0 to 20 seconds and hides for 0 to 12 hours', async () => {
    const { url } = await sqs.makeQueue()
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
