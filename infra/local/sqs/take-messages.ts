import { randomBytes } from 'node:crypto'
import { pickFairly, type ReadyGroup } from './fair-order.ts'
import type { MessageAttributes } from './message-digest.ts'
import { md5OfAttributes, md5OfBody } from './message-digest.ts'
import type { QueueSettings } from './queue-settings.ts'
import type { QueueStore, StoredMessage } from './queue-store.ts'
import { writeReceiptHandle } from './receipt-handle.ts'

/**
 * "Approximately 120,000 in flight messages", of standard and of FIFO queues alike.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 */
const MOST_IN_FLIGHT = 120_000

/** A message as a consumer gets it. */
export interface SqsMessage {
  messageId: string
  receiptHandle: string
  body: string
  md5OfBody: string
  /** System attributes by their SQS names: `ApproximateReceiveCount`, `SentTimestamp`, `MessageGroupId`, … */
  attributes: Record<string, string>
  /** Binary values in base64. */
  messageAttributes?: MessageAttributes
  md5OfMessageAttributes?: string
}

interface TakeRequest {
  queue: QueueSettings
  queueArn: string
  /** Where messages go that were received too often. */
  deadLetterQueue: QueueSettings | undefined
  nowMs: number
  maxMessages: number
  visibilitySeconds: number
}

interface Taken {
  messages: SqsMessage[]
  /** How many went to the dead-letter queue instead. */
  deadLetters: number
  /** As many are in flight as may be, so that nothing was looked for. */
  isFull: boolean
}

/** Receives what is there: marks it in flight, or moves it on when it was received too often. */
export function takeMessages(store: QueueStore, request: TakeRequest): Taken {
  const { queue, nowMs } = request
  store.deleteRetainedUntil(queue.name, nowMs - queue.retentionSeconds * 1000)
  if (!store.hasReceivable(queue.name, nowMs)) {
    return { messages: [], deadLetters: 0, isFull: false }
  }
  return store.transaction(() => {
    store.release(queue.name, nowMs)
    const messages: SqsMessage[] = []
    let deadLetters = 0
    const room = MOST_IN_FLIGHT - store.inFlightCount(queue.name)
    if (room <= 0) return { messages, deadLetters, isFull: true }
    const count = Math.min(request.maxMessages, room)
    for (;;) {
      const missing = count - messages.length
      const seqs = queue.fifo
        ? pickInOrder(store, queue.name, missing, messages)
        : pickFairly(readyTenants(store, queue.name, missing), missing)
      let moved = 0
      for (const seq of seqs) {
        const message = store.find(seq)
        if (message === undefined) continue
        // "When the ReceiveCount for a message exceeds the maxReceiveCount, SQS moves it to the dead-letter queue."
        if (
          request.deadLetterQueue !== undefined &&
          message.receive_count >= (queue.redrive?.maxReceiveCount ?? Number.POSITIVE_INFINITY)
        ) {
          store.moveToDeadLetters(seq, request.deadLetterQueue.name, request.queueArn, nowMs)
          // Standard queues keep the enqueue time, so that retention goes on; FIFO queues reset it.
          // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
          if (queue.fifo) store.retainFrom(seq, nowMs)
          moved += 1
        } else {
          messages.push(hold(store, message, request))
        }
      }
      deadLetters += moved
      if (moved === 0) return { messages, deadLetters, isFull: false }
    }
  })
}

/** The sequence number of a FIFO message: 20 digits that only grow. */
export function sequenceNumber(seq: number): string {
  return String(10n ** 19n + BigInt(seq))
}

function hold(store: QueueStore, message: StoredMessage, request: TakeRequest): SqsMessage {
  const { nowMs, queue } = request
  const receipt = randomBytes(16).toString('hex')
  store.markReceived(message.seq, nowMs, nowMs + request.visibilitySeconds * 1000, receipt)
  const messageAttributes = JSON.parse(message.attributes) as MessageAttributes
  const system = JSON.parse(message.system_attributes) as MessageAttributes
  const md5 = md5OfAttributes(messageAttributes)
  const trace = system['AWSTraceHeader']?.StringValue
  return {
    messageId: message.id,
    receiptHandle: writeReceiptHandle({ queue: queue.name, seq: message.seq, receipt }),
    body: message.body,
    md5OfBody: md5OfBody(message.body),
    attributes: {
      ApproximateReceiveCount: String(message.receive_count + 1),
      SentTimestamp: String(message.sent_ms),
      SenderId: message.sender_id,
      ApproximateFirstReceiveTimestamp: String(message.first_received_ms ?? nowMs),
      ...(message.group_id !== '' && { MessageGroupId: message.group_id }),
      ...(message.deduplication_id !== null && {
        MessageDeduplicationId: message.deduplication_id,
      }),
      ...(queue.fifo && { SequenceNumber: sequenceNumber(message.seq) }),
      ...(message.source_arn !== null && { DeadLetterQueueSourceArn: message.source_arn }),
      ...(trace !== undefined && { AWSTraceHeader: trace }),
    },
    ...(md5 !== undefined && { messageAttributes, md5OfMessageAttributes: md5 }),
  }
}

/** The tenants that can come into a batch of `count`, each with as many messages as it could give. */
function readyTenants(store: QueueStore, queue: string, count: number): ReadyGroup[] {
  // "Each message without a MessageGroupId is treated as belonging to its own distinct tenant."
  const alone = store.readySeqs(queue, '', count).map((seq) => ({ seqs: [seq], inFlight: 0 }))
  const heads = store.readyGroups(queue)
  if (heads.length === 0) return alone
  const held = store.inFlightByGroup(queue)
  const quietest = heads
    .map(({ groupId, head }) => ({ groupId, head, inFlight: held.get(groupId) ?? 0 }))
    .sort((a, b) => a.inFlight - b.inFlight || a.head - b.head)
    .slice(0, count)
  const tenants = quietest.map(({ groupId, inFlight }) => ({
    seqs: store.readySeqs(queue, groupId, count),
    inFlight,
  }))
  return [...alone, ...tenants]
}

/**
 * FIFO: "SQS first attempts to return as many messages with the same message group ID as possible";
 * a group with a message in flight gives none.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
 */
function pickInOrder(
  store: QueueStore,
  queue: string,
  count: number,
  taken: SqsMessage[],
): number[] {
  // Messages that this very call holds do not block their group: they leave together and in order.
  const own = new Map<string, number>()
  for (const { attributes } of taken) {
    const groupId = attributes['MessageGroupId'] ?? ''
    own.set(groupId, (own.get(groupId) ?? 0) + 1)
  }
  const held = store.inFlightByGroup(queue)
  const free = store
    .readyGroups(queue)
    .filter(({ groupId }) => (held.get(groupId) ?? 0) === (own.get(groupId) ?? 0))
    .sort((a, b) => a.head - b.head)
  const seqs: number[] = []
  for (const { groupId } of free) {
    if (seqs.length >= count) break
    seqs.push(...store.readySeqs(queue, groupId, count - seqs.length))
  }
  return seqs
}
