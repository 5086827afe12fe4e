/**
 * Resumable upload sessions. What was received survives a restart; the running hash lives in memory
 * and is made again from disk when it is missing.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { hashFile } from '../hash-file.ts'
import { NewestRequest } from '../newest-request.ts'
import type { ProviderDatabase, Row } from '../provider-database.ts'
import { ContentHash } from './content-hash.ts'
import type { ContentHashes } from './drive-file.ts'
import type { FileMetadata } from './file-metadata.ts'

/** "A resumable session URI expires after one week." https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable */
const LIFETIME_MS = 7 * 24 * 60 * 60 * 1000

/** What the session will make, as it was asked for when it was opened. */
interface SessionTarget {
  /** Of the file to make or, with `replaces`, to change. */
  fileId: string
  replaces: boolean
  metadata: FileMetadata
  mimeType: string
  fields?: string | undefined
  seesEverything: boolean
}

export interface UploadSession {
  uploadId: string
  number: number
  accountId: string
  clientId: string
  target: SessionTarget
  blob: string
  totalBytes: number | undefined
  receivedBytes: number
  /** Set when the session is finished. */
  fileId: string | undefined
}

export class SessionStore {
  readonly #database: ProviderDatabase
  readonly #clock: Clock
  readonly #hashes = new Map<string, ContentHash>()
  readonly requests = new NewestRequest()

  constructor(database: ProviderDatabase, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  open(
    grant: { accountId: string; clientId: string },
    target: SessionTarget,
    blob: string,
    totalBytes: number | undefined,
  ): UploadSession {
    const uploadId = `A${randomBytes(60).toString('base64url')}`
    this.#database.run(
      'INSERT INTO sessions (upload_id, account_id, client_id, target, blob, total_bytes, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)',
      uploadId,
      grant.accountId,
      grant.clientId,
      JSON.stringify(target),
      blob,
      totalBytes ?? null,
      this.#clock.now(),
    )
    const session = this.find(uploadId)
    if (!session) throw new Error('session was not stored')
    return session
  }

  find(uploadId: string): UploadSession | undefined {
    const row = this.#database.get(
      'SELECT * FROM sessions WHERE upload_id = ? AND created_ms > ?',
      uploadId,
      this.#clock.now() - LIFETIME_MS,
    )
    return row && toSession(row)
  }

  saveProgress(uploadId: string, receivedBytes: number, totalBytes: number | undefined): void {
    this.#database.run(
      'UPDATE sessions SET received_bytes = ?, total_bytes = ? WHERE upload_id = ?',
      receivedBytes,
      totalBytes ?? null,
      uploadId,
    )
  }

  finish(uploadId: string, fileId: string): void {
    this.#database.run('UPDATE sessions SET file_id = ? WHERE upload_id = ?', fileId, uploadId)
    this.#hashes.delete(uploadId)
  }

  remove(uploadId: string): void {
    this.#database.run('DELETE FROM sessions WHERE upload_id = ?', uploadId)
    this.#hashes.delete(uploadId)
  }

  /** Forgets what is older than a week; the result are the blobs of those that never finished. */
  removeExpired(): string[] {
    const old = this.#database.all(
      'SELECT * FROM sessions WHERE created_ms <= ?',
      this.#clock.now() - LIFETIME_MS,
    )
    return old.map(toSession).flatMap((session) => {
      this.remove(session.uploadId)
      return session.fileId === undefined ? [session.blob] : []
    })
  }

  /** The hash that goes with what was received; undefined when a restart has lost it. */
  runningHash(session: UploadSession): ContentHash | undefined {
    const known = this.#hashes.get(session.uploadId)
    if (known || session.receivedBytes > 0) return known
    const fresh = new ContentHash()
    this.#hashes.set(session.uploadId, fresh)
    return fresh
  }

  async hashesOf(session: UploadSession): Promise<ContentHashes> {
    const running = this.runningHash(session)
    if (running) return running.digest()
    const path = this.#database.blobPath(session.blob)
    return (await hashFile(new ContentHash(), path, session.receivedBytes)).digest()
  }
}

function toSession(row: Row): UploadSession {
  return {
    uploadId: String(row['upload_id']),
    number: Number(row['number']),
    accountId: String(row['account_id']),
    clientId: String(row['client_id']),
    target: JSON.parse(String(row['target'])),
    blob: String(row['blob']),
    totalBytes: row['total_bytes'] === null ? undefined : Number(row['total_bytes']),
    receivedBytes: Number(row['received_bytes']),
    fileId: row['file_id'] === null ? undefined : String(row['file_id']),
  }
}
