import { describe, expect, it } from 'vitest'
import { classify, classifyInSession } from '../../../../shared/providers/drive/classify.ts'
import { refusal } from './fake-drive-server.ts'

function word(status: number, body: object | string, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return classify(status, new Headers(headers), text)
}

const RATE_LIMITED = { name: 'RetryLater', reason: 'RATE_LIMITED' }
const UNAVAILABLE = { name: 'RetryLater', reason: 'UNAVAILABLE' }
const DAILY_LIMIT = { name: 'RetryLater', reason: 'DAILY_LIMIT' }
const QUOTA_FULL = { name: 'QuotaFull' }
const TOKEN_REJECTED = { name: 'ReconnectNeeded', tokenRejected: true }
const SCOPE_MISSING = { name: 'ReconnectNeeded', tokenRejected: false }
const rejected = (reason: string) => ({ name: 'Rejected', reason })

describe('a refusal of Drive', () => {
  it.each([
    [403, 'rateLimitExceeded', RATE_LIMITED],
    [403, 'userRateLimitExceeded', RATE_LIMITED],
    [403, 'sharingRateLimitExceeded', RATE_LIMITED],
    [429, 'rateLimitExceeded', RATE_LIMITED],
    [408, 'timeout', UNAVAILABLE],
    [500, 'backendError', UNAVAILABLE],
    [502, 'badGateway', UNAVAILABLE],
    [503, 'backendError', UNAVAILABLE],
    [504, 'timeout', UNAVAILABLE],
    [403, 'dailyLimitExceeded', DAILY_LIMIT],
    [401, 'authError', TOKEN_REJECTED],
    [403, 'insufficientPermissions', SCOPE_MISSING],
    [403, 'ACCESS_TOKEN_SCOPE_INSUFFICIENT', SCOPE_MISSING],
    [403, 'storageQuotaExceeded', QUOTA_FULL],
    [403, 'teamDriveFileLimitExceeded', QUOTA_FULL],
    [403, 'numChildrenInNonRootLimitExceeded', QUOTA_FULL],
    [403, 'activeItemCreationLimitExceeded', QUOTA_FULL],
    [403, 'quotaExceeded', QUOTA_FULL],
    [404, 'notFound', rejected('NOT_FOUND')],
    [403, 'insufficientFilePermissions', rejected('FORBIDDEN')],
    [403, 'appNotAuthorizedToFile', rejected('FORBIDDEN')],
    [403, 'domainPolicy', rejected('FORBIDDEN')],
    [403, 'teamDriveMembershipRequired', rejected('FORBIDDEN')],
    [403, 'myDriveHierarchyDepthLimitExceeded', rejected('TOO_DEEP')],
    [403, 'teamDriveHierarchyTooDeep', rejected('TOO_DEEP')],
    [400, 'badRequest', rejected('INVALID')],
    [400, 'parseError', rejected('INVALID')],
    [409, 'fileIdInUse', rejected('ID_IN_USE')],
    [413, 'uploadTooLarge', rejected('TOO_LARGE')],
    [403, 'accessNotConfigured', UNAVAILABLE],
  ])('%i %s', (status, reason, expected) => {
    expect(word(status, refusal(status, reason))).toMatchObject(expected)
  })

  it('tells 750 GB a day from the limit per minute by the wording alone', () => {
    const reason = 'userRateLimitExceeded'

    expect(word(403, refusal(403, reason, 'User rate limit exceeded.'))).toMatchObject(DAILY_LIMIT)
    expect(word(403, refusal(403, reason, 'User Rate Limit Exceeded'))).toMatchObject(RATE_LIMITED)
  })

  it('finds the reason among the details of a newer error', () => {
    const body = {
      error: {
        code: 403,
        status: 'PERMISSION_DENIED',
        message: 'Request had insufficient authentication scopes.',
        details: [{ '@type': 'ErrorInfo', reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT' }],
      },
    }

    expect(word(403, body)).toMatchObject(SCOPE_MISSING)
  })

  it('knows an id that cannot be used by its sentence', () => {
    const body = refusal(400, 'invalid', 'The provided file ID is not usable.')

    expect(word(400, body)).toMatchObject(rejected('ID_UNUSABLE'))
  })

  it.each([
    [400, 'Failed to parse Content-Range header.', rejected('INVALID')],
    [401, '', TOKEN_REJECTED],
    [403, '<html><title>Sorry...</title></html>', UNAVAILABLE],
    [404, '<html>Not Found</html>', rejected('NOT_FOUND')],
    [429, 'Too Many Requests', RATE_LIMITED],
    [502, '<!DOCTYPE html><p>The server encountered a temporary error', UNAVAILABLE],
    [503, '{"error": "broken', UNAVAILABLE],
    [302, '', UNAVAILABLE],
    [451, '', rejected('INVALID')],
  ])('%i with the text %j', (status, body, expected) => {
    expect(word(status, body)).toMatchObject(expected)
  })

  it.each([
    [{ 'retry-after': '7' }, 7000],
    [
      { 'retry-after': 'Thu, 01 Jan 2026 00:00:09 GMT', date: 'Thu, 01 Jan 2026 00:00:00 GMT' },
      9000,
    ],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:09 GMT' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('asks to wait as %j says', (headers, afterMs) => {
    const failure = word(503, '', headers as Record<string, string>)

    expect(failure).toMatchObject(UNAVAILABLE)
    expect(failure).toHaveProperty('afterMs', afterMs)
  })

  it('shows a code word in its diagnostics and no text', () => {
    const body = refusal(404, 'notFound', 'File not found: 1AbCsecret.')

    const failure = classify(404, new Headers(), JSON.stringify(body))
    const odd = classify(404, new Headers(), JSON.stringify(refusal(404, 'mail to a@b.example')))

    expect(failure.diagnostics).toEqual({
      provider: 'google_drive',
      status: 404,
      reason: 'notFound',
    })
    expect(odd.diagnostics).toEqual({ provider: 'google_drive', status: 404 })
    expect(failure.message).not.toContain('secret')
  })
})

describe('a refusal within a session', () => {
  it.each([
    [404, 'SESSION_LOST'],
    [410, 'SESSION_LOST'],
    [400, 'SESSION_LOST'],
    [401, 'RECONNECT_NEEDED'],
    [429, 'RETRY_LATER'],
    [503, 'RETRY_LATER'],
    [409, 'REJECTED'],
  ])('%i is %s', (status, code) => {
    expect(classifyInSession(status, new Headers(), '')).toMatchObject({ code })
  })

  it('keeps the session where a new one would meet the same', () => {
    const full = JSON.stringify(refusal(403, 'storageQuotaExceeded'))

    expect(classifyInSession(403, new Headers(), full)).toMatchObject({ code: 'QUOTA_FULL' })
  })
})
