/** Operations on queues: making, settings, tags, lists, purges and moves. */
import * as z from 'zod'
import { checkRange, invalidValue, unknownAttribute } from './message-rules.ts'
import type { Queue, QueueService } from './queue-service.ts'
import { settingsAsAttributes } from './queue-settings.ts'
import {
  findQueue,
  names,
  onQueue,
  parse,
  type SqsCaller,
  type SqsOperation,
  select,
} from './sqs-caller.ts'

const texts = z.record(z.string(), z.string()).nullish()
const createSchema = z.object({ QueueName: z.string(), Attributes: texts, tags: texts })
const onQueueSchema = z.object(onQueue)
const setAttributesSchema = z.object({ ...onQueue, Attributes: z.record(z.string(), z.string()) })
const getUrlSchema = z.object({
  QueueName: z.string(),
  QueueOwnerAWSAccountId: z.string().nullish(),
})
const getAttributesSchema = z.object({ ...onQueue, AttributeNames: names })
const page = { MaxResults: z.number().nullish(), NextToken: z.string().nullish() }
const listSchema = z.object({ QueueNamePrefix: z.string().nullish(), ...page })
const listSourcesSchema = z.object({ ...onQueue, ...page })
const tagSchema = z.object({ ...onQueue, Tags: z.record(z.string(), z.string()) })
const untagSchema = z.object({ ...onQueue, TagKeys: z.array(z.string()) })
const startMoveSchema = z.object({
  SourceArn: z.string(),
  DestinationArn: z.string().nullish(),
  MaxNumberOfMessagesPerSecond: z.number().nullish(),
})
const listMovesSchema = z.object({ SourceArn: z.string(), MaxResults: z.number().nullish() })
const cancelMoveSchema = z.object({ TaskHandle: z.string() })

/** "Maximum number of results: 1,000", of ListQueues and ListDeadLetterSourceQueues. */
const MOST_LISTED = 1000
const MOST_TAGS = 50

export const QUEUE_OPERATIONS: Record<string, SqsOperation> = {
  CreateQueue(caller, input) {
    const { QueueName, Attributes, tags } = parse(createSchema, input)
    const { settings } = caller.service.createByCall(
      QueueName,
      Attributes ?? {},
      checkTags(tags ?? {}),
    )
    return { QueueUrl: caller.queueUrl(settings.name) }
  },

  SetQueueAttributes(caller, input) {
    const { QueueUrl, Attributes } = parse(setAttributesSchema, input)
    caller.service.changeAttributes(findQueue(caller, QueueUrl), Attributes)
    return {}
  },

  DeleteQueue(caller, input) {
    caller.service.deleteQueue(findQueue(caller, parse(onQueueSchema, input).QueueUrl))
    return {}
  },

  GetQueueUrl(caller, input) {
    const { settings } = caller.service.byName(parse(getUrlSchema, input).QueueName)
    return { QueueUrl: caller.queueUrl(settings.name) }
  },

  GetQueueAttributes(caller, input) {
    const members = parse(getAttributesSchema, input)
    const queue = findQueue(caller, members.QueueUrl)
    const wanted = members.AttributeNames ?? []
    const unknown = wanted.find((name) => name !== 'All' && !QUEUE_ATTRIBUTES.has(name))
    if (unknown !== undefined) throw unknownAttribute(unknown)
    return { Attributes: select(queueAttributes(caller.service, queue), wanted) }
  },

  ListQueues(caller, input) {
    const { QueueNamePrefix, ...wanted } = parse(listSchema, input)
    const found = caller.service
      .all()
      .filter(({ settings }) => settings.name.startsWith(QueueNamePrefix ?? ''))
    const { urls, NextToken } = listPage(caller, found, wanted)
    return { ...(urls.length > 0 && { QueueUrls: urls }), NextToken }
  },

  ListDeadLetterSourceQueues(caller, input) {
    const { QueueUrl, ...wanted } = parse(listSourcesSchema, input)
    const sources = caller.service.deadLetterSources(findQueue(caller, QueueUrl).arn)
    const { urls, NextToken } = listPage(caller, sources, wanted)
    // The one member of SQS's replies that is spelled with a small letter.
    return { queueUrls: urls, NextToken }
  },

  TagQueue(caller, input) {
    const { QueueUrl, Tags } = parse(tagSchema, input)
    const queue = findQueue(caller, QueueUrl)
    caller.service.setTags(queue, checkTags({ ...queue.settings.tags, ...Tags }))
    return {}
  },

  UntagQueue(caller, input) {
    const { QueueUrl, TagKeys } = parse(untagSchema, input)
    const queue = findQueue(caller, QueueUrl)
    const kept = Object.entries(queue.settings.tags).filter(([key]) => !TagKeys.includes(key))
    caller.service.setTags(queue, Object.fromEntries(kept))
    return {}
  },

  ListQueueTags(caller, input) {
    const { tags } = findQueue(caller, parse(onQueueSchema, input).QueueUrl).settings
    return Object.keys(tags).length === 0 ? {} : { Tags: tags }
  },

  PurgeQueue(caller, input) {
    caller.service.purge(findQueue(caller, parse(onQueueSchema, input).QueueUrl))
    return {}
  },

  StartMessageMoveTask({ service }, input) {
    const members = parse(startMoveSchema, input)
    const rate = members.MaxNumberOfMessagesPerSecond ?? undefined
    if (rate !== undefined) checkRange('MaxNumberOfMessagesPerSecond', rate, 1, 500)
    const destinationArn = members.DestinationArn ?? undefined
    return { TaskHandle: service.moves.start(members.SourceArn, destinationArn, rate) }
  },

  CancelMessageMoveTask({ service }, input) {
    const { TaskHandle } = parse(cancelMoveSchema, input)
    return { ApproximateNumberOfMessagesMoved: service.moves.cancel(TaskHandle) }
  },

  ListMessageMoveTasks({ service }, input) {
    const { SourceArn, MaxResults } = parse(listMovesSchema, input)
    const count = checkRange('MaxResults', MaxResults ?? 1, 1, 10)
    return { Results: service.moves.list(SourceArn, count) }
  },
}

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

/** URLs by name; the token of the next page is the last name of this one. */
function listPage(
  caller: SqsCaller,
  queues: Queue[],
  {
    MaxResults,
    NextToken,
  }: { MaxResults?: number | null | undefined; NextToken?: string | null | undefined },
): { urls: string[]; NextToken: string | undefined } {
  const count = checkRange('MaxResults', MaxResults ?? MOST_LISTED, 1, MOST_LISTED)
  // "You must set MaxResults to receive a value for NextToken."
  if (NextToken != null && MaxResults == null) {
    throw invalidValue(
      'MaxResults is a mandatory parameter when you provide a value for NextToken.',
    )
  }
  const after = Buffer.from(NextToken ?? '', 'base64').toString()
  const sorted = queues.map(({ settings }) => settings.name).sort()
  const left = sorted.filter((name) => name > after)
  const shown = left.slice(0, count)
  const hasMore = MaxResults != null && left.length > shown.length
  return {
    urls: shown.map(caller.queueUrl),
    NextToken: hasMore ? Buffer.from(shown.at(-1) ?? '').toString('base64') : undefined,
  }
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-tags.html */
function checkTags(tags: Record<string, string>): Record<string, string> {
  const keys = Object.keys(tags)
  if (keys.length > MOST_TAGS) {
    throw invalidValue(`Too many tags added for queue: at most ${MOST_TAGS}.`)
  }
  for (const key of keys) {
    if (key === '' || key.length > 128 || (tags[key] ?? '').length > 256 || /^aws:/i.test(key)) {
      throw invalidValue(`Invalid tag ${key}.`)
    }
  }
  return tags
}
