/**
 * What an answer of Dropbox means in the five words. Pure. The chain of `.tag`s decides; a summary
 * ends in a random number of dots and is never compared
 * (https://www.dropbox.com/developers/documentation/http/documentation#error-handling).
 * The tables name every tag of the routes that are called.
 */
import * as z from 'zod'
import { parseJson, retryAfterMs } from '../answers.ts'
import {
  type ProviderFailure,
  QuotaFull,
  ReconnectNeeded,
  Rejected,
  type RejectedReason,
  RetryLater,
  type RetryLaterReason,
  SessionLost,
} from '../failures.ts'

const HOUR_MS = 3_600_000

type Meaning =
  | RejectedReason
  | RetryLaterReason
  | 'FULL'
  | 'SESSION_LOST'
  | 'TOKEN_REJECTED'
  | 'CONSENT_NEEDED'

/** LookupError, WriteError and WriteConflictError: what is wrong with a path. */
const PATH_TAGS: Record<string, Meaning> = {
  malformed_path: 'INVALID',
  not_found: 'NOT_FOUND',
  not_file: 'INVALID',
  not_folder: 'INVALID',
  restricted_content: 'FORBIDDEN',
  unsupported_content_type: 'INVALID',
  locked: 'UNAVAILABLE',
  conflict: 'ID_IN_USE',
  'conflict/file': 'ID_IN_USE',
  'conflict/folder': 'ID_IN_USE',
  // Where a folder should be stands a file.
  'conflict/file_ancestor': 'PARENT_GONE',
  no_write_permission: 'FORBIDDEN',
  insufficient_space: 'FULL',
  team_folder_insufficient_space: 'FULL',
  member_folder_insufficient_space: 'FULL',
  upload_traffic_limit_reached: 'DAILY_LIMIT',
  disallowed_name: 'INVALID',
  team_folder: 'FORBIDDEN',
  operation_suppressed: 'FORBIDDEN',
  too_many_write_operations: 'RATE_LIMITED',
  access_restricted: 'FORBIDDEN',
}

/** UploadSessionLookupError and the other refusals of the upload session's routes. */
const SESSION_TAGS: Record<string, Meaning> = {
  not_found: 'SESSION_LOST',
  // Of a session that is asked where it is, both are progress; met elsewhere, it is to be asked.
  incorrect_offset: 'UNAVAILABLE',
  not_closed: 'UNAVAILABLE',
  // Committed already: what it made is found by its path.
  closed: 'SESSION_LOST',
  too_large: 'TOO_LARGE',
  payload_too_large: 'TOO_LARGE',
  concurrent_session_invalid_offset: 'SESSION_LOST',
  concurrent_session_invalid_data_size: 'SESSION_LOST',
  concurrent_session_data_not_allowed: 'SESSION_LOST',
  concurrent_session_close_not_allowed: 'SESSION_LOST',
  concurrent_session_not_closed: 'SESSION_LOST',
  concurrent_session_missing_data: 'SESSION_LOST',
  // The bytes were damaged on their way.
  content_hash_mismatch: 'NETWORK',
  properties_error: 'INVALID',
  too_many_shared_folder_targets: 'UNAVAILABLE',
  too_many_write_operations: 'RATE_LIMITED',
  encryption_not_supported: 'FORBIDDEN',
  // Of delete_v2, download and get_temporary_link.
  too_many_files: 'INVALID',
  unsupported_file: 'FORBIDDEN',
  email_not_verified: 'FORBIDDEN',
  not_allowed: 'FORBIDDEN',
}

/** AuthError, status 401. */
const AUTH_TAGS: Record<string, Meaning> = {
  expired_access_token: 'TOKEN_REJECTED',
  invalid_access_token: 'TOKEN_REJECTED',
  missing_scope: 'CONSENT_NEEDED',
  user_suspended: 'CONSENT_NEEDED',
  invalid_select_user: 'CONSENT_NEEDED',
  invalid_select_admin: 'CONSENT_NEEDED',
  route_access_denied: 'CONSENT_NEEDED',
}

const PATH_ERRORS = new Set(['path', 'path_lookup', 'path_write'])

interface Refused {
  status: number
  tags: string[]
  afterMs?: number | undefined
}

/** Any answer but the one that was hoped for. */
export function classify(status: number, headers: Headers, body: string): ProviderFailure {
  const { error } = refusal.safeParse(parseJson(body)).data ?? {}
  const afterMs = retryAfterMs(headers) ?? waitOf(error)
  const refused = { status, tags: tagsOf(error), afterMs }
  return failureOf(meaningOf(refused), refused)
}

/** The refusal of one entry of a batch, whose own status is 200. */
export function classifyEntry(failure: unknown): ProviderFailure {
  const refused = { status: 409, tags: tagsOf(failure) }
  return failureOf(meaningOf(refused), refused)
}

/** Where the session is, when that is why it took nothing; `closed` when all its bytes are there. */
export function sessionState(status: number, body: string): number | 'closed' | undefined {
  if (status !== 409) return undefined
  const { error } = refusal.safeParse(parseJson(body)).data ?? {}
  if (tagsOf(error).at(-1) === 'closed') return 'closed'
  return misplaced.safeParse(error).data?.correct_offset
}

const refusal = z.object({ error: z.unknown() })
const misplaced = z.object({
  '.tag': z.literal('incorrect_offset'),
  correct_offset: z.int().nonnegative(),
})
const rateLimit = z.object({ retry_after: z.number().nonnegative() })

function meaningOf({ status, tags }: Refused): Meaning {
  switch (status) {
    case 401:
      return AUTH_TAGS[tags[0] ?? ''] ?? 'TOKEN_REJECTED'
    case 403:
      // Without a tag it comes from a server in front of Dropbox, not from Dropbox.
      return tags.length === 0 ? 'UNAVAILABLE' : 'FORBIDDEN'
    case 408:
      return 'UNAVAILABLE'
    case 409:
      return routeMeaning(tags)
    case 413:
      return 'TOO_LARGE'
    case 422:
      return 'FORBIDDEN'
    case 429:
      return 'RATE_LIMITED'
    default:
      return status >= 400 && status < 500 ? 'INVALID' : 'UNAVAILABLE'
  }
}

function routeMeaning([first = '', ...rest]: string[]): Meaning {
  if (PATH_ERRORS.has(first)) {
    return PATH_TAGS[rest.join('/')] ?? PATH_TAGS[rest[0] ?? ''] ?? 'INVALID'
  }
  const tag = first === 'lookup_failed' ? (rest[0] ?? '') : first
  return SESSION_TAGS[tag] ?? 'INVALID'
}

function failureOf(meaning: Meaning, { status, tags, afterMs }: Refused): ProviderFailure {
  const reason = tags.join('/')
  const isCodeWord = /^[a-z_/]{1,60}$/.test(reason)
  const diagnostics = { provider: 'dropbox' as const, status, ...(isCodeWord && { reason }) }
  switch (meaning) {
    case 'RATE_LIMITED':
    case 'UNAVAILABLE':
    case 'NETWORK':
      return new RetryLater({ reason: meaning, afterMs, diagnostics })
    case 'DAILY_LIMIT':
      return new RetryLater({ reason: meaning, afterMs: afterMs ?? HOUR_MS, diagnostics })
    case 'FULL':
      return new QuotaFull({ diagnostics })
    case 'SESSION_LOST':
      return new SessionLost({ diagnostics })
    case 'TOKEN_REJECTED':
    case 'CONSENT_NEEDED':
      return new ReconnectNeeded({ tokenRejected: meaning === 'TOKEN_REJECTED', diagnostics })
    default:
      return new Rejected({ reason: meaning, diagnostics })
  }
}

/** `{".tag": "path", "path": {".tag": "conflict", …}}` is path, conflict, …; some routes nest in `reason` instead. */
function tagsOf(error: unknown): string[] {
  if (typeof error === 'string') return [error]
  if (typeof error !== 'object' || error === null) return []
  const members = error as Record<string, unknown>
  const tag = members['.tag']
  if (typeof tag !== 'string') return tagsOf(members['reason'])
  return [tag, ...tagsOf(members[tag] ?? members['reason'])]
}

function waitOf(error: unknown): number | undefined {
  const wait = rateLimit.safeParse(error).data
  return wait && wait.retry_after * 1000
}
