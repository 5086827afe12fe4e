/**
 * The content of a request on its way into a session. A body that breaks off keeps its whole blocks
 * of 4 MiB, so that whoever trusts the offset that he counted himself is found out; a body that is
 * refused leaves nothing.
 */
import { BlobWriter } from '../blob-writer.ts'
import type { Exchange } from '../exchange.ts'
import type { ApiCall } from './api-call.ts'
import { BLOCK_BYTES, ContentHash } from './content-hash.ts'
import { DropboxError, type Tagged, tagged } from './dropbox-error.ts'
import type { UploadSession } from './session-store.ts'

/** "The request payload must be at most 150 MiB." */
const MAX_REQUEST_BYTES = 150 * 1024 * 1024
/** "the size of a file should not exceed the max file size limit (i.e. 2^41 - 2^22 …)". */
const MAX_FILE_BYTES = 2 ** 41 - 2 ** 22

/** Appends the body to a sequential session; the result is the session afterwards. */
export async function receive(
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

export async function receivePiece(
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
  const writer = new BlobWriter(path, position, BLOCK_BYTES, hash)
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
  if (!session?.beginPart()) return new ContentHash()
  return { update: () => {}, digest: () => session.partDigest() }
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

export async function refuseContent({ body }: Exchange): Promise<void> {
  await body.drain()
  if (body.receivedBytes > 0) throw new DropboxError(tagged('concurrent_session_data_not_allowed'))
}

/** What can be refused before the content is read. */
export function sizeFault(
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

export function offsetFault(session: UploadSession, offset: number): Tagged | undefined {
  if (session.closed) return tagged('closed')
  if (session.isConcurrent) {
    return offset % BLOCK_BYTES === 0 ? undefined : tagged('concurrent_session_invalid_offset')
  }
  return offset === session.receivedBytes ? undefined : incorrectOffset(session)
}

export function incorrectOffset({ receivedBytes }: UploadSession): Tagged {
  return { '.tag': 'incorrect_offset', correct_offset: receivedBytes }
}

export function findSession(call: ApiCall<unknown>, sessionId: string): UploadSession | undefined {
  const session = call.parts.sessions.find(call, sessionId)
  if (session) call.exchange.session ??= session.number
  return session
}
