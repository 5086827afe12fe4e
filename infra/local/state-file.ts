import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** The journal is cut back to this after a checkpoint. */
const JOURNAL_LIMIT_BYTES = 4 * 1024 * 1024

/**
 * Opens an engine's file and applies its schema, which has to be repeatable.
 * `synchronous = NORMAL` survives `kill -9`; only a power cut may drop the newest writes.
 * https://www.sqlite.org/pragma.html#pragma_synchronous
 */
export function openStateFile(dataDir: string, fileName: string, schema: string): DatabaseSync {
  mkdirSync(dataDir, { recursive: true })
  const path = join(dataDir, fileName)
  // SQLite gives its journal the mode of the database: closed from birth, all of it stays closed.
  closeSync(openSync(path, 'a', 0o600))
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    PRAGMA journal_size_limit = ${JOURNAL_LIMIT_BYTES};`)
  database.exec(schema)
  return database
}

/** Runs `work` in one transaction; nothing of it stays when it throws. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    // On a full disk SQLite has rolled back by itself.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
