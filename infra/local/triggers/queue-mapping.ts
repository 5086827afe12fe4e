/**
 * An event source mapping: long polls a standard queue and invokes a function with batches.
 *
 * Rules: the checks of AWS at creation; batches with a window, invoked when it ends, BatchSize is
 * reached or the payload is; messages that no filter lets through are deleted; at most
 * MaximumConcurrency batches at a time; messages that were dealt with are deleted, the others stay
 * invisible until the queue's visibility timeout ends (never made visible early); a throttled batch
 * is tried again with growing pauses until then; a message at the end of its chain of requests is
 * refused until the queue moves it to its dead letters, which is the queue's own business.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 *
 * Known gaps: no FIFO queues, no provisioned pollers (each an error when loaded); no growth of
 * concurrency and no shrinking of it after failures. Nothing on disk.
 */
import type { Clock } from '../clock.ts'
import { AwsError } from '../engine.ts'
import {
  type FunctionInvoker,
  type InvokeResult,
  isRecursion,
  isThrottle,
} from '../lambda/invocation.ts'
import { mergeTraceHeaders } from '../lambda/lineage.ts'
import type { QueueMessage, QueueReceiver } from '../sqs/queue-port.ts'
import { type DeliveryFaults, noFaults, takeFault } from './delivery-faults.ts'
import { createPauses } from './pauses.ts'
import { queueEvent, sizeOf, splitBySize, succeeded } from './queue-batch.ts'
import { type QueueMappingProperties, readMappingSettings } from './queue-mapping-settings.ts'

/** A receive of SQS waits no longer and gives no more. */
const LONGEST_POLL_MS = 20_000
const RECEIVE_LIMIT = 10
/** Leaves room in Lambda's 6 MiB for what an event adds to its messages. */
const EVENT_LIMIT_BYTES = 5.5 * 1024 * 1024
const FIRST_THROTTLE_PAUSE_MS = 100
const LONGEST_THROTTLE_PAUSE_MS = 5000
/** After a receive that failed. */
const RECEIVE_AGAIN_MS = 1000

interface QueueMappingFaults extends DeliveryFaults {
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
  /** What keeps the mapping from its work. Its messages come back with their visibility timeout. */
  onFailure?: (failure: unknown) => void
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
  clockMoved(): void
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
  const report = options.onFailure ?? reporterFor(functionName)
  const closing = new AbortController()
  const { signal } = closing
  const pauses = createPauses(clock)
  const faults: QueueMappingFaults = { ...noFaults(), shuffle: false }
  const stats: QueueMappingStats = { inFlight: 0, batches: 0, failedBatches: 0, throttles: 0 }
  let slotFreed: (() => void) | undefined

  const receive = (maxMessages: number, waitMs: number) =>
    sqs.receive(queueArn, {
      maxMessages: Math.min(maxMessages, RECEIVE_LIMIT),
      waitMs: Math.min(waitMs, LONGEST_POLL_MS),
      signal,
    })

  /** Deletes what no filter lets through: "Lambda … deletes the message from the queue". */
  const filtered = async (messages: QueueMessage[]): Promise<QueueMessage[]> => {
    const passing = messages.filter((message) => {
      const [record] = queueEvent(queueArn, [message]).Records
      return record !== undefined && settings.passes(record)
    })
    await remove(messages.filter((message) => !passing.includes(message)))
    return passing
  }

  const receiveBatch = async (): Promise<QueueMessage[]> => {
    const batch = await filtered(await receive(batchSize, LONGEST_POLL_MS))
    if (batch.length === 0) return batch
    const untilMs = clock.now() + windowMs
    let bytes = batch.reduce((sum, message) => sum + sizeOf(message), 0)
    while (batch.length < batchSize && bytes < EVENT_LIMIT_BYTES && !signal.aborted) {
      const leftMs = untilMs - clock.now()
      if (leftMs <= 0) break
      const more = await filtered(await receive(batchSize - batch.length, leftMs))
      bytes += more.reduce((sum, message) => sum + sizeOf(message), 0)
      batch.push(...more)
    }
    return batch
  }

  const remove = async (messages: QueueMessage[]): Promise<void> => {
    for (let start = 0; start < messages.length; start += RECEIVE_LIMIT) {
      const handles = messages.slice(start, start + RECEIVE_LIMIT).map((it) => it.receiptHandle)
      await sqs.deleteBatch(queueArn, handles)
    }
  }

  /** Undefined when it was refused, or not let in before the messages are visible again. */
  const invokeUnlessThrottled = async (
    messages: QueueMessage[],
    visibleAgainMs: number,
  ): Promise<InvokeResult | undefined> => {
    const event = queueEvent(queueArn, messages)
    const traceHeader = mergeTraceHeaders(
      messages.map(({ attributes }) => attributes['AWSTraceHeader']),
    )
    let pauseMs = FIRST_THROTTLE_PAUSE_MS
    while (!signal.aborted) {
      try {
        return await lambda.invoke(functionName, event, { traceHeader })
      } catch (error) {
        if (!(error instanceof AwsError) || isRecursion(error)) throw error
        // Refused for good: the messages come back when their visibility timeout ends.
        if (!isThrottle(error)) return undefined
      }
      stats.throttles++
      if (clock.now() + pauseMs >= visibleAgainMs) return undefined
      await pauses.pause(pauseMs)
      pauseMs = Math.min(pauseMs * 2, LONGEST_THROTTLE_PAUSE_MS)
    }
    return undefined
  }

  const handleBatch = async (messages: QueueMessage[], visibleAgainMs: number): Promise<void> => {
    const fault = takeFault(faults)
    if (faults.delayMs > 0) await pauses.pause(faults.delayMs)
    if (fault === 'drop') return await remove(messages)
    const handedOver = faults.shuffle ? shuffled(messages, random) : messages
    stats.batches++
    const [result] = await Promise.all([
      invokeUnlessThrottled(handedOver, visibleAgainMs),
      // What the duplicate answers means nothing for the messages.
      fault === 'duplicate' ? invokeUnlessThrottled(handedOver, visibleAgainMs) : undefined,
    ])
    if (signal.aborted) return
    const done = result ? succeeded(messages, result, settings.reportsItemFailures) : []
    if (done.length < messages.length) stats.failedBatches++
    await remove(done)
  }

  const handleUnlessRecursive = async (
    messages: QueueMessage[],
    visibleAgainMs: number,
  ): Promise<void> => {
    try {
      await handleBatch(messages, visibleAgainMs)
    } catch (error) {
      if (!isRecursion(error)) throw error
      // A message at the end of its chain must not keep the others of its batch from the function.
      if (messages.length === 1) stats.failedBatches++
      else for (const message of messages) await handleUnlessRecursive([message], visibleAgainMs)
    }
  }

  /** Never rejects: nobody waits for it. */
  const dispatch = async (batch: QueueMessage[]): Promise<void> => {
    const visibleAgainMs = clock.now() + settings.visibilityMs
    stats.inFlight++
    try {
      for (const part of splitBySize(batch, EVENT_LIMIT_BYTES)) {
        await handleUnlessRecursive(part, visibleAgainMs)
      }
    } catch (error) {
      // The messages come back when their visibility timeout ends.
      stats.failedBatches++
      if (!signal.aborted) report(error)
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
      try {
        const batch = await receiveBatch()
        if (batch.length > 0 && !signal.aborted) void dispatch(batch)
      } catch (error) {
        // What was received comes back with its visibility timeout; the queue is asked again soon.
        if (!signal.aborted) report(error)
        await pauses.pause(RECEIVE_AGAIN_MS)
      }
    }
  }

  const polling = settings.enabled ? poll() : Promise.resolve()
  return {
    faults,
    stats: () => ({ ...stats }),
    clockMoved: () => pauses.clockMoved(),
    close: async () => {
      closing.abort()
      pauses.close()
      slotFreed?.()
      await polling
    },
  }
}

export const reporterFor = (functionName: string) => (failure: unknown) => {
  process.stderr.write(`mapping of ${functionName}: ${String(failure)}\n`)
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
