/** What a fault makes Dropbox say: the shape of each kind of endpoint, and of each function. */
import { type Exchange, jsonReply, type Reply, textReply } from '../exchange.ts'
import type { Fault } from '../fault-plan.ts'
import { oauthErrorReply } from '../oauth-error.ts'
import { DropboxError, rateLimitReply, type Tagged, tagged } from './dropbox-error.ts'

const DEFAULT_REASONS: Record<number, string> = {
  401: 'expired_access_token',
  403: 'no_permission',
  409: 'other',
  429: 'too_many_requests',
}
/** Reasons that say why a path could not be written, and therefore stand below `path`. */
const WRITE_REASONS = new Set([
  'insufficient_space',
  'no_write_permission',
  'malformed_path',
  'disallowed_name',
  'team_folder',
  'operation_suppressed',
  'access_restricted',
  'too_many_write_operations',
])
/** Reasons of a LookupError. */
const LOOKUP_REASONS = new Set(['not_found', 'not_file', 'not_folder', 'restricted_content'])
/** Reasons of a session, which `finish` puts below `lookup_failed`. */
const SESSION_REASONS = new Set(['not_found', 'closed', 'not_closed', 'too_large'])

export function faultReply(
  exchange: Exchange,
  status: number,
  fault: Fault,
  reason = DEFAULT_REASONS[status] ?? 'other',
): Reply {
  const { pathname } = exchange.url
  if (!pathname.startsWith('/2/')) {
    if (status >= 500) return textReply(status, fault.message ?? 'Service Unavailable')
    const code = reason === 'other' ? 'invalid_grant' : reason
    return oauthErrorReply(status, code, fault.message)
  }
  if (status === 429) return rateLimitReply(reason, fault.retryAfterSeconds ?? 1, fault.message)
  if (status === 401 || status === 403 || status === 409 || status === 422) {
    const error = status === 409 ? errorOf(pathname.slice('/2/'.length), reason) : tagged(reason)
    return described(new DropboxError(error, status), fault.message)
  }
  return textReply(status, fault.message ?? `Error in call to API function: ${status}`)
}

/** `user_message` is what Dropbox adds for people to read. */
function described(error: DropboxError, text: string | undefined): Reply {
  const reply = error.toReply()
  if (text === undefined) return reply
  const body = { ...JSON.parse(String(reply.body)), user_message: { text, locale: 'en' } }
  return jsonReply(reply.status, body)
}

/** The error of a function in which a reason can stand. */
function errorOf(functionName: string, reason: string): Tagged {
  if (functionName === 'files/upload' && WRITE_REASONS.has(reason)) {
    return { '.tag': 'path', reason: tagged(reason), upload_session_id: 'pid_upload_session:fault' }
  }
  if (functionName === 'files/upload_session/finish') {
    if (SESSION_REASONS.has(reason)) return tagged('lookup_failed', reason)
    if (reason !== 'too_many_write_operations' && WRITE_REASONS.has(reason)) {
      return tagged('path', reason)
    }
    return tagged(reason)
  }
  if (functionName === 'files/delete_v2') {
    if (LOOKUP_REASONS.has(reason)) return tagged('path_lookup', reason)
    return reason === 'too_many_write_operations' ? tagged(reason) : tagged('path_write', reason)
  }
  const isSession = functionName.startsWith('files/upload_session/')
  if (!isSession && (LOOKUP_REASONS.has(reason) || WRITE_REASONS.has(reason))) {
    return tagged('path', reason)
  }
  return tagged(reason)
}
