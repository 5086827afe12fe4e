import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { control, driveOf } from './drive-client.ts'
import {
  CLIENT,
  codeFor,
  codeForm,
  DRIVE_FILE,
  GRANTED,
  OTHER_CLIENT,
  postToken,
  REDIRECT_URI,
  refreshForm,
  signIn,
  signInOther,
  startEmulator,
} from './emulator-fixture.ts'

const VERIFIER = 'a-verifier-of-more-than-forty-three-characters-0123'
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')

describe('exchanging a code', () => {
  it('gives Bearer tokens of the real sizes and an id_token', async () => {
    const fixture = await startEmulator()

    const { status, body } = await postToken(
      fixture,
      codeForm(await codeFor(fixture, { access_type: 'offline' })),
    )

    expect(status).toBe(200)
    expect(body).toMatchObject({
      token_type: 'Bearer',
      expires_in: 3599,
      scope: GRANTED,
    })
    expect(body.access_token).toMatch(/^ya29\./)
    expect(body.access_token.length).toBeLessThanOrEqual(2048)
    expect(body.refresh_token).toMatch(/^1\/\//)
    expect(body.refresh_token?.length).toBeLessThanOrEqual(512)
    expect(body.id_token?.split('.')).toHaveLength(3)
  })

  it.each([
    ['email', 'https://www.googleapis.com/auth/userinfo.email openid'],
    [
      'profile https://www.googleapis.com/auth/userinfo.email',
      'https://www.googleapis.com/auth/userinfo.profile https://www.googleapis.com/auth/userinfo.email openid',
    ],
    [DRIVE_FILE, DRIVE_FILE],
  ])('spells the scope %s as Google does', async (scope, spelt) => {
    const fixture = await startEmulator()

    const { body } = await postToken(fixture, codeForm(await codeFor(fixture, { scope })))

    expect(body.scope).toBe(spelt)
    expect(body.id_token !== undefined).toBe(spelt.includes('openid'))
  })

  it.each([
    ['a member twice', 'client_id=x', 'invalid_request'],
    ['a verifier without a challenge', `code_verifier=${'v'.repeat(43)}`, 'invalid_grant'],
  ])('refuses %s', async (_case, more, error) => {
    const fixture = await startEmulator()
    const form = new URLSearchParams(codeForm(await codeFor(fixture)))

    const reply = await fetch(`${fixture.url}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `${form}&${more}`,
    })

    expect(reply.status).toBe(400)
    expect(await reply.json()).toMatchObject({ error })
  })

  it('authenticates the client by HTTP Basic too', async () => {
    const fixture = await startEmulator()
    const { client_id, client_secret, ...form } = codeForm(await codeFor(fixture))
    const basic = [client_id, client_secret].map((part) => encodeURIComponent(part ?? '')).join(':')

    const { status } = await postToken(fixture, form, {
      authorization: `Basic ${Buffer.from(basic).toString('base64')}`,
    })

    expect(status).toBe(200)
  })

  it('works once, and for ten minutes', async () => {
    const fixture = await startEmulator()
    const used = await codeFor(fixture)
    const late = await codeFor(fixture)
    const inTime = await codeFor(fixture)

    expect((await postToken(fixture, codeForm(used))).status).toBe(200)
    expect((await postToken(fixture, codeForm(used))).body.error).toBe('invalid_grant')
    fixture.clock.advance(10 * 60 - 5)
    expect((await postToken(fixture, codeForm(inTime))).status).toBe(200)
    fixture.clock.advance(6)
    expect(await postToken(fixture, codeForm(late))).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    })
  })

  it('checks the PKCE verifier against the S256 challenge', async () => {
    const fixture = await startEmulator()
    const pkce = { code_challenge: CHALLENGE, code_challenge_method: 'S256' }
    const code = await codeFor(fixture, pkce)

    expect(await postToken(fixture, codeForm(code))).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: 'Missing code verifier.' },
    })
    expect(
      (await postToken(fixture, codeForm(code, { code_verifier: CHALLENGE }))).body.error,
    ).toBe('invalid_grant')
    expect((await postToken(fixture, codeForm(code, { code_verifier: VERIFIER }))).status).toBe(200)
  })

  it.each<[string, Record<string, string>, number, string]>([
    ['another redirect URI', { redirect_uri: `${REDIRECT_URI}x` }, 400, 'redirect_uri_mismatch'],
    ['an unknown client', { client_id: 'nobody' }, 401, 'invalid_client'],
    ['a wrong secret', { client_secret: 'wrong' }, 401, 'invalid_client'],
    ['no secret', { client_secret: '' }, 400, 'invalid_request'],
    ['another grant type', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['no grant type', { grant_type: '' }, 400, 'invalid_request'],
    ['no code', { code: '' }, 400, 'invalid_request'],
    ['a code that nobody issued', { code: '4/0Anonsense' }, 400, 'invalid_grant'],
    [
      "another client's code",
      { client_id: OTHER_CLIENT.clientId, client_secret: OTHER_CLIENT.clientSecret },
      400,
      'invalid_grant',
    ],
  ])('refuses %s', async (_, change, status, error) => {
    const fixture = await startEmulator()
    const code = await codeFor(fixture)

    const reply = await postToken(fixture, codeForm(code, change))

    expect(reply).toMatchObject({ status, body: { error } })
    expect(typeof reply.body.error_description).toBe('string')
    expect((await postToken(fixture, codeForm(code))).status).toBe(200)
  })
})

describe('refresh tokens', () => {
  it.each<[string, Record<string, string>, boolean]>([
    ['never without access_type=offline', { prompt: 'consent' }, false],
    ['the first time with it', { access_type: 'offline' }, true],
  ])('come %s', async (_, options, expected) => {
    const fixture = await startEmulator()

    const { body } = await postToken(fixture, codeForm(await codeFor(fixture, options)))

    expect(body.refresh_token !== undefined).toBe(expected)
  })

  it('come again only with prompt=consent', async () => {
    const fixture = await startEmulator()
    const exchange = async (options: Record<string, string>) =>
      (await postToken(fixture, codeForm(await codeFor(fixture, options)))).body.refresh_token

    await codeFor(fixture)
    const first = await exchange({ access_type: 'offline' })
    const second = await exchange({ access_type: 'offline' })
    const forced = await exchange({ access_type: 'offline', prompt: 'consent select_account' })

    expect(first).toBeDefined()
    expect(second).toBeUndefined()
    expect(forced).toBeDefined()
  })

  it('are kept, not rotated, by a refresh, which brings an id_token with openid', async () => {
    const fixture = await startEmulator()
    const { refresh_token = '', access_token } = await signIn(fixture)

    const once = await postToken(fixture, refreshForm(refresh_token))
    const twice = await postToken(fixture, refreshForm(refresh_token))

    expect(once.status).toBe(200)
    expect(once.body.refresh_token).toBeUndefined()
    expect(once.body.access_token).not.toBe(access_token)
    expect(once.body.id_token).toBeDefined()
    expect(twice.status).toBe(200)
  })

  it('can be narrowed but not widened', async () => {
    const fixture = await startEmulator()
    const { refresh_token = '' } = await signIn(fixture)

    const narrow = await postToken(fixture, refreshForm(refresh_token, { scope: DRIVE_FILE }))
    const wide = await postToken(fixture, refreshForm(refresh_token, { scope: `${DRIVE_FILE} x` }))

    expect(narrow.body.scope).toBe(DRIVE_FILE)
    expect(narrow.body.id_token).toBeUndefined()
    expect(wide.body.error).toBe('invalid_scope')
  })

  it('fail with invalid_grant when malformed, foreign or revoked', async () => {
    const fixture = await startEmulator()
    const { refresh_token = '' } = await signIn(fixture)
    const foreign = refreshForm(refresh_token, {
      client_id: OTHER_CLIENT.clientId,
      client_secret: OTHER_CLIENT.clientSecret,
    })

    expect((await postToken(fixture, refreshForm('1//nonsense'))).body).toEqual({
      error: 'invalid_grant',
      error_description: 'Bad Request',
    })
    expect((await postToken(fixture, foreign)).body.error).toBe('invalid_grant')
    await control(fixture, 'POST', 'accounts/owner@example.com/revoke')
    expect(await postToken(fixture, refreshForm(refresh_token))).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' },
    })
  })

  it('die after six months without use, and live on when used', async () => {
    const fixture = await startEmulator()
    const { refresh_token = '' } = await signIn(fixture)
    const days = (count: number) => fixture.clock.advance(count * 24 * 60 * 60)

    days(182)
    expect((await postToken(fixture, refreshForm(refresh_token))).status).toBe(200)
    days(182)
    expect((await postToken(fixture, refreshForm(refresh_token))).status).toBe(200)
    days(184)
    expect((await postToken(fixture, refreshForm(refresh_token))).body.error).toBe('invalid_grant')
  })

  it('are a hundred per user and client; the oldest dies silently', async () => {
    const fixture = await startEmulator()
    const little = { scope: DRIVE_FILE }
    const { refresh_token: oldest = '' } = await signIn(fixture, little)
    const { refresh_token: second = '' } = await signIn(fixture, little)
    await signIn(fixture, little, 'second@example.com')
    for (let count = 2; count < 100; count += 1) await signIn(fixture, little)

    expect((await postToken(fixture, refreshForm(oldest))).status).toBe(200)
    await signIn(fixture, little)
    expect((await postToken(fixture, refreshForm(oldest))).body.error).toBe('invalid_grant')
    expect((await postToken(fixture, refreshForm(second))).status).toBe(200)
  })
})

describe('access tokens', () => {
  it('end after 3599 seconds, or at once on demand', async () => {
    const fixture = await startEmulator()
    const drive = driveOf(fixture, (await signIn(fixture)).access_token)
    const other = driveOf(fixture, (await signIn(fixture)).access_token)
    const about = '/drive/v3/about?fields=user'

    fixture.clock.advance(3590)
    expect((await drive.call('GET', about)).status).toBe(200)
    await control(fixture, 'POST', 'accounts/owner@example.com/expire-tokens')
    expect((await other.call('GET', about)).status).toBe(401)

    const { access_token, refresh_token = '' } = await signIn(fixture)
    fixture.clock.advance(3600)
    expect((await driveOf(fixture, access_token).call('GET', about)).status).toBe(401)
    expect((await postToken(fixture, refreshForm(refresh_token))).status).toBe(200)
  })

  it('tell tokeninfo whose they are', async () => {
    const fixture = await startEmulator()
    const { access_token } = await signIn(fixture)

    const info = await fetch(`${fixture.url}/tokeninfo?access_token=${access_token}`)
    const bad = await fetch(`${fixture.url}/tokeninfo?access_token=x`)

    expect(await info.json()).toMatchObject({
      aud: CLIENT.clientId,
      scope: expect.stringContaining(DRIVE_FILE),
    })
    expect(bad.status).toBe(400)
  })
})

describe('revocation', () => {
  it.each(['query', 'form', 'access token'])(
    'by %s kills every token of the user at all clients',
    async (how) => {
      const fixture = await startEmulator()
      const mine = await signIn(fixture)
      const atOther = await signInOther(fixture, DRIVE_FILE)
      const second = await signIn(fixture, {}, 'second@example.com')
      const token = how === 'access token' ? mine.access_token : (mine.refresh_token ?? '')

      const reply =
        how === 'query'
          ? await fetch(`${fixture.url}/revoke?token=${encodeURIComponent(token)}`, {
              method: 'POST',
            })
          : await fetch(`${fixture.url}/revoke`, {
              method: 'POST',
              body: new URLSearchParams({ token }),
            })

      const about = '/drive/v3/about?fields=user'
      expect(reply.status).toBe(200)
      expect((await postToken(fixture, refreshForm(mine.refresh_token ?? ''))).status).toBe(400)
      expect((await driveOf(fixture, mine.access_token).call('GET', about)).status).toBe(401)
      expect((await driveOf(fixture, atOther.access_token).call('GET', about)).status).toBe(401)
      expect((await driveOf(fixture, second.access_token).call('GET', about)).status).toBe(200)
    },
  )

  it('of a made-up token is 400 invalid_token', async () => {
    const fixture = await startEmulator()

    const reply = await fetch(`${fixture.url}/revoke?token=made-up`, { method: 'POST' })

    expect(reply.status).toBe(400)
    expect(await reply.json()).toMatchObject({ error: 'invalid_token' })
  })

  it('makes the next consent a first one, with a refresh token', async () => {
    const fixture = await startEmulator()
    await signIn(fixture)
    await control(fixture, 'POST', 'accounts/owner@example.com/revoke')

    const { body } = await postToken(
      fixture,
      codeForm(await codeFor(fixture, { access_type: 'offline' })),
    )

    expect(body.refresh_token).toBeDefined()
  })
})
