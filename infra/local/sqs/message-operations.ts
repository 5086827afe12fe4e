/** Operations on messages: members of each in, members of its reply out. */
import * as z from 'zod'
import { AwsError } from '../engine.ts'
import { type MessageAttributes, md5OfAttributes, md5OfBody } from './message-digest.ts'
import {
  type AcceptedMessage,
  acceptMessage,
  checkBatch,
  checkBatchBytes,
  checkRange,
  messageBytes,
  type SendInput,
  sendMembers,
  unknownAttribute,
} from './message-rules.ts'
import type { Queue } from './queue-service.ts'
import {
  findQueue,
  type Input,
  names,
  onQueue,
  parse,
  type SqsCaller,
  type SqsOperation,
  select,
} from './sqs-caller.ts'
import type { SqsMessage } from './take-messages.ts'

const sendSchema = z.object({ ...onQueue, ...sendMembers })
const sendBatchSchema = z.object({
  ...onQueue,
  Entries: z.array(z.object({ Id: z.string(), ...sendMembers })),
})
const receiveSchema = z.object({
  ...onQueue,
  MaxNumberOfMessages: z.number().nullish(),
  VisibilityTimeout: z.number().nullish(),
  WaitTimeSeconds: z.number().nullish(),
  AttributeNames: names,
  MessageSystemAttributeNames: names,
  MessageAttributeNames: names,
})
const held = { ReceiptHandle: z.string() }
const deleteSchema = z.object({ ...onQueue, ...held })
const deleteBatchSchema = z.object({
  ...onQueue,
  Entries: z.array(z.object({ Id: z.string(), ...held })),
})
const visibilitySchema = z.object({ ...onQueue, ...held, VisibilityTimeout: z.number() })
const visibilityBatchSchema = z.object({
  ...onQueue,
  Entries: z.array(z.object({ Id: z.string(), ...held, VisibilityTimeout: z.number() })),
})
export const MESSAGE_OPERATIONS: Record<string, SqsOperation> = {
  SendMessage(caller, input) {
    const members = parse(sendSchema, input)
    return send(caller, findQueue(caller, members.QueueUrl), members)
  },

  SendMessageBatch(caller, input) {
    const { QueueUrl, Entries } = parse(sendBatchSchema, input)
    const queue = findQueue(caller, QueueUrl)
    checkBatch(Entries)
    const bytes = Entries.map((entry) =>
      messageBytes(entry.MessageBody, (entry.MessageAttributes ?? {}) as MessageAttributes),
    )
    checkBatchBytes(bytes.reduce((sum, size) => sum + size, 0))
    return each(caller, Entries, (entry) => send(caller, queue, entry))
  },

  ReceiveMessage: receive,

  DeleteMessage(caller, input) {
    const { QueueUrl, ReceiptHandle } = parse(deleteSchema, input)
    caller.service.deleteMessage(findQueue(caller, QueueUrl), ReceiptHandle)
    return {}
  },

  DeleteMessageBatch(caller, input) {
    const { QueueUrl, Entries } = parse(deleteBatchSchema, input)
    const queue = findQueue(caller, QueueUrl)
    checkBatch(Entries)
    return each(caller, Entries, (entry) => {
      caller.service.deleteMessage(queue, entry.ReceiptHandle)
      return {}
    })
  },

  ChangeMessageVisibility(caller, input) {
    const members = parse(visibilitySchema, input)
    const queue = findQueue(caller, members.QueueUrl)
    caller.service.changeVisibility(queue, members.ReceiptHandle, members.VisibilityTimeout)
    return {}
  },

  ChangeMessageVisibilityBatch(caller, input) {
    const { QueueUrl, Entries } = parse(visibilityBatchSchema, input)
    const queue = findQueue(caller, QueueUrl)
    checkBatch(Entries)
    return each(caller, Entries, (entry) => {
      caller.service.changeVisibility(queue, entry.ReceiptHandle, entry.VisibilityTimeout)
      return {}
    })
  },
}

const MESSAGE_ATTRIBUTES = new Set([
  'All',
  'SenderId',
  'SentTimestamp',
  'ApproximateReceiveCount',
  'ApproximateFirstReceiveTimestamp',
  'SequenceNumber',
  'MessageDeduplicationId',
  'MessageGroupId',
  'AWSTraceHeader',
  'DeadLetterQueueSourceArn',
])

async function receive(caller: SqsCaller, input: Input): Promise<object> {
  const members = parse(receiveSchema, input)
  const queue = findQueue(caller, members.QueueUrl)
  const systemNames = [
    ...(members.AttributeNames ?? []),
    ...(members.MessageSystemAttributeNames ?? []),
  ]
  const unknown = systemNames.find((name) => !MESSAGE_ATTRIBUTES.has(name))
  if (unknown !== undefined) throw unknownAttribute(unknown)
  const waitSeconds = members.WaitTimeSeconds ?? queue.settings.waitSeconds
  const messages = await caller.service.receive(queue, {
    maxMessages: checkRange('MaxNumberOfMessages', members.MaxNumberOfMessages ?? 1, 1, 10),
    waitMs: checkRange('WaitTimeSeconds', waitSeconds, 0, 20) * 1000,
    visibilitySeconds: checkRange(
      'VisibilityTimeout',
      members.VisibilityTimeout ?? queue.settings.visibilitySeconds,
      0,
      43_200,
    ),
    signal: caller.signal,
  })
  if (messages.length === 0) return {}
  const attributeNames = members.MessageAttributeNames ?? []
  return { Messages: messages.map((message) => asWire(message, systemNames, attributeNames)) }
}

function asWire(message: SqsMessage, systemNames: string[], attributeNames: string[]): object {
  const attributes = select(message.attributes, systemNames)
  // A name may end in ".*" to take all attributes that begin with it.
  const wanted = Object.entries(message.messageAttributes ?? {}).filter(([name]) =>
    attributeNames.some(
      (pattern) =>
        pattern === 'All' ||
        pattern === name ||
        (pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -2))),
    ),
  )
  const messageAttributes = Object.fromEntries(wanted)
  const md5 = md5OfAttributes(messageAttributes)
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    Body: message.body,
    MD5OfBody: message.md5OfBody,
    ...(Object.keys(attributes).length > 0 && { Attributes: attributes }),
    ...(md5 !== undefined && { MessageAttributes: messageAttributes, MD5OfMessageAttributes: md5 }),
  }
}

function send(caller: SqsCaller, queue: Queue, input: SendInput): object {
  const message = acceptMessage(queue.settings, input)
  const sent = caller.service.send(queue, traced(message, caller.traceHeader), caller.principalArn)
  const md5 = md5OfAttributes(message.attributes)
  const systemMd5 = md5OfAttributes(message.systemAttributes)
  return {
    MessageId: sent.messageId,
    MD5OfMessageBody: md5OfBody(message.body),
    ...(md5 !== undefined && { MD5OfMessageAttributes: md5 }),
    ...(systemMd5 !== undefined && { MD5OfMessageSystemAttributes: systemMd5 }),
    ...(sent.sequenceNumber !== undefined && { SequenceNumber: sent.sequenceNumber }),
  }
}

/**
 * The header of the request stays with the message as `AWSTraceHeader` unless the sender gave one.
 * https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html
 */
function traced(message: AcceptedMessage, traceHeader: string | undefined): AcceptedMessage {
  if (traceHeader === undefined) return message
  const own = { AWSTraceHeader: { DataType: 'String', StringValue: traceHeader } }
  return { ...message, systemAttributes: { ...own, ...message.systemAttributes } }
}

/** One result per entry, all in one commit; an entry that is refused does not stop the others. */
function each<T extends { Id: string }>(
  { service }: SqsCaller,
  entries: T[],
  work: (entry: T) => object,
): object {
  const Successful: object[] = []
  const Failed: object[] = []
  service.store.transaction(() => {
    for (const entry of entries) {
      try {
        Successful.push({ Id: entry.Id, ...work(entry) })
      } catch (error) {
        if (!(error instanceof AwsError)) throw error
        Failed.push({ Id: entry.Id, SenderFault: true, Code: error.code, Message: error.message })
      }
    }
  })
  return { Successful, Failed }
}
