/** https://www.dropbox.com/developers/documentation/http/documentation#oauth2-token */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { apiOf, control } from './api-client.ts'
import {
  authorizeUrl,
  CLIENT,
  codeFor,
  codeForm,
  consent,
  type Fixture,
  OTHER_CLIENT,
  postToken,
  REDIRECT_URI,
  refreshForm,
  STORAGE_SCOPES,
  signIn,
  startEmulator,
} from './emulator-fixture.ts'

const VERIFIER = 'v'.repeat(43)
const PKCE = {
  code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
  code_challenge_method: 'S256',
}
const TWELVE_HOURS = 12 * 60 * 60

const accountOf = async (fixture: Fixture, token: string) =>
  (await apiOf(fixture, token).rpc('users/get_current_account')).json

describe('consent', () => {
  it('is one plain form with every scope ticked', async () => {
    const fixture = await startEmulator()

    const url = await consent(fixture, { state: 'a b&c' })
    const page = await (await fetch(authorizeUrl(fixture))).text()

    expect(url.href.startsWith(`${REDIRECT_URI}?code=`)).toBe(true)
    expect(url.searchParams.get('state')).toBe('a b&c')
    expect(page.match(/<form /g)).toHaveLength(1)
    expect(page.match(/type="checkbox" name="scope"/g)).toHaveLength(7)
    expect(page).not.toContain('<script')
  })

  it('leads back with access_denied', async () => {
    const fixture = await startEmulator()

    const url = await consent(fixture, {}, { decision: 'deny' })

    expect(Object.fromEntries(url.searchParams)).toEqual({
      error: 'access_denied',
      error_description: expect.any(String),
      state: 'state-1',
    })
  })

  it.each([
    ['an unknown client', { client_id: 'nobody' }],
    ['a redirect URI in another case', { redirect_uri: REDIRECT_URI.toUpperCase() }],
    ['no redirect URI', { redirect_uri: '' }],
    ['the token flow', { response_type: 'token' }],
    ['an unknown scope', { scope: 'files.everything' }],
    ['openid alone', { scope: 'openid' }],
    ['a long state', { state: 'x'.repeat(2001) }],
    ['an unknown token_access_type', { token_access_type: 'forever' }],
  ])('shows an error and never redirects for %s', async (_name, options) => {
    const fixture = await startEmulator()

    const reply = await fetch(authorizeUrl(fixture, options), { redirect: 'manual' })

    expect(reply.status).toBe(400)
    expect(await reply.text()).toContain('Access blocked')
  })
})

describe('a code', () => {
  it.each(['body', 'Basic'])('is exchanged with the secret in %s', async (way) => {
    const fixture = await startEmulator()
    const code = await codeFor(fixture, { token_access_type: 'offline' })
    const { client_id, client_secret, ...rest } = codeForm(code)
    const basic = [client_id, client_secret].map((half) => encodeURIComponent(half ?? '')).join(':')

    const { status, body } =
      way === 'body'
        ? await postToken(fixture, codeForm(code))
        : await postToken(fixture, rest, {
            authorization: `Basic ${Buffer.from(basic).toString('base64')}`,
          })

    expect(status).toBe(200)
    expect(body).toEqual({
      access_token: expect.stringMatching(/^sl\./),
      token_type: 'bearer',
      expires_in: 14_400,
      refresh_token: expect.stringMatching(/^[\w-]{64}$/),
      scope: `account_info.read openid email profile ${STORAGE_SCOPES.replace('account_info.read ', '')}`,
      uid: expect.stringMatching(/^\d+$/),
      account_id: expect.stringMatching(/^dbid:[\w-]{35}$/),
      id_token: expect.any(String),
    })
  })

  it('gives a refresh token for offline access alone', async () => {
    const fixture = await startEmulator()

    const { body } = await postToken(fixture, codeForm(await codeFor(fixture)))

    expect(body).not.toHaveProperty('refresh_token')
  })

  it('is good once, for ten minutes, for its own client and address', async () => {
    const fixture = await startEmulator()
    const used = await codeFor(fixture)
    await postToken(fixture, codeForm(used))
    const late = await codeFor(fixture)
    fixture.clock.advance(601)
    const fresh = await codeFor(fixture)
    const other = { client_id: OTHER_CLIENT.clientId, client_secret: OTHER_CLIENT.clientSecret }

    for (const form of [
      codeForm(used),
      codeForm(late),
      codeForm('made-up'),
      codeForm(fresh, other),
      codeForm(fresh, { redirect_uri: `${REDIRECT_URI}/` }),
    ]) {
      const { status, body } = await postToken(fixture, form)
      expect([status, body.error]).toEqual([400, 'invalid_grant'])
    }
    expect((await postToken(fixture, codeForm(fresh))).status).toBe(200)
  })

  it('belongs to the verifier of its challenge', async () => {
    const fixture = await startEmulator()
    const code = await codeFor(fixture, PKCE)
    const plain = await codeFor(fixture)

    const without = await postToken(fixture, codeForm(code))
    const wrong = await postToken(fixture, codeForm(code, { code_verifier: 'w'.repeat(43) }))
    const right = await postToken(fixture, codeForm(code, { code_verifier: VERIFIER }))
    const needless = await postToken(fixture, codeForm(plain, { code_verifier: VERIFIER }))

    expect([without, wrong, right, needless].map(({ status }) => status)).toEqual([
      400, 400, 200, 400,
    ])
  })

  it('needs the secret, unless PKCE proves the client', async () => {
    const fixture = await startEmulator()
    const bare = codeForm(await codeFor(fixture))
    delete bare['client_secret']
    const proved = codeForm(await codeFor(fixture, { ...PKCE, token_access_type: 'offline' }), {
      code_verifier: VERIFIER,
    })
    delete proved['client_secret']

    const refused = await postToken(fixture, bare)
    const wrong = await postToken(fixture, codeForm('any', { client_secret: 'wrong' }))
    const { body } = await postToken(fixture, proved)
    const refresh = refreshForm(body.refresh_token ?? '') as Record<string, string>
    delete refresh['client_secret']

    expect(refused.body.error).toBe('invalid_grant')
    expect([wrong.status, wrong.body.error]).toEqual([400, 'invalid_client'])
    expect((await postToken(fixture, refresh)).status).toBe(200)
  })
})

describe('a refresh token', () => {
  it('gives access tokens of four hours and stays the same', async () => {
    const fixture = await startEmulator()
    const { access_token, refresh_token = '' } = await signIn(fixture)
    fixture.clock.advance(14_400)

    const expired = await accountOf(fixture, access_token)
    const { body } = await postToken(fixture, refreshForm(refresh_token))
    fixture.clock.advance(TWELVE_HOURS * 1000)
    const { status } = await postToken(fixture, refreshForm(refresh_token))

    expect(expired.error).toEqual({ '.tag': 'expired_access_token' })
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'bearer',
      expires_in: 14_400,
    })
    expect(status).toBe(200)
  })

  it('may be narrowed and never widened', async () => {
    const fixture = await startEmulator()
    const { refresh_token = '' } = await signIn(fixture, { scope: STORAGE_SCOPES })

    const narrow = await postToken(
      fixture,
      refreshForm(refresh_token, { scope: 'files.metadata.read' }),
    )
    const wide = await postToken(fixture, refreshForm(refresh_token, { scope: 'openid email' }))
    const reply = await apiOf(fixture, narrow.body.access_token).upload('/a', Buffer.from('a'))

    expect(narrow.body.scope).toBe('files.metadata.read')
    expect(wide.body.error).toBe('invalid_scope')
    expect(reply.status).toBe(401)
    expect(reply.json.error).toEqual({
      '.tag': 'missing_scope',
      required_scope: 'files.content.write',
    })
  })

  it('is refused in Dropbox’s words when it is malformed, unknown or revoked', async () => {
    const fixture = await startEmulator()
    const { refresh_token = '' } = await signIn(fixture)
    await control(fixture, 'POST', 'accounts/owner@example.com/revoke')

    const sentences = await Promise.all(
      ['short', 'x'.repeat(64), refresh_token].map(
        async (token) => (await postToken(fixture, refreshForm(token))).body,
      ),
    )

    expect(sentences).toEqual([
      { error: 'invalid_grant', error_description: 'refresh token is malformed' },
      { error: 'invalid_grant', error_description: 'refresh token is invalid or revoked' },
      { error: 'invalid_grant', error_description: 'refresh token is invalid or revoked' },
    ])
  })

  it('ends with its own grant only', async () => {
    const fixture = await startEmulator()
    const first = await signIn(fixture)
    const second = await signIn(fixture)
    const { body } = await postToken(fixture, refreshForm(first.refresh_token ?? ''))

    const reply = await apiOf(fixture, body.access_token).rpc('auth/token/revoke')

    expect([reply.status, reply.text]).toEqual([200, 'null'])
    expect((await accountOf(fixture, first.access_token)).error).toEqual({
      '.tag': 'invalid_access_token',
    })
    expect((await postToken(fixture, refreshForm(first.refresh_token ?? ''))).status).toBe(400)
    expect((await accountOf(fixture, second.access_token)).email).toBe('owner@example.com')
    expect((await postToken(fixture, refreshForm(second.refresh_token ?? ''))).status).toBe(200)
  })
})

describe('identity', () => {
  it('is an ID token by the published key, without the nonce', async () => {
    const fixture = await startEmulator()
    const { id_token = '', account_id } = await signIn(fixture, { nonce: 'asked-for' })
    const [head = '', body = '', signature = ''] = id_token.split('.')
    const described = await fetch(`${fixture.url}/.well-known/openid-configuration`)
    const discovery = (await described.json()) as { issuer: string; jwks_uri: string }
    const { keys } = (await (await fetch(discovery.jwks_uri)).json()) as {
      keys: Record<string, string>[]
    }
    const key = createPublicKey({ key: keys[0] ?? {}, format: 'jwk' })
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString())

    expect(
      verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')),
    ).toBe(true)
    expect(discovery.issuer).toBe(fixture.url)
    expect(claims).toEqual({
      iss: fixture.url,
      aud: CLIENT.clientId,
      sub: account_id,
      email: 'owner@example.com',
      email_verified: true,
      given_name: 'Olivia',
      family_name: 'Owner',
      auth_time: claims.iat,
      iat: expect.any(Number),
      exp: claims.iat + 3600,
    })
  })

  it('is told again by userinfo, as far as the scopes go', async () => {
    const fixture = await startEmulator()
    const { access_token, account_id } = await signIn(fixture, { scope: 'openid email' })
    const storage = await signIn(fixture, { scope: STORAGE_SCOPES })

    const { json } = await apiOf(fixture, access_token).rpc('openid/userinfo', {})
    const refused = await apiOf(fixture, storage.access_token).rpc('openid/userinfo')

    expect(json).toEqual({
      iss: fixture.url,
      sub: account_id,
      email: 'owner@example.com',
      email_verified: true,
    })
    expect(refused.json.error).toEqual({ '.tag': 'missing_scope', required_scope: 'openid' })
  })

  it('is the account, with the room that it has', async () => {
    const fixture = await startEmulator()
    const { access_token, account_id, uid } = await signIn(fixture)
    const quota = { usedBytes: 5, totalBytes: 10 }
    await control(fixture, 'POST', 'accounts/owner@example.com/quota', quota)
    const api = apiOf(fixture, access_token)

    const account = await accountOf(fixture, access_token)
    const room = await api.rpc('users/get_space_usage')
    const checked = await api.rpc('check/user', { query: 'there?' })

    expect(account).toMatchObject({
      account_id,
      email: 'owner@example.com',
      name: { display_name: 'Olivia Owner', given_name: 'Olivia', surname: 'Owner' },
      root_info: { '.tag': 'user', root_namespace_id: uid, home_namespace_id: uid },
    })
    expect(room.json).toEqual({
      used: 5,
      allocation: { '.tag': 'individual', allocated: 10 },
    })
    expect(checked.json).toEqual({ result: 'there?' })
  })
})
