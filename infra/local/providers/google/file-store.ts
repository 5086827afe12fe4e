/**
 * Files and folders of all accounts. The metadata is in SQLite; content is in `blobs/`, one file
 * each, written once under a random name and never changed, so a row and its bytes always agree.
 */
import type { AccountStore } from '../account-store.ts'
import type { ProviderDatabase, Row } from '../provider-database.ts'
import { idInUse, quotaExceeded } from './drive-error.ts'
import { type DriveFile, type FileContent, FOLDER_TYPE } from './drive-file.ts'

export class FileStore {
  readonly #database: ProviderDatabase
  readonly #accounts: AccountStore

  constructor(database: ProviderDatabase, accounts: AccountStore) {
    this.#database = database
    this.#accounts = accounts
  }

  newBlob(): string {
    return this.#database.newBlob()
  }

  find(accountId: string, id: string): DriveFile | undefined {
    const row = this.#database.get(
      'SELECT * FROM files WHERE id = ? AND account_id = ?',
      id,
      accountId,
    )
    return row && toFile(row)
  }

  exists(id: string): boolean {
    return this.#database.get('SELECT 1 FROM files WHERE id = ?', id) !== undefined
  }

  /** All files of an account, or those in one folder, in the order in which they came. */
  list(accountId: string, parentId?: string): DriveFile[] {
    const rows =
      parentId === undefined
        ? this.#database.all('SELECT * FROM files WHERE account_id = ? ORDER BY rowid', accountId)
        : this.#database.all(
            'SELECT * FROM files WHERE account_id = ? AND parent_id = ? ORDER BY rowid',
            accountId,
            parentId,
          )
    return rows.map(toFile)
  }

  /** Adds the file or refuses: the id is taken, the room is not enough. `also` happens with it or not at all. */
  create(file: DriveFile, also: () => void = () => {}): void {
    this.#database.transaction(() => {
      if (this.exists(file.id)) throw idInUse()
      this.#takeRoom(file.accountId, file.content?.size ?? 0)
      this.#write(file)
      also()
    })
  }

  /** Replaces a file's row; content that it no longer has is deleted. */
  update(file: DriveFile, before: DriveFile, also: () => void = () => {}): void {
    const replaced = before.content && before.content.blob !== file.content?.blob
    this.#database.transaction(() => {
      this.#takeRoom(file.accountId, (file.content?.size ?? 0) - (before.content?.size ?? 0))
      this.#write({ ...file, version: before.version + 1 })
      if (file.trashed !== before.trashed) this.#spreadTrashed(file)
      also()
    })
    if (replaced && before.content) this.removeBlob(before.content.blob)
  }

  /** Deletes a file for good, a folder with everything below it. */
  delete(file: DriveFile): void {
    const doomed = [file, ...this.#descendants(file)]
    this.#database.transaction(() => {
      for (const one of doomed) this.#database.run('DELETE FROM files WHERE id = ?', one.id)
      const freed = doomed.reduce((sum, one) => sum + (one.content?.size ?? 0), 0)
      this.#accounts.addFileBytes(file.accountId, -freed)
    })
    for (const { content } of doomed) if (content) this.removeBlob(content.blob)
  }

  trashedBytes(accountId: string): number {
    const row = this.#database.get(
      'SELECT coalesce(sum(size), 0) AS bytes FROM files WHERE account_id = ? AND trashed = 1',
      accountId,
    )
    return Number(row?.['bytes'] ?? 0)
  }

  /** Refuses what would not fit. */
  checkRoom(accountId: string, bytes: number): void {
    if (!this.#accounts.hasRoom(accountId, bytes)) throw quotaExceeded()
  }

  removeBlob(blob: string): void {
    this.#database.removeBlob(blob)
  }

  /** Path from the root, with a leading slash. */
  path(file: DriveFile): string {
    const names = [file.name]
    for (let parent = this.find(file.accountId, file.parentId); parent; ) {
      names.unshift(parent.name)
      parent = this.find(file.accountId, parent.parentId)
    }
    return `/${names.join('/')}`
  }

  /** True when `id` is the folder itself or lies below it. */
  isWithin(accountId: string, id: string, folderId: string): boolean {
    for (let at: string | undefined = id; at; at = this.find(accountId, at)?.parentId) {
      if (at === folderId) return true
    }
    return false
  }

  #takeRoom(accountId: string, bytes: number): void {
    this.checkRoom(accountId, bytes)
    if (bytes !== 0) this.#accounts.addFileBytes(accountId, bytes)
  }

  #descendants(folder: DriveFile): DriveFile[] {
    if (folder.mimeType !== FOLDER_TYPE) return []
    return this.list(folder.accountId, folder.id).flatMap((child) => [
      child,
      ...this.#descendants(child),
    ])
  }

  /** "If the file is a folder, its descendants are trashed too"; what was trashed by itself stays so. */
  #spreadTrashed(folder: DriveFile): void {
    if (folder.mimeType !== FOLDER_TYPE) return
    for (const child of this.list(folder.accountId, folder.id)) {
      const trashed = folder.trashed || child.explicitlyTrashed
      if (trashed === child.trashed) continue
      this.#database.run('UPDATE files SET trashed = ? WHERE id = ?', trashed ? 1 : 0, child.id)
      this.#spreadTrashed({ ...child, trashed })
    }
  }

  #write(file: DriveFile): void {
    const { content } = file
    // An upsert keeps the row's number, which is the order in which files came.
    this.#database.run(
      `INSERT INTO files (id, account_id, client_id, parent_id, name, mime_type, size, md5, sha1, sha256, blob,
         description, starred, trashed, explicitly_trashed, properties, app_properties, created_ms,
         modified_ms, revision, version)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET parent_id = excluded.parent_id, name = excluded.name,
         mime_type = excluded.mime_type, size = excluded.size, md5 = excluded.md5, sha1 = excluded.sha1,
         sha256 = excluded.sha256, blob = excluded.blob, description = excluded.description,
         starred = excluded.starred, trashed = excluded.trashed,
         explicitly_trashed = excluded.explicitly_trashed, properties = excluded.properties,
         app_properties = excluded.app_properties, created_ms = excluded.created_ms,
         modified_ms = excluded.modified_ms, revision = excluded.revision, version = excluded.version`,
      file.id,
      file.accountId,
      file.clientId,
      file.parentId,
      file.name,
      file.mimeType,
      content?.size ?? null,
      content?.md5 ?? null,
      content?.sha1 ?? null,
      content?.sha256 ?? null,
      content?.blob ?? null,
      file.description ?? null,
      file.starred ? 1 : 0,
      file.trashed ? 1 : 0,
      file.explicitlyTrashed ? 1 : 0,
      JSON.stringify(file.properties),
      JSON.stringify(file.appProperties),
      file.createdMs,
      file.modifiedMs,
      file.revision ?? null,
      file.version,
    )
  }
}

function toFile(row: Row): DriveFile {
  return {
    id: String(row['id']),
    accountId: String(row['account_id']),
    clientId: String(row['client_id']),
    parentId: String(row['parent_id']),
    name: String(row['name']),
    mimeType: String(row['mime_type']),
    content: toContent(row),
    description: row['description'] === null ? undefined : String(row['description']),
    starred: row['starred'] === 1,
    trashed: row['trashed'] === 1,
    explicitlyTrashed: row['explicitly_trashed'] === 1,
    properties: JSON.parse(String(row['properties'])),
    appProperties: JSON.parse(String(row['app_properties'])),
    createdMs: Number(row['created_ms']),
    modifiedMs: Number(row['modified_ms']),
    revision: row['revision'] === null ? undefined : String(row['revision']),
    version: Number(row['version']),
  }
}

function toContent(row: Row): FileContent | undefined {
  if (row['blob'] === null) return undefined
  return {
    blob: String(row['blob']),
    size: Number(row['size']),
    md5: String(row['md5']),
    sha1: String(row['sha1']),
    sha256: String(row['sha256']),
  }
}
