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
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deletions (
  secret TEXT PRIMARY KEY, deleted_ms INTEGER NOT NULL, gone_ms INTEGER NOT NULL
) WITHOUT ROWID;`

/** "Secrets Manager removes deprecated versions when there are more than 100." */
const KEPT_VERSIONS = 100

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
  /** When it was deleted, and when it can no longer be restored. */
  deletedMs: number | null
  goneMs: number | null
}

const SELECT_SECRETS = `SELECT name, description, created_ms AS createdMs, changed_ms AS changedMs,
  deleted_ms AS deletedMs, gone_ms AS goneMs FROM secrets LEFT JOIN deletions ON secret = name`

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
    return this.#database.prepare(`${SELECT_SECRETS} WHERE name = ?`).get(name) as
      | StoredSecret
      | undefined
  }

  /** By name. */
  all(): StoredSecret[] {
    const rows = this.#database.prepare(`${SELECT_SECRETS} ORDER BY name`).all()
    return rows as unknown as StoredSecret[]
  }

  markDeleted(name: string, deletedMs: number, goneMs: number): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO deletions VALUES (?, ?, ?)')
      .run(name, deletedMs, goneMs)
  }

  restore(name: string): void {
    this.#database.prepare('DELETE FROM deletions WHERE secret = ?').run(name)
  }

  /** The secret with every version. */
  remove(name: string): void {
    inTransaction(this.#database, () => {
      for (const table of ['versions', 'stages', 'deletions']) {
        this.#database.prepare(`DELETE FROM ${table} WHERE secret = ?`).run(name)
      }
      this.#database.prepare('DELETE FROM secrets WHERE name = ?').run(name)
    })
  }

  /** Newest first, those without a stage included. */
  versions(name: string): { id: string; createdMs: number }[] {
    const rows = this.#database
      .prepare(`SELECT id, created_ms AS createdMs FROM versions
        WHERE secret = ? ORDER BY created_ms DESC, id`)
      .all(name)
    return rows as unknown as { id: string; createdMs: number }[]
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
      for (const stage of stages) this.#move(name, stage, id)
      // A version without a stage is deprecated and kept only while there are few.
      this.#database
        .prepare(`DELETE FROM versions WHERE secret = ?1
          AND id NOT IN (SELECT version_id FROM stages WHERE secret = ?1)
          AND id NOT IN (SELECT id FROM versions WHERE secret = ?1
            ORDER BY created_ms DESC, id LIMIT ${KEPT_VERSIONS})`)
        .run(name)
      this.#database.prepare('UPDATE secrets SET changed_ms = ? WHERE name = ?').run(nowMs, name)
    })
  }

  /** Attaches a stage to a version, or to none, and takes it from the one that had it. */
  moveStage(name: string, stage: string, versionId: string | undefined, nowMs: number): void {
    inTransaction(this.#database, () => {
      if (versionId === undefined) {
        this.#database.prepare('DELETE FROM stages WHERE secret = ? AND stage = ?').run(name, stage)
      } else {
        this.#move(name, stage, versionId)
      }
      this.#database.prepare('UPDATE secrets SET changed_ms = ? WHERE name = ?').run(nowMs, name)
    })
  }

  #move(name: string, stage: string, versionId: string): void {
    const current = this.stages(name).get('AWSCURRENT')
    const attach = this.#database.prepare('INSERT OR REPLACE INTO stages VALUES (?, ?, ?)')
    if (stage === 'AWSCURRENT' && current !== undefined && current !== versionId) {
      attach.run(name, 'AWSPREVIOUS', current)
    }
    attach.run(name, stage, versionId)
  }
}
