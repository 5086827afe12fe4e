/** Dropbox accounts of this machine and the room they have. */
import { createHash } from 'node:crypto'
import type { QuotaChange } from '../control-api.ts'
import type { Row } from '../provider-database.ts'
import type { DropboxDatabase } from './dropbox-database.ts'

/** As the larger plans have it: enough for a benchmark that runs all night. */
const DEFAULT_TOTAL_BYTES = 2 * 1024 ** 4

export interface Account {
  /** `dbid:` and 35 characters; stable for a person. */
  accountId: string
  /** Number of the same person, and of their root namespace. */
  uid: string
  email: string
  name: string
  /** Undefined: no limit. */
  totalBytes: number | undefined
  fileBytes: number
  /** Room that is taken by what this emulator does not hold. */
  otherBytes: number
}

export class AccountStore {
  readonly #database: DropboxDatabase

  constructor(database: DropboxDatabase) {
    this.#database = database
    this.create('owner@example.com', 'Olivia Owner')
    this.create('second@example.com', 'Sam Second')
  }

  /** Does nothing when the account exists. */
  create(email: string, name: string): void {
    const digest = createHash('sha256').update(`dropbox ${email}`).digest()
    this.#database.run(
      'INSERT INTO accounts (account_id, uid, email, name, total_bytes) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      `dbid:AA${digest.toString('base64url').slice(0, 33)}`,
      String(digest.readUInt32BE(0) + 1),
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

  byId(accountId: string): Account | undefined {
    const row = this.#database.get('SELECT * FROM accounts WHERE account_id = ?', accountId)
    return row && toAccount(row)
  }

  /** `usedBytes` is reached by pretending that something else takes the difference. */
  setQuota(account: Account, quota: QuotaChange): void {
    const total = quota.totalBytes === undefined ? account.totalBytes : quota.totalBytes
    const other =
      quota.usedBytes === undefined
        ? account.otherBytes
        : Math.max(0, quota.usedBytes - account.fileBytes)
    this.#database.run(
      'UPDATE accounts SET total_bytes = ?, other_bytes = ? WHERE account_id = ?',
      total ?? null,
      other,
      account.accountId,
    )
  }

  /** Belongs into the transaction that adds or removes the file. */
  addFileBytes(accountId: string, bytes: number): void {
    this.#database.run(
      'UPDATE accounts SET file_bytes = file_bytes + ? WHERE account_id = ?',
      bytes,
      accountId,
    )
  }

  hasRoom(accountId: string, bytes: number): boolean {
    const account = this.byId(accountId)
    if (account?.totalBytes === undefined || bytes <= 0) return true
    return usedBytes(account) + bytes <= account.totalBytes
  }
}

export function usedBytes(account: Account): number {
  return account.fileBytes + account.otherBytes
}

function toAccount(row: Row): Account {
  return {
    accountId: String(row['account_id']),
    uid: String(row['uid']),
    email: String(row['email']),
    name: String(row['name']),
    totalBytes: row['total_bytes'] === null ? undefined : Number(row['total_bytes']),
    fileBytes: Number(row['file_bytes']),
    otherBytes: Number(row['other_bytes']),
  }
}
