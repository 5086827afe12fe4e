import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient } from '../../../infra/local/app-client.ts'
import { OWNER, startTestCloud, type TestCloud } from '../../support/local-cloud.ts'
import { authorizeUrl, callbackUrl, dumpTable, location, ofType, problemOf } from './attack.ts'

const DAY_SECONDS = 86_400
const SESSION_COOKIE = 'portage_session'

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

async function signedIn(): Promise<AppClient> {
  const browser = test.browser()
  await browser.signIn(OWNER)
  return browser
}

async function isSignedIn(browser: AppClient): Promise<boolean> {
  const { status } = await browser.send('GET', '/api/auth/session')
  expect([200, 401]).toContain(status)
  return status === 200
}

/** What the table keeps of a browser's session. */
async function storedSession(browser: AppClient): Promise<Record<string, unknown> | undefined> {
  const token = browser.cookie(SESSION_COOKIE) ?? ''
  const hash = createHash('sha256').update(token).digest('base64url')
  return (await dumpTable(test)).get(`session#${hash} session`)
}

describe('security rule 4: sessions', () => {
  it('a login makes a new session, and never takes one that the browser brings', async () => {
    const browser = await signedIn()
    const first = browser.cookie(SESSION_COOKIE)
    await browser.signIn(OWNER)
    const second = browser.cookie(SESSION_COOKIE)
    const fixed = 'chosen-by-an-attacker-0123456789abcdefghijk'
    const victim = test.browser()
    const callback = await callbackUrl(victim, 'login', OWNER)
    const cookie = `portage_oauth=${victim.cookie('portage_oauth')}; ${SESSION_COOKIE}=${fixed}`
    await victim.send('GET', callback, { headers: { cookie } })

    expect(first).toMatch(/^[\w-]{43}$/)
    expect(second).toMatch(/^[\w-]{43}$/)
    expect(second).not.toBe(first)
    expect(victim.cookie(SESSION_COOKIE)).not.toBe(fixed)
  })

  it('is kept as a hash', async () => {
    const browser = await signedIn()
    const token = browser.cookie(SESSION_COOKIE) ?? ''

    expect(await storedSession(browser)).toMatchObject({ userId: expect.stringMatching(/^usr_/) })
    expect(JSON.stringify([...(await dumpTable(test)).values()])).not.toContain(token)
    const hash = createHash('sha256').update(token).digest('base64url')
    const thief = await test.browser().send('GET', '/api/auth/session', {
      headers: { cookie: `${SESSION_COOKIE}=${hash}` },
    })
    expect(thief.status).toBe(401)
  })

  it('is out of reach of scripts and of other sites', async () => {
    const browser = test.browser()
    const callback = await callbackUrl(browser, 'login', OWNER)

    const cookies = (await browser.send('GET', callback)).headers.getSetCookie()

    const attributes = cookies
      .find((line) => line.startsWith(`${SESSION_COOKIE}=`))
      ?.split('; ')
      .slice(1)
    expect(attributes).toEqual([
      `Max-Age=${30 * DAY_SECONDS}`,
      'Path=/',
      'HttpOnly',
      'SameSite=Lax',
    ])
    expect(cookies.find((line) => line.startsWith('portage_oauth='))).toContain('Max-Age=0')
  })

  it('ends at the server when its owner signs out', async () => {
    const browser = await signedIn()
    const stolen = { cookie: `${SESSION_COOKIE}=${browser.cookie(SESSION_COOKIE)}` }
    expect((await test.browser().send('GET', '/api/portals', { headers: stolen })).status).toBe(200)

    expect((await browser.send('POST', '/api/auth/logout')).status).toBe(204)

    for (const path of ['/api/auth/session', '/api/portals', '/api/storage/accounts']) {
      expect((await test.browser().send('GET', path, { headers: stolen })).status).toBe(401)
    }
    expect(browser.cookie(SESSION_COOKIE)).toBeUndefined()
  })

  it('is not taken from the query, the Authorization header or a cookie of another name', async () => {
    const token = (await signedIn()).cookie(SESSION_COOKIE) ?? ''
    const http = test.browser()
    const tries = [
      await http.send('GET', `/api/portals?${SESSION_COOKIE}=${token}`),
      await http.send('GET', '/api/portals', { headers: { authorization: `Bearer ${token}` } }),
      await http.send('GET', '/api/portals', { headers: { cookie: `session=${token}` } }),
      await http.send('GET', '/api/portals', { headers: { cookie: `${SESSION_COOKIE}=` } }),
      await http.send('GET', '/api/portals', {
        headers: { cookie: `${SESSION_COOKIE}=${token}x` },
      }),
    ]
    expect(tries.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401])
  })

  it('a non-GET with a cookie needs the Origin of the app', async () => {
    const browser = await signedIn()
    const cookie = `${SESSION_COOKIE}=${browser.cookie(SESSION_COOKIE)}`
    const before = await dumpTable(test)
    const { app } = test.cloud.urls
    const foreign = [
      undefined,
      'null',
      'https://evil.example',
      `${app}.evil.example`,
      `${app}/`,
      app.replace('http:', 'https:'),
      app.replace('127.0.0.1', 'localhost'),
      `http://127.0.0.1:${Number(new URL(app).port) + 1}`,
    ]
    for (const origin of foreign) {
      const response = await fetch(`${app}/api/auth/logout`, {
        method: 'POST',
        headers: { cookie, ...(origin === undefined ? {} : { origin }) },
      })
      expect(await problemOf(response), origin).toEqual({ status: 403, code: 'FORBIDDEN_ORIGIN' })
    }
    expect(await dumpTable(test)).toEqual(before)
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('a login leads only to a path of the app', async () => {
    for (const returnTo of [
      '//evil.example',
      '/\\evil.example',
      'https://evil.example',
      '/.//evil.example',
      '/%2e%2e//evil.example',
      '/%2e%2e/api/auth/logout',
      '/api/auth/logout',
      'javascript:alert(1)',
      `//owner:pw@evil.example`,
    ]) {
      const browser = test.browser()
      const authorize = await authorizeUrl(browser, 'login', { returnTo })
      const consent = await fetch(authorize, {
        method: 'POST',
        body: new URLSearchParams({ account: OWNER, decision: 'allow' }),
        redirect: 'manual',
      })
      const end = await browser.send('GET', location(consent))

      expect(end.status).toBe(302)
      expect(end.headers.get('location'), returnTo).toBe('/')
    }
  })

  it('no reply of the API is kept by a cache', async () => {
    const browser = await signedIn()
    const replies = [
      await browser.send('GET', '/api/auth/session'),
      await browser.send('GET', '/api/portals'),
      await browser.send('GET', '/api/portals/public/nobody-has-this'),
      await browser.send('GET', '/api/auth/login/google'),
      await browser.send('GET', '/api/auth/callback/google'),
      await browser.send('GET', '/api/uploads/upl_0000000000'),
      await browser.send('POST', '/api/upload', { json: {} }),
      await test.browser().send('GET', '/api/portals'),
      await browser.send('POST', '/api/auth/logout'),
    ]
    for (const reply of replies) {
      expect(reply.headers.get('cache-control'), reply.url).toBe('no-store')
    }
  })

  it.each(['/api/auth/login/google', '/api/oauth/google/start'])(
    'does not go to a provider from another site: %s',
    async (path) => {
      const browser = await signedIn()
      const reply = await browser.send('GET', path, {
        headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
      })

      expect(reply.status).toBe(403)
      expect(reply.headers.get('set-cookie')).toBeNull()
    },
  )

  // These move the clock, which ends the sessions above: last, and in this order.
  it('is renewed by its owner, never by a request from another site', async () => {
    const browser = await signedIn()
    await test.cloud.advanceClock(2 * DAY_SECONDS)
    const stored = await storedSession(browser)

    await browser.send('GET', '/api/auth/session', {
      headers: { 'sec-fetch-site': 'cross-site' },
    })
    expect(await storedSession(browser)).toEqual(stored)

    await browser.send('GET', '/api/auth/session', { headers: { 'sec-fetch-site': 'same-origin' } })
    expect(Number((await storedSession(browser))?.['lastSeenMs'])).toBeGreaterThan(
      Number(stored?.['lastSeenMs']),
    )
  })

  it('ends after seven days without use, and not a moment earlier', async () => {
    const early = await signedIn()
    const late = await signedIn()

    await test.cloud.advanceClock(7 * DAY_SECONDS - 60)
    expect(await isSignedIn(early)).toBe(true)
    await test.cloud.advanceClock(60)

    expect(await isSignedIn(late)).toBe(false)
    expect(await isSignedIn(early)).toBe(true)
  })

  it('ends after thirty days, however much it is used', async () => {
    const browser = await signedIn()
    for (let day = 6; day < 30; day += 6) {
      await test.cloud.advanceClock(6 * DAY_SECONDS)
      expect(await isSignedIn(browser)).toBe(true)
    }
    await test.cloud.advanceClock(6 * DAY_SECONDS - 60)
    expect(await isSignedIn(browser)).toBe(true)

    await test.cloud.advanceClock(60)

    expect(await isSignedIn(browser)).toBe(false)
    // Expiry in the table is in whole seconds.
    await test.cloud.advanceClock(1)
    expect(ofType(await dumpTable(test), 'session')).toEqual([])
  })
})
