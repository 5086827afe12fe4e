/**
 * An event source mapping of a DynamoDB stream: reads four times a second, in order, and invokes a
 * function with batches.
 *
 * Rules: filters, BatchSize, window and 6 MB; a failed batch holds up those behind it and is tried
 * again with growing pauses, in halves when it bisects (which is no retry), from the first failed
 * record on when it reports item failures; what exceeds MaximumRetryAttempts or MaximumRecordAge
 * goes to the failure destination by its place in the stream; throttles count for nothing; with a
 * ParallelizationFactor the changes of one item stay in order. The checkpoint survives `kill -9`;
 * what was under way then comes again.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 *
 * Known gaps: no tumbling windows (an error when loaded); one shard; a record's age counts from when
 * it was first read; lanes of a ParallelizationFactor wait for each other after each read.
 *
 * On disk: `<dataDir>/streams.db`.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { StreamEventRecord, TableStream } from '../dynamodb/table-stream.ts'
import { AwsError } from '../engine.ts'
import { type FunctionInvoker, type InvokeResult, isThrottle } from '../lambda/invocation.ts'
import type { QueueSender } from '../sqs/queue-port.ts'
import { failedItems } from './batch-response.ts'
import { type DeliveryFaults, noFaults, takeFault } from './delivery-faults.ts'
import { createPauses } from './pauses.ts'
import { splitBySize } from './queue-batch.ts'
import { reporterFor } from './queue-mapping.ts'
import type { StreamCheckpoints } from './stream-checkpoints.ts'
import { discardLetter, type StreamDiscard } from './stream-discard.ts'
import {
  readStreamMappingSettings,
  type StreamMappingProperties,
} from './stream-mapping-settings.ts'

/** "Lambda polls shards … at a base rate of 4 times per second." */
const POLL_MS = 250
/** GetRecords gives no more. */
const READ_LIMIT = 1000
const EVENT_LIMIT_BYTES = 5.5 * 1024 * 1024
/** Lambda does not say how it backs off; the first retry is soon and the pauses stay bearable. */
const FIRST_RETRY_PAUSE_MS = 1000
const LONGEST_RETRY_PAUSE_MS = 60_000

export interface StreamMappingOptions {
  stream: Pick<TableStream, 'streamArn' | 'latest' | 'read'>
  lambda: FunctionInvoker
  queues: QueueSender
  clock: Clock
  checkpoints: StreamCheckpoints
  mapping: StreamMappingProperties
  /** What keeps the mapping from its work; it tries again. */
  onFailure?: (failure: unknown) => void
}

export interface StreamMappingStats {
  batches: number
  failedBatches: number
  throttles: number
  /** Records given up. */
  discarded: number
}

export interface StreamMapping {
  faults: DeliveryFaults
  stats(): StreamMappingStats
  clockMoved(): void
  /** Ends the reading; a batch in flight comes again after the next start. */
  close(): Promise<void>
}

interface Entry {
  record: StreamEventRecord
  readAtMs: number
  done: boolean
}

export function startStreamMapping(options: StreamMappingOptions): StreamMapping {
  const { stream, lambda, queues, clock, checkpoints } = options
  const settings = readStreamMappingSettings(options.mapping)
  const { functionName, batchSize, lanes } = settings
  const report = options.onFailure ?? reporterFor(functionName)
  const pauses = createPauses(clock)
  const faults = noFaults()
  const stats: StreamMappingStats = { batches: 0, failedBatches: 0, throttles: 0, discarded: 0 }
  const closing = new AbortController()
  const { signal } = closing

  let savedPosition: string | undefined
  const savePosition = (position: string) => {
    if (position !== savedPosition) checkpoints.save(stream.streamArn, functionName, position)
    savedPosition = position
  }

  const firstPosition = async (): Promise<string | undefined> => {
    const saved = checkpoints.find(stream.streamArn, functionName)
    if (saved !== undefined || !settings.startsAtLatest) return saved
    const latest = await stream.latest()
    savePosition(latest)
    return latest
  }

  /** What is there, or what comes within the window that begins with the first record that passes. */
  const gather = async (
    after: string | undefined,
  ): Promise<{ entries: Entry[]; position: string | undefined }> => {
    const entries: Entry[] = []
    const limit = Math.min(READ_LIMIT, batchSize * lanes)
    let position = after
    let untilMs: number | undefined
    for (;;) {
      const page = await stream.read(position, limit)
      position = page.position
      for (const record of page.records) {
        entries.push({ record, readAtMs: clock.now(), done: !settings.passes({ ...record }) })
      }
      const passing = entries.filter(({ done }) => !done).length
      if (passing > 0) untilMs ??= clock.now() + settings.windowMs
      const isFull = passing >= batchSize * lanes
      if (signal.aborted || isFull || untilMs === undefined || clock.now() >= untilMs) break
      await pauses.pause(Math.min(POLL_MS, untilMs - clock.now()))
    }
    return { entries, position }
  }

  const work = async (entries: Entry[], position: string | undefined): Promise<void> => {
    const waiting = entries.filter(({ done }) => !done)
    const advance = () => {
      const first = entries.findIndex(({ done }) => !done)
      const reached = first < 0 ? position : entries[first - 1]?.record.dynamodb.SequenceNumber
      if (reached !== undefined) savePosition(reached)
    }
    if (waiting.length === 0) return advance()
    await Promise.all(
      splitIntoLanes(waiting, lanes).map(async (lane) => {
        for (let start = 0; start < lane.length; start += batchSize) {
          const batch = lane.slice(start, start + batchSize)
          for (const part of splitBySize(batch, EVENT_LIMIT_BYTES)) {
            await handle(part, { failures: 0, invocations: 0 }, advance)
          }
        }
      }),
    )
  }

  const finish = (entries: Entry[], advance: () => void) => {
    for (const entry of entries) entry.done = true
    advance()
  }

  const discard = async (entries: Entry[], why: Omit<StreamDiscard, 'records'>): Promise<void> => {
    stats.discarded += entries.length
    if (settings.onFailureArn === undefined) return
    const letter = discardLetter(
      { ...why, records: entries.map(({ record }) => record) },
      { streamArn: stream.streamArn, functionName, nowMs: clock.now() },
    )
    try {
      await queues.send(settings.onFailureArn, JSON.stringify(letter))
    } catch (error) {
      // Lambda counts DestinationDeliveryFailures and goes on.
      report(error)
    }
  }

  const invoke = async (entries: Entry[]): Promise<InvokeResult | 'again' | undefined> => {
    const event = { Records: entries.map(({ record }) => record) }
    try {
      return await lambda.invoke(functionName, event, { signal })
    } catch (error) {
      if (!(error instanceof AwsError)) throw error
      if (isThrottle(error)) stats.throttles++
      return isThrottle(error) || error.status >= 500 ? 'again' : undefined
    }
  }

  /** Ends when every record is done or given up, or the mapping is closed. */
  const handle = async (
    batch: Entry[],
    sofar: { failures: number; invocations: number },
    advance: () => void,
  ): Promise<void> => {
    const fault = takeFault(faults)
    if (faults.delayMs > 0) await pauses.pause(faults.delayMs)
    if (fault === 'drop') return finish(batch, advance)
    let rest = batch
    let { failures, invocations } = sofar
    let result: InvokeResult | undefined
    for (let pauseMs = FIRST_RETRY_PAUSE_MS; !signal.aborted; ) {
      const young = rest.findIndex(({ readAtMs }) => clock.now() - readAtMs < settings.maximumAgeMs)
      const old = young < 0 ? rest : rest.slice(0, young)
      if (old.length > 0) {
        await discard(old, { condition: 'RecordAgeExceeded', invocations, result })
        finish(old, advance)
        rest = rest.slice(old.length)
        if (rest.length === 0) return
      }

      stats.batches++
      const answer = await invoke(rest)
      if (signal.aborted) return
      if (answer !== 'again') {
        result = answer
        invocations++
        const good = result ? succeededCount(rest, result, settings.reportsItemFailures) : 0
        finish(rest.slice(0, good), advance)
        if (good === rest.length) {
          if (fault === 'duplicate') await invoke(batch)
          return
        }
        stats.failedBatches++
        rest = rest.slice(good)
        if (settings.bisects && good === 0 && rest.length > 1) {
          const middle = Math.ceil(rest.length / 2)
          await handle(rest.slice(0, middle), { failures, invocations }, advance)
          await handle(rest.slice(middle), { failures, invocations }, advance)
          return
        }
        failures++
        if (failures > settings.maximumRetries) {
          await discard(rest, { condition: 'RetryAttemptsExhausted', invocations, result })
          return finish(rest, advance)
        }
      }
      await pauses.pause(pauseMs)
      pauseMs = Math.min(pauseMs * 2, LONGEST_RETRY_PAUSE_MS)
    }
  }

  const poll = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        let position = await firstPosition()
        while (!signal.aborted) {
          const { entries, position: next } = await gather(position)
          if (signal.aborted) return
          await work(entries, next)
          if (entries.length === 0) await pauses.pause(POLL_MS)
          position = next
        }
      } catch (error) {
        // Nothing is lost: the next round begins at the checkpoint.
        if (!signal.aborted) report(error)
        await pauses.pause(FIRST_RETRY_PAUSE_MS)
      }
    }
  }

  const polling = settings.enabled ? poll() : Promise.resolve()
  return {
    faults,
    stats: () => ({ ...stats }),
    clockMoved: () => pauses.clockMoved(),
    close: async () => {
      // Ends the waiting for a function that still runs.
      closing.abort()
      pauses.close()
      await polling
    },
  }
}

/** "Lambda still ensures in-order processing at the item (partition and sort key) level." */
function splitIntoLanes(entries: Entry[], count: number): Entry[][] {
  const lanes: Entry[][] = Array.from({ length: count }, () => [])
  for (const entry of entries) {
    const keys = Object.entries(entry.record.dynamodb.Keys).sort(([a], [b]) => (a < b ? -1 : 1))
    // A checksum would do for the text, but its low bits know too little of one changed letter.
    const hash = createHash('sha256').update(JSON.stringify(keys)).digest().readUInt32BE()
    lanes[hash % count]?.push(entry)
  }
  return lanes
}

/** How many records from the first on the function has dealt with. */
function succeededCount(
  entries: Entry[],
  result: InvokeResult,
  reportsItemFailures: boolean,
): number {
  if (result.functionError) return 0
  if (!reportsItemFailures) return entries.length
  const numbers = entries.map(({ record }) => record.dynamodb.SequenceNumber)
  const failed = failedItems(result.payload, new Set(numbers))
  if (!failed) return 0
  // "Lambda uses the lowest sequence number as the checkpoint."
  const first = numbers.findIndex((number) => failed.includes(number))
  return first < 0 ? entries.length : first
}
