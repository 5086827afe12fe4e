/**
 * Events in the form in which S3 sends them to EventBridge,
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 * An event is a row of the outbox, written in the transaction that changes the object, and leaves it
 * when the listener has resolved: delivery is at least once and unordered, as S3's is.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import type { MetadataDatabase } from './metadata-database.ts'

export interface S3ObjectEvent {
  version: '0'
  id: string
  'detail-type': 'Object Created' | 'Object Deleted' | 'Object Tags Added'
  source: 'aws.s3'
  account: string
  time: string
  region: string
  resources: string[]
  detail: {
    version: '0'
    bucket: { name: string }
    object: { key: string; size?: number; etag?: string; sequencer?: string }
    'request-id': string
    requester: string
    'source-ip-address'?: string
    reason?: string
    'deletion-type'?: 'Permanently Deleted'
  }
}

export type ObjectEventListener = (event: S3ObjectEvent) => Promise<void>

/** Misbehaviour on demand. */
export interface EventFaults {
  /** Delivers each of the next n events twice. */
  duplicateNext: number
  /** Loses the next n events. */
  dropNext: number
  /** Holds each new event back for so long by the clock. */
  delayMs: number
}

export interface EventFacts {
  type: S3ObjectEvent['detail-type']
  bucket: string
  key: string
  sizeBytes?: number
  etag?: string
  reason?: string
  requestId: string
  requester: string
  sourceIp?: string | undefined
}

const MAX_IN_FLIGHT = 16
const FIRST_RETRY_MS = 200
const MAX_RETRY_MS = 30_000
/** How soon an event held back, or due again after a failure, is noticed. */
const POLL_MS = 250

export class ObjectEvents {
  readonly faults: EventFaults = { duplicateNext: 0, dropNext: 0, delayMs: 0 }
  readonly #database: MetadataDatabase
  readonly #clock: Clock
  readonly #listeners: ObjectEventListener[] = []
  readonly #inFlight = new Map<number, Promise<void>>()
  readonly #statements
  #wakeScheduled = false
  #poll: NodeJS.Timeout | undefined
  #closed = false

  constructor(database: MetadataDatabase, clock: Clock) {
    this.#database = database
    this.#clock = clock
    this.#statements = {
      nextSequence: database.prepare('UPDATE sequence SET value = value + 1 RETURNING value'),
      insert: database.prepare('INSERT INTO outbox (due_ms, event) VALUES (?, ?)'),
      due: database.prepare('SELECT * FROM outbox WHERE due_ms <= ? ORDER BY due_ms, id LIMIT ?'),
      waiting: database.prepare('SELECT 1 FROM outbox LIMIT 1'),
      retry: database.prepare('UPDATE outbox SET due_ms = ?, attempts = attempts + 1 WHERE id = ?'),
      delivered: database.prepare('DELETE FROM outbox WHERE id = ?'),
    }
  }

  /** Writes the event into the outbox; call it inside the write that it reports, and `wake` after that. */
  record(facts: EventFacts): void {
    if (this.faults.dropNext > 0) {
      this.faults.dropNext -= 1
      return
    }
    const event = JSON.stringify(this.#compose(facts))
    const dueMs = this.#clock.now() + this.faults.delayMs
    this.#statements.insert.run(dueMs, event)
    if (this.faults.duplicateNext > 0) {
      this.faults.duplicateNext -= 1
      this.#statements.insert.run(dueMs, event)
    }
  }

  onEvent(listener: ObjectEventListener): void {
    this.#listeners.push(listener)
    this.wake()
  }

  /** Delivers what is due, soon. */
  wake(): void {
    if (this.#wakeScheduled || this.#closed || this.#listeners.length === 0) return
    this.#wakeScheduled = true
    setImmediate(() => {
      this.#wakeScheduled = false
      this.#deliverDue()
    })
  }

  /** Resolves when everything that is due has been offered to the listener. */
  async flush(): Promise<void> {
    do {
      this.#deliverDue()
      await Promise.all(this.#inFlight.values())
    } while (this.#isAnythingDue())
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#poll)
    await Promise.all(this.#inFlight.values())
  }

  #isAnythingDue(): boolean {
    if (this.#closed || this.#listeners.length === 0) return false
    return this.#statements.due.get(this.#clock.now(), 1) !== undefined
  }

  #deliverDue(): void {
    if (this.#closed || this.#listeners.length === 0) return
    const limit = MAX_IN_FLIGHT + this.#inFlight.size
    for (const row of this.#statements.due.all(this.#clock.now(), limit)) {
      const id = Number(row['id'])
      if (this.#inFlight.has(id) || this.#inFlight.size >= MAX_IN_FLIGHT) continue
      const delivery = this.#deliver(id, String(row['event']), Number(row['attempts']))
        // The outbox could not be written: the row is as it was, so the event is offered again.
        .catch(() => undefined)
        .finally(() => {
          this.#inFlight.delete(id)
          this.wake()
        })
      this.#inFlight.set(id, delivery)
    }
    this.#watchForLaterEvents()
  }

  async #deliver(id: number, event: string, attempts: number): Promise<void> {
    try {
      await Promise.all(this.#listeners.map((listener) => listener(JSON.parse(event))))
    } catch {
      // A listener that fails gets the event again, later and later: S3 retries for 24 hours.
      const retryMs = Math.min(FIRST_RETRY_MS * 2 ** attempts, MAX_RETRY_MS)
      await this.#database.write(() => this.#statements.retry.run(this.#clock.now() + retryMs, id))
      return
    }
    await this.#database.write(() => this.#statements.delivered.run(id))
  }

  #watchForLaterEvents(): void {
    clearTimeout(this.#poll)
    if (this.#statements.waiting.get() === undefined) return
    this.#poll = setTimeout(() => this.#deliverDue(), POLL_MS)
    this.#poll.unref()
  }

  #compose(facts: EventFacts): S3ObjectEvent {
    const { type } = facts
    const sequence = Number(this.#statements.nextSequence.get()?.['value'])
    return {
      version: '0',
      id: randomUUID(),
      'detail-type': type,
      source: 'aws.s3',
      account: LOCAL_ACCOUNT_ID,
      time: new Date(this.#clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
      region: LOCAL_REGION,
      resources: [`arn:aws:s3:::${facts.bucket}`],
      detail: {
        version: '0',
        bucket: { name: facts.bucket },
        object: {
          key: facts.key,
          ...(type === 'Object Created' && { size: facts.sizeBytes ?? 0 }),
          ...(type !== 'Object Deleted' && { etag: facts.etag ?? '' }),
          ...(type !== 'Object Tags Added' && { sequencer: sequencer(sequence) }),
        },
        'request-id': facts.requestId,
        requester: facts.requester,
        ...(facts.sourceIp !== undefined && { 'source-ip-address': facts.sourceIp }),
        ...(facts.reason !== undefined && { reason: facts.reason }),
        ...(type === 'Object Deleted' && { 'deletion-type': 'Permanently Deleted' as const }),
      },
    }
  }
}

/** Hexadecimal; of two events of one key the later has the greater string when both have one length. */
function sequencer(sequence: number): string {
  return sequence.toString(16).toUpperCase().padStart(18, '0')
}
