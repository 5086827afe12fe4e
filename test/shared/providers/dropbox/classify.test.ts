import { describe, expect, it } from 'vitest'
import {
  classify,
  classifyEntry,
  sessionState,
} from '../../../../shared/providers/dropbox/classify.ts'

/** `path/conflict/file` as Dropbox writes it: `{".tag": "path", "path": {".tag": "conflict", …}}`. */
function tagged(tags: string): Record<string, unknown> {
  const [tag = '', ...rest] = tags.split('/')
  return { '.tag': tag, ...(rest.length > 0 && { [tag]: tagged(rest.join('/')) }) }
}

function word(status: number, body: object | string, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return classify(status, new Headers(headers), text)
}

const RATE_LIMITED = { name: 'RetryLater', reason: 'RATE_LIMITED' }
const UNAVAILABLE = { name: 'RetryLater', reason: 'UNAVAILABLE' }
const NETWORK = { name: 'RetryLater', reason: 'NETWORK' }
const DAILY_LIMIT = { name: 'RetryLater', reason: 'DAILY_LIMIT' }
const QUOTA_FULL = { name: 'QuotaFull' }
const SESSION_LOST = { name: 'SessionLost' }
const TOKEN_REJECTED = { name: 'ReconnectNeeded', tokenRejected: true }
const CONSENT_NEEDED = { name: 'ReconnectNeeded', tokenRejected: false }
const rejected = (reason: string) => ({ name: 'Rejected', reason })

/** https://github.com/dropbox/dropbox-api-spec: every tag of the routes that are called. */
const REFUSALS: [tags: string, word: object][] = [
  ['path/malformed_path', rejected('INVALID')],
  ['path/not_found', rejected('NOT_FOUND')],
  ['path/not_file', rejected('INVALID')],
  ['path/not_folder', rejected('INVALID')],
  ['path/restricted_content', rejected('FORBIDDEN')],
  ['path/unsupported_content_type', rejected('INVALID')],
  ['path/locked', UNAVAILABLE],
  ['path/conflict/file', rejected('ID_IN_USE')],
  ['path/conflict/folder', rejected('ID_IN_USE')],
  ['path/conflict/file_ancestor', rejected('PARENT_GONE')],
  ['path/conflict/other', rejected('ID_IN_USE')],
  ['path/no_write_permission', rejected('FORBIDDEN')],
  ['path/insufficient_space', QUOTA_FULL],
  ['path/team_folder_insufficient_space', QUOTA_FULL],
  ['path/member_folder_insufficient_space', QUOTA_FULL],
  ['path/upload_traffic_limit_reached', DAILY_LIMIT],
  ['path/disallowed_name', rejected('INVALID')],
  ['path/team_folder', rejected('FORBIDDEN')],
  ['path/operation_suppressed', rejected('FORBIDDEN')],
  ['path/too_many_write_operations', RATE_LIMITED],
  ['path/access_restricted', rejected('FORBIDDEN')],
  ['path/other', rejected('INVALID')],
  ['path_lookup/not_found', rejected('NOT_FOUND')],
  ['path_write/no_write_permission', rejected('FORBIDDEN')],
  ['path_write/too_many_write_operations', RATE_LIMITED],
  ['too_many_write_operations', RATE_LIMITED],
  ['too_many_files', rejected('INVALID')],
  ['unsupported_file', rejected('FORBIDDEN')],
  ['email_not_verified', rejected('FORBIDDEN')],
  ['not_allowed', rejected('FORBIDDEN')],
  ['not_found', SESSION_LOST],
  ['closed', SESSION_LOST],
  ['incorrect_offset', UNAVAILABLE],
  ['not_closed', UNAVAILABLE],
  ['too_large', rejected('TOO_LARGE')],
  ['payload_too_large', rejected('TOO_LARGE')],
  ['content_hash_mismatch', NETWORK],
  ['concurrent_session_invalid_offset', SESSION_LOST],
  ['concurrent_session_invalid_data_size', SESSION_LOST],
  ['concurrent_session_data_not_allowed', SESSION_LOST],
  ['concurrent_session_close_not_allowed', SESSION_LOST],
  ['concurrent_session_not_closed', SESSION_LOST],
  ['concurrent_session_missing_data', SESSION_LOST],
  ['lookup_failed/not_found', SESSION_LOST],
  ['lookup_failed/closed', SESSION_LOST],
  ['lookup_failed/not_closed', UNAVAILABLE],
  ['lookup_failed/incorrect_offset', UNAVAILABLE],
  ['lookup_failed/too_large', rejected('TOO_LARGE')],
  ['properties_error', rejected('INVALID')],
  ['too_many_shared_folder_targets', UNAVAILABLE],
  ['encryption_not_supported', rejected('FORBIDDEN')],
  ['other', rejected('INVALID')],
  ['a_tag_of_tomorrow', rejected('INVALID')],
]

describe('a refusal of Dropbox', () => {
  it.each(REFUSALS)('%s is told in one of the five words', (tags, expected) => {
    expect(word(409, { error_summary: `${tags}/...`, error: tagged(tags) })).toMatchObject(expected)
    expect(classifyEntry(tagged(tags))).toMatchObject(expected)
  })

  it.each([
    ['expired_access_token', TOKEN_REJECTED],
    ['invalid_access_token', TOKEN_REJECTED],
    ['missing_scope', CONSENT_NEEDED],
    ['user_suspended', CONSENT_NEEDED],
    ['invalid_select_user', CONSENT_NEEDED],
    ['invalid_select_admin', CONSENT_NEEDED],
    ['route_access_denied', CONSENT_NEEDED],
    ['other', TOKEN_REJECTED],
  ])('401 %s', (tag, expected) => {
    const body = { error_summary: `${tag}/..`, error: { '.tag': tag, required_scope: 'x' } }
    expect(word(401, body)).toMatchObject(expected)
  })

  it.each([
    [400, 'Error in call to API function "files/upload": bad', rejected('INVALID')],
    [401, 'who are you', TOKEN_REJECTED],
    [403, { error: tagged('no_permission') }, rejected('FORBIDDEN')],
    [403, { error: tagged('invalid_account_type/feature') }, rejected('FORBIDDEN')],
    [403, '<html>blocked on the way</html>', UNAVAILABLE],
    [404, 'no such function', rejected('INVALID')],
    [408, '', UNAVAILABLE],
    [409, 'no JSON', rejected('INVALID')],
    [413, '', rejected('TOO_LARGE')],
    [416, '', rejected('INVALID')],
    [422, { error: tagged('no_permission') }, rejected('FORBIDDEN')],
    [429, 'too many', RATE_LIMITED],
    [500, '', UNAVAILABLE],
    [502, '<html>', UNAVAILABLE],
    [503, '', UNAVAILABLE],
    [302, '', UNAVAILABLE],
  ])('%i with %j', (status, body, expected) => {
    expect(word(status, body)).toMatchObject(expected)
  })

  it('nests its reason in `reason` where files/upload and rate limits do', () => {
    const reason = tagged('conflict/file')
    const upload = { '.tag': 'path', reason, upload_session_id: 'pid' }
    expect(word(409, { error: upload })).toMatchObject(rejected('ID_IN_USE'))

    const limit = { reason: tagged('too_many_write_operations'), retry_after: 3 }
    expect(word(429, { error: limit })).toMatchObject({ ...RATE_LIMITED, afterMs: 3000 })
  })

  it('says how long to wait in a header, which wins, or in its body', () => {
    const body = { error: { reason: tagged('too_many_requests'), retry_after: 3 } }
    expect(word(429, body, { 'retry-after': '15' })).toMatchObject({ afterMs: 15_000 })
    expect(word(503, '', { 'retry-after': '2' })).toMatchObject({ afterMs: 2000 })
  })

  it('leaves its tags in the diagnostics, and nothing that might be text of somebody', () => {
    const conflict = word(409, { error: tagged('path/conflict/file'), user_message: 'secret' })
    expect(conflict.diagnostics).toEqual({
      provider: 'dropbox',
      status: 409,
      reason: 'path/conflict/file',
    })
    expect(word(409, { error: tagged('Tax 2026') }).diagnostics).toEqual({
      provider: 'dropbox',
      status: 409,
    })
  })
})

describe('a session that takes nothing', () => {
  const body = (error: object) => JSON.stringify({ error_summary: 'x', error })

  it('says where it is', () => {
    const error = { '.tag': 'incorrect_offset', correct_offset: 4_194_304 }
    expect(sessionState(409, body(error))).toBe(4_194_304)
  })

  it('says that it has all its bytes', () => {
    expect(sessionState(409, body({ '.tag': 'closed' }))).toBe('closed')
  })

  it.each([
    ['another refusal', 409, body({ '.tag': 'not_found' })],
    ['an offset that is none', 409, body({ '.tag': 'incorrect_offset', correct_offset: -1 })],
    ['an offset without a number', 409, body({ '.tag': 'incorrect_offset' })],
    ['another status', 500, body({ '.tag': 'closed' })],
    ['no JSON', 409, 'closed'],
  ])('%s says nothing of it', (_case, status, text) => {
    expect(sessionState(status, text)).toBeUndefined()
  })
})
