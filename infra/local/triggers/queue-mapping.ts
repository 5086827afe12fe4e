/**
 * An event source mapping: long polls a standard queue and invokes a function with batches.
 *
 * Rules: the checks of AWS at creation; batches with a window; at most MaximumConcurrency batches
 * at a time; messages that were dealt with are deleted, the others stay invisible until the queue's
 * visibility timeout ends (never made visible early); a throttled batch is tried again with growing
 * pauses until then; dead letters are the queue's own business.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 *
 * Known gaps: no FIFO queues, no filters, no provisioned pollers (each an error when loaded); no
 * growth of concurrency and no shrinking of it after failures. Nothing on disk.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import { AwsError } from '../engine.ts'
import { type FunctionInvoker, type InvokeResult, isThrottle } from '../lambda/invocation.ts'
import type { QueueMessage, QueueReceiver } from '../sqs/queue-port.ts'
import { queueEvent, splitBySize, succeeded } from './queue-batch.ts'
import { type QueueMappingProperties, readMappingSettings } from './queue-mapping-settings.ts'

/** A receive of SQS waits no longer and gives no more. */
const LONGEST_POLL_MS = 20_000
const RECEIVE_LIMIT = 10
/** Leaves room in Lambda's 6 MiB for what an event adds to its messages. */
const EVENT_LIMIT_BYTES = 5.5 * 1024 * 1024
const FIRST_THROTTLE_PAUSE_MS = 100
const LONGEST_THROTTLE_PAUSE_MS = 5000

/** Misbehaviour that SQS allows itself, on demand. */
export interface QueueMappingFaults {
  /** So many of the next batches reach the function a second time, at the same moment. */
  duplicateNext: number
  /** Hands the messages of each batch over in another order. */
  shuffle: boolean
}

export interface QueueMappingOptions {
  sqs: QueueReceiver
  lambda: FunctionInvoker
  clock: Clock
  mapping: QueueMappingProperties
  functionTimeoutSeconds: number
  /** Order of `shuffle`; a test gives its own. */
  random?: () => number
}

export interface QueueMappingStats {
  /** Batches that functions work on now. */
  inFlight: number
  batches: number
  failedBatches: number
  throttles: number
}

export interface QueueMapping {
  faults: QueueMappingFaults
  stats(): QueueMappingStats
  /** Ends the polling; a batch in flight is left to the visibility timeout. */
  close(): Promise<void>
}

export function startQueueMapping(options: QueueMappingOptions): QueueMapping {
  const { sqs, lambda, clock, mapping, random = Math.random } = options
  const settings = readMappingSettings(
    mapping,
    sqs.visibilitySeconds(mapping.EventSourceArn),
    options.functionTimeoutSeconds,
  )
  const { queueArn, functionName, batchSize, windowMs, concurrency } = settings
  const closing = new AbortController()
  const { signal } = closing
  const faults: QueueMappingFaults = { duplicateNext: 0, shuffle: false }
  const stats: QueueMappingStats = { inFlight: 0, batches: 0, failedBatches: 0, throttles: 0 }
  let slotFreed: (() => void) | undefined

  const receiveBatch = async (): Promise<QueueMessage[]> => {
    const receive = (maxMessages: number, waitMs: number) =>
      sqs.receive(queueArn, { maxMessages: Math.min(maxMessages, RECEIVE_LIMIT), waitMs, signal })
    const batch = await receive(batchSize, LONGEST_POLL_MS)
    if (batch.length === 0) return batch
    const untilMs = performance.now() + windowMs
    for (
      let leftMs = windowMs;
      leftMs > 0 && !signal.aborted;
      leftMs = untilMs - performance.now()
    ) {
      if (batch.length >= batchSize) break
      batch.push(...(await receive(batchSize - batch.length, Math.min(leftMs, LONGEST_POLL_MS))))
    }
    return batch
  }

  /** Undefined when it was refused, or not let in before the messages are visible again. */
  const invokeUnlessThrottled = async (
    event: object,
    visibleAgainMs: number,
  ): Promise<InvokeResult | undefined> => {
    let pauseMs = FIRST_THROTTLE_PAUSE_MS
    while (!signal.aborted) {
      try {
        return await lambda.invoke(functionName, event)
      } catch (error) {
        if (!(error instanceof AwsError)) throw error
        // Refused for good: the messages come back when their visibility timeout ends.
        if (!isThrottle(error)) return undefined
      }
      stats.throttles++
      if (clock.now() + pauseMs >= visibleAgainMs) return undefined
      // An aborted pause ends the loop by its condition.
      await sleep(pauseMs, undefined, { signal }).catch(() => {})
      pauseMs = Math.min(pauseMs * 2, LONGEST_THROTTLE_PAUSE_MS)
    }
    return undefined
  }

  const handleBatch = async (messages: QueueMessage[], visibleAgainMs: number): Promise<void> => {
    const event = queueEvent(queueArn, faults.shuffle ? shuffled(messages, random) : messages)
    stats.batches++
    const duplicate = faults.duplicateNext > 0
    if (duplicate) faults.duplicateNext--
    const [result] = await Promise.all([
      invokeUnlessThrottled(event, visibleAgainMs),
      // What the duplicate answers means nothing for the messages.
      duplicate ? invokeUnlessThrottled(event, visibleAgainMs) : undefined,
    ])
    if (signal.aborted) return
    const done = result ? succeeded(messages, result, settings.reportsItemFailures) : []
    if (done.length < messages.length) stats.failedBatches++
    for (let start = 0; start < done.length; start += RECEIVE_LIMIT) {
      const handles = done
        .slice(start, start + RECEIVE_LIMIT)
        .map((message) => message.receiptHandle)
      await sqs.deleteBatch(queueArn, handles)
    }
  }

  const dispatch = async (batch: QueueMessage[]): Promise<void> => {
    const visibleAgainMs = clock.now() + settings.visibilityMs
    stats.inFlight++
    try {
      for (const part of splitBySize(batch, EVENT_LIMIT_BYTES)) {
        await handleBatch(part, visibleAgainMs)
      }
    } finally {
      stats.inFlight--
      slotFreed?.()
    }
  }

  const poll = async (): Promise<void> => {
    while (!signal.aborted) {
      if (stats.inFlight >= concurrency) {
        const { promise, resolve } = Promise.withResolvers<void>()
        slotFreed = resolve
        await promise
        continue
      }
      const batch = await receiveBatch()
      if (batch.length > 0 && !signal.aborted) void dispatch(batch)
    }
  }

  const polling = settings.enabled ? poll() : Promise.resolve()
  return {
    faults,
    stats: () => ({ ...stats }),
    close: async () => {
      closing.abort()
      slotFreed?.()
      await polling
    },
  }
}

function shuffled<T>(items: T[], random: () => number): T[] {
  const result = [...items]
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const [a, b] = [result[last], result[other]]
    if (a !== undefined && b !== undefined) [result[last], result[other]] = [b, a]
  }
  return result
}
