import { DatabaseSync } from 'node:sqlite'
import { inTransaction, openStateFile } from '../state-file.ts'

/** "The data in a stream is available for 24 hours": whoever reads later need not know. */
const KEPT_MS = 24 * 3600 * 1000
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS deletions (
    item TEXT NOT NULL, after INTEGER NOT NULL, upto INTEGER, at INTEGER NOT NULL,
    PRIMARY KEY (item, after)) WITHOUT ROWID`

/**
 * Which removals in a stream are deletions by time to live: those of an item between two numbers
 * of the stream. The first is on disk before the item is deleted, so that no crash leaves such a
 * removal unmarked.
 */
export class TtlDeletions {
  readonly #database: DatabaseSync

  /** Without a folder it lasts as long as the process, as the tables do. */
  constructor(dataDir: string | undefined) {
    if (dataDir !== undefined) {
      this.#database = openStateFile(dataDir, 'ttl-deletions.db', SCHEMA)
      return
    }
    this.#database = new DatabaseSync(':memory:')
    this.#database.exec(SCHEMA)
  }

  /** These items are about to be deleted, and the newest record of the stream is `after`. */
  intend(items: readonly string[], after: number, now: number): void {
    const insert = this.#database.prepare(
      'INSERT OR IGNORE INTO deletions (item, after, at) VALUES (?, ?, ?)',
    )
    inTransaction(this.#database, () => {
      this.#database.prepare('DELETE FROM deletions WHERE at < ?').run(now - KEPT_MS)
      for (const item of items) insert.run(item, after, now)
    })
  }

  /** What came of an intention: deleted, and the newest record is now `upto`; or left alone. */
  settle(item: string, after: number, upto: number | undefined): void {
    const sql =
      upto === undefined
        ? 'DELETE FROM deletions WHERE item = ? AND after = ?'
        : 'UPDATE deletions SET upto = ? WHERE item = ? AND after = ?'
    this.#database.prepare(sql).run(...(upto === undefined ? [] : [upto]), item, after)
  }

  isExpiry(item: string, sequence: number): boolean {
    const found = this.#database
      .prepare(
        `SELECT 1 FROM deletions
         WHERE item = ? AND after < ? AND (upto IS NULL OR upto >= ?) LIMIT 1`,
      )
      .get(item, sequence, sequence)
    return found !== undefined
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}
