/** Events that wait for their asynchronous invocation: `<dataDir>/async.db`, a row each until its end. */
import type { StatementSync } from 'node:sqlite'
import { openStateFile } from '../state-file.ts'

export interface AsyncEvent {
  requestId: string
  functionName: string
  /** JSON text. */
  body: string
  traceHeader: string | null
  acceptedMs: number
  /** Attempts that the function failed. */
  failures: number
  /** Attempts that did not reach the function since the last one that did. */
  refusals: number
}

const SCHEMA = `CREATE TABLE IF NOT EXISTS async_event (
  requestId TEXT PRIMARY KEY,
  functionName TEXT NOT NULL,
  body TEXT NOT NULL,
  traceHeader TEXT,
  acceptedMs REAL NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0,
  refusals INTEGER NOT NULL DEFAULT 0,
  nextMs REAL NOT NULL
) STRICT`

export class AsyncEvents {
  readonly #database
  readonly #statements: Record<'insert' | 'update' | 'delete' | 'list' | 'find', StatementSync>

  constructor(dataDir: string) {
    this.#database = openStateFile(dataDir, 'async.db', SCHEMA)
    const prepare = (sql: string) => this.#database.prepare(sql)
    this.#statements = {
      insert: prepare(
        'INSERT INTO async_event (requestId, functionName, body, traceHeader, acceptedMs, nextMs) VALUES (?, ?, ?, ?, ?, ?)',
      ),
      update: prepare(
        'UPDATE async_event SET failures = ?, refusals = ?, nextMs = ? WHERE requestId = ?',
      ),
      delete: prepare('DELETE FROM async_event WHERE requestId = ?'),
      list: prepare('SELECT requestId, nextMs FROM async_event ORDER BY nextMs'),
      find: prepare('SELECT * FROM async_event WHERE requestId = ?'),
    }
  }

  add(event: Omit<AsyncEvent, 'failures' | 'refusals'>): void {
    const { requestId, functionName, body, traceHeader, acceptedMs } = event
    this.#statements.insert.run(requestId, functionName, body, traceHeader, acceptedMs, acceptedMs)
  }

  find(requestId: string): AsyncEvent | undefined {
    return this.#statements.find.get(requestId) as AsyncEvent | undefined
  }

  postpone({ requestId, failures, refusals }: AsyncEvent, nextMs: number): void {
    this.#statements.update.run(failures, refusals, nextMs, requestId)
  }

  remove(requestId: string): void {
    this.#statements.delete.run(requestId)
  }

  /** Soonest first. */
  waiting(): { requestId: string; nextMs: number }[] {
    return this.#statements.list.all() as unknown as { requestId: string; nextMs: number }[]
  }

  close(): void {
    this.#database.close()
  }
}
