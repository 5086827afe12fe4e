import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient } from '../../../infra/local/app-client.ts'
import type { SessionReply } from '../../../shared/contract/auth.ts'
import type { OauthProviderId } from '../../../shared/contract/common.ts'
import { ENV } from '../../../shared/platform/env-names.ts'
import { OWNER, SECOND_OWNER, startTestCloud, type TestCloud } from '../../support/local-cloud.ts'
import { PROVIDERS } from '../../support/providers.ts'
import {
  authorizeUrl,
  callbackUrl,
  dumpTable,
  ofType,
  problemOf,
  providerDatabase,
  providerSecrets,
} from './attack.ts'

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

async function signedIn(
  email: string,
  provider: OauthProviderId,
): Promise<{ browser: AppClient; user: SessionReply['user'] }> {
  const browser = test.browser()
  await browser.signIn(email, { provider })
  const { user } = await browser.call<SessionReply>('GET', '/api/auth/session')
  return { browser, user }
}

describe.each(PROVIDERS)(
  'security rule 2, at $name: a user is a subject at a provider',
  (provider) => {
    const { id, asks } = provider
    /** Providers let people change their address, and give one that became free to somebody else. */
    const changeEmail = (from: string, to: string) =>
      providerDatabase(test, id, (database) => {
        const { changes } = database
          .prepare('UPDATE accounts SET email = ? WHERE email = ?')
          .run(to, from)
        expect(changes).toBe(1)
      })

    it.each(['login', 'connect'] as const)(
      'asks at %s for what that needs alone, without scopes of earlier consents',
      async (flow) => {
        const { browser } = await signedIn(OWNER, id)

        const asked = (await authorizeUrl(browser, flow, { provider: id })).searchParams

        expect(asked.get('scope')?.split(' ').sort()).toEqual([...asks[flow].scopes].sort())
        expect(asked.get('response_type')).toBe('code')
        expect(asked.get('code_challenge_method')).toBe('S256')
        for (const [name, value] of Object.entries(asks[flow].parameters)) {
          if (value instanceof RegExp) expect(asked.get(name), name).toMatch(value)
          else expect(asked.get(name), name).toBe(value)
        }
      },
    )

    it('keeps no token of a login', async () => {
      const before = await dumpTable(test)
      const known = new Set(providerSecrets(test, provider))
      await signedIn(SECOND_OWNER, id)
      const after = await dumpTable(test)

      const written = [...after].filter(([key]) => !before.has(key)).map(([, item]) => item)
      expect(written.map((item) => String(item['pk']).split('#')[0]).sort()).toEqual([
        'event',
        'login',
        'session',
        'user',
      ])
      const handedOut = providerSecrets(test, provider).filter((secret) => !known.has(secret))
      // A code, and the access token that it was redeemed for.
      expect(handedOut).toHaveLength(2)
      const text = JSON.stringify(written)
      for (const secret of handedOut) expect(text).not.toContain(secret)
      expect(text).not.toMatch(/token|verifier/i)
    })

    it('makes another user of the same address under another subject', async () => {
      const first = await signedIn(OWNER, id)
      changeEmail(OWNER, 'moved@example.com')
      changeEmail(SECOND_OWNER, OWNER)

      const second = await signedIn(OWNER, id)

      expect(second.user.email).toBe(first.user.email)
      expect(second.user.id).not.toBe(first.user.id)
      const { accounts } = await second.browser.call<{ accounts: unknown[] }>(
        'GET',
        '/api/storage/accounts',
      )
      expect(accounts).toHaveLength(1)

      changeEmail(OWNER, SECOND_OWNER)
      changeEmail('moved@example.com', OWNER)
    })

    it('makes another user of the same address at another provider', async () => {
      const here = await signedIn(OWNER, id)
      for (const other of PROVIDERS.filter((provider) => provider.id !== id)) {
        const there = await signedIn(OWNER, other.id)

        expect(there.user.email).toBe(here.user.email)
        expect(there.user.id).not.toBe(here.user.id)
      }
    })

    it('keeps the user whose address changes', async () => {
      const before = await signedIn(OWNER, id)
      changeEmail(OWNER, 'renamed@example.com')

      const after = await signedIn('renamed@example.com', id)

      expect(after.user).toMatchObject({ id: before.user.id, email: 'renamed@example.com' })
      changeEmail('renamed@example.com', OWNER)
    })
  },
)

describe('security rule 3: sign-up is closed unless the deployment opens it', () => {
  /** The same cloud, as a deployment with these parameters. */
  const redeploy = (signUp: string, allowList = '') =>
    test.restart({
      environment: { [ENV.signUp]: signUp, [ENV.signUpAllowList]: allowList },
    })

  /** Somebody whom every provider knows; their subjects. */
  async function newcomer(email: string): Promise<Map<OauthProviderId, string>> {
    const subjects = new Map<OauthProviderId, string>()
    for (const { id } of PROVIDERS) {
      await test.addPerson({ email, name: 'New Comer' }, id)
      const reply = await fetch(`${test.cloud.urls[id]}/_emulator/accounts`)
      const known = (await reply.json()) as { email: string; id: string }[]
      const subject = known.find((account) => account.email === email)?.id
      if (subject === undefined) throw new Error(`${email} is not known`)
      subjects.set(id, subject)
    }
    return subjects
  }

  async function expectClosed(email: string, provider: OauthProviderId): Promise<void> {
    const browser = test.browser()
    const callback = await callbackUrl(browser, 'login', email, provider)
    const before = await dumpTable(test)
    const response = await browser.send('GET', callback)
    const after = await dumpTable(test)

    expect(await problemOf(response)).toEqual({ status: 403, code: 'SIGNUP_CLOSED' })
    expect([...after.keys()].filter((key) => !before.has(key))).toEqual([])
    expect(response.headers.getSetCookie().join()).not.toContain('portage_session')
  }

  it('closed: nobody new comes in and nothing is written; whoever is in, stays in', async () => {
    await newcomer('new@example.com')
    await redeploy('closed', 'new@example.com')

    for (const { id } of PROVIDERS) {
      await expectClosed('new@example.com', id)
      await signedIn(OWNER, id)
    }
  })

  it('allow-list: a verified address or a subject of the list, and nobody else', async () => {
    const subjects = await newcomer('subject@example.com')
    await newcomer('listed@example.com')
    const listed = [...subjects].map(([provider, subject]) => `${provider}:${subject}`)
    await redeploy('allow-list', [' Listed@Example.com ', ...listed].join(' , '))

    for (const { id } of PROVIDERS) {
      await expectClosed('new@example.com', id)
      await signedIn('listed@example.com', id)
      await signedIn('subject@example.com', id)
    }
  })

  it('allow-list: a subject counts at its own provider alone', async () => {
    const subjects = await newcomer('elsewhere@example.com')
    const exchanged = [...subjects].map(([provider, subject]) =>
      PROVIDERS.filter(({ id }) => id !== provider).map(({ id }) => `${id}:${subject}`),
    )
    await redeploy('allow-list', exchanged.flat().join())

    for (const { id } of PROVIDERS) await expectClosed('elsewhere@example.com', id)
  })

  it('open: anybody whom the provider knows', async () => {
    await redeploy('open')

    for (const { id } of PROVIDERS) {
      const { user } = await signedIn('new@example.com', id)

      expect(ofType(await dumpTable(test), 'user').map((item) => item['id'])).toContain(user.id)
    }
  })

  it('no sign-up when the deployment does not say which', async () => {
    await redeploy('perhaps')

    for (const { id } of PROVIDERS) {
      const response = await test.browser().send('GET', `/api/auth/login/${id}`)

      expect(response.status).toBe(500)
    }
  })
})
