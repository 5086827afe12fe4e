/** Google accounts of this machine and the room they have. */
import { createHash } from 'node:crypto'
import type { QuotaChange } from '../control-api.ts'
import type { Row } from '../provider-database.ts'
import type { GoogleDatabase } from './google-database.ts'

/** As the larger paid plans have it: enough for a benchmark that runs all night. */
const DEFAULT_TOTAL_BYTES = 2 * 1024 ** 4

export interface Account {
  /** Google's stable identifier of a person: 21 digits. */
  sub: string
  email: string
  name: string
  rootId: string
  /** Undefined: no limit. */
  totalBytes: number | undefined
  driveBytes: number
  /** Room that other products take. */
  otherBytes: number
}

export class AccountStore {
  readonly #database: GoogleDatabase

  constructor(database: GoogleDatabase) {
    this.#database = database
    this.create('owner@example.com', 'Olivia Owner')
    this.create('second@example.com', 'Sam Second')
  }

  /** Does nothing when the account exists. */
  create(email: string, name: string): void {
    const digest = createHash('sha256').update(email).digest()
    const sub = `1${(digest.readBigUInt64BE(0) % 10n ** 20n).toString().padStart(20, '0')}`
    const rootId = `0A${digest.toString('base64url').slice(0, 14)}PVA`
    this.#database.run(
      'INSERT INTO accounts (sub, email, name, root_id, total_bytes) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      sub,
      email,
      name,
      rootId,
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

  bySub(sub: string): Account | undefined {
    const row = this.#database.get('SELECT * FROM accounts WHERE sub = ?', sub)
    return row && toAccount(row)
  }

  /** `usedBytes` is reached by pretending that other products take the difference. */
  setQuota(account: Account, quota: QuotaChange): void {
    const total = quota.totalBytes === undefined ? account.totalBytes : quota.totalBytes
    const other =
      quota.usedBytes === undefined
        ? account.otherBytes
        : Math.max(0, quota.usedBytes - account.driveBytes)
    this.#database.run(
      'UPDATE accounts SET total_bytes = ?, other_bytes = ? WHERE sub = ?',
      total ?? null,
      other,
      account.sub,
    )
  }

  /** Belongs into the transaction that adds or removes the file. */
  addDriveBytes(sub: string, bytes: number): void {
    this.#database.run(
      'UPDATE accounts SET drive_bytes = drive_bytes + ? WHERE sub = ?',
      bytes,
      sub,
    )
  }
}

export function usedBytes(account: Account): number {
  return account.driveBytes + account.otherBytes
}

function toAccount(row: Row): Account {
  return {
    sub: String(row['sub']),
    email: String(row['email']),
    name: String(row['name']),
    rootId: String(row['root_id']),
    totalBytes: row['total_bytes'] === null ? undefined : Number(row['total_bytes']),
    driveBytes: Number(row['drive_bytes']),
    otherBytes: Number(row['other_bytes']),
  }
}
