/**
 * The end of upload sessions: one, or many in a batch.
 * https://www.dropbox.com/developers/documentation/http/documentation#files-upload_session-finish
 */
import * as z from 'zod'
import { jsonReply } from '../exchange.ts'
import { type ApiCall, apiFunction } from './api-call.ts'
import { type CommitInfo, commitInfo, contentHashHex, sessionCursor } from './arguments.ts'
import { commitFile, WriteError } from './commit.ts'
import { DropboxError, type Tagged, tagged } from './dropbox-error.ts'
import { type FileContent, type FileEntry, metadata } from './entry.ts'
import { findSession, incorrectOffset, offsetFault, receive, refuseContent } from './receive.ts'
import type { UploadSession } from './session-store.ts'

/** Play a fault of this name and every second entry of a batch meets the namespace lock. */
export const ENTRIES_BUSY = 'entries-busy'

const finishArg = z.strictObject({
  cursor: sessionCursor,
  commit: commitInfo,
  content_hash: contentHashHex.optional(),
})
type FinishArg = z.infer<typeof finishArg>

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
    const entries = await parts.lock.commit(account.id, () =>
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

async function contentOf(call: ApiCall<unknown>, session: UploadSession): Promise<FileContent> {
  const contentHash = await call.parts.sessions.contentHashOf(session)
  return { blob: session.blob, size: session.receivedBytes, contentHash }
}

export async function commitSession(
  call: ApiCall<unknown>,
  commit: CommitInfo,
  session: UploadSession,
): Promise<FileEntry> {
  const { parts, account } = call
  const content = await contentOf(call, session)
  const committed = await parts.lock.commit(account.id, () => {
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
