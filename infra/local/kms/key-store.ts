import { randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { PolicyDocument } from '../policy-document.ts'
import { openStateFile } from '../state-file.ts'

const SCHEMA = `
CREATE TABLE IF NOT EXISTS keys (
  id TEXT PRIMARY KEY, material BLOB NOT NULL, description TEXT NOT NULL, policy TEXT, created_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aliases (name TEXT PRIMARY KEY, key_id TEXT NOT NULL) WITHOUT ROWID;`

/** AES-256, as every symmetric key of KMS. */
const MATERIAL_BYTES = 32

export interface StoredKey {
  id: string
  material: Buffer
  description: string
  policy: PolicyDocument | undefined
  createdMs: number
}

/** Every statement of `kms.db`; keys and aliases are few and stay in memory. */
export class KeyStore {
  readonly #database: DatabaseSync
  readonly #keys = new Map<string, StoredKey>()
  readonly #aliases = new Map<string, string>()

  constructor(dataDir: string) {
    this.#database = openStateFile(dataDir, 'kms.db', SCHEMA)
    for (const row of this.#database.prepare('SELECT * FROM keys').all()) {
      const policy = row['policy']
      this.#keys.set(String(row['id']), {
        id: String(row['id']),
        material: Buffer.from(row['material'] as Uint8Array),
        description: String(row['description']),
        policy: typeof policy === 'string' ? JSON.parse(policy) : undefined,
        createdMs: Number(row['created_ms']),
      })
    }
    for (const row of this.#database.prepare('SELECT * FROM aliases').all()) {
      this.#aliases.set(String(row['name']), String(row['key_id']))
    }
  }

  close(): void {
    this.#database.close()
  }

  /** Makes the key, or gives an existing one this description and policy; its material stays. */
  save(id: string, description: string, policy: PolicyDocument | undefined, nowMs: number): void {
    const existing = this.#keys.get(id)
    const material = existing?.material ?? randomBytes(MATERIAL_BYTES)
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
    this.#keys.set(id, { id, material, description, policy, createdMs })
  }

  saveAlias(name: string, keyId: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO aliases VALUES (?, ?)').run(name, keyId)
    this.#aliases.set(name, keyId)
  }

  find(id: string): StoredKey | undefined {
    return this.#keys.get(id)
  }

  findByAlias(name: string): StoredKey | undefined {
    return this.#keys.get(this.#aliases.get(name) ?? '')
  }
}
