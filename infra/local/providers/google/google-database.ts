/** The emulator's SQLite file. Everything but the content of files lives in it. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inTransaction } from '../../state-file.ts'

const SCHEMA = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS accounts (
  sub TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, root_id TEXT NOT NULL,
  total_bytes INTEGER, drive_bytes INTEGER NOT NULL DEFAULT 0, other_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS consents (
  sub TEXT NOT NULL, client_id TEXT NOT NULL, scopes TEXT NOT NULL, offline INTEGER NOT NULL,
  PRIMARY KEY (sub, client_id)
) STRICT;
CREATE TABLE IF NOT EXISTS codes (
  code TEXT PRIMARY KEY, sub TEXT NOT NULL, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL,
  scopes TEXT NOT NULL, nonce TEXT, challenge TEXT, challenge_method TEXT,
  with_refresh INTEGER NOT NULL, expires_at INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS access_tokens (
  token TEXT PRIMARY KEY, sub TEXT NOT NULL, client_id TEXT NOT NULL, scopes TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS access_tokens_by_sub ON access_tokens (sub);
CREATE INDEX IF NOT EXISTS access_tokens_by_expiry ON access_tokens (expires_at);
CREATE TABLE IF NOT EXISTS refresh_tokens (
  number INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, sub TEXT NOT NULL,
  client_id TEXT NOT NULL, scopes TEXT NOT NULL, last_used_at INTEGER NOT NULL,
  revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS refresh_tokens_by_grant ON refresh_tokens (sub, client_id, revoked);
CREATE TABLE IF NOT EXISTS files (
  id TEXT PRIMARY KEY, sub TEXT NOT NULL, client_id TEXT NOT NULL, parent_id TEXT NOT NULL,
  name TEXT NOT NULL, mime_type TEXT NOT NULL, size INTEGER, md5 TEXT, sha1 TEXT, sha256 TEXT,
  blob TEXT, description TEXT, starred INTEGER NOT NULL, trashed INTEGER NOT NULL,
  explicitly_trashed INTEGER NOT NULL, properties TEXT NOT NULL, app_properties TEXT NOT NULL,
  created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL, revision TEXT, version INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS files_by_parent ON files (sub, parent_id);
CREATE TABLE IF NOT EXISTS sessions (
  number INTEGER PRIMARY KEY AUTOINCREMENT, upload_id TEXT NOT NULL UNIQUE, sub TEXT NOT NULL,
  client_id TEXT NOT NULL, target TEXT NOT NULL, blob TEXT NOT NULL, total_bytes INTEGER,
  received_bytes INTEGER NOT NULL DEFAULT 0, file_id TEXT, created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_age ON sessions (created_ms);
`

export type Row = Record<string, string | number | null>

export class GoogleDatabase {
  readonly #sqlite: DatabaseSync
  readonly #statements = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  readonly blobDir: string

  constructor(dataDir: string) {
    const root = join(dataDir, 'google')
    this.blobDir = join(root, 'blobs')
    mkdirSync(this.blobDir, { recursive: true, mode: 0o700 })
    this.#sqlite = new DatabaseSync(join(root, 'google.sqlite'))
    // What was written survives the end of the process without a sync; only the machine's end needs one.
    this.#sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;')
    this.#sqlite.exec(SCHEMA)
  }

  blobPath(blob: string): string {
    return join(this.blobDir, blob)
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
