/**
 * The SQLite file behind the engine and its one way to write: jobs that arrive in the same turn of
 * the event loop share one transaction, hence one disk sync; each job has a savepoint of its own,
 * so that a refused precondition undoes only itself. A job runs synchronously: what it checks
 * cannot change before it writes.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { inTransaction } from '../state-file.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY, config TEXT NOT NULL, created_ms INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, content_id TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    etag TEXT NOT NULL, modified_ms INTEGER NOT NULL, headers TEXT NOT NULL, tags TEXT NOT NULL,
    checksum TEXT, part_count INTEGER,
    PRIMARY KEY (bucket, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS parts (
    content_id TEXT NOT NULL, number INTEGER NOT NULL, blob_id TEXT, inline_bytes BLOB,
    size_bytes INTEGER NOT NULL, etag TEXT NOT NULL, checksum TEXT, modified_ms INTEGER NOT NULL,
    PRIMARY KEY (content_id, number)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS parts_by_blob ON parts (blob_id);
  CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, initiated_ms INTEGER NOT NULL,
    headers TEXT NOT NULL, tags TEXT NOT NULL, algorithm TEXT NOT NULL,
    checksum_type TEXT NOT NULL, declared INTEGER NOT NULL, completion TEXT, completed_ms INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (bucket, key, id);
  CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, due_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, event TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS outbox_by_due ON outbox (due_ms);
  CREATE TABLE IF NOT EXISTS sequence (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL);
  INSERT OR IGNORE INTO sequence (id, value) VALUES (1, 0);
`

interface Job {
  run(): void
  resolve(): void
  reject(error: unknown): void
}

export class MetadataDatabase {
  readonly #sqlite: DatabaseSync
  #jobs: Job[] = []

  constructor(path: string) {
    this.#sqlite = new DatabaseSync(path)
    try {
      // EXCLUSIVE: a second process would sweep away what the first is writing.
      // FULL: an acknowledged write survives a power cut too, https://www.sqlite.org/pragma.html#pragma_synchronous
      this.#sqlite.exec(
        'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;',
      )
      this.#sqlite.exec(SCHEMA)
    } catch (cause) {
      this.#sqlite.close()
      throw new Error(`${path} cannot be opened; is another runner using it?`, { cause })
    }
  }

  prepare(sql: string): StatementSync {
    return this.#sqlite.prepare(sql)
  }

  /** Runs `work` in the transaction of this turn; resolves when it is on disk. */
  write<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let result: { value: T } | undefined
      this.#jobs.push({
        run: () => {
          result = { value: work() }
        },
        resolve: () => {
          if (result) resolve(result.value)
        },
        reject,
      })
      if (this.#jobs.length === 1) setImmediate(() => this.#commitJobs())
    })
  }

  /** Runs `work` in a transaction of its own, at once. */
  writeNow<T>(work: () => T): T {
    return inTransaction(this.#sqlite, work)
  }

  close(): void {
    this.#commitJobs()
    this.#sqlite.close()
  }

  #commitJobs(): void {
    const jobs = this.#jobs
    this.#jobs = []
    const [only] = jobs
    if (!only) return
    try {
      const settle = this.writeNow(() => {
        // Alone it needs no savepoint: what it refuses undoes the transaction.
        if (jobs.length > 1) return jobs.map((job) => this.#attempt(job))
        only.run()
        return [() => only.resolve()]
      })
      for (const tell of settle) tell()
    } catch (error) {
      for (const job of jobs) job.reject(error)
    }
  }

  /** Runs one job in its savepoint; returns what to tell its caller once the batch is on disk. */
  #attempt(job: Job): () => void {
    this.#sqlite.exec('SAVEPOINT job')
    try {
      job.run()
      this.#sqlite.exec('RELEASE job')
      return () => job.resolve()
    } catch (error) {
      // SQLite itself rolls the whole transaction back on a full disk: then every job has failed.
      if (!this.#sqlite.isTransaction) throw error
      this.#sqlite.exec('ROLLBACK TO job; RELEASE job')
      return () => job.reject(error)
    }
  }
}
