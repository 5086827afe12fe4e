import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { inTransaction, openStateFile } from '../state-file.ts'
import type { QueueSettings } from './queue-settings.ts'

/** A message can be received, waits for its delay, or is held by a consumer. */
const READY = 0
const DELAYED = 1
const IN_FLIGHT = 2

const SCHEMA = `
CREATE TABLE IF NOT EXISTS queues (
  name TEXT PRIMARY KEY, settings TEXT NOT NULL, created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, state INTEGER NOT NULL,
  visible_ms INTEGER NOT NULL, group_id TEXT NOT NULL, deduplication_id TEXT, sender_id TEXT NOT NULL,
  sent_ms INTEGER NOT NULL, retained_from_ms INTEGER NOT NULL, first_received_ms INTEGER,
  received_ms INTEGER, receive_count INTEGER NOT NULL DEFAULT 0, receipt TEXT, source_arn TEXT,
  attributes TEXT NOT NULL, system_attributes TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ready ON messages (queue, group_id, seq) WHERE state = ${READY};
CREATE INDEX IF NOT EXISTS waiting ON messages (queue, visible_ms) WHERE state > ${READY};
CREATE INDEX IF NOT EXISTS in_flight ON messages (queue, group_id) WHERE state = ${IN_FLIGHT};
CREATE INDEX IF NOT EXISTS retention ON messages (queue, retained_from_ms);
CREATE TABLE IF NOT EXISTS deduplication (
  queue TEXT NOT NULL, key TEXT NOT NULL, sent_ms INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (queue, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS move_tasks (
  number INTEGER PRIMARY KEY AUTOINCREMENT, source_arn TEXT NOT NULL, started_ms INTEGER NOT NULL, task TEXT NOT NULL
);`

/** Settings that a file of an earlier release does not hold. */
const LATER_SETTINGS = { redriveAllow: undefined, tags: {} }

export interface StoredMessage {
  seq: number
  queue: string
  id: string
  state: number
  visible_ms: number
  group_id: string
  deduplication_id: string | null
  sender_id: string
  sent_ms: number
  first_received_ms: number | null
  received_ms: number | null
  receive_count: number
  receipt: string | null
  source_arn: string | null
  attributes: string
  system_attributes: string
  body: string
}

interface NewMessage {
  queue: string
  id: string
  visibleMs: number
  nowMs: number
  groupId: string
  deduplicationId: string | undefined
  senderId: string
  attributes: string
  systemAttributes: string
  body: string
}

export interface QueueCounts {
  available: number
  inFlight: number
  delayed: number
  oldestSentMs: number | null
}

/** What a move of dead letters was asked for and how far it is. */
export interface MoveTask {
  id: string
  status: 'RUNNING' | 'COMPLETED' | 'CANCELLED' | 'FAILED'
  sourceArn: string
  destinationArn: string | undefined
  messagesPerSecond: number | undefined
  toMove: number
  moved: number
  failureReason: string | undefined
  startedMs: number
}

export interface NumberedTask {
  number: number
  task: MoveTask
}

interface QueueRow {
  settings: QueueSettings
  createdMs: number
  modifiedMs: number
}

/** Every statement of `sqs.db`. */
export class QueueStore {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(dataDir: string) {
    this.#database = openStateFile(dataDir, 'sqs.db', SCHEMA)
  }

  close(): void {
    this.#database.close()
  }

  /** Inside another one it is part of that. */
  transaction<T>(work: () => T): T {
    return this.#database.isTransaction ? work() : inTransaction(this.#database, work)
  }

  saveQueue(settings: QueueSettings, nowMs: number): void {
    this.#sql(`INSERT INTO queues VALUES (?1, ?2, ?3, ?3)
      ON CONFLICT (name) DO UPDATE SET settings = ?2, modified_ms = ?3`).run(
      settings.name,
      JSON.stringify(settings),
      nowMs,
    )
  }

  queues(): QueueRow[] {
    const rows = this.#sql(
      'SELECT settings, created_ms, modified_ms FROM queues ORDER BY name',
    ).all()
    return rows.map((row) => ({
      settings: { ...LATER_SETTINGS, ...JSON.parse(String(row['settings'])) } as QueueSettings,
      createdMs: Number(row['created_ms']),
      modifiedMs: Number(row['modified_ms']),
    }))
  }

  /** The queue with all that it holds and what is known of its past. */
  deleteQueue(name: string, arn: string): void {
    this.purge(name)
    this.#sql('DELETE FROM deduplication WHERE queue = ?').run(name)
    this.#sql('DELETE FROM move_tasks WHERE source_arn = ?').run(arn)
    this.#sql('DELETE FROM queues WHERE name = ?').run(name)
  }

  insert(message: NewMessage): number {
    const result = this.#sql(`INSERT INTO messages (queue, id, state, visible_ms, group_id,
      deduplication_id, sender_id, sent_ms, retained_from_ms, attributes, system_attributes, body)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?11)`).run(
      message.queue,
      message.id,
      message.visibleMs > message.nowMs ? DELAYED : READY,
      message.visibleMs,
      message.groupId,
      message.deduplicationId ?? null,
      message.senderId,
      message.nowMs,
      message.attributes,
      message.systemAttributes,
      message.body,
    )
    return Number(result.lastInsertRowid)
  }

  /** The message that was accepted with this key after `sinceMs`. */
  findDuplicate(
    queue: string,
    key: string,
    sinceMs: number,
  ): { id: string; seq: number } | undefined {
    return this.#sql(
      'SELECT id, seq FROM deduplication WHERE queue = ? AND key = ? AND sent_ms > ?',
    ).get(queue, key, sinceMs) as { id: string; seq: number } | undefined
  }

  rememberDuplicate(queue: string, key: string, nowMs: number, id: string, seq: number): void {
    this.#sql('INSERT OR REPLACE INTO deduplication VALUES (?, ?, ?, ?, ?)').run(
      queue,
      key,
      nowMs,
      id,
      seq,
    )
  }

  forgetDuplicates(queue: string, untilMs: number): void {
    this.#sql('DELETE FROM deduplication WHERE queue = ? AND sent_ms <= ?').run(queue, untilMs)
  }

  hasReceivable(queue: string, nowMs: number): boolean {
    return (
      this.#sql(`SELECT 1 WHERE EXISTS (SELECT 1 FROM messages WHERE queue = ?1 AND state = ${READY})
        OR EXISTS (SELECT 1 FROM messages WHERE queue = ?1 AND state > ${READY} AND visible_ms <= ?2)`).get(
        queue,
        nowMs,
      ) !== undefined
    )
  }

  /** Makes ready what became visible by now. */
  release(queue: string, nowMs: number): void {
    this.#sql(
      `UPDATE messages SET state = ${READY} WHERE queue = ? AND state > ${READY} AND visible_ms <= ?`,
    ).run(queue, nowMs)
  }

  deleteRetainedUntil(queue: string, untilMs: number): void {
    this.#sql('DELETE FROM messages WHERE queue = ? AND retained_from_ms <= ?').run(queue, untilMs)
  }

  nextVisibleMs(queue: string): number | undefined {
    const row = this.#sql(
      `SELECT min(visible_ms) AS next FROM messages WHERE queue = ? AND state > ${READY}`,
    ).get(queue)
    return row?.['next'] == null ? undefined : Number(row['next'])
  }

  /** Groups with ready messages and the oldest of each; steps through the index from group to group. */
  readyGroups(queue: string): { groupId: string; head: number }[] {
    return this.#sql(`WITH RECURSIVE groups (id) AS (
        SELECT min(group_id) FROM messages WHERE queue = ?1 AND state = ${READY} AND group_id > ''
        UNION ALL
        SELECT (SELECT min(group_id) FROM messages
          WHERE queue = ?1 AND state = ${READY} AND group_id > groups.id)
        FROM groups WHERE groups.id IS NOT NULL)
      SELECT id AS groupId, (SELECT min(seq) FROM messages
        WHERE queue = ?1 AND state = ${READY} AND group_id = groups.id) AS head
      FROM groups WHERE id IS NOT NULL`).all(queue) as { groupId: string; head: number }[]
  }

  /** Ready messages of a group, oldest first; the empty group holds those without one. */
  readySeqs(queue: string, groupId: string, count: number): number[] {
    return this.#sql(`SELECT seq FROM messages
      WHERE queue = ? AND group_id = ? AND state = ${READY} ORDER BY seq LIMIT ?`)
      .all(queue, groupId, count)
      .map((row) => Number(row['seq']))
  }

  inFlightByGroup(queue: string): Map<string, number> {
    const rows = this.#sql(`SELECT group_id, count(*) AS held FROM messages
      WHERE queue = ? AND state = ${IN_FLIGHT} GROUP BY group_id`).all(queue)
    return new Map(rows.map((row) => [String(row['group_id']), Number(row['held'])]))
  }

  inFlightCount(queue: string): number {
    const row = this.#sql(
      `SELECT count(*) AS held FROM messages WHERE queue = ? AND state = ${IN_FLIGHT}`,
    ).get(queue)
    return Number(row?.['held'])
  }

  find(seq: number): StoredMessage | undefined {
    return this.#sql('SELECT * FROM messages WHERE seq = ?').get(seq) as StoredMessage | undefined
  }

  markReceived(seq: number, nowMs: number, visibleMs: number, receipt: string): void {
    this.#sql(`UPDATE messages SET state = ${IN_FLIGHT}, visible_ms = ?3, receipt = ?4, received_ms = ?2,
      receive_count = receive_count + 1, first_received_ms = coalesce(first_received_ms, ?2)
      WHERE seq = ?1`).run(seq, nowMs, visibleMs, receipt)
  }

  /** True when a message is held by its latest receipt and its time is not up. */
  isHeld(message: StoredMessage, nowMs: number): boolean {
    return message.state === IN_FLIGHT && message.visible_ms > nowMs
  }

  setVisible(seq: number, visibleMs: number): void {
    this.#sql('UPDATE messages SET visible_ms = ? WHERE seq = ?').run(visibleMs, seq)
  }

  delete(seq: number): void {
    this.#sql('DELETE FROM messages WHERE seq = ?').run(seq)
  }

  moveToDeadLetters(seq: number, queue: string, sourceArn: string, nowMs: number): void {
    this.#sql(`UPDATE messages SET queue = ?2, source_arn = ?3, state = ${READY}, visible_ms = ?4,
      receipt = NULL WHERE seq = ?1`).run(seq, queue, sourceArn, nowMs)
  }

  retainFrom(seq: number, fromMs: number): void {
    this.#sql('UPDATE messages SET retained_from_ms = ? WHERE seq = ?').run(fromMs, seq)
  }

  /** What can be received, oldest first, of whatever group. */
  ready(queue: string, count: number): { seq: number; source_arn: string | null }[] {
    return this.#sql(
      `SELECT seq, source_arn FROM messages WHERE queue = ? AND state = ${READY} ORDER BY seq LIMIT ?`,
    ).all(queue, count) as { seq: number; source_arn: string | null }[]
  }

  /** Those that wait for their delay wait for another one, from when they were sent. */
  redelay(queue: string, delayMs: number): void {
    this.#sql(
      `UPDATE messages SET visible_ms = sent_ms + ? WHERE queue = ? AND state = ${DELAYED}`,
    ).run(delayMs, queue)
  }

  /** Puts a message into another queue as a new one, at the end. */
  sendAgain(seq: number, queue: string, id: string, nowMs: number): void {
    this.#sql(`INSERT INTO messages (queue, id, state, visible_ms, group_id, deduplication_id,
      sender_id, sent_ms, retained_from_ms, attributes, system_attributes, body)
      SELECT ?2, ?3, ${READY}, ?4, group_id, deduplication_id, sender_id, ?4, ?4, attributes,
        system_attributes, body FROM messages WHERE seq = ?1`).run(seq, queue, id, nowMs)
    this.delete(seq)
  }

  counts(queue: string): QueueCounts {
    const row = this.#sql(`SELECT count(*) FILTER (WHERE state = ${READY}) AS available,
      count(*) FILTER (WHERE state = ${IN_FLIGHT}) AS inFlight,
      count(*) FILTER (WHERE state = ${DELAYED}) AS delayed, min(sent_ms) AS oldest
      FROM messages WHERE queue = ?`).get(queue)
    return {
      available: Number(row?.['available']),
      inFlight: Number(row?.['inFlight']),
      delayed: Number(row?.['delayed']),
      oldestSentMs: row?.['oldest'] == null ? null : Number(row['oldest']),
    }
  }

  purge(queue: string): void {
    this.#sql('DELETE FROM messages WHERE queue = ?').run(queue)
  }

  addMoveTask(task: MoveTask): number {
    const result = this.#sql(
      'INSERT INTO move_tasks (source_arn, started_ms, task) VALUES (?, ?, ?)',
    ).run(task.sourceArn, task.startedMs, JSON.stringify(task))
    return Number(result.lastInsertRowid)
  }

  saveMoveTask(number: number, task: MoveTask): void {
    this.#sql('UPDATE move_tasks SET task = ? WHERE number = ?').run(JSON.stringify(task), number)
  }

  /** Newest first. */
  moveTasks(sourceArn: string, count: number): NumberedTask[] {
    return this.#sql(
      'SELECT number, task FROM move_tasks WHERE source_arn = ? ORDER BY number DESC LIMIT ?',
    )
      .all(sourceArn, count)
      .map(readTask)
  }

  runningMoveTasks(): NumberedTask[] {
    return this.#sql(
      "SELECT number, task FROM move_tasks WHERE json_extract(task, '$.status') = 'RUNNING'",
    )
      .all()
      .map(readTask)
  }

  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text)
    if (statement === undefined) {
      statement = this.#database.prepare(text)
      this.#statements.set(text, statement)
    }
    return statement
  }
}

function readTask(row: Record<string, unknown>): NumberedTask {
  return { number: Number(row['number']), task: JSON.parse(String(row['task'])) as MoveTask }
}
