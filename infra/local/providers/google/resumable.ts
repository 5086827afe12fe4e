/**
 * Resumable uploads: opening a session, its chunks, its status and its end.
 * https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable
 *
 * PUT and POST both carry chunks. The session's address is the permission; a token that comes along
 * must be good all the same. Bytes that are stored already may come again, a gap may not.
 */
import { BlobWriter } from '../blob-writer.ts'
import { type Exchange, type Reply, readText } from '../exchange.ts'
import { parseContentRange, unreadableRange } from './content-range.ts'
import { authenticate, type Caller } from './drive-access.ts'
import { fileNotFound, invalidValue, UploadProtocolError } from './drive-error.ts'
import type { DriveFile, FileContent } from './drive-file.ts'
import { withMetadata } from './drive-files.ts'
import {
  createFile,
  type DriveParts,
  fileReply,
  newFileId,
  parentFolder,
  wantedFields,
  writableFile,
} from './drive-parts.ts'
import { parseMetadata } from './file-metadata.ts'
import type { UploadSession } from './session-store.ts'

/** "Create chunks in multiples of 256 KB … except for the final chunk that completes the upload." */
const UNIT_BYTES = 256 * 1024

/** Play a fault of this name at the opening and a taken id is noticed at the end only. */
export const LATE_CONFLICT = 'late-conflict'

/** Bytes `start` to `end` (exclusive) of a file; an end that is unknown comes with the body's. */
interface Chunk {
  start: number
  end: number | undefined
  total: number | undefined
}

export async function openSession(
  parts: DriveParts,
  exchange: Exchange,
  replacedId: string | undefined,
): Promise<Reply> {
  const caller = authenticate(parts, exchange, 'write')
  const fields = wantedFields(exchange)
  const metadata = parseMetadata(await readText(exchange))
  const totalBytes = announcedBytes(exchange)
  const replaced = replacedId === undefined ? undefined : writableFile(parts, caller, replacedId)
  if (!replaced) parentFolder(parts, caller, metadata.parents?.[0])
  const checkFree = exchange.fault?.action !== LATE_CONFLICT
  const fileId = replaced ? replaced.id : newFileId(parts, caller, metadata, checkFree)
  parts.files.checkRoom(caller.account.id, (totalBytes ?? 0) - (replaced?.content?.size ?? 0))

  for (const blob of parts.sessions.removeExpired()) parts.files.removeBlob(blob)
  const type = exchange.request.headers['x-upload-content-type']
  const session = parts.sessions.open(
    { accountId: caller.account.id, clientId: caller.clientId },
    {
      fileId,
      replaces: replaced !== undefined,
      metadata,
      mimeType:
        metadata.mimeType ??
        (typeof type === 'string' ? type : (replaced?.mimeType ?? 'application/octet-stream')),
      fields,
      seesEverything: caller.seesEverything,
    },
    parts.files.newBlob(),
    totalBytes,
  )
  exchange.session = session.number
  const location = new URL(exchange.url.pathname, exchange.origin)
  location.search = exchange.url.search
  location.searchParams.delete('access_token')
  location.searchParams.set('upload_id', session.uploadId)
  return {
    status: 200,
    headers: { location: location.href, 'x-guploader-uploadid': session.uploadId },
  }
}

export async function continueSession(
  parts: DriveParts,
  exchange: Exchange,
  uploadId: string,
): Promise<Reply> {
  exchange.operation = operationOf(exchange)
  if (exchange.request.headers.authorization !== undefined) {
    authenticate(parts, exchange, 'write')
  }
  const known = parts.sessions.find(uploadId)
  if (!known) throw new UploadProtocolError(404, 'Not Found')
  exchange.session = known.number
  exchange.account ??= parts.accounts.byId(known.accountId)?.email ?? ''
  return await parts.sessions.requests.run(uploadId, exchange.body, async () => {
    const session = parts.sessions.find(uploadId)
    if (!session) throw new UploadProtocolError(404, 'Not Found')
    if (exchange.method === 'DELETE') return cancel(parts, session)
    if (session.fileId !== undefined) return finishedReply(parts, session, session.fileId)
    return await advance(parts, exchange, session)
  })
}

/** Told from the request alone, so that a session that is over or unknown has the same names. */
function operationOf({ method, request }: Exchange): string {
  if (method === 'DELETE') return 'drive.session.cancel'
  const asks = request.headers['content-range']?.startsWith('bytes *') ?? false
  return asks ? 'drive.session.status' : 'drive.session.chunk'
}

async function advance(
  parts: DriveParts,
  exchange: Exchange,
  session: UploadSession,
): Promise<Reply> {
  const header = exchange.request.headers['content-range']
  const range = header === undefined ? undefined : parseContentRange(header)
  const declared = exchange.body.declaredBytes
  const total = range ? range.total : declared
  if (total !== undefined && session.totalBytes !== undefined && total !== session.totalBytes) {
    throw unreadableRange()
  }
  if (range?.kind === 'query') {
    if (total === session.receivedBytes) return await finish(parts, session)
    return incompleteReply(session.receivedBytes)
  }

  const chunk: Chunk = range ?? { start: 0, end: declared, total }
  checkChunk(chunk, session, declared)
  const received = await receive(parts, exchange, session, chunk)
  // Without a Content-Range the body is the whole file, also when its length was not announced.
  const knownTotal = total ?? session.totalBytes ?? (range ? undefined : received)
  parts.sessions.saveProgress(session.uploadId, received, knownTotal)
  if (received !== knownTotal) return incompleteReply(received)
  return await finish(parts, { ...session, receivedBytes: received, totalBytes: knownTotal })
}

function checkChunk(chunk: Chunk, session: UploadSession, declared: number | undefined): void {
  const { start, end, total } = chunk
  const length = end === undefined ? undefined : end - start
  if (declared !== undefined && length !== undefined && declared !== length) {
    throw new UploadProtocolError(400, 'Content-Length does not match the Content-Range header.')
  }
  if (start > session.receivedBytes) {
    throw new UploadProtocolError(
      400,
      `Invalid request. The bytes from ${session.receivedBytes} to ${start - 1} are missing.`,
    )
  }
  const isLast = end === undefined || end === (total ?? session.totalBytes)
  if (!isLast && length !== undefined && length % UNIT_BYTES !== 0) {
    throw new UploadProtocolError(
      400,
      'Invalid request. The number of bytes uploaded is required to be equal or greater than 262144, except for the final request (it is recommended to be the exact multiple of 262144).',
    )
  }
}

/** Stores what is new of the chunk; what breaks off keeps its whole units of 256 KiB. */
async function receive(
  parts: DriveParts,
  exchange: Exchange,
  session: UploadSession,
  chunk: Chunk,
): Promise<number> {
  const writer = new BlobWriter(
    parts.database.blobPath(session.blob),
    session.receivedBytes,
    UNIT_BYTES,
    parts.sessions.runningHash(session),
  )
  const limit = storedLimit(exchange, chunk)
  let position = chunk.start
  try {
    for await (const bytes of exchange.body) {
      const from = Math.max(0, session.receivedBytes - position)
      const to = Math.min(bytes.length, limit - position)
      position += bytes.length
      if (to > from) await writer.write(bytes.subarray(from, to))
    }
  } catch (error) {
    // Whatever ended the body, the client finds its whole units when it asks for the status.
    const kept = await writer.abort()
    parts.sessions.saveProgress(session.uploadId, kept, chunk.total ?? session.totalBytes)
    throw error
  }
  const whole = chunk.end === undefined || position >= chunk.end
  return whole ? await writer.end() : await writer.abort()
}

/** Up to where the chunk is stored: all of it, unless a fault keeps only part. */
function storedLimit(exchange: Exchange, chunk: Chunk): number {
  const end = chunk.end ?? Number.POSITIVE_INFINITY
  if (exchange.fault?.action !== 'partial') return end
  const declared = exchange.body.declaredBytes ?? 0
  const kept = exchange.fault.bytes ?? Math.floor(declared / 2)
  return chunk.start + kept - (kept % UNIT_BYTES)
}

async function finish(parts: DriveParts, session: UploadSession): Promise<Reply> {
  const { target } = session
  const content: FileContent = {
    blob: session.blob,
    size: session.receivedBytes,
    ...(await parts.sessions.hashesOf(session)),
  }
  const caller = sessionCaller(parts, session)
  const done = () => parts.sessions.finish(session.uploadId, target.fileId)
  const file = target.replaces
    ? replaceContent(parts, caller, session, content, done)
    : createFile(
        parts,
        caller,
        { id: target.fileId, metadata: target.metadata, mimeType: target.mimeType, content },
        done,
      )
  return fileReply(caller, file, target.fields)
}

function replaceContent(
  parts: DriveParts,
  caller: Caller,
  session: UploadSession,
  content: FileContent,
  done: () => void,
): DriveFile {
  const { target } = session
  const before = writableFile(parts, caller, target.fileId)
  const changed = withMetadata(parts, caller, before, target.metadata, undefined)
  const after = { ...changed, content, mimeType: target.mimeType, revision: parts.files.newBlob() }
  parts.files.update(after, before, done)
  return after
}

/** "200 OK … the upload was completed, and no further action is necessary", as often as asked. */
function finishedReply(parts: DriveParts, session: UploadSession, fileId: string): Reply {
  const file = parts.files.find(session.accountId, fileId)
  if (!file) throw fileNotFound(fileId)
  return fileReply(sessionCaller(parts, session), file, session.target.fields)
}

function sessionCaller(parts: DriveParts, session: UploadSession): Caller {
  const account = parts.accounts.byId(session.accountId)
  if (!account) throw new UploadProtocolError(404, 'Not Found')
  return { account, clientId: session.clientId, seesEverything: session.target.seesEverything }
}

/** "308 Resume Incomplete"; without a Range header nothing has been received. */
function incompleteReply(receivedBytes: number): Reply {
  const headers: Record<string, string> =
    receivedBytes === 0 ? {} : { range: `bytes=0-${receivedBytes - 1}` }
  return { status: 308, headers }
}

function cancel(parts: DriveParts, session: UploadSession): Reply {
  parts.sessions.remove(session.uploadId)
  if (session.fileId === undefined) parts.files.removeBlob(session.blob)
  return { status: 499 }
}

function announcedBytes(exchange: Exchange): number | undefined {
  const header = exchange.request.headers['x-upload-content-length']
  if (header === undefined) return undefined
  if (typeof header !== 'string' || !/^\d+$/.test(header)) {
    throw invalidValue('X-Upload-Content-Length')
  }
  return Number(header)
}
