import type { DatabaseSync } from 'node:sqlite'
import { inTransaction, openStateFile } from '../state-file.ts'

const SCHEMA = `
CREATE TABLE IF NOT EXISTS secrets (
  name TEXT PRIMARY KEY, description TEXT NOT NULL, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS versions (
  secret TEXT NOT NULL, id TEXT NOT NULL, string TEXT, binary TEXT, created_ms INTEGER NOT NULL,
  PRIMARY KEY (secret, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stages (
  secret TEXT NOT NULL, stage TEXT NOT NULL, version_id TEXT NOT NULL, PRIMARY KEY (secret, stage)
) WITHOUT ROWID;`

export interface SecretValue {
  /** Exactly one of them; binary is base64. */
  string: string | undefined
  binary: string | undefined
}

export interface SecretVersion extends SecretValue {
  id: string
  createdMs: number
}

export interface StoredSecret {
  name: string
  description: string
  createdMs: number
  changedMs: number
}

/** Every statement of `secrets.db`. */
export class SecretStore {
  readonly #database: DatabaseSync

  constructor(dataDir: string) {
    this.#database = openStateFile(dataDir, 'secrets.db', SCHEMA)
  }

  close(): void {
    this.#database.close()
  }

  saveSecret(name: string, description: string, nowMs: number): void {
    this.#database
      .prepare(`INSERT INTO secrets VALUES (?1, ?2, ?3, ?3)
        ON CONFLICT (name) DO UPDATE SET description = ?2`)
      .run(name, description, nowMs)
  }

  find(name: string): StoredSecret | undefined {
    return this.#database
      .prepare(`SELECT name, description, created_ms AS createdMs, changed_ms AS changedMs
        FROM secrets WHERE name = ?`)
      .get(name) as StoredSecret | undefined
  }

  version(name: string, id: string): SecretVersion | undefined {
    const row = this.#database
      .prepare('SELECT * FROM versions WHERE secret = ? AND id = ?')
      .get(name, id)
    if (row === undefined) return undefined
    return {
      id,
      string: typeof row['string'] === 'string' ? row['string'] : undefined,
      binary: typeof row['binary'] === 'string' ? row['binary'] : undefined,
      createdMs: Number(row['created_ms']),
    }
  }

  /** Version id by stage. */
  stages(name: string): Map<string, string> {
    const rows = this.#database
      .prepare('SELECT stage, version_id FROM stages WHERE secret = ? ORDER BY stage')
      .all(name)
    return new Map(rows.map((row) => [String(row['stage']), String(row['version_id'])]))
  }

  /**
   * Adds a version and gives it its stages. "If you specify AWSCURRENT, and it is attached to another
   * version, then Secrets Manager also moves AWSPREVIOUS to the version that it was removed from."
   */
  addVersion(name: string, id: string, value: SecretValue, stages: string[], nowMs: number): void {
    inTransaction(this.#database, () => {
      this.#database
        .prepare('INSERT INTO versions VALUES (?, ?, ?, ?, ?)')
        .run(name, id, value.string ?? null, value.binary ?? null, nowMs)
      const current = this.stages(name).get('AWSCURRENT')
      if (stages.includes('AWSCURRENT') && current !== undefined) {
        this.#attach(name, 'AWSPREVIOUS', current)
      }
      for (const stage of stages) this.#attach(name, stage, id)
      // A version without a stage is deprecated: no one may rely on it any more.
      this.#database
        .prepare(`DELETE FROM versions WHERE secret = ?1
          AND id NOT IN (SELECT version_id FROM stages WHERE secret = ?1)`)
        .run(name)
      this.#database.prepare('UPDATE secrets SET changed_ms = ? WHERE name = ?').run(nowMs, name)
    })
  }

  #attach(name: string, stage: string, versionId: string): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO stages VALUES (?, ?, ?)')
      .run(name, stage, versionId)
  }
}
