/**
 * Content that comes in: `upload` and upload sessions.
 * https://www.dropbox.com/developers/documentation/http/documentation#files-upload_session-start
 *
 * A body that breaks off keeps its whole blocks of 4 MiB, so that whoever trusts the offset that
 * he counted himself is found out; a body that is refused leaves nothing.
 */
import * as z from 'zod'
import { BlobWriter } from '../blob-writer.ts'
import { type Exchange, jsonReply } from '../exchange.ts'
import { type ApiCall, apiFunction } from './api-call.ts'
import {
  type CommitInfo,
  commitInfo,
  contentHashHex,
  sessionCursor,
  sessionType,
} from './arguments.ts'
import { commitFile, WriteError } from './commit.ts'
import { BLOCK_BYTES, BlockHash, type ContentHash } from './content-hash.ts'
import { DropboxError, type Tagged, tagged } from './dropbox-error.ts'
import { type FileContent, type FileEntry, metadata } from './entry.ts'
import type { UploadSession } from './session-store.ts'

/** "The request payload must be at most 150 MiB." */
const MAX_REQUEST_BYTES = 150 * 1024 * 1024
/** "the size of a file should not exceed the max file size limit (i.e. 2^41 - 2^22 …)". */
const MAX_FILE_BYTES = 2 ** 41 - 2 ** 22

/** Play a fault of this name and every second entry of a batch meets the namespace lock. */
export const ENTRIES_BUSY = 'entries-busy'

const finishArg = z.strictObject({
  cursor: sessionCursor,
  commit: commitInfo,
  content_hash: contentHashHex.optional(),
})
type FinishArg = z.infer<typeof finishArg>

export const upload = apiFunction({
  style: 'upload',
  scope: 'files.content.write',
  arg: commitInfo.extend({ content_hash: contentHashHex.optional() }),
  async run(call) {
    const { parts, arg } = call
    const { content_hash, ...commit } = arg
    const session = openSession(call, false)
    await filled(call, session, content_hash, false)
    try {
      return jsonReply(200, metadata(await commitSession(call, commit, session)))
    } catch (error) {
      if (error instanceof WriteError) {
        // "the upload session ID; this may be used to retry the commit" by `upload_session/finish`.
        const failed = { reason: error.error, upload_session_id: session.sessionId }
        throw new DropboxError({ '.tag': 'path', ...failed })
      }
      forget(parts, session)
      throw error
    }
  },
})

export const startSession = apiFunction({
  style: 'upload',
  scope: 'files.content.write',
  arg: z.strictObject({
    close: z.boolean().default(false),
    session_type: sessionType.default({ tag: 'sequential' }),
    content_hash: contentHashHex.optional(),
  }),
  async run(call) {
    const { close, session_type, content_hash } = call.arg
    const isConcurrent = session_type.tag === 'concurrent'
    if (isConcurrent) {
      if (close) throw new DropboxError(tagged('concurrent_session_close_not_allowed'))
      await refuseContent(call.exchange)
    }
    const session = openSession(call, isConcurrent)
    if (!isConcurrent) await filled(call, session, content_hash, close)
    return jsonReply(200, { session_id: session.sessionId })
  },
})

export const startSessions = apiFunction({
  style: 'rpc',
  scope: 'files.content.write',
  arg: z.strictObject({
    num_sessions: z.int().min(1).max(1000),
    session_type: sessionType.default({ tag: 'sequential' }),
  }),
  run(call) {
    const { num_sessions, session_type } = call.arg
    const session_ids = Array.from({ length: num_sessions }, () => {
      return openSession(call, session_type.tag === 'concurrent').sessionId
    })
    return jsonReply(200, { session_ids })
  },
})

export const appendToSession = apiFunction({
  style: 'upload',
  scope: 'files.content.write',
  arg: z.strictObject({
    cursor: sessionCursor,
    close: z.boolean().default(false),
    content_hash: contentHashHex.optional(),
  }),
  async run(call) {
    const { cursor, close, content_hash } = call.arg
    const known = findSession(call, cursor.session_id)
    if (!known) throw new DropboxError(tagged('not_found'))
    // The pieces of a concurrent session may come beside each other.
    const key = `${known.number}${known.isConcurrent ? ` ${cursor.offset}` : ''}`
    return await call.parts.sessions.requests.run(key, call.exchange.body, async () => {
      const session = findSession(call, cursor.session_id)
      if (!session) throw new DropboxError(tagged('not_found'))
      const fault = offsetFault(session, cursor.offset) ?? sizeFault(call, session, close)
      if (fault) throw new DropboxError(fault)
      if (session.isConcurrent)
        await receivePiece(call, session, cursor.offset, content_hash, close)
      else await receive(call, session, content_hash, close)
      return jsonReply(200, null)
    })
  },
})

export const finishSession = apiFunction({
  style: 'upload',
  scope: 'files.content.write',
  arg: finishArg,
  async run(call) {
    const { cursor, commit, content_hash } = call.arg
    const known = findSession(call, cursor.session_id)
    if (!known) throw lookupFailed(tagged('not_found'))
    return await call.parts.sessions.requests.run(
      `${known.number}`,
      call.exchange.body,
      async () => {
        if (known.isConcurrent) await refuseContent(call.exchange)
        const before = findSession(call, cursor.session_id)
        if (!before) throw lookupFailed(tagged('not_found'))
        // What was closed takes no more content, and an empty body is none.
        const fault = before.isConcurrent
          ? undefined
          : offsetFault({ ...before, closed: false }, cursor.offset)
        if (fault) throw lookupFailed(fault)
        const session = before.isConcurrent
          ? before
          : await receive(call, before, content_hash, before.closed)
        if (before.closed && session.receivedBytes > before.receivedBytes) {
          throw lookupFailed(tagged('closed'))
        }
        const incomplete = finishFault(call, session, cursor.offset)
        if (incomplete) throw new DropboxError(incomplete)
        try {
          return jsonReply(200, metadata(await commitSession(call, commit, session)))
        } catch (error) {
          if (error instanceof WriteError) throw new DropboxError(finishError(error))
          throw error
        }
      },
    )
  },
})

export const finishSessions = apiFunction({
  style: 'rpc',
  scope: 'files.content.write',
  arg: z.strictObject({ entries: z.array(finishArg).min(1).max(1000) }),
  async run(call) {
    const { parts, exchange, arg, account } = call
    const ready = await Promise.all(arg.entries.map((entry) => readEntry(call, entry)))
    const unused: string[] = []
    const entries = await parts.lock.commit(account.accountId, () =>
      ready.map((entry, index) => {
        if (exchange.fault?.action === ENTRIES_BUSY && index % 2 === 0) {
          return failure(tagged('too_many_write_operations'))
        }
        if (entry.fault) return failure(entry.fault)
        try {
          const committed = commitNow(call, entry.commit, entry.session, entry.content)
          unused.push(...committed.unused)
          return { '.tag': 'success', ...metadata(committed.file) }
        } catch (error) {
          if (error instanceof WriteError) return failure(finishError(error))
          if (error instanceof DropboxError) return failure(error.error)
          throw error
        }
      }),
    )
    parts.entries.removeUnused(unused)
    return jsonReply(200, { entries })
  },
})

type ReadyEntry =
  | { fault: Tagged }
  | { fault?: undefined; commit: CommitInfo; session: UploadSession; content: FileContent }

/** "The session must be closed before calling upload_session/finish_batch." */
async function readEntry(call: ApiCall<unknown>, entry: FinishArg): Promise<ReadyEntry> {
  const { session_id, offset } = entry.cursor
  const session = findSession(call, session_id)
  if (!session) return { fault: tagged('lookup_failed', 'not_found') }
  if (!session.closed && !session.isConcurrent) {
    return { fault: tagged('lookup_failed', 'not_closed') }
  }
  const fault = finishFault(call, session, offset)
  if (fault) return { fault }
  return { commit: entry.commit, session, content: await contentOf(call, session) }
}

function finishFault(
  { parts }: ApiCall<unknown>,
  session: UploadSession,
  offset: number,
): Tagged | undefined {
  if (session.isConcurrent) {
    if (!session.closed) return tagged('concurrent_session_not_closed')
    if (!parts.sessions.isWhole(session)) return tagged('concurrent_session_missing_data')
  }
  // The cursor of a finish with content names where the content begins.
  if (!session.isConcurrent && offset <= session.receivedBytes && !session.closed) return undefined
  if (offset === session.receivedBytes) return undefined
  const lookup_failed = incorrectOffset(session)
  return { '.tag': 'lookup_failed', lookup_failed }
}

function failure(error: Tagged): Record<string, unknown> {
  return { '.tag': 'failure', failure: error }
}

function finishError({ error }: WriteError): Tagged {
  return { '.tag': 'path', path: error }
}

function lookupFailed(error: Tagged): DropboxError {
  return new DropboxError({ '.tag': 'lookup_failed', lookup_failed: error })
}

function openSession(call: ApiCall<unknown>, isConcurrent: boolean): UploadSession {
  const { parts, exchange } = call
  parts.entries.removeUnused(parts.sessions.removeExpired())
  const session = parts.sessions.open(call, isConcurrent)
  exchange.session = session.number
  return session
}

function findSession(call: ApiCall<unknown>, sessionId: string): UploadSession | undefined {
  const session = call.parts.sessions.find(call, sessionId)
  if (session) call.exchange.session ??= session.number
  return session
}

/** Puts the body into a new session; a body that is refused leaves no session. */
async function filled(
  call: ApiCall<unknown>,
  session: UploadSession,
  contentHash: string | undefined,
  close: boolean,
): Promise<void> {
  try {
    Object.assign(session, await receive(call, session, contentHash, close))
  } catch (error) {
    forget(call.parts, session)
    throw error
  }
}

function forget({ sessions, entries }: ApiCall<unknown>['parts'], session: UploadSession): void {
  sessions.remove(session)
  entries.removeUnused([session.blob])
}

/** Appends the body to a sequential session; the result is the session afterwards. */
async function receive(
  call: ApiCall<unknown>,
  session: UploadSession,
  contentHash: string | undefined,
  close: boolean,
): Promise<UploadSession> {
  const { sessions } = call.parts
  const hash = sessions.runningHash(session)?.copy()
  const end = await store(call, session, session.receivedBytes, contentHash, hash, (kept) => {
    sessions.saveProgress(session, kept, false, hash)
  })
  if (session.closed && end > session.receivedBytes) return { ...session, receivedBytes: end }
  sessions.saveProgress(session, end, close, hash)
  return { ...session, receivedBytes: end, closed: close }
}

async function receivePiece(
  call: ApiCall<unknown>,
  session: UploadSession,
  offset: number,
  contentHash: string | undefined,
  close: boolean,
): Promise<void> {
  const { sessions } = call.parts
  const end = await store(call, session, offset, contentHash, undefined, () => {})
  if (!close && (end - offset) % BLOCK_BYTES !== 0) {
    throw new DropboxError(tagged('concurrent_session_invalid_data_size'))
  }
  sessions.addPiece(session, offset, end)
  sessions.saveProgress(session, end, close, undefined)
}

/** Writes the body behind `position`; what breaks off keeps whole blocks, which `keep` is told. */
async function store(
  { parts, exchange }: ApiCall<unknown>,
  session: UploadSession,
  position: number,
  contentHash: string | undefined,
  hash: ContentHash | undefined,
  keep: (end: number) => void,
): Promise<number> {
  refuseLarge(exchange.body.declaredBytes ?? 0)
  const request = contentHash === undefined ? undefined : requestHash(hash)
  const path = parts.database.blobPath(session.blob)
  const writer = await BlobWriter.open(path, position, BLOCK_BYTES, hash)
  const limit = partialLimit(exchange)
  let received = 0
  try {
    for await (const bytes of exchange.body) {
      const wanted = bytes.subarray(0, Math.max(0, limit - received))
      received += bytes.length
      refuseLarge(received)
      request?.update(bytes)
      if (wanted.length > 0) await writer.write(wanted)
    }
  } catch (error) {
    const kept = await writer.abort()
    if (!(error instanceof DropboxError)) keep(kept)
    throw error
  }
  const end = await writer.end()
  if (received > limit) {
    keep(end)
    throw new PartialContentError('a fault keeps part of the content')
  }
  if (request && request.digest() !== contentHash) {
    throw new DropboxError(tagged('content_hash_mismatch'))
  }
  if (end > MAX_FILE_BYTES) throw new DropboxError(tagged('too_large'))
  return end
}

/** The hash of a request's own bytes; of a session's where both begin at a block, one pass gives both. */
function requestHash(session: ContentHash | undefined) {
  if (!session?.blocks.beginPart()) return new BlockHash()
  return { update: () => {}, digest: () => session.blocks.partDigest() }
}

/** The fault `partial` has stored some of the content; nobody tells the client how much. */
export class PartialContentError extends Error {
  override name = 'PartialContentError' as const
}

function partialLimit({ fault, body }: Exchange): number {
  if (fault?.action !== 'partial') return Number.POSITIVE_INFINITY
  return fault.bytes ?? Math.floor((body.declaredBytes ?? 0) / 2)
}

function refuseLarge(bytes: number): void {
  if (bytes > MAX_REQUEST_BYTES) throw new DropboxError(tagged('payload_too_large'))
}

async function refuseContent({ body }: Exchange): Promise<void> {
  await body.drain()
  if (body.receivedBytes > 0) throw new DropboxError(tagged('concurrent_session_data_not_allowed'))
}

function offsetFault(session: UploadSession, offset: number): Tagged | undefined {
  if (session.closed) return tagged('closed')
  if (session.isConcurrent) {
    return offset % BLOCK_BYTES === 0 ? undefined : tagged('concurrent_session_invalid_offset')
  }
  return offset === session.receivedBytes ? undefined : incorrectOffset(session)
}

function incorrectOffset({ receivedBytes }: UploadSession): Tagged {
  return { '.tag': 'incorrect_offset', correct_offset: receivedBytes }
}

/** What can be refused before the content is read. */
function sizeFault(
  { exchange, arg }: ApiCall<{ cursor: { offset: number } }>,
  session: UploadSession,
  close: boolean,
): Tagged | undefined {
  const declared = exchange.body.declaredBytes
  if (declared === undefined) return undefined
  if (arg.cursor.offset + declared > MAX_FILE_BYTES) return tagged('too_large')
  const odd = session.isConcurrent && !close && declared % BLOCK_BYTES !== 0
  return odd ? tagged('concurrent_session_invalid_data_size') : undefined
}

async function contentOf(call: ApiCall<unknown>, session: UploadSession): Promise<FileContent> {
  const hashes = await call.parts.sessions.hashesOf(session)
  return { blob: session.blob, size: session.receivedBytes, ...hashes }
}

async function commitSession(
  call: ApiCall<unknown>,
  commit: CommitInfo,
  session: UploadSession,
): Promise<FileEntry> {
  const { parts, account } = call
  const content = await contentOf(call, session)
  const committed = await parts.lock.commit(account.accountId, () => {
    return commitNow(call, commit, session, content)
  })
  parts.entries.removeUnused(committed.unused)
  return committed.file
}

/** A session ends with its commit: what a second one is answered is not documented. */
function commitNow(
  call: ApiCall<unknown>,
  commit: CommitInfo,
  session: UploadSession,
  content: FileContent,
) {
  const { parts, account } = call
  if (!parts.sessions.find(call, session.sessionId)) throw lookupFailed(tagged('not_found'))
  return commitFile(parts, account, commit, content, () => parts.sessions.remove(session))
}
