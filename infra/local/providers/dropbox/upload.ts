/**
 * Content that comes in: `upload`, and the beginning and the middle of upload sessions.
 * https://www.dropbox.com/developers/documentation/http/documentation#files-upload_session-start
 */
import * as z from 'zod'
import { jsonReply } from '../exchange.ts'
import { type ApiCall, apiFunction } from './api-call.ts'
import { commitInfo, contentHashHex, sessionCursor, sessionType } from './arguments.ts'
import { WriteError } from './commit.ts'
import { DropboxError, tagged } from './dropbox-error.ts'
import { metadata } from './entry.ts'
import { commitSession } from './finish.ts'
import {
  findSession,
  offsetFault,
  receive,
  receivePiece,
  refuseContent,
  sizeFault,
} from './receive.ts'
import type { UploadSession } from './session-store.ts'

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

function openSession(call: ApiCall<unknown>, isConcurrent: boolean): UploadSession {
  const { parts, exchange } = call
  parts.entries.removeUnused(parts.sessions.removeExpired())
  const session = parts.sessions.open(call, isConcurrent)
  exchange.session = session.number
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
