/**
 * Dropbox API v2. Control calls go through its SDK, whose requests are made by fetch; bytes go past
 * it, because it cannot resume an upload session in another process. What the API's functions need
 * of it too is `access.ts`.
 *
 * - A path is a file's id. It is committed with `add`, which overwrites nothing and is content with
 *   the same bytes at the same path, so that a commit may be repeated (`wire.ts`).
 * - Every file goes through an upload session, small ones in one request, and is committed by
 *   `finish_batch_v2`, one batch at a time (`commit-lane.ts`).
 * - A session has no question of its own: an empty append at its beginning is refused with where it
 *   is. What Dropbox says of it is believed, never our own count.
 * - What a second finish of a session answers is not documented: it counts as lost, and the file is
 *   looked up by its path and compared by its content hash.
 * - No request carries a `content_hash` of its own: it would stand in a header, before bytes that are
 *   hashed as they pass, so that every chunk would be read twice or held whole. What the committed
 *   file's hash proves (`prove-file.ts`) includes each of them.
 */
import { Dropbox } from 'dropbox'
import { authorization, withTimeout } from '../answers.ts'
import { ExactBody } from '../exact-body.ts'
import { type ProviderFailure, QuotaFull, Rejected } from '../failures.ts'
import type {
  ByteRange,
  PathProvider,
  Progress,
  ProviderAuth,
  RemoteFile,
  UploadTarget,
} from '../provider.ts'
import { type Answer, sendRequest } from '../send-request.ts'
import { createDropboxAccess, type DropboxOptions } from './access.ts'
import { classifyAnswer, connectionFailure, unreadable } from './answers.ts'
import { classifyEntry, sessionState } from './classify.ts'
import { type Commit, commitLanes } from './commit-lane.ts'
import {
  argHeader,
  commitEntry,
  pathOf,
  readBatch,
  readMetadata,
  readSession,
  routeUrl,
} from './wire.ts'

const MIB = 1024 * 1024

/**
 * 48 MiB: a multiple of the content hash's 4 MiB, well below the 150 MiB of one request. A request
 * has a fixed cost and some plans count them; a chunk that breaks off is sent again.
 */
const CHUNK_BYTES = 48 * MIB
/** A worker holds ten such files at once while it sends them. */
const SINGLE_REQUEST_BYTES = 8 * MIB

export function createDropboxProvider({ apiUrl, contentUrl }: DropboxOptions): PathProvider {
  const access = createDropboxAccess({ apiUrl, contentUrl })
  const lanes = commitLanes({ finish: finishBatch })

  /** A control call by the SDK; its answer is read here, as it came. */
  async function answerOf(
    auth: ProviderAuth,
    call: (dropbox: Dropbox) => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<Answer> {
    let answer: Answer | undefined
    const dropbox = new Dropbox({
      accessToken: auth.accessToken,
      async fetch(url: string, init: RequestInit) {
        const response = await fetch(new URL(new URL(url).pathname, apiUrl), {
          ...init,
          redirect: 'manual',
          signal: withTimeout(signal),
        })
        const body = await response.text()
        answer = { status: response.status, headers: response.headers, body }
        return new Response(body, { status: response.status, headers: response.headers })
      },
    })
    try {
      await call(dropbox)
    } catch (error) {
      // Recovery: the SDK throws what it was answered as well, which is told from the answer itself.
      if (!answer) throw connectionFailure(error, signal)
    }
    if (!answer) throw new Error('The Dropbox SDK made no request')
    return answer
  }

  /** A call that carries a file's bytes, or none of them. */
  async function exchange(
    auth: ProviderAuth,
    route: 'start' | 'append_v2',
    argument: object,
    bytes: { signal: AbortSignal | undefined; source?: ExactBody; sizeBytes?: number },
  ): Promise<Answer> {
    const { signal, source, sizeBytes = 0 } = bytes
    try {
      return await sendRequest(routeUrl(contentUrl, `files/upload_session/${route}`), {
        method: 'POST',
        headers: {
          ...authorization(auth),
          ...argHeader(argument),
          'content-type': 'application/octet-stream',
          'content-length': String(sizeBytes),
        },
        ...(source && { body: source }),
        signal: source ? signal : withTimeout(signal),
      })
    } catch (error) {
      if (source?.failure !== undefined) throw source.failure
      throw connectionFailure(error, signal)
    } finally {
      source?.discard()
    }
  }

  async function startSession(
    auth: ProviderAuth,
    close: boolean,
    bytes: { signal: AbortSignal | undefined; source?: ExactBody; sizeBytes?: number },
  ): Promise<string> {
    const answer = await exchange(auth, 'start', { close }, bytes)
    if (answer.status !== 200) throw classifyAnswer(answer)
    return readSession(answer.body) ?? unreadable(answer)
  }

  async function finishBatch(
    auth: ProviderAuth,
    commits: Commit[],
  ): Promise<(RemoteFile | ProviderFailure)[]> {
    const entries = commits.map(({ sessionId, target }) => commitEntry(sessionId, target))
    const answer = await answerOf(auth, (dropbox) =>
      dropbox.filesUploadSessionFinishBatchV2({ entries }),
    )
    if (answer.status !== 200) throw classifyAnswer(answer)
    const outcomes = readBatch(answer.body)
    if (outcomes?.length !== commits.length) return unreadable(answer)
    return outcomes.map((outcome) =>
      'failure' in outcome ? atPath(classifyEntry(outcome.failure)) : outcome,
    )
  }

  async function committed(
    auth: ProviderAuth,
    commit: Commit,
    signal: AbortSignal | undefined,
  ): Promise<Progress> {
    return { state: 'complete', file: await lanes.commit(auth, commit, signal) }
  }

  async function findFile(
    auth: ProviderAuth,
    fileId: string,
    signal?: AbortSignal,
  ): Promise<RemoteFile | undefined> {
    const answer = await answerOf(
      auth,
      (dropbox) => dropbox.filesGetMetadata({ path: fileId }),
      signal,
    )
    if (answer.status !== 200) {
      const failure = classifyAnswer(answer)
      if (failure instanceof Rejected && failure.reason === 'NOT_FOUND') return undefined
      throw failure
    }
    const found = readMetadata(answer.body) ?? unreadable(answer)
    return found === 'no-file' ? undefined : found
  }

  /** Progress from what an append answers, whether it carried bytes or asked a question. */
  async function progressOf(
    auth: ProviderAuth,
    commit: Commit,
    answer: Answer,
    sent: ByteRange & { closed: boolean },
    signal: AbortSignal | undefined,
  ): Promise<Progress> {
    const { sizeBytes } = commit.target
    const takenBytes = sent.offsetBytes + sent.sizeBytes
    const state = answer.status === 200 ? takenBytes : sessionState(answer.status, answer.body)
    if (state === undefined) throw classifyAnswer(answer)
    if (state === 'closed' || (answer.status === 200 && sent.closed)) {
      return committed(auth, commit, signal)
    }
    if (state > sizeBytes) return unreadable(answer)
    if (state < sizeBytes) return { state: 'partial', offsetBytes: state }
    // All its bytes are there, but it was not closed with the last of them.
    const end = { offsetBytes: sizeBytes, sizeBytes: 0, closed: true }
    const closing = await append(auth, commit.sessionId, end, { signal })
    if (closing.status !== 200 && sessionState(closing.status, closing.body) !== 'closed') {
      throw classifyAnswer(closing)
    }
    return committed(auth, commit, signal)
  }

  function append(
    auth: ProviderAuth,
    sessionId: string,
    { offsetBytes, sizeBytes, closed }: ByteRange & { closed: boolean },
    sent: { signal: AbortSignal | undefined; source?: ExactBody },
  ): Promise<Answer> {
    const cursor = { session_id: sessionId, offset: offsetBytes }
    return exchange(auth, 'append_v2', { cursor, close: closed }, { ...sent, sizeBytes })
  }

  return {
    ...access,
    ids: 'paths',
    chunkBytes: CHUNK_BYTES,
    singleRequestBytes: SINGLE_REQUEST_BYTES,

    idAt: pathOf,

    async ensureFolder(auth, { folderId }, signal) {
      const answer = await lanes.inTurn(auth, () =>
        answerOf(
          auth,
          (dropbox) => dropbox.filesCreateFolderV2({ path: folderId, autorename: false }),
          signal,
        ),
      )
      if (answer.status === 200) return
      const failure = classifyAnswer(answer)
      if (!isTaken(failure)) throw failure
      const standing = await findFile(auth, folderId, signal)
      if (standing) throw atPath(failure)
    },

    findFile,

    async uploadWhole(auth, target, body, signal) {
      if (target.sizeBytes > SINGLE_REQUEST_BYTES) {
        throw new RangeError(`${target.sizeBytes} bytes are more than one request carries`)
      }
      const { sizeBytes } = target
      const source = new ExactBody(body, sizeBytes)
      const sessionId = await startSession(auth, true, { signal, source, sizeBytes })
      return lanes.commit(auth, { sessionId, target }, signal)
    },

    /** What would be refused only after the last byte is asked before the first one. */
    async openSession(auth, target, signal) {
      const [standing, { usedBytes, totalBytes }] = await Promise.all([
        findFile(auth, target.fileId, signal),
        access.quota(auth, signal),
      ])
      if (standing && standing.sizeBytes !== target.sizeBytes) throw taken()
      if (standing) return { file: standing }
      if (totalBytes !== undefined && usedBytes + target.sizeBytes > totalBytes) {
        throw new QuotaFull({ diagnostics: { provider: 'dropbox', reason: 'spaceUsage' } })
      }
      return { sessionUri: await startSession(auth, false, { signal }) }
    },

    async sessionProgress(auth, sessionUri, target, signal) {
      const nothing = { offsetBytes: 0, sizeBytes: 0, closed: false }
      const answer = await append(auth, sessionUri, nothing, { signal })
      return progressOf(auth, { sessionId: sessionUri, target }, answer, nothing, signal)
    },

    async sendChunk(auth, sessionUri, target, chunk, signal) {
      const endBytes = chunk.offsetBytes + chunk.sizeBytes
      assertChunk(chunk, target)
      const sent = { ...chunk, closed: endBytes === target.sizeBytes }
      const source = new ExactBody(chunk.body, chunk.sizeBytes)
      const answer = await append(auth, sessionUri, sent, { signal, source })
      return progressOf(auth, { sessionId: sessionUri, target }, answer, sent, signal)
    },
  }
}

/** What stands at a path is not overwritten: another path is to be chosen. */
function atPath(failure: ProviderFailure): ProviderFailure {
  return isTaken(failure) ? taken(failure) : failure
}

function taken(failure?: Rejected): Rejected {
  const diagnostics = failure?.diagnostics ?? { provider: 'dropbox' as const, reason: 'otherSize' }
  return new Rejected({ reason: 'ID_UNUSABLE', diagnostics })
}

function isTaken(failure: ProviderFailure): failure is Rejected {
  return failure instanceof Rejected && failure.reason === 'ID_IN_USE'
}

function assertChunk({ offsetBytes, sizeBytes }: ByteRange, target: UploadTarget): void {
  if (sizeBytes < 1 || offsetBytes + sizeBytes > target.sizeBytes) {
    throw new RangeError(
      `A chunk of ${sizeBytes} bytes at ${offsetBytes} does not fit a file of ${target.sizeBytes}`,
    )
  }
}
