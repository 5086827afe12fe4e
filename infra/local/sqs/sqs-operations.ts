/** The wire: members of each operation in, members of its reply out. */
import * as z from 'zod'
import { AwsError, LOCAL_ACCOUNT_ID } from '../engine.ts'
import { parseInput } from '../json-service.ts'
import { type MessageAttributes, md5OfAttributes, md5OfBody } from './message-digest.ts'
import {
  acceptMessage,
  checkBatch,
  checkBatchBytes,
  checkRange,
  messageBytes,
  missingParameter,
  type SendInput,
  sendMembers,
} from './message-rules.ts'
import { startMoveTask } from './move-messages.ts'
import type { Queue, QueueService } from './queue-service.ts'
import { settingsAsAttributes } from './queue-settings.ts'
import type { SqsMessage } from './take-messages.ts'

interface SqsCaller {
  service: QueueService
  queueUrl: (name: string) => string
  principalArn: string
  /** Aborted when the caller hangs up: nobody would delete what it is given then. */
  signal: AbortSignal
}

type Input = Record<string, unknown> | undefined
type SqsOperation = (caller: SqsCaller, input: Input) => object | Promise<object>

const onQueue = { QueueUrl: z.string() }
const names = z.array(z.string()).nullish()
const onQueueSchema = z.object(onQueue)
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
const getUrlSchema = z.object({ QueueName: z.string() })
const getAttributesSchema = z.object({ ...onQueue, AttributeNames: names })
const listSchema = z.object({ QueueNamePrefix: z.string().nullish() })
const startMoveSchema = z.object({ SourceArn: z.string(), DestinationArn: z.string().nullish() })
const listMovesSchema = z.object({ SourceArn: z.string(), MaxResults: z.number().nullish() })

/** Operations by the name in `X-Amz-Target: AmazonSQS.<name>`. */
export const SQS_OPERATIONS: ReadonlyMap<string, SqsOperation> = new Map<string, SqsOperation>([
  [
    'SendMessage',
    (caller, input) => {
      const members = parse(sendSchema, input)
      return send(caller, findQueue(caller, members.QueueUrl), members)
    },
  ],
  [
    'SendMessageBatch',
    (caller, input) => {
      const { QueueUrl, Entries } = parse(sendBatchSchema, input)
      const queue = findQueue(caller, QueueUrl)
      checkBatch(Entries)
      const bytes = Entries.map((entry) =>
        messageBytes(entry.MessageBody, (entry.MessageAttributes ?? {}) as MessageAttributes),
      )
      checkBatchBytes(bytes.reduce((sum, size) => sum + size, 0))
      return each(Entries, (entry) => send(caller, queue, entry))
    },
  ],
  ['ReceiveMessage', receive],
  [
    'DeleteMessage',
    (caller, input) => {
      const { QueueUrl, ReceiptHandle } = parse(deleteSchema, input)
      caller.service.deleteMessage(findQueue(caller, QueueUrl), ReceiptHandle)
      return {}
    },
  ],
  [
    'DeleteMessageBatch',
    (caller, input) => {
      const { QueueUrl, Entries } = parse(deleteBatchSchema, input)
      const queue = findQueue(caller, QueueUrl)
      checkBatch(Entries)
      return each(Entries, (entry) => {
        caller.service.deleteMessage(queue, entry.ReceiptHandle)
        return {}
      })
    },
  ],
  [
    'ChangeMessageVisibility',
    (caller, input) => {
      const members = parse(visibilitySchema, input)
      const queue = findQueue(caller, members.QueueUrl)
      caller.service.changeVisibility(queue, members.ReceiptHandle, members.VisibilityTimeout)
      return {}
    },
  ],
  [
    'ChangeMessageVisibilityBatch',
    (caller, input) => {
      const { QueueUrl, Entries } = parse(visibilityBatchSchema, input)
      const queue = findQueue(caller, QueueUrl)
      checkBatch(Entries)
      return each(Entries, (entry) => {
        caller.service.changeVisibility(queue, entry.ReceiptHandle, entry.VisibilityTimeout)
        return {}
      })
    },
  ],
  [
    'GetQueueUrl',
    (caller, input) => {
      const { settings } = caller.service.byName(parse(getUrlSchema, input).QueueName)
      return { QueueUrl: caller.queueUrl(settings.name) }
    },
  ],
  [
    'GetQueueAttributes',
    (caller, input) => {
      const members = parse(getAttributesSchema, input)
      const queue = findQueue(caller, members.QueueUrl)
      const wanted = members.AttributeNames ?? []
      const attributes = queueAttributes(caller.service, queue)
      const unknown = wanted.find((name) => name !== 'All' && !QUEUE_ATTRIBUTES.has(name))
      if (unknown !== undefined) throw unknownAttribute(unknown)
      return { Attributes: select(attributes, wanted) }
    },
  ],
  [
    'ListQueues',
    (caller, input) => {
      const prefix = parse(listSchema, input).QueueNamePrefix ?? ''
      const found = caller.service.all().map(({ settings }) => settings.name)
      return { QueueUrls: found.filter((name) => name.startsWith(prefix)).map(caller.queueUrl) }
    },
  ],
  [
    'ListDeadLetterSourceQueues',
    (caller, input) => {
      const queue = findQueue(caller, parse(onQueueSchema, input).QueueUrl)
      const sources = caller.service.deadLetterSources(queue.arn)
      // The one member of SQS's replies that is spelled with a small letter.
      return { queueUrls: sources.map(({ settings }) => caller.queueUrl(settings.name)) }
    },
  ],
  [
    'PurgeQueue',
    (caller, input) => {
      caller.service.purge(findQueue(caller, parse(onQueueSchema, input).QueueUrl))
      return {}
    },
  ],
  [
    'StartMessageMoveTask',
    (caller, input) => {
      const { SourceArn, DestinationArn } = parse(startMoveSchema, input)
      return { TaskHandle: startMoveTask(caller.service, SourceArn, DestinationArn ?? undefined) }
    },
  ],
  [
    'ListMessageMoveTasks',
    (caller, input) => {
      const { SourceArn, MaxResults } = parse(listMovesSchema, input)
      const count = checkRange('MaxResults', MaxResults ?? 1, 1, 10)
      return { Results: caller.service.store.moveTasks(SourceArn, count) }
    },
  ],
])

const QUEUE_ATTRIBUTES = new Set([
  'Policy',
  'VisibilityTimeout',
  'MaximumMessageSize',
  'MessageRetentionPeriod',
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'CreatedTimestamp',
  'LastModifiedTimestamp',
  'QueueArn',
  'ApproximateNumberOfMessagesDelayed',
  'DelaySeconds',
  'ReceiveMessageWaitTimeSeconds',
  'RedrivePolicy',
  'FifoQueue',
  'ContentBasedDeduplication',
  'KmsMasterKeyId',
  'KmsDataKeyReusePeriodSeconds',
  'DeduplicationScope',
  'FifoThroughputLimit',
  'RedriveAllowPolicy',
  'SqsManagedSseEnabled',
])

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
  const sent = caller.service.send(queue, message, caller.principalArn)
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

/** One result per entry; an entry that is refused does not stop the others. */
function each<T extends { Id: string }>(entries: T[], work: (entry: T) => object): object {
  const Successful: object[] = []
  const Failed: object[] = []
  for (const entry of entries) {
    try {
      Successful.push({ Id: entry.Id, ...work(entry) })
    } catch (error) {
      if (!(error instanceof AwsError)) throw error
      Failed.push({ Id: entry.Id, SenderFault: true, Code: error.code, Message: error.message })
    }
  }
  return { Successful, Failed }
}

function queueAttributes(service: QueueService, queue: Queue): Record<string, string> {
  const counts = service.counts(queue)
  return {
    ...settingsAsAttributes(queue.settings),
    QueueArn: queue.arn,
    CreatedTimestamp: String(Math.floor(queue.createdMs / 1000)),
    LastModifiedTimestamp: String(Math.floor(queue.modifiedMs / 1000)),
    ApproximateNumberOfMessages: String(counts.available),
    ApproximateNumberOfMessagesNotVisible: String(counts.inFlight),
    ApproximateNumberOfMessagesDelayed: String(counts.delayed),
  }
}

function select(attributes: Record<string, string>, wanted: string[]): Record<string, string> {
  if (wanted.includes('All')) return attributes
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => wanted.includes(name)))
}

/** The queue of a URL; only its path counts, because the port may be another after a restart. */
function findQueue(caller: SqsCaller, queueUrl: string): Queue {
  return caller.service.byName(nameInUrl(queueUrl))
}

/** Name in `…/<account>/<name>`; empty for a URL of another account. */
export function nameInUrl(queueUrl: string): string {
  const [name = '', account] = queueUrl.split('/').reverse()
  return account === LOCAL_ACCOUNT_ID ? name : ''
}

function unknownAttribute(name: string): AwsError {
  return new AwsError('InvalidAttributeName', `Unknown Attribute ${name}.`)
}

function parse<T extends z.ZodType>(schema: T, input: Input): z.output<T> {
  return parseInput(schema, input, missingParameter)
}
