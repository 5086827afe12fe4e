/** A provider emulator's SQLite file and the folder of content beside it. Everything but the content of files lives in the file. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inTransaction } from '../state-file.ts'

const META_SCHEMA =
  'CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;'

export type Row = Record<string, string | number | null>

export class ProviderDatabase {
  readonly #sqlite: DatabaseSync
  readonly #statements = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  readonly blobDir: string

  constructor(dataDir: string, name: string, schema: string) {
    const root = join(dataDir, name)
    this.blobDir = join(root, 'blobs')
    mkdirSync(this.blobDir, { recursive: true, mode: 0o700 })
    this.#sqlite = new DatabaseSync(join(root, `${name}.sqlite`))
    // What was written survives the end of the process without a sync; only the machine's end needs one.
    this.#sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;')
    this.#sqlite.exec(META_SCHEMA)
    const isNew = this.get("SELECT 1 FROM sqlite_schema WHERE name = 'accounts'") === undefined
    const version = createHash('sha256').update(schema).digest('hex')
    if (this.meta('schema', () => (isNew ? version : 'unknown')) !== version) {
      this.#sqlite.close()
      throw new Error(`${root} was made by another version: start with --fresh`)
    }
    this.#sqlite.exec(schema)
  }

  blobPath(blob: string): string {
    return join(this.blobDir, blob)
  }

  newBlob(): string {
    return randomBytes(16).toString('hex')
  }

  removeBlob(blob: string): void {
    try {
      unlinkSync(this.blobPath(blob))
    } catch (error) {
      // A blob that is not there needs no removal.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    }
  }

  /** A process that was killed between bytes and row leaves a blob that no row of these tables names. */
  removeOrphanedBlobs(tables: readonly string[]): void {
    const sql = tables.map((table) => `SELECT blob FROM ${table} WHERE blob IS NOT NULL`)
    const named = new Set(this.all(sql.join(' UNION ')).map((row) => row['blob']))
    for (const blob of readdirSync(this.blobDir)) {
      if (!named.has(blob)) this.removeBlob(blob)
    }
  }

  run(sql: string, ...values: (string | number | null)[]): number {
    return Number(this.#prepare(sql).run(...values).changes)
  }

  get(sql: string, ...values: (string | number | null)[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined
  }

  all(sql: string, ...values: (string | number | null)[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[]
  }

  /** Everything in `work` or nothing. `work` is synchronous, so nobody else comes in between. */
  transaction<T>(work: () => T): T {
    return inTransaction(this.#sqlite, work)
  }

  /** A value that is made once and kept. */
  meta(key: string, make: () => string): string {
    const row = this.get('SELECT value FROM meta WHERE key = ?', key)
    if (row) return String(row['value'])
    const value = make()
    this.run('INSERT INTO meta (key, value) VALUES (?, ?)', key, value)
    return value
  }

  close(): void {
    this.#sqlite.close()
  }

  #prepare(sql: string): ReturnType<DatabaseSync['prepare']> {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#sqlite.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}
