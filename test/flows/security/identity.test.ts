import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient } from '../../../infra/local/app-client.ts'
import type { SessionReply } from '../../../shared/contract/auth.ts'
import { ENV } from '../../../shared/platform/env-names.ts'
import { OWNER, SECOND_OWNER, startTestCloud, type TestCloud } from '../../support/local-cloud.ts'
import { authorizeUrl, callbackUrl, dumpTable, ofType, problemOf } from './attack.ts'

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

async function signedIn(
  email: string,
): Promise<{ browser: AppClient; user: SessionReply['user'] }> {
  const browser = test.browser()
  await browser.signIn(email)
  const { user } = await browser.call<SessionReply>('GET', '/api/auth/session')
  return { browser, user }
}

/** Google lets people change their address, and gives an address that became free to somebody else. */
function changeEmail(from: string, to: string): void {
  const google = new DatabaseSync(join(test.dataDir, 'google', 'google', 'google.sqlite'))
  try {
    const { changes } = google
      .prepare('UPDATE accounts SET email = ? WHERE email = ?')
      .run(to, from)
    expect(changes).toBe(1)
  } finally {
    google.close()
  }
}

describe('security rule 2: a user is a subject at a provider', () => {
  it('asks at login for identity alone, without offline access or earlier scopes', async () => {
    const url = await authorizeUrl(test.browser(), 'login')
    const asked = Object.fromEntries(url.searchParams)

    expect(asked['scope']?.split(' ').sort()).toEqual(['email', 'openid', 'profile'])
    expect(asked).not.toHaveProperty('access_type')
    expect(asked).not.toHaveProperty('include_granted_scopes')
    expect(asked).toMatchObject({ response_type: 'code', code_challenge_method: 'S256' })
    expect(asked['nonce']).toMatch(/^[\w-]{40,}$/)
  })

  it('asks for storage without the scopes that were granted before', async () => {
    const { browser } = await signedIn(OWNER)

    const asked = (await authorizeUrl(browser, 'connect')).searchParams

    expect(asked.get('include_granted_scopes')).toBeNull()
    expect(asked.get('scope')?.split(' ').sort()).toEqual([
      'email',
      'https://www.googleapis.com/auth/drive.file',
      'openid',
      'profile',
    ])
  })

  it('keeps no token of a login', async () => {
    const before = await dumpTable(test)
    await signedIn(SECOND_OWNER)
    const after = await dumpTable(test)

    const written = [...after].filter(([key]) => !before.has(key)).map(([, item]) => item)
    expect(written.map((item) => String(item['pk']).split('#')[0]).sort()).toEqual([
      'login',
      'session',
      'user',
    ])
    // ya29.… and 1//… are how Google's access and refresh tokens begin.
    expect(JSON.stringify(written)).not.toMatch(/ya29\.|1\/\/|token|verifier/i)
  })

  it('makes another user of the same address under another subject', async () => {
    const first = await signedIn(OWNER)
    changeEmail(OWNER, 'moved@example.com')
    changeEmail(SECOND_OWNER, OWNER)

    const second = await signedIn(OWNER)

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

  it('keeps the user whose address changes', async () => {
    const before = await signedIn(OWNER)
    changeEmail(OWNER, 'renamed@example.com')

    const after = await signedIn('renamed@example.com')

    expect(after.user).toMatchObject({ id: before.user.id, email: 'renamed@example.com' })
    changeEmail('renamed@example.com', OWNER)
  })
})

describe('security rule 3: sign-up is closed unless the deployment opens it', () => {
  /** The same cloud, as a deployment with these parameters. */
  const redeploy = (signUp: string, allowList = '') =>
    test.restart({
      environment: { [ENV.signUp]: signUp, [ENV.signUpAllowList]: allowList },
    })

  /** Comes to the callback as a new identity; says what is left of it in the table. */
  async function comeAsStranger(email: string) {
    const browser = test.browser()
    const callback = await callbackUrl(browser, 'login', email)
    const before = await dumpTable(test)
    const response = await browser.send('GET', callback)
    const after = await dumpTable(test)
    const written = [...after.keys()].filter((key) => !before.has(key))
    return { response, written, cookies: response.headers.getSetCookie() }
  }

  async function createGoogleAccount(email: string): Promise<string> {
    const response = await fetch(`${test.cloud.urls.google}/_emulator/accounts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, name: 'New Comer' }),
    })
    return ((await response.json()) as { id: string }).id
  }

  async function expectClosed(email: string): Promise<void> {
    const { response, written, cookies } = await comeAsStranger(email)
    expect(await problemOf(response)).toEqual({ status: 403, code: 'SIGNUP_CLOSED' })
    expect(written).toEqual([])
    expect(cookies.join()).not.toContain('portage_session')
  }

  it('closed: nobody new comes in and nothing is written; whoever is in, stays in', async () => {
    await createGoogleAccount('new@example.com')
    await redeploy('closed', 'new@example.com')

    await expectClosed('new@example.com')
    await signedIn(OWNER)
  })

  it('allow-list: a verified address or a subject of the list, and nobody else', async () => {
    const subject = await createGoogleAccount('subject@example.com')
    await createGoogleAccount('listed@example.com')
    await redeploy('allow-list', ` Listed@Example.com , google:${subject}`)

    await expectClosed('new@example.com')
    await signedIn('listed@example.com')
    await signedIn('subject@example.com')
  })

  it('open: anybody whom the provider knows', async () => {
    await redeploy('open')

    const { user } = await signedIn('new@example.com')

    expect(ofType(await dumpTable(test), 'user').map(({ id }) => id)).toContain(user.id)
  })

  it('no sign-up when the deployment does not say which', async () => {
    await redeploy('perhaps')

    const response = await test.browser().send('GET', '/api/auth/login/google')

    expect(response.status).toBe(500)
  })
})
