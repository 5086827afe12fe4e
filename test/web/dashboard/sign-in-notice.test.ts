import { describe, expect, it } from 'vitest'
import { localPath, signInNotice } from '../../../web/dashboard/sign-in/sign-in-notice.ts'

describe('The sign-in page', () => {
  it('says nothing without an error', () => {
    expect(signInNotice(null)).toBeUndefined()
    expect(signInNotice('')).toBeUndefined()
  })

  it.each([
    ['SIGNUP_CLOSED', 'Sign-up is closed', 'Ask whoever runs'],
    ['SIGN_IN_DENIED', 'Sign-in was cancelled', 'start again'],
    ['OAUTH_CALLBACK_INVALID', 'This sign-in did not start here or is too old', 'start again'],
  ])('puts %s in words', (code, title, advice) => {
    expect(signInNotice(code)?.title).toBe(title)
    expect(signInNotice(code)?.detail).toContain(advice)
  })

  it('repeats nothing of an unknown code', () => {
    expect(JSON.stringify(signInNotice('<script>'))).not.toContain('script')
  })

  it.each(['/', '/files?portalId=prt_1', '/portals#x'])('goes on to %s of the app', (path) => {
    expect(localPath(path)).toBe(path)
  })

  it.each([
    null,
    '',
    'files',
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '/api/auth/logout',
    '/sign-in?returnTo=/sign-in',
  ])('goes to the overview instead of %s', (path) => {
    expect(localPath(path)).toBe('/')
  })
})
