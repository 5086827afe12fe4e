import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient } from '../../../infra/local/app-client.ts'
import { pass } from '../../support/keepers.ts'
import {
  OWNER,
  type Owner,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../../support/local-cloud.ts'
import { PROVIDERS } from '../../support/providers.ts'
import {
  authorizeUrl,
  callbackUrl,
  consentAt,
  dumpTable,
  ofType,
  problemOf,
  withParameter,
} from './attack.ts'

const TEN_MINUTES_SECONDS = 600
const FLOWS = ['login', 'connect'] as const

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

/** Opens a callback that must be refused and must leave every item as it is. */
async function expectRefused(browser: AppClient, callback: URL): Promise<void> {
  const before = await dumpTable(test)
  const response = await browser.send('GET', callback)
  expect(await problemOf(response)).toEqual({ status: 400, code: 'OAUTH_CALLBACK_INVALID' })
  expect(response.headers.getSetCookie()).toEqual([])
  expect(await dumpTable(test)).toEqual(before)
}

/** What nobody may gain by a callback that is not their own. */
async function kept(): Promise<unknown> {
  const dump = await dumpTable(test)
  return ['account', 'event', 'grant', 'login', 'session', 'user'].map((type) => ofType(dump, type))
}

describe.each(PROVIDERS)(
  'security rule 1, at $name: a callback belongs to the flow that began it',
  ({ id: provider }) => {
    let owner: Owner

    beforeAll(async () => {
      owner = await test.owner({ provider })
      // From here on nothing happens by itself, so that what is written was written by a callback.
      await pass(test, 1)
    })

    async function signedIn(email: string): Promise<AppClient> {
      const browser = test.browser()
      await browser.signIn(email, { provider })
      return browser
    }

    const callbackOf = (browser: AppClient, flow: (typeof FLOWS)[number], email: string) =>
      callbackUrl(browser, flow, email, provider)

    it('refuses a login callback in a browser that did not begin it', async () => {
      const victim = test.browser()
      const callback = await callbackOf(test.browser(), 'login', OWNER)

      await expectRefused(victim, callback)
    })

    it("refuses a login callback with another flow's cookie", async () => {
      const victim = test.browser()
      await callbackOf(victim, 'login', SECOND_OWNER)
      const callback = await callbackOf(test.browser(), 'login', OWNER)

      await expectRefused(victim, callback)
    })

    it('refuses the state of a login at the connect callback, and the other way round', async () => {
      const browser = await signedIn(OWNER)
      for (const [flow, path] of [
        ['login', `/api/oauth/${provider}/callback`],
        ['connect', `/api/auth/callback/${provider}`],
      ] as const) {
        const callback = await callbackOf(browser, flow, OWNER)
        callback.pathname = path

        await expectRefused(browser, callback)
      }
    })

    it.each(FLOWS)('refuses a %s callback at the address of another provider', async (flow) => {
      const browser = await signedIn(OWNER)
      const others = PROVIDERS.filter(({ id }) => id !== provider)
      expect(others).not.toEqual([])
      for (const { id: other } of others) {
        const callback = await callbackOf(browser, flow, OWNER)
        callback.pathname = callback.pathname.replace(provider, other)

        await expectRefused(browser, callback)
      }
    })

    it("refuses another user's connect callback", async () => {
      const attacker = await signedIn(SECOND_OWNER)
      const callback = await callbackOf(attacker, 'connect', SECOND_OWNER)
      const victim = await signedIn(OWNER)

      await expectRefused(victim, callback)
    })

    it("refuses another user's connect callback even with that browser's flow cookie", async () => {
      const attacker = await signedIn(SECOND_OWNER)
      const callback = await callbackOf(attacker, 'connect', SECOND_OWNER)
      const cookie = `portage_session=${owner.http.cookie('portage_session')}; portage_oauth=${attacker.cookie('portage_oauth')}`
      const before = await dumpTable(test)

      const response = await test.browser().send('GET', callback, { headers: { cookie } })

      expect(response.status).toBe(400)
      expect(await dumpTable(test)).toEqual(before)
    })

    it('refuses a connect callback in another session of the same user', async () => {
      const first = await signedIn(OWNER)
      const callback = await callbackOf(first, 'connect', OWNER)
      const second = await signedIn(OWNER)
      const cookie = `portage_session=${second.cookie('portage_session')}; portage_oauth=${first.cookie('portage_oauth')}`
      const before = await dumpTable(test)

      const response = await test.browser().send('GET', callback, { headers: { cookie } })

      expect(response.status).toBe(400)
      expect(await dumpTable(test)).toEqual(before)
    })

    it('refuses a connect callback after its session has ended', async () => {
      const browser = await signedIn(OWNER)
      const callback = await callbackOf(browser, 'connect', OWNER)
      await browser.send('POST', '/api/auth/logout')
      const before = await dumpTable(test)

      const response = await browser.send('GET', callback)

      expect(response.status).toBe(401)
      expect(await dumpTable(test)).toEqual(before)
    })

    it('refuses a missing, empty, foreign or garbled state', async () => {
      const browser = test.browser()
      const callback = await callbackOf(browser, 'login', OWNER)
      for (const state of [
        undefined,
        '',
        'x',
        `${callback.searchParams.get('state')}x`,
        '\u0000',
      ]) {
        await expectRefused(browser, withParameter(callback, 'state', state))
      }
      // What was tried with other states did not use up the right one.
      expect((await browser.send('GET', callback)).status).toBe(302)
    })

    it('refuses a callback of a provider that is not offered', async () => {
      const browser = test.browser()
      const callback = await callbackOf(browser, 'login', OWNER)
      const before = await dumpTable(test)
      for (const other of ['box', 'google_drive', provider.toUpperCase(), '__proto__']) {
        callback.pathname = `/api/auth/callback/${other}`

        expect((await browser.send('GET', callback)).status).toBe(404)
      }
      expect(await dumpTable(test)).toEqual(before)
    })

    it('takes a state once, and one of two callbacks that come at the same time', async () => {
      const browser = test.browser()
      const callback = await callbackOf(browser, 'login', OWNER)
      const headers = { cookie: `portage_oauth=${browser.cookie('portage_oauth')}` }

      const both = await Promise.all([1, 2].map(() => browser.send('GET', callback, { headers })))

      expect(both.map(({ status }) => status).sort()).toEqual([302, 400])
      const before = await dumpTable(test)
      expect((await browser.send('GET', callback, { headers })).status).toBe(400)
      expect(await dumpTable(test)).toEqual(before)
    })

    describe.each(FLOWS)('at the end of a %s', (flow) => {
      it('refuses another issuer', async () => {
        const browser = await signedIn(OWNER)
        const callback = await callbackOf(browser, flow, OWNER)
        const before = await kept()

        const response = await browser.send(
          'GET',
          withParameter(callback, 'iss', 'https://evil.example'),
        )

        expect(await problemOf(response)).toEqual({ status: 400, code: 'OAUTH_CALLBACK_INVALID' })
        expect(await kept()).toEqual(before)
      })

      it('refuses the code of another flow, or none', async () => {
        const browser = await signedIn(OWNER)
        const stolen = (await callbackOf(test.browser(), 'login', SECOND_OWNER)).searchParams
        for (const code of [stolen.get('code') ?? '', 'x', '', undefined]) {
          const callback = await callbackOf(browser, flow, OWNER)
          const before = await kept()

          const response = await browser.send('GET', withParameter(callback, 'code', code))

          expect(await problemOf(response)).toEqual({ status: 400, code: 'OAUTH_CALLBACK_INVALID' })
          expect(await kept()).toEqual(before)
        }
      })

      it('refuses a code that has been used, though the flow is fresh', async () => {
        const browser = await signedIn(OWNER)
        const spent = await callbackOf(browser, flow, OWNER)
        expect((await browser.send('GET', spent)).status).toBe(302)
        const callback = await callbackOf(browser, flow, OWNER)
        const before = await kept()

        const code = spent.searchParams.get('code') ?? ''
        const response = await browser.send('GET', withParameter(callback, 'code', code))

        expect(await problemOf(response)).toEqual({ status: 400, code: 'OAUTH_CALLBACK_INVALID' })
        expect(await kept()).toEqual(before)
      })

      it('refuses a code that was given for another verifier (PKCE)', async () => {
        const browser = await signedIn(OWNER)
        const authorize = await authorizeUrl(browser, flow, { provider })
        expect(authorize.searchParams.get('code_challenge_method')).toBe('S256')
        expect(authorize.searchParams.get('code_challenge')).toMatch(/^[\w-]{43}$/)
        const challenge = 'of-a-verifier-that-somebody-else-has-chosen'
        const callback = await consentAt(
          withParameter(authorize, 'code_challenge', challenge),
          OWNER,
        )
        const before = await kept()

        const response = await browser.send('GET', callback)

        expect(await problemOf(response)).toEqual({ status: 400, code: 'OAUTH_CALLBACK_INVALID' })
        expect(await kept()).toEqual(before)
      })

      it('refuses a thing that is said twice', async () => {
        const browser = await signedIn(OWNER)
        const callback = await callbackOf(browser, flow, OWNER)
        callback.searchParams.append('state', 'another')
        const before = await kept()

        const response = await browser.send('GET', callback)

        expect(response.status).toBe(400)
        expect(await kept()).toEqual(before)
      })
    })

    it('has one redirect URI for each flow, which the provider holds it to', async () => {
      const browser = await signedIn(OWNER)
      const addresses = new Map([
        ['login', `/api/auth/callback/${provider}`],
        ['connect', `/api/oauth/${provider}/callback`],
      ])
      for (const flow of FLOWS) {
        const authorize = await authorizeUrl(browser, flow, { provider })
        const asked = new URL(authorize.searchParams.get('redirect_uri') ?? '')
        expect(asked.href).toBe(`${test.cloud.urls.app}${addresses.get(flow)}`)

        for (const foreign of [`${asked.href}/`, 'https://evil.example/', `${asked.href}?x=1`]) {
          const elsewhere = withParameter(authorize, 'redirect_uri', foreign)
          await expect(consentAt(elsewhere, OWNER)).rejects.toThrow('no redirect but 400')
        }
      }
    })

    it('keeps neither the state nor the cookie of a flow, only their hashes', async () => {
      const browser = test.browser()
      const callback = await callbackOf(browser, 'login', OWNER)
      const text = JSON.stringify([...(await dumpTable(test)).values()])

      for (const secret of [callback.searchParams.get('state'), browser.cookie('portage_oauth')]) {
        expect(secret).toMatch(/^[\w-]{40,}$/)
        expect(text).not.toContain(secret)
      }
    })
  },
)

// Moves the clock: last.
describe.each(PROVIDERS)('security rule 1, at $name: a state', ({ id: provider }) => {
  it('is taken for ten minutes and not for longer', async () => {
    const inTime = test.browser()
    const callback = await callbackUrl(inTime, 'login', OWNER, provider)
    await test.cloud.advanceClock(TEN_MINUTES_SECONDS - 10)
    const late = test.browser()
    const lateCallback = await callbackUrl(late, 'login', OWNER, provider)

    expect((await inTime.send('GET', callback)).status).toBe(302)

    await test.cloud.advanceClock(TEN_MINUTES_SECONDS)
    const response = await late.send('GET', lateCallback)
    expect(await problemOf(response)).toEqual({ status: 400, code: 'OAUTH_CALLBACK_INVALID' })
  })
})
