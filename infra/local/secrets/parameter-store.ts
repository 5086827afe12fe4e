import type { DatabaseSync } from 'node:sqlite'
import { openStateFile } from '../state-file.ts'

const SCHEMA = `
CREATE TABLE IF NOT EXISTS parameters (
  name TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL,
  modified_ms INTEGER NOT NULL, PRIMARY KEY (name, version)
) WITHOUT ROWID;`

const COLUMNS = 'name, version, type, value, modified_ms AS modifiedMs'

/** "Parameter Store retains the last 100 versions of a parameter." */
const KEPT_VERSIONS = 100

export interface StoredParameter {
  name: string
  version: number
  type: string
  /** Of a SecureString what KMS made of it, in base64. */
  value: string
  modifiedMs: number
}

/** Every statement of `parameters.db`. */
export class ParameterStore {
  readonly #database: DatabaseSync

  constructor(dataDir: string) {
    this.#database = openStateFile(dataDir, 'parameters.db', SCHEMA)
  }

  close(): void {
    this.#database.close()
  }

  add(parameter: StoredParameter): void {
    const { name, version, type, value, modifiedMs } = parameter
    this.#database
      .prepare('INSERT INTO parameters VALUES (?, ?, ?, ?, ?)')
      .run(name, version, type, value, modifiedMs)
    this.#database
      .prepare('DELETE FROM parameters WHERE name = ? AND version <= ?')
      .run(name, version - KEPT_VERSIONS)
  }

  latest(name: string): StoredParameter | undefined {
    return this.#database
      .prepare(`SELECT ${COLUMNS} FROM parameters WHERE name = ? ORDER BY version DESC LIMIT 1`)
      .get(name) as StoredParameter | undefined
  }

  version(name: string, version: number): StoredParameter | undefined {
    return this.#database
      .prepare(`SELECT ${COLUMNS} FROM parameters WHERE name = ? AND version = ?`)
      .get(name, version) as StoredParameter | undefined
  }

  /** Kept versions, the oldest first. */
  history(name: string): StoredParameter[] {
    const rows = this.#database
      .prepare(`SELECT ${COLUMNS} FROM parameters WHERE name = ? ORDER BY version`)
      .all(name)
    return rows as unknown as StoredParameter[]
  }

  /** The parameter with its history; false when there is none. */
  remove(name: string): boolean {
    return this.#database.prepare('DELETE FROM parameters WHERE name = ?').run(name).changes > 0
  }

  /** The latest of each parameter whose name begins with `prefix`, by name. */
  latestBelow(prefix: string): StoredParameter[] {
    // With max() SQLite takes the other columns from the row that holds the maximum.
    const rows = this.#database
      .prepare(`SELECT name, max(version) AS version, type, value, modified_ms AS modifiedMs
        FROM parameters WHERE substr(name, 1, ?1) = ?2 GROUP BY name ORDER BY name`)
      .all(prefix.length, prefix)
    return rows as unknown as StoredParameter[]
  }
}
