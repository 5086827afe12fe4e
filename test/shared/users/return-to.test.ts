import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { safeReturnTo } from '../../../shared/users/return-to.ts'

const ORIGIN = 'https://files.example.com'

describe('security rule 4: a flow ends at a path of the app', () => {
  it.each([
    '/',
    '/accounts',
    '/p/letters',
    '/portals?sort=name',
    '/apiary',
    '/@name',
    '/a?next=//evil.example',
  ])('keeps %s', (returnTo) => {
    expect(safeReturnTo(returnTo, ORIGIN)).toBe(returnTo)
  })

  it.each([
    undefined,
    '',
    'accounts',
    'https://evil.example/',
    'http://files.example.com/',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    ' //evil.example',
    '/.//evil.example',
    '/..//evil.example',
    '/a/..//evil.example',
    '/%2e//evil.example',
    '/%2E%2E//evil.example',
    '/.\\\\evil.example',
    '//files.example.com@evil.example/',
    'https://files.example.com@evil.example/',
    'javascript:alert(1)',
    '/\\\tjavascript:alert(1)',
    'data:text/html,x',
    '/api/auth/logout',
    '/api',
    '/API/portals',
    '/%61pi/portals',
    '/%2fapi/x',
    '/./api/x',
    '/p/../api/x',
    '/%2e%2e/api/x',
    '/\\api/x',
    '/%ff%fe',
  ])('makes %j the start page', (returnTo) => {
    expect(safeReturnTo(returnTo, ORIGIN)).toBe('/')
  })

  it('never leaves the origin, whatever it is given', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '/',
        '//',
        '\\',
        '.',
        '..',
        '%2e',
        '%2f',
        '%5c',
        '@',
        ':',
        '?',
        '#',
        '\t',
        '\n',
      ),
      fc.constantFrom('api', 'evil.example', 'files.example.com', 'https', 'javascript'),
      fc.string({ maxLength: 4, unit: 'binary' }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const end = safeReturnTo(pieces.join(''), ORIGIN)
        const reached = new URL(end, ORIGIN)

        expect(end.startsWith('/')).toBe(true)
        expect(reached.origin).toBe(ORIGIN)
        expect(reached.pathname).not.toMatch(/^\/+api(\/|$)/i)
        expect(reached.username + reached.password).toBe('')
      }),
      { numRuns: 2000 },
    )
  })
})
