/**
 * Google Drive v3. Control calls go through googleapis, its repetitions switched off and its
 * requests made by fetch; bytes go past it, because googleapis knows no resumable session and would
 * send a stream again as an empty body. What the API's functions need of it too is `access.ts`.
 *
 * - Every file and folder is created under an id from `files.generateIds`: "You can safely retry
 *   uploads with pre-generated IDs"; a second creation is answered 409
 *   (https://developers.google.com/workspace/drive/api/guides/manage-uploads).
 * - A session is asked where it is; what a 308 says in `Range` is believed, never our own count.
 * - Whether the 409 comes when a session is opened or when it ends is not documented: both are met.
 * - Names need not be unique in a Drive folder and are never searched for.
 * - All requests carry `supportsAllDrives`, without which a shared drive answers 404.
 */
import { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import { authorization, withTimeout } from '../answers.ts'
import { ExactBody } from '../exact-body.ts'
import { type ProviderFailure, Rejected } from '../failures.ts'
import type {
  ByteRange,
  Chunk,
  FolderTarget,
  Progress,
  ProviderAuth,
  RemoteFile,
  ReservingProvider,
  UploadTarget,
} from '../provider.ts'
import { type Answer, type RequestToSend, sendRequest } from '../send-request.ts'
import { createDriveAccess } from './access.ts'
import { classifyAnswer, connectionFailure, unreadable } from './answers.ts'
import { classifyInSession } from './classify.ts'
import {
  contentRange,
  FILE_FIELDS,
  FOLDER_MIME_TYPE,
  fileMetadata,
  multipartEnvelope,
  progressRange,
  readFile,
  readIds,
  sessionUrl,
  storedBytes,
  storedMimeType,
  uploadUrl,
} from './wire.ts'

const MIB = 1024 * 1024

/**
 * 32 MiB: a multiple of Drive's 256 KiB and of the content hash's 4 MiB. A request has a fixed
 * cost, a chunk that breaks off is sent again: this is about a second of a Lambda's network.
 */
const CHUNK_BYTES = 32 * MIB
/** "multiples of 256 KB in size, except for the final chunk". */
const CHUNK_UNIT_BYTES = 256 * 1024
/** "5 MB or less" in one request. */
const SINGLE_REQUEST_BYTES = 5_000_000
const MAX_IDS = 1000

interface DriveOptions {
  /** Origin of the API, `https://www.googleapis.com`. */
  apiUrl: string
}

export function createDriveProvider({ apiUrl }: DriveOptions): ReservingProvider {
  const drive = new drive_v3.Drive({})
  const rootUrl = new URL('/', apiUrl).href

  /** Options of one googleapis call: no repetition, no parsing, no refusal of a status. */
  function control(auth: ProviderAuth, signal: AbortSignal | undefined) {
    return {
      rootUrl,
      headers: authorization(auth),
      retry: false,
      responseType: 'text' as const,
      validateStatus: () => true,
      redirect: 'manual' as const,
      fetchImplementation: fetch,
      signal: withTimeout(signal),
    }
  }

  async function answerOf(
    call: Promise<{ status: number; headers: unknown; data: unknown }>,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    try {
      const { status, headers, data } = await call
      return {
        status,
        headers: new Headers(headers as Record<string, string>),
        body: typeof data === 'string' ? data : '',
      }
    } catch (error) {
      throw connectionFailure(error, signal)
    }
  }

  /** Opens, asks or feeds a session, or sends a file; what comes back is small. */
  async function exchange(
    url: URL,
    sent: Omit<RequestToSend, 'signal'>,
    { signal, source }: { signal: AbortSignal | undefined; source?: ExactBody },
  ): Promise<Answer> {
    try {
      return await sendRequest(url, { ...sent, signal: source ? signal : withTimeout(signal) })
    } catch (error) {
      if (source?.failure !== undefined) throw source.failure
      throw connectionFailure(error, signal)
    } finally {
      source?.discard()
    }
  }

  async function findFile(
    auth: ProviderAuth,
    fileId: string,
    signal?: AbortSignal,
  ): Promise<RemoteFile | undefined> {
    const answer = await answerOf(
      drive.files.get(
        { fileId, fields: FILE_FIELDS, supportsAllDrives: true },
        control(auth, signal),
      ),
      signal,
    )
    if (answer.status === 404) return undefined
    if (answer.status !== 200) throw classifyAnswer(answer)
    return readFile(answer.body) ?? unreadable(answer)
  }

  /** What stands under an id that Drive says is taken. */
  async function takenBy(
    auth: ProviderAuth,
    target: UploadTarget,
    refusal: Rejected,
    signal: AbortSignal | undefined,
  ): Promise<RemoteFile> {
    const file = await findFile(auth, target.fileId, signal)
    // Taken and yet not there: created and then deleted for good.
    if (!file) throw new Rejected({ reason: 'ID_UNUSABLE', diagnostics: refusal.diagnostics })
    return file
  }

  /** Progress from what a session answers, whether it was asked or given a chunk. */
  async function progressOf(
    auth: ProviderAuth,
    target: UploadTarget,
    answer: Answer,
    signal: AbortSignal | undefined,
  ): Promise<Progress> {
    if (answer.status === 308) {
      const offsetBytes = storedBytes(answer.headers)
      if (offsetBytes === undefined || offsetBytes > target.sizeBytes) return unreadable(answer)
      return { state: 'partial', offsetBytes }
    }
    if (answer.status === 200 || answer.status === 201) {
      return { state: 'complete', file: readFile(answer.body) ?? unreadable(answer) }
    }
    const failure = classifyInSession(answer.status, answer.headers, answer.body)
    if (isIdInUse(failure)) {
      return { state: 'complete', file: await takenBy(auth, target, failure, signal) }
    }
    throw failure
  }

  return {
    ...createDriveAccess({ apiUrl }),
    ids: 'reserved',
    chunkBytes: CHUNK_BYTES,
    singleRequestBytes: SINGLE_REQUEST_BYTES,

    async reserveIds(auth, count, signal) {
      if (!Number.isInteger(count) || count < 1 || count > MAX_IDS) {
        throw new RangeError(`Drive reserves 1 to ${MAX_IDS} ids at a time, not ${count}`)
      }
      const answer = await answerOf(
        drive.files.generateIds({ count, space: 'drive', type: 'files' }, control(auth, signal)),
        signal,
      )
      if (answer.status !== 200) throw classifyAnswer(answer)
      const ids = readIds(answer.body)
      return ids?.length === count ? ids : unreadable(answer)
    },

    async ensureFolder(auth, { folderId, name, parentId }: FolderTarget, signal) {
      const answer = await answerOf(
        drive.files.create(
          {
            requestBody: {
              id: folderId,
              name,
              mimeType: FOLDER_MIME_TYPE,
              ...(parentId !== undefined && { parents: [parentId] }),
            },
            fields: 'id',
            supportsAllDrives: true,
          },
          control(auth, signal),
        ),
        signal,
      )
      if (answer.status === 200) return
      const failure = inParent(classifyAnswer(answer))
      if (!isIdInUse(failure)) throw failure
      // What is put into a folder in the trash is in the trash as well.
      const folder = await findFile(auth, folderId, signal)
      if (!folder || folder.trashed) {
        throw new Rejected({ reason: 'FOLDER_GONE', diagnostics: failure.diagnostics })
      }
    },

    findFile,

    async uploadWhole(auth, target, body, signal) {
      if (target.sizeBytes > SINGLE_REQUEST_BYTES) {
        throw new RangeError(`${target.sizeBytes} bytes are more than one request carries`)
      }
      const source = new ExactBody(body, target.sizeBytes)
      const { contentType, head, tail } = multipartEnvelope(target, crypto.randomUUID())
      const answer = await exchange(
        uploadUrl(apiUrl, 'multipart'),
        {
          method: 'POST',
          headers: {
            ...authorization(auth),
            'content-type': contentType,
            'content-length': String(head.byteLength + target.sizeBytes + tail.byteLength),
          },
          body: wrapped(head, source, tail),
        },
        { signal, source },
      )
      if (answer.status === 200) return readFile(answer.body) ?? unreadable(answer)
      const failure = inParent(classifyAnswer(answer))
      if (isIdInUse(failure)) return takenBy(auth, target, failure, signal)
      throw failure
    },

    async openSession(auth, target, signal) {
      const answer = await exchange(
        uploadUrl(apiUrl, 'resumable'),
        {
          method: 'POST',
          headers: {
            ...authorization(auth),
            'content-type': 'application/json; charset=UTF-8',
            'x-upload-content-type': storedMimeType(target.mimeType),
            'x-upload-content-length': String(target.sizeBytes),
          },
          body: JSON.stringify(fileMetadata(target)),
        },
        { signal },
      )
      if (answer.status === 200) {
        const location = answer.headers.get('location')
        if (location === null) return unreadable(answer)
        return { sessionUri: sessionUrl(apiUrl, location).href }
      }
      const failure = inParent(classifyAnswer(answer))
      if (isIdInUse(failure)) return { file: await takenBy(auth, target, failure, signal) }
      throw failure
    },

    async sessionProgress(auth, sessionUri, target, signal) {
      const answer = await exchange(
        sessionUrl(apiUrl, sessionUri),
        {
          method: 'PUT',
          headers: {
            ...authorization(auth),
            'content-length': '0',
            'content-range': progressRange(target.sizeBytes),
          },
        },
        { signal },
      )
      return progressOf(auth, target, answer, signal)
    },

    async sendChunk(auth, sessionUri, target, chunk: Chunk, signal) {
      assertChunk(chunk, target)
      const source = new ExactBody(chunk.body, chunk.sizeBytes)
      const answer = await exchange(
        sessionUrl(apiUrl, sessionUri),
        {
          method: 'PUT',
          headers: {
            ...authorization(auth),
            'content-length': String(chunk.sizeBytes),
            'content-range': contentRange(chunk, target.sizeBytes),
          },
          body: source,
        },
        { signal, source },
      )
      return progressOf(auth, target, answer, signal)
    },
  }
}

/** Where something is created under a new id, what was not found is the folder it should go into. */
function inParent(failure: ProviderFailure): ProviderFailure {
  const isMissing = failure instanceof Rejected && failure.reason === 'NOT_FOUND'
  return isMissing
    ? new Rejected({ reason: 'PARENT_GONE', diagnostics: failure.diagnostics })
    : failure
}

function isIdInUse(failure: ProviderFailure): failure is Rejected {
  return failure instanceof Rejected && failure.reason === 'ID_IN_USE'
}

function assertChunk(chunk: ByteRange, target: UploadTarget): void {
  const endBytes = chunk.offsetBytes + chunk.sizeBytes
  const isLast = endBytes === target.sizeBytes
  const isWhole = chunk.sizeBytes > 0 && chunk.sizeBytes % CHUNK_UNIT_BYTES === 0
  if (chunk.sizeBytes < 1 || endBytes > target.sizeBytes || !(isLast || isWhole)) {
    throw new RangeError(
      `A chunk of ${chunk.sizeBytes} bytes at ${chunk.offsetBytes} does not fit a file of ${target.sizeBytes}`,
    )
  }
}

async function* wrapped(
  head: Uint8Array,
  body: AsyncIterable<Uint8Array>,
  tail: Uint8Array,
): AsyncGenerator<Uint8Array> {
  yield head
  yield* body
  yield tail
}
