/**
 * Files and folders of all accounts. Every write gets the next number of change, so that a cursor
 * is a number; what was deleted keeps a row that says so. Content is in `blobs/`, one file each,
 * written once under a random name and never changed; a copy shares it.
 */
import { randomBytes } from 'node:crypto'
import type { AccountStore } from '../account-store.ts'
import type { Checksums } from '../checksums.ts'
import type { ProviderDatabase, Row } from '../provider-database.ts'
import type { DeletedEntry, Entry, FileEntry, FolderEntry } from './entry.ts'
import { parentPath, pathKey } from './paths.ts'

interface Listing {
  recursive: boolean
  /** Entries whose last change came after this one. */
  after: number
  limit: number
}

export class EntryStore {
  readonly #database: ProviderDatabase
  readonly #accounts: AccountStore
  readonly #checksums: Checksums

  constructor(database: ProviderDatabase, accounts: AccountStore, checksums: Checksums) {
    this.#database = database
    this.#accounts = accounts
    this.#checksums = checksums
  }

  newId(): string {
    return `id:${randomBytes(16).toString('base64url')}`
  }

  /** What is at a path; undefined where nothing is or was. */
  at(accountId: string, path: string): Entry | DeletedEntry | undefined {
    const row = this.#database.get(
      'SELECT * FROM entries WHERE account_id = ? AND key = ?',
      accountId,
      pathKey(path),
    )
    return row && toEntry(row)
  }

  byId(accountId: string, id: string): Entry | undefined {
    const row = this.#database.get(
      'SELECT * FROM entries WHERE account_id = ? AND id = ?',
      accountId,
      id,
    )
    return row && toLiving(row)
  }

  byRev(accountId: string, rev: string): Entry | undefined {
    const row = this.#database.get(
      'SELECT * FROM entries WHERE account_id = ? AND rev = ?',
      accountId,
      rev,
    )
    return row && toLiving(row)
  }

  /** In the order in which they changed last; what was deleted is among them. */
  list(
    accountId: string,
    folderKey: string,
    { recursive, after, limit }: Listing,
  ): { entry: Entry | DeletedEntry; change: number }[] {
    const where = recursive ? 'key > ? AND key < ?' : 'parent_key = ? AND key > ?'
    const range = recursive ? [`${folderKey}/`, `${folderKey}0`] : [folderKey, '']
    return this.#database
      .all(
        `SELECT * FROM entries WHERE account_id = ? AND ${where} AND change > ? ORDER BY change LIMIT ?`,
        accountId,
        ...range,
        after,
        limit,
      )
      .map((row) => ({ entry: toEntry(row), change: Number(row['change']) }))
  }

  /** The number of the last change of all accounts. */
  get lastChange(): number {
    const row = this.#database.get('SELECT max(change) AS change FROM entries')
    return Number(row?.['change'] ?? 0)
  }

  hasRoom(accountId: string, bytes: number): boolean {
    return this.#accounts.hasRoom(accountId, bytes)
  }

  /** Writes a file, over the one at its path if there is one; belongs into a transaction. */
  putFile(accountId: string, file: Omit<FileEntry, 'kind' | 'key' | 'rev'>): FileEntry {
    const before = this.at(accountId, file.path)
    const replaced = before?.kind === 'file' ? before.content : undefined
    const change = this.lastChange + 1
    const rev = `6${change.toString(16).padStart(15, '0')}`
    const entry: FileEntry = { ...file, kind: 'file', key: pathKey(file.path), rev }
    this.#write(accountId, entry, change)
    this.#accounts.addFileBytes(accountId, file.content.size - (replaced?.size ?? 0))
    return entry
  }

  putFolder(accountId: string, path: string, id = this.newId()): FolderEntry {
    const entry: FolderEntry = { kind: 'folder', id, path, key: pathKey(path) }
    this.#write(accountId, entry, this.lastChange + 1)
    return entry
  }

  /** Marks the entry, a folder with everything below it, as deleted; the result is the content that was freed. */
  delete(accountId: string, entry: Entry): string[] {
    const doomed = this.withDescendants(accountId, entry)
    let freedBytes = 0
    for (const one of doomed) {
      const { path, key } = one
      this.#write(accountId, { kind: 'deleted', path, key }, this.lastChange + 1)
      if (one.kind === 'file') freedBytes += one.content.size
    }
    this.#accounts.addFileBytes(accountId, -freedBytes)
    return doomed.flatMap((one) => (one.kind === 'file' ? [one.content.blob] : []))
  }

  /** The entry, and what lives below it, parents before children. */
  withDescendants(accountId: string, entry: Entry): Entry[] {
    if (entry.kind === 'file') return [entry]
    const below = this.#database
      .all(
        'SELECT * FROM entries WHERE account_id = ? AND key > ? AND key < ? AND deleted = 0 ORDER BY length(key), key',
        accountId,
        `${entry.key}/`,
        `${entry.key}0`,
      )
      .map(toLiving)
    return [entry, ...below.filter((one) => one !== undefined)]
  }

  files(accountId: string): FileEntry[] {
    return this.#database
      .all(
        'SELECT * FROM entries WHERE account_id = ? AND blob IS NOT NULL ORDER BY change',
        accountId,
      )
      .map(toLiving)
      .filter((entry) => entry?.kind === 'file')
  }

  /** Removes content that no file and no session has any more. */
  removeUnused(blobs: string[]): void {
    for (const blob of blobs) {
      const user = this.#database.get(
        'SELECT 1 FROM entries WHERE blob = ? UNION SELECT 1 FROM sessions WHERE blob = ?',
        blob,
        blob,
      )
      if (user) continue
      this.#database.removeBlob(blob)
      this.#checksums.forget(blob)
    }
  }

  transaction<T>(work: () => T): T {
    return this.#database.transaction(work)
  }

  #write(accountId: string, entry: Entry | DeletedEntry, change: number): void {
    const file = entry.kind === 'file' ? entry : undefined
    this.#database.run(
      `INSERT OR REPLACE INTO entries (account_id, key, parent_key, path, deleted, change, id, rev, blob,
         size, content_hash, client_modified, server_modified)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      accountId,
      entry.key,
      parentPath(entry.key),
      entry.path,
      entry.kind === 'deleted' ? 1 : 0,
      change,
      entry.kind === 'deleted' ? null : entry.id,
      file?.rev ?? null,
      file?.content.blob ?? null,
      file?.content.size ?? null,
      file?.content.contentHash ?? null,
      file?.clientModified ?? null,
      file?.serverModified ?? null,
    )
  }
}

function toLiving(row: Row): Entry | undefined {
  const entry = toEntry(row)
  return entry.kind === 'deleted' ? undefined : entry
}

function toEntry(row: Row): Entry | DeletedEntry {
  const where = { path: String(row['path']), key: String(row['key']) }
  if (row['deleted'] === 1) return { kind: 'deleted', ...where }
  const id = String(row['id'])
  if (row['blob'] === null) return { kind: 'folder', id, ...where }
  return {
    kind: 'file',
    id,
    ...where,
    rev: String(row['rev']),
    content: {
      blob: String(row['blob']),
      size: Number(row['size']),
      contentHash: String(row['content_hash']),
    },
    clientModified: String(row['client_modified']),
    serverModified: String(row['server_modified']),
  }
}
