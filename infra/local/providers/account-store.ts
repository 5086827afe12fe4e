/** The people of a provider on this machine and the room they have. */
import type { QuotaChange } from './control-api.ts'
import type { ProviderDatabase, Row } from './provider-database.ts'

export const ACCOUNTS_SCHEMA = `
CREATE TABLE IF NOT EXISTS accounts (
  id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, total_bytes INTEGER,
  file_bytes INTEGER NOT NULL DEFAULT 0, other_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
`

/** As the larger paid plans have it: enough for a benchmark that runs all night. */
const DEFAULT_TOTAL_BYTES = 2 * 1024 ** 4

export interface Account {
  /** The provider's stable identifier of a person. */
  id: string
  email: string
  name: string
  /** Undefined: no limit. */
  totalBytes: number | undefined
  fileBytes: number
  /** Room that is taken by what this emulator does not hold. */
  otherBytes: number
}

export class AccountStore {
  readonly #database: ProviderDatabase
  readonly #idOf: (email: string) => string

  constructor(database: ProviderDatabase, idOf: (email: string) => string) {
    this.#database = database
    this.#idOf = idOf
    this.create('owner@example.com', 'Olivia Owner')
    this.create('second@example.com', 'Sam Second')
  }

  /** Does nothing when the account exists. */
  create(email: string, name: string): void {
    this.#database.run(
      'INSERT INTO accounts (id, email, name, total_bytes) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      this.#idOf(email),
      email,
      name,
      DEFAULT_TOTAL_BYTES,
    )
  }

  all(): Account[] {
    return this.#database.all('SELECT * FROM accounts ORDER BY rowid').map(toAccount)
  }

  byEmail(email: string): Account | undefined {
    const row = this.#database.get('SELECT * FROM accounts WHERE email = ?', email.toLowerCase())
    return row && toAccount(row)
  }

  byId(id: string): Account | undefined {
    const row = this.#database.get('SELECT * FROM accounts WHERE id = ?', id)
    return row && toAccount(row)
  }

  /** `usedBytes` is reached by pretending that something else takes the difference. */
  setQuota(account: Account, quota: QuotaChange): void {
    const total = quota.totalBytes === undefined ? (account.totalBytes ?? null) : quota.totalBytes
    const other =
      quota.usedBytes === undefined
        ? account.otherBytes
        : Math.max(0, quota.usedBytes - account.fileBytes)
    this.#database.run(
      'UPDATE accounts SET total_bytes = ?, other_bytes = ? WHERE id = ?',
      total,
      other,
      account.id,
    )
  }

  addFileBytes(id: string, bytes: number): void {
    this.#database.run('UPDATE accounts SET file_bytes = file_bytes + ? WHERE id = ?', bytes, id)
  }

  hasRoom(id: string, bytes: number): boolean {
    const account = this.byId(id)
    if (account?.totalBytes === undefined || bytes <= 0) return true
    return usedBytes(account) + bytes <= account.totalBytes
  }
}

export function usedBytes(account: Account): number {
  return account.fileBytes + account.otherBytes
}

/** As claims of OpenID Connect tell them apart. */
export function namesOf({ name }: Account): { given: string; family: string } {
  const [given = '', ...family] = name.split(' ')
  return { given, family: family.join(' ') }
}

function toAccount(row: Row): Account {
  return {
    id: String(row['id']),
    email: String(row['email']),
    name: String(row['name']),
    totalBytes: row['total_bytes'] === null ? undefined : Number(row['total_bytes']),
    fileBytes: Number(row['file_bytes']),
    otherBytes: Number(row['other_bytes']),
  }
}
