import { randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { PolicyDocument } from '../policy-document.ts'
import { inTransaction, openStateFile } from '../state-file.ts'

const SCHEMA = `
CREATE TABLE IF NOT EXISTS keys (
  id TEXT PRIMARY KEY, material BLOB NOT NULL, description TEXT NOT NULL, policy TEXT, created_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lives (key_id TEXT PRIMARY KEY, life TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rotations (
  key_id TEXT NOT NULL, number INTEGER NOT NULL, material BLOB NOT NULL, rotated_ms INTEGER NOT NULL,
  type TEXT NOT NULL, PRIMARY KEY (key_id, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aliases (name TEXT PRIMARY KEY, key_id TEXT NOT NULL) WITHOUT ROWID;`

/** AES-256, as every symmetric key of KMS. */
const MATERIAL_BYTES = 32

/** What changes in the life of a key beside its material. */
export interface KeyLife {
  state: 'Enabled' | 'Disabled' | 'PendingDeletion'
  /** When a key that waits for its deletion is gone. */
  deletionMs?: number | undefined
  rotationDays?: number | undefined
  /** From when the days to the next rotation count. */
  rotationFromMs?: number | undefined
}

export interface KeyRotation {
  type: 'AUTOMATIC' | 'ON_DEMAND'
  rotatedMs: number
}

export interface StoredKey {
  id: string
  /** By number; what is sealed names the one it was sealed with, the last seals. */
  materials: Buffer[]
  rotations: KeyRotation[]
  description: string
  policy: PolicyDocument | undefined
  createdMs: number
  life: KeyLife
}

/** Every statement of `kms.db`; keys and aliases are few and stay in memory. */
export class KeyStore {
  readonly #database: DatabaseSync
  readonly #keys = new Map<string, StoredKey>()
  readonly #aliases = new Map<string, string>()

  constructor(dataDir: string) {
    this.#database = openStateFile(dataDir, 'kms.db', SCHEMA)
    for (const row of this.#rows('SELECT * FROM keys')) {
      const policy = row['policy']
      this.#keys.set(String(row['id']), {
        id: String(row['id']),
        materials: [Buffer.from(row['material'] as Uint8Array)],
        rotations: [],
        description: String(row['description']),
        policy: typeof policy === 'string' ? JSON.parse(policy) : undefined,
        createdMs: Number(row['created_ms']),
        life: { state: 'Enabled' },
      })
    }
    for (const row of this.#rows('SELECT * FROM lives')) {
      const key = this.#keys.get(String(row['key_id']))
      if (key !== undefined) key.life = JSON.parse(String(row['life'])) as KeyLife
    }
    for (const row of this.#rows('SELECT * FROM rotations ORDER BY number')) {
      const key = this.#keys.get(String(row['key_id']))
      key?.materials.push(Buffer.from(row['material'] as Uint8Array))
      const type = row['type'] as KeyRotation['type']
      key?.rotations.push({ type, rotatedMs: Number(row['rotated_ms']) })
    }
    for (const row of this.#rows('SELECT * FROM aliases')) {
      this.#aliases.set(String(row['name']), String(row['key_id']))
    }
  }

  close(): void {
    this.#database.close()
  }

  /** Makes the key, or gives an existing one this description and policy; its material stays. */
  save(
    id: string,
    description: string,
    policy: PolicyDocument | undefined,
    nowMs: number,
  ): StoredKey {
    const existing = this.#keys.get(id)
    const [material = randomBytes(MATERIAL_BYTES)] = existing?.materials ?? []
    const createdMs = existing?.createdMs ?? nowMs
    this.#database
      .prepare('INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?)')
      .run(
        id,
        material,
        description,
        policy === undefined ? null : JSON.stringify(policy),
        createdMs,
      )
    const key: StoredKey = {
      materials: [material],
      rotations: [],
      life: { state: 'Enabled' },
      ...existing,
      id,
      description,
      policy,
      createdMs,
    }
    this.#keys.set(id, key)
    return key
  }

  saveLife(key: StoredKey, life: KeyLife): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO lives VALUES (?, ?)')
      .run(key.id, JSON.stringify(life))
    key.life = life
  }

  /** New material for what is sealed from now on; the earlier goes on opening what it sealed. */
  rotate(key: StoredKey, rotation: KeyRotation): void {
    const material = randomBytes(MATERIAL_BYTES)
    this.#database
      .prepare('INSERT INTO rotations VALUES (?, ?, ?, ?, ?)')
      .run(key.id, key.materials.length, material, rotation.rotatedMs, rotation.type)
    key.materials.push(material)
    key.rotations.push(rotation)
  }

  /** The key with its material and its aliases: nothing it sealed opens again. */
  remove(key: StoredKey): void {
    inTransaction(this.#database, () => {
      for (const table of ['lives', 'rotations', 'aliases']) {
        this.#database.prepare(`DELETE FROM ${table} WHERE key_id = ?`).run(key.id)
      }
      this.#database.prepare('DELETE FROM keys WHERE id = ?').run(key.id)
    })
    for (const [name, keyId] of this.#aliases) if (keyId === key.id) this.#aliases.delete(name)
    this.#keys.delete(key.id)
  }

  saveAlias(name: string, keyId: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO aliases VALUES (?, ?)').run(name, keyId)
    this.#aliases.set(name, keyId)
  }

  removeAlias(name: string): void {
    this.#database.prepare('DELETE FROM aliases WHERE name = ?').run(name)
    this.#aliases.delete(name)
  }

  all(): StoredKey[] {
    return [...this.#keys.values()]
  }

  /** Key ids by alias. */
  aliases(): ReadonlyMap<string, string> {
    return this.#aliases
  }

  find(id: string): StoredKey | undefined {
    return this.#keys.get(id)
  }

  #rows(sql: string): Record<string, unknown>[] {
    return this.#database.prepare(sql).all()
  }
}
