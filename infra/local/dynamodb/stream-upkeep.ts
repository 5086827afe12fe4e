import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DATABASE_FILE } from './dynoxide-process.ts'

/** A writer of the database holds its file for one commit at a time. */
const BUSY_TIMEOUT_MS = 10_000
/** "The data in a stream is available for 24 hours", counted back from the last write. */
const KEPT_SECONDS = 24 * 3600

/**
 * Gives the database's stream what dynoxide 1.2.1 leaves out: an index, without which each write
 * reads the whole stream for its next number, and an end to the life of a record. Done when the
 * database has just started; the newest record stays, since numbers count on from it.
 */
export function tendStreams(dataDir: string): void {
  const database = new DatabaseSync(join(dataDir, DATABASE_FILE), { timeout: BUSY_TIMEOUT_MS })
  try {
    database.exec(
      `CREATE INDEX IF NOT EXISTS stream_numbers
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
       DELETE FROM _stream_records
         WHERE created_at < (SELECT MAX(created_at) FROM _stream_records) - ${KEPT_SECONDS}`,
    )
  } finally {
    database.close()
  }
}
