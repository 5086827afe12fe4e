import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient } from '../../../infra/local/app-client.ts'
import {
  OWNER,
  type Owner,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../../support/local-cloud.ts'
import { callbackUrl, dumpTable, ofType, problemOf, withParameter } from './attack.ts'

const TEN_MINUTES_SECONDS = 600

let test: TestCloud
let owner: Owner

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner()
})
afterAll(() => test.close())

async function signedIn(email: string): Promise<AppClient> {
  const browser = test.browser()
  await browser.signIn(email)
  return browser
}

/** Opens a callback that must be refused and must leave every item as it is. */
async function expectRefused(browser: AppClient, callback: URL): Promise<void> {
  const before = await dumpTable(test)
  const response = await browser.send('GET', callback)
  expect(await problemOf(response)).toEqual({ status: 400, code: 'OAUTH_CALLBACK_INVALID' })
  expect(response.headers.getSetCookie()).toEqual([])
  expect(await dumpTable(test)).toEqual(before)
}

describe('security rule 1: a callback belongs to the flow that began it', () => {
  it('refuses a login callback in a browser that did not begin it', async () => {
    const victim = test.browser()
    const callback = await callbackUrl(test.browser(), 'login', OWNER)

    await expectRefused(victim, callback)
  })

  it("refuses a login callback with another flow's cookie", async () => {
    const victim = test.browser()
    await callbackUrl(victim, 'login', SECOND_OWNER)
    const callback = await callbackUrl(test.browser(), 'login', OWNER)

    await expectRefused(victim, callback)
  })

  it('refuses the state of a login at the connect callback, and the other way round', async () => {
    const browser = await signedIn(OWNER)
    for (const [flow, path] of [
      ['login', '/api/oauth/google/callback'],
      ['connect', '/api/auth/callback/google'],
    ] as const) {
      const callback = await callbackUrl(browser, flow, OWNER)
      callback.pathname = path

      await expectRefused(browser, callback)
    }
  })

  it("refuses another user's connect callback", async () => {
    const attacker = await signedIn(SECOND_OWNER)
    const callback = await callbackUrl(attacker, 'connect', SECOND_OWNER)
    const victim = await signedIn(OWNER)

    await expectRefused(victim, callback)
  })

  it("refuses another user's connect callback even with that browser's flow cookie", async () => {
    const attacker = await signedIn(SECOND_OWNER)
    const callback = await callbackUrl(attacker, 'connect', SECOND_OWNER)
    const cookie = `portage_session=${owner.http.cookie('portage_session')}; portage_oauth=${attacker.cookie('portage_oauth')}`
    const before = await dumpTable(test)

    const response = await test.browser().send('GET', callback, { headers: { cookie } })

    expect(response.status).toBe(400)
    expect(await dumpTable(test)).toEqual(before)
  })

  it('refuses a connect callback in another session of the same user', async () => {
    const first = await signedIn(OWNER)
    const callback = await callbackUrl(first, 'connect', OWNER)
    const second = await signedIn(OWNER)
    const cookie = `portage_session=${second.cookie('portage_session')}; portage_oauth=${first.cookie('portage_oauth')}`
    const before = await dumpTable(test)

    const response = await test.browser().send('GET', callback, { headers: { cookie } })

    expect(response.status).toBe(400)
    expect(await dumpTable(test)).toEqual(before)
  })

  it('refuses a connect callback after its session has ended', async () => {
    const browser = await signedIn(OWNER)
    const callback = await callbackUrl(browser, 'connect', OWNER)
    await browser.send('POST', '/api/auth/logout')
    const before = await dumpTable(test)

    const response = await browser.send('GET', callback)

    expect(response.status).toBe(401)
    expect(await dumpTable(test)).toEqual(before)
  })

  it('refuses a missing, empty, foreign or garbled state', async () => {
    const browser = test.browser()
    const callback = await callbackUrl(browser, 'login', OWNER)
    for (const state of [undefined, '', 'x', `${callback.searchParams.get('state')}x`, '\u0000']) {
      await expectRefused(browser, withParameter(callback, 'state', state))
    }
    // What was tried with other states did not use up the right one.
    expect((await browser.send('GET', callback)).status).toBe(302)
  })

  it('refuses a callback of a provider that is not offered', async () => {
    const browser = test.browser()
    const callback = await callbackUrl(browser, 'login', OWNER)
    const before = await dumpTable(test)
    for (const provider of ['box', 'google_drive', 'GOOGLE', '__proto__']) {
      callback.pathname = `/api/auth/callback/${provider}`

      expect((await browser.send('GET', callback)).status).toBe(404)
    }
    expect(await dumpTable(test)).toEqual(before)
  })

  it('takes a state once, and one of two callbacks that come at the same time', async () => {
    const browser = test.browser()
    const callback = await callbackUrl(browser, 'login', OWNER)
    const headers = { cookie: `portage_oauth=${browser.cookie('portage_oauth')}` }

    const both = await Promise.all([1, 2].map(() => browser.send('GET', callback, { headers })))

    expect(both.map(({ status }) => status).sort()).toEqual([302, 400])
    const before = await dumpTable(test)
    expect((await browser.send('GET', callback, { headers })).status).toBe(400)
    expect(await dumpTable(test)).toEqual(before)
  })

  for (const flow of ['login', 'connect'] as const) {
    const kept = (dump: Awaited<ReturnType<typeof dumpTable>>) =>
      ['account', 'event', 'grant', 'login', 'session', 'user'].map((type) => ofType(dump, type))

    it(`refuses a ${flow} callback of another issuer`, async () => {
      const browser = await signedIn(OWNER)
      const callback = await callbackUrl(browser, flow, OWNER)
      const before = await dumpTable(test)

      const response = await browser.send(
        'GET',
        withParameter(callback, 'iss', 'https://evil.example'),
      )

      expect(await problemOf(response)).toEqual({ status: 400, code: 'OAUTH_CALLBACK_INVALID' })
      expect(kept(await dumpTable(test))).toEqual(kept(before))
    })

    it(`refuses a ${flow} callback with the code of another flow, or without one`, async () => {
      const browser = await signedIn(OWNER)
      const stolen = (await callbackUrl(test.browser(), 'login', SECOND_OWNER)).searchParams
      for (const code of [stolen.get('code') ?? '', 'x', '', undefined]) {
        const callback = await callbackUrl(browser, flow, OWNER)
        const before = await dumpTable(test)

        const response = await browser.send('GET', withParameter(callback, 'code', code))

        expect(await problemOf(response)).toEqual({ status: 400, code: 'OAUTH_CALLBACK_INVALID' })
        expect(kept(await dumpTable(test))).toEqual(kept(before))
      }
    })

    it(`refuses a ${flow} callback that says a thing twice`, async () => {
      const browser = await signedIn(OWNER)
      const callback = await callbackUrl(browser, flow, OWNER)
      callback.searchParams.append('state', 'another')
      const before = await dumpTable(test)

      const response = await browser.send('GET', callback)

      expect(response.status).toBe(400)
      expect(kept(await dumpTable(test))).toEqual(kept(before))
    })
  }

  it('has one redirect URI for each flow, which the provider holds it to', async () => {
    const login = await callbackUrl(test.browser(), 'login', OWNER)
    const connect = await callbackUrl(owner.http, 'connect', OWNER)

    expect(login.pathname).toBe('/api/auth/callback/google')
    expect(connect.pathname).toBe('/api/oauth/google/callback')
  })

  it('keeps neither the state nor the cookie of a flow, only their hashes', async () => {
    const browser = test.browser()
    const callback = await callbackUrl(browser, 'login', OWNER)
    const text = JSON.stringify([...(await dumpTable(test)).values()])

    for (const secret of [callback.searchParams.get('state'), browser.cookie('portage_oauth')]) {
      expect(secret).toMatch(/^[\w-]{40,}$/)
      expect(text).not.toContain(secret)
    }
  })

  // Moves the clock, and the sessions of the others with it: last.
  it('takes a state for ten minutes and not for longer', async () => {
    const inTime = test.browser()
    const callback = await callbackUrl(inTime, 'login', OWNER)
    await test.cloud.advanceClock(TEN_MINUTES_SECONDS - 10)
    const late = test.browser()
    const lateCallback = await callbackUrl(late, 'login', OWNER)

    expect((await inTime.send('GET', callback)).status).toBe(302)

    await test.cloud.advanceClock(TEN_MINUTES_SECONDS)
    const response = await late.send('GET', lateCallback)
    expect(await problemOf(response)).toEqual({ status: 400, code: 'OAUTH_CALLBACK_INVALID' })
  })
})
