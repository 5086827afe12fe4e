/**
 * SQS on this machine, spoken in its JSON protocol and, for the trigger host, in process.
 *
 * Obeys https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/ for: standard, fair
 * (a MessageGroupId on a standard queue) and FIFO queues; making, changing, tagging, purging and
 * deleting them; long polling, visibility, delay, retention, deduplication, batches of 1 MiB,
 * 120,000 messages in flight; dead letters, who may send them where, and moving them back.
 * Refusals carry the JSON code and, in `x-amzn-query-error`, the one of the older protocol.
 * On disk: `sqs.db` (SQLite, WAL), mode 0600; every reply follows its commit.
 * Time is the injected clock's; who waits notices within 200 ms that it was moved.
 *
 * Gaps: no AddPermission and RemovePermission (Policy is an attribute); ReceiveRequestAttemptId is
 * ignored; KMS and throughput attributes are shown only; no throttling; a move task without a rate
 * is done in one step; standard queues deliver in order and once, where SQS may do neither; fair
 * ordering counts from the first message; a restart forgets which names rest after DeleteQueue.
 */
import type { ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import {
  type AccessRequest,
  type AwsCall,
  type AwsEngine,
  AwsError,
  LOCAL_ACCOUNT_ID,
  LOCAL_REGION,
} from '../engine.ts'
import { unknownOperation, writeJsonReply } from '../json-service.ts'
import type { PolicyDocument } from '../policy-document.ts'
import { MESSAGE_OPERATIONS } from './message-operations.ts'
import { acceptMessage, type SendInput } from './message-rules.ts'
import { readMoveHandle } from './move-tasks.ts'
import { QUERY_CODES } from './query-codes.ts'
import { QUEUE_OPERATIONS } from './queue-operations.ts'
import {
  type Queue,
  QueueService,
  queueArn,
  queueName,
  type ReceiveOptions,
} from './queue-service.ts'
import type { QueueProperties } from './queue-settings.ts'
import { nameInUrl, type SqsOperation } from './sqs-caller.ts'
import type { SqsMessage } from './take-messages.ts'

interface SqsEngineOptions {
  dataDir: string
  clock: Clock
  /** Origin of the AWS endpoint (`http://127.0.0.1:4401`), asked when a URL is needed. */
  baseUrl: () => string
}

export interface QueueStats {
  name: string
  arn: string
  url: string
  available: number
  inFlight: number
  delayed: number
  /** Age of the oldest message; undefined when the queue is empty. */
  oldestAgeSeconds: number | undefined
  /** Names of the queues whose dead letters come here. */
  deadLetterSources: string[]
}

export interface SendOptions {
  groupId?: string
  deduplicationId?: string
  delaySeconds?: number
  attributes?: Record<string, { DataType: string; StringValue?: string; BinaryValue?: string }>
  /** Who sends, for `SenderId`; the account when absent. */
  principalArn?: string
}

export interface SqsEngine extends AwsEngine {
  /** Idempotent: an existing queue gets these settings and keeps its messages. A dead-letter queue comes first. */
  createQueue(properties: QueueProperties): { url: string; arn: string }
  setQueuePolicy(arn: string, policy: PolicyDocument | undefined): void
  queueUrl(arn: string): string
  /** Visibility and other settings of a queue, for whoever has to check them. */
  visibilitySeconds(arn: string): number
  /** Long poll; empty after `waitMs` or when the signal aborts. */
  receive(arn: string, options: ReceiveOptions): Promise<SqsMessage[]>
  deleteBatch(arn: string, receiptHandles: string[]): void
  changeVisibility(arn: string, receiptHandle: string, visibilitySeconds: number): void
  send(arn: string, body: string, options?: SendOptions): { messageId: string }
  stats(): QueueStats[]
  purge(arn: string): void
  /** Calls the listener when messages of a queue may have become visible; gives back how to stop. */
  onWake(listener: (arn: string) => void): () => void
  /** Looks at all waiting polls now instead of within 200 ms. */
  clockMoved(): void
  resourcePolicy(arn: string): PolicyDocument | undefined
}

/** Operations by the name in `X-Amz-Target: AmazonSQS.<name>`. */
const SQS_OPERATIONS = new Map<string, SqsOperation>(
  Object.entries({ ...MESSAGE_OPERATIONS, ...QUEUE_OPERATIONS }),
)

/** "Granting SendMessage, DeleteMessage or ChangeMessageVisibility also grants the batch version." */
const ACTION_OF_BATCH = /^(SendMessage|DeleteMessage|ChangeMessageVisibility)Batch$/

export function createSqsEngine({ dataDir, clock, baseUrl }: SqsEngineOptions): SqsEngine {
  const service = new QueueService(dataDir, clock)
  const byArn = (arn: string): Queue => service.byName(queueName(arn))
  const queueUrl = (name: string): string => `${baseUrl()}/${LOCAL_ACCOUNT_ID}/${name}`

  return {
    accessRequests: (call) => accessRequests(service, call),

    async handle(call: AwsCall, response: ServerResponse): Promise<void> {
      const operation = SQS_OPERATIONS.get(call.operation)
      if (operation === undefined) throw unknownOperation(call)
      const hangUp = new AbortController()
      response.once('close', () => hangUp.abort())
      const { principalArn } = call
      const traceHeader = [call.request.headers['x-amzn-trace-id']].flat()[0]
      const caller = { service, queueUrl, principalArn, traceHeader, signal: hangUp.signal }
      try {
        writeJsonReply(call, response, '1.0', await operation(caller, call.input))
      } catch (error) {
        if (error instanceof AwsError) {
          const code = QUERY_CODES[error.code] ?? error.code
          response.setHeader('x-amzn-query-error', `${code};Sender`)
        }
        throw error
      }
    },

    async close(): Promise<void> {
      service.close()
    },

    createQueue(properties) {
      const { arn, settings } = service.createQueue(properties)
      return { arn, url: queueUrl(settings.name) }
    },

    setQueuePolicy: (arn, policy) => service.setPolicy(arn, policy),
    queueUrl: (arn) => queueUrl(byArn(arn).settings.name),
    visibilitySeconds: (arn) => byArn(arn).settings.visibilitySeconds,
    receive: (arn, options) => service.receive(byArn(arn), options),

    deleteBatch(arn, receiptHandles) {
      const queue = byArn(arn)
      service.store.transaction(() => {
        for (const receiptHandle of receiptHandles) service.deleteMessage(queue, receiptHandle)
      })
    },

    changeVisibility(arn, receiptHandle, visibilitySeconds) {
      service.changeVisibility(byArn(arn), receiptHandle, visibilitySeconds)
    },

    send(arn, body, options = {}) {
      const queue = byArn(arn)
      const input: SendInput = {
        MessageBody: body,
        DelaySeconds: options.delaySeconds,
        MessageAttributes: options.attributes,
        MessageDeduplicationId: options.deduplicationId,
        MessageGroupId: options.groupId,
      }
      const principalArn = options.principalArn ?? `arn:aws:iam::${LOCAL_ACCOUNT_ID}:root`
      const { messageId } = service.send(queue, acceptMessage(queue.settings, input), principalArn)
      return { messageId }
    },

    stats: () =>
      service.all().map((queue) => {
        const { oldestSentMs, ...counts } = service.counts(queue)
        return {
          name: queue.settings.name,
          arn: queue.arn,
          url: queueUrl(queue.settings.name),
          ...counts,
          oldestAgeSeconds:
            oldestSentMs === null
              ? undefined
              : Math.max(0, Math.floor((clock.now() - oldestSentMs) / 1000)),
          deadLetterSources: service
            .deadLetterSources(queue.arn)
            .map(({ settings }) => settings.name),
        }
      }),

    purge: (arn) => service.purge(byArn(arn)),
    onWake: (listener) => service.onWake(listener),

    clockMoved() {
      service.moves.step()
      for (const queue of service.all()) service.wake(queue)
    },

    resourcePolicy: (arn) => service.all().find((queue) => queue.arn === arn)?.settings.policy,
  }
}

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html */
function accessRequests(service: QueueService, call: AwsCall): AccessRequest[] {
  if (!SQS_OPERATIONS.has(call.operation)) throw unknownOperation(call)
  const action = `sqs:${call.operation.replace(ACTION_OF_BATCH, '$1')}`
  const input = call.input ?? {}
  const text = (member: string): string => (typeof input[member] === 'string' ? input[member] : '')
  switch (call.operation) {
    case 'ListQueues':
      return [{ action, resource: `arn:aws:sqs:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:*` }]
    case 'GetQueueUrl':
    case 'CreateQueue':
      return [{ action, resource: queueArn(text('QueueName')) }]
    case 'StartMessageMoveTask': {
      const requests = onMoveSource(action, text('SourceArn'))
      // Without a destination the messages go back to whichever queue they came from.
      const destinations =
        text('DestinationArn') === ''
          ? service.deadLetterSources(text('SourceArn')).map(({ arn }) => arn)
          : [text('DestinationArn')]
      for (const resource of destinations) requests.push({ action: 'sqs:SendMessage', resource })
      return requests
    }
    case 'CancelMessageMoveTask':
      return onMoveSource(action, readMoveHandle(text('TaskHandle')).sourceArn)
    case 'ListMessageMoveTasks':
      return [{ action, resource: text('SourceArn') }]
    default:
      return [{ action, resource: queueArn(nameInUrl(text('QueueUrl'))) }]
  }
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html */
function onMoveSource(action: string, resource: string): AccessRequest[] {
  const needed = [action, 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes']
  return needed.map((one) => ({ action: one, resource }))
}
