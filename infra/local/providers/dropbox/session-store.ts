/**
 * Upload sessions. What was received survives a restart; the running hash lives in memory and is
 * made again from disk when it is missing.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { hashFile } from '../hash-file.ts'
import { NewestRequest } from '../newest-request.ts'
import type { ProviderDatabase, Row } from '../provider-database.ts'
import { ContentHash } from './content-hash.ts'

/** "The upload session ID was not found or has expired. Upload sessions are valid for 7 days." */
const LIFETIME_MS = 7 * 24 * 60 * 60 * 1000

export interface UploadSession {
  number: number
  sessionId: string
  accountId: string
  clientId: string
  blob: string
  isConcurrent: boolean
  /** Of a concurrent session: the end of its last piece. */
  receivedBytes: number
  closed: boolean
}

interface SessionOwner {
  account: { id: string }
  clientId: string
}

export class SessionStore {
  readonly #database: ProviderDatabase
  readonly #clock: Clock
  readonly #hashes = new Map<number, ContentHash>()
  /** By session, or by piece of a concurrent one. */
  readonly requests = new NewestRequest()

  constructor(database: ProviderDatabase, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  open({ account, clientId }: SessionOwner, isConcurrent = false): UploadSession {
    const sessionId = `pid_upload_session:${randomBytes(48).toString('base64url')}`
    this.#database.run(
      'INSERT INTO sessions (session_id, account_id, client_id, blob, is_concurrent, created_ms) VALUES (?, ?, ?, ?, ?, ?)',
      sessionId,
      account.id,
      clientId,
      this.#database.newBlob(),
      isConcurrent ? 1 : 0,
      this.#clock.now(),
    )
    const session = this.find({ account, clientId }, sessionId)
    if (!session) throw new Error('session was not stored')
    return session
  }

  /** A session belongs to the account and the app that opened it. */
  find({ account, clientId }: SessionOwner, sessionId: string): UploadSession | undefined {
    const row = this.#database.get(
      'SELECT * FROM sessions WHERE session_id = ? AND account_id = ? AND client_id = ? AND created_ms > ?',
      sessionId,
      account.id,
      clientId,
      this.#clock.now() - LIFETIME_MS,
    )
    return row && toSession(row)
  }

  /** Where the hash of the session stands; undefined when a restart has lost it. */
  runningHash(session: UploadSession): ContentHash | undefined {
    return session.receivedBytes === 0 ? new ContentHash() : this.#hashes.get(session.number)
  }

  /** `hash` goes with what was received; undefined where only the disk can tell. */
  saveProgress(
    session: UploadSession,
    receivedBytes: number,
    closed: boolean,
    hash: ContentHash | undefined,
  ): void {
    this.#database.run(
      'UPDATE sessions SET received_bytes = max(received_bytes, ?), closed = max(closed, ?) WHERE number = ?',
      receivedBytes,
      closed ? 1 : 0,
      session.number,
    )
    if (hash) this.#hashes.set(session.number, hash)
    else this.#hashes.delete(session.number)
  }

  addPiece(session: UploadSession, start: number, end: number): void {
    this.#database.run(
      'INSERT OR REPLACE INTO pieces (session, start, end) VALUES (?, ?, ?)',
      session.number,
      start,
      end,
    )
  }

  /** True when the pieces of a concurrent session leave no gap. */
  isWhole(session: UploadSession): boolean {
    let end = 0
    for (const row of this.#database.all(
      'SELECT start, end FROM pieces WHERE session = ? ORDER BY start',
      session.number,
    )) {
      if (Number(row['start']) > end) return false
      end = Math.max(end, Number(row['end']))
    }
    return end === session.receivedBytes
  }

  async contentHashOf(session: UploadSession): Promise<string> {
    const running = session.isConcurrent ? undefined : this.runningHash(session)
    if (running) return running.digest()
    const path = this.#database.blobPath(session.blob)
    return (await hashFile(new ContentHash(), path, session.receivedBytes)).digest()
  }

  remove({ number }: UploadSession): void {
    this.#database.run('DELETE FROM sessions WHERE number = ?', number)
    this.#database.run('DELETE FROM pieces WHERE session = ?', number)
    this.#hashes.delete(number)
  }

  /** Forgets what is older than a week; the result is its content. */
  removeExpired(): string[] {
    const old = this.#database.all(
      'SELECT * FROM sessions WHERE created_ms <= ?',
      this.#clock.now() - LIFETIME_MS,
    )
    return old.map(toSession).map((session) => {
      this.remove(session)
      return session.blob
    })
  }
}

function toSession(row: Row): UploadSession {
  return {
    number: Number(row['number']),
    sessionId: String(row['session_id']),
    accountId: String(row['account_id']),
    clientId: String(row['client_id']),
    blob: String(row['blob']),
    isConcurrent: row['is_concurrent'] === 1,
    receivedBytes: Number(row['received_bytes']),
    closed: row['closed'] === 1,
  }
}
