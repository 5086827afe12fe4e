import { createHash, randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { AwsError, LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import type { PolicyDocument } from '../policy-document.ts'
import { type AcceptedMessage, checkRange, invalidValue } from './message-rules.ts'
import { MoveTasks } from './move-tasks.ts'
import { Pollers } from './pollers.ts'
import {
  changeSettings,
  type QueueProperties,
  type QueueSettings,
  readQueueSettings,
  settingsAsAttributes,
} from './queue-settings.ts'
import { type QueueCounts, QueueStore, type StoredMessage } from './queue-store.ts'
import { readReceiptHandle } from './receipt-handle.ts'
import { allowsSource, refused } from './redrive-policies.ts'
import { type SqsMessage, sequenceNumber, takeMessages } from './take-messages.ts'

/** "Deduplication interval: 5 minutes." */
const DEDUPLICATION_MS = 5 * 60 * 1000
/** "A message can be in flight for at most 12 hours from its receipt." */
const LONGEST_VISIBILITY_SECONDS = 43_200
/** "You must wait 60 seconds after deleting a queue before you can create another with the same name." */
const NAME_REST_MS = 60_000

export interface Queue {
  settings: QueueSettings
  arn: string
  createdMs: number
  modifiedMs: number
  pollers: Pollers<SqsMessage>
  purgedMs: number | undefined
}

export interface ReceiveOptions {
  maxMessages: number
  waitMs: number
  visibilitySeconds?: number
  signal?: AbortSignal
}

export interface SentMessage {
  messageId: string
  sequenceNumber: string | undefined
}

/** The queues themselves, without the protocol. */
export class QueueService {
  readonly store: QueueStore
  readonly clock: Clock
  readonly moves: MoveTasks
  readonly #deletedMs = new Map<string, number>()
  readonly #queues = new Map<string, Queue>()
  readonly #wakeListeners = new Set<(queueArn: string) => void>()

  constructor(dataDir: string, clock: Clock) {
    this.clock = clock
    this.store = new QueueStore(dataDir)
    for (const row of this.store.queues()) this.#add(row.settings, row.createdMs, row.modifiedMs)
    this.moves = new MoveTasks(this)
  }

  close(): void {
    this.moves.close()
    for (const queue of this.#queues.values()) queue.pollers.close()
    this.store.close()
  }

  /** Creates the queue, or gives an existing one these settings; its messages stay. */
  createQueue(properties: QueueProperties): Queue {
    const settings = readQueueSettings(properties)
    this.#checkRedrive(settings)
    const existing = this.#queues.get(settings.name)
    settings.policy = existing?.settings.policy
    return this.#save(settings)
  }

  /**
   * CreateQueue: the same name with the same attributes is the same queue.
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
   */
  createByCall(
    name: string,
    attributes: Record<string, string>,
    tags: Record<string, string>,
  ): Queue {
    const fifo = attributes['FifoQueue'] ?? 'false'
    const byDefault = { ...readQueueSettings({ name, FifoQueue: fifo }), tags }
    const settings = changeSettings(byDefault, attributes)
    const existing = this.#queues.get(name)
    if (existing !== undefined) {
      const present = settingsAsAttributes(existing.settings)
      const asked = settingsAsAttributes(settings)
      const other = Object.keys(attributes).find((key) => asked[key] !== present[key])
      if (other === undefined) return existing
      throw new AwsError(
        'QueueNameExists',
        `A queue already exists with the same name and a different value for attribute ${other}`,
      )
    }
    const deletedMs = this.#deletedMs.get(name)
    if (deletedMs !== undefined && this.clock.now() - deletedMs < NAME_REST_MS) {
      throw new AwsError(
        'QueueDeletedRecently',
        'You must wait 60 seconds after deleting a queue before you can create another with the same name.',
      )
    }
    this.#checkRedrive(settings)
    return this.#save(settings)
  }

  changeAttributes(queue: Queue, attributes: Record<string, string>): void {
    const settings = changeSettings(queue.settings, attributes)
    if (attributes['RedrivePolicy'] !== undefined) this.#checkRedrive(settings)
    // "For FIFO queues, the per-queue delay setting is retroactive"; for standard queues it is not.
    // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
    if (settings.fifo && settings.delaySeconds !== queue.settings.delaySeconds) {
      this.store.redelay(settings.name, settings.delaySeconds * 1000)
    }
    this.#save(settings)
    this.wake(queue)
  }

  setTags(queue: Queue, tags: Record<string, string>): void {
    this.#save({ ...queue.settings, tags })
  }

  deleteQueue(queue: Queue): void {
    const { name } = queue.settings
    this.store.transaction(() => this.store.deleteQueue(name, queue.arn))
    this.#queues.delete(name)
    this.#deletedMs.set(name, this.clock.now())
    queue.pollers.close()
  }

  setPolicy(arn: string, policy: PolicyDocument | undefined): void {
    this.#save({ ...this.byName(queueName(arn)).settings, policy })
  }

  find(name: string): Queue | undefined {
    return this.#queues.get(name)
  }

  byName(name: string): Queue {
    const queue = this.#queues.get(name)
    if (queue === undefined) {
      throw new AwsError('QueueDoesNotExist', 'The specified queue does not exist.')
    }
    return queue
  }

  all(): Queue[] {
    return [...this.#queues.values()]
  }

  deadLetterSources(arn: string): Queue[] {
    return this.all().filter(({ settings }) => settings.redrive?.deadLetterTargetArn === arn)
  }

  send(queue: Queue, message: AcceptedMessage, principalArn: string): SentMessage {
    const { settings } = queue
    const nowMs = this.clock.now()
    const id = randomUUID()
    const insert = (): number =>
      this.store.insert({
        queue: settings.name,
        id,
        visibleMs: nowMs + message.delaySeconds * 1000,
        nowMs,
        groupId: message.groupId,
        deduplicationId: message.deduplicationId,
        senderId: senderId(principalArn),
        attributes: JSON.stringify(message.attributes),
        systemAttributes: JSON.stringify(message.systemAttributes),
        body: message.body,
      })
    if (!settings.fifo) {
      insert()
      this.wake(queue)
      return { messageId: id, sequenceNumber: undefined }
    }
    const key = `${settings.deduplicationScope === 'messageGroup' ? message.groupId : ''} ${message.deduplicationId}`
    const sent = this.store.transaction(() => {
      const sinceMs = nowMs - DEDUPLICATION_MS
      const earlier = this.store.findDuplicate(settings.name, key, sinceMs)
      if (earlier !== undefined) return earlier
      const seq = insert()
      this.store.forgetDuplicates(settings.name, sinceMs)
      this.store.rememberDuplicate(settings.name, key, nowMs, id, seq)
      return { id, seq }
    })
    this.wake(queue)
    return { messageId: sent.id, sequenceNumber: sequenceNumber(sent.seq) }
  }

  async receive(queue: Queue, options: ReceiveOptions): Promise<SqsMessage[]> {
    const take = (): SqsMessage[] => {
      const deadLetterArn = queue.settings.redrive?.deadLetterTargetArn
      // Where the dead-letter queue has been deleted, messages stay and are received on.
      const deadLetterQueue =
        deadLetterArn === undefined ? undefined : this.find(queueName(deadLetterArn))
      const taken = takeMessages(this.store, {
        queue: queue.settings,
        queueArn: queue.arn,
        deadLetterQueue: deadLetterQueue?.settings,
        nowMs: this.clock.now(),
        maxMessages: options.maxMessages,
        visibilitySeconds: options.visibilitySeconds ?? queue.settings.visibilitySeconds,
      })
      if (taken.deadLetters > 0 && deadLetterQueue !== undefined) this.wake(deadLetterQueue)
      // "If you reach this quota by short polling, SQS returns OverLimit; by long polling, no error."
      if (taken.isFull && !queue.settings.fifo && options.waitMs === 0) {
        throw new AwsError('OverLimit', 'Too many messages in flight.', 403)
      }
      return taken.messages
    }
    return queue.pollers.wait(take, options.waitMs, options.signal)
  }

  /**
   * "You must provide the most recently received ReceiptHandle for the message (otherwise, the
   * request succeeds, but the message will not be deleted)."
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
   */
  deleteMessage(queue: Queue, receiptHandle: string): void {
    const message = this.#findByReceipt(queue, receiptHandle)
    if (message === undefined) return
    if (queue.settings.fifo && !this.store.isHeld(message, this.clock.now())) {
      throw invalidValue(
        `Value ${receiptHandle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.`,
      )
    }
    this.store.delete(message.seq)
    // The next message of a FIFO group may have waited for this one.
    if (queue.settings.fifo) this.wake(queue)
  }

  changeVisibility(queue: Queue, receiptHandle: string, visibilitySeconds: number): void {
    checkRange('VisibilityTimeout', visibilitySeconds, 0, LONGEST_VISIBILITY_SECONDS)
    const message = this.#findByReceipt(queue, receiptHandle)
    const nowMs = this.clock.now()
    if (message === undefined) {
      throw invalidValue(
        `Value ${receiptHandle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.`,
      )
    }
    if (!this.store.isHeld(message, nowMs)) {
      throw new AwsError('MessageNotInflight', 'The specified message is not in flight.')
    }
    const visibleMs = nowMs + visibilitySeconds * 1000
    if (visibleMs > (message.received_ms ?? nowMs) + LONGEST_VISIBILITY_SECONDS * 1000) {
      throw invalidValue(
        `Value ${visibilitySeconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [${LONGEST_VISIBILITY_SECONDS} seconds].`,
      )
    }
    this.store.setVisible(message.seq, visibleMs)
    this.wake(queue)
  }

  counts(queue: Queue): QueueCounts {
    const nowMs = this.clock.now()
    const { name, retentionSeconds } = queue.settings
    this.store.deleteRetainedUntil(name, nowMs - retentionSeconds * 1000)
    this.store.release(name, nowMs)
    return this.store.counts(name)
  }

  purge(queue: Queue): void {
    const nowMs = this.clock.now()
    if (queue.purgedMs !== undefined && nowMs - queue.purgedMs < 60_000) {
      throw new AwsError(
        'PurgeQueueInProgress',
        `Only one PurgeQueue operation on ${queue.settings.name} is allowed every 60 seconds.`,
        403,
      )
    }
    this.store.purge(queue.settings.name)
    queue.purgedMs = nowMs
  }

  onWake(listener: (queueArn: string) => void): () => void {
    this.#wakeListeners.add(listener)
    return () => this.#wakeListeners.delete(listener)
  }

  /** Tells those who wait that something may be there. */
  wake(queue: Queue): void {
    queue.pollers.wake()
    for (const listener of this.#wakeListeners) listener(queue.arn)
  }

  #checkRedrive(settings: QueueSettings): void {
    const { redrive } = settings
    if (redrive === undefined) return
    const target = this.find(queueName(redrive.deadLetterTargetArn))
    if (target === undefined) {
      throw refused('RedrivePolicy', redrive, 'Dead letter target does not exist.')
    }
    if (target.settings.fifo !== settings.fifo) {
      throw refused(
        'RedrivePolicy',
        redrive,
        'Dead-letter queue must be same type of queue as the source.',
      )
    }
    if (!allowsSource(target.settings.redriveAllow, queueArn(settings.name))) {
      throw refused(
        'RedrivePolicy',
        redrive,
        'Dead letter target does not allow this source queue.',
      )
    }
  }

  #findByReceipt(queue: Queue, receiptHandle: string): StoredMessage | undefined {
    const handle = readReceiptHandle(queue.settings.name, receiptHandle)
    const message = this.store.find(handle.seq)
    return message?.receipt === handle.receipt && message.queue === handle.queue
      ? message
      : undefined
  }

  #save(settings: QueueSettings): Queue {
    const nowMs = this.clock.now()
    this.store.saveQueue(settings, nowMs)
    const existing = this.#queues.get(settings.name)
    if (existing === undefined) return this.#add(settings, nowMs, nowMs)
    existing.settings = settings
    existing.modifiedMs = nowMs
    return existing
  }

  #add(settings: QueueSettings, createdMs: number, modifiedMs: number): Queue {
    const queue: Queue = {
      settings,
      arn: queueArn(settings.name),
      createdMs,
      modifiedMs,
      pollers: new Pollers(this.clock, () => this.store.nextVisibleMs(settings.name)),
      purgedMs: undefined,
    }
    this.#queues.set(settings.name, queue)
    return queue
  }
}

export function queueArn(name: string): string {
  return `arn:aws:sqs:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:${name}`
}

export function queueName(arn: string): string {
  return arn.startsWith(queueArn('')) ? arn.slice(queueArn('').length) : ''
}

/** The stable id of a principal, as `SenderId` shows it; never its key. */
function senderId(principalArn: string): string {
  return `AIDA${createHash('sha256').update(principalArn).digest('hex').slice(0, 17).toUpperCase()}`
}
