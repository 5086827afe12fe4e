import { describe, expect, it } from 'vitest'
import { type Api, content, control, ownersApi } from './api-client.ts'
import { postToken, refreshForm, signIn, startEmulator } from './emulator-fixture.ts'

const UPLOAD = '/2/files/upload'
const FINISH = '/2/files/upload_session/finish'

/** The calls that faults are played on. */
const CALLS: Record<string, (api: Api) => Promise<{ status: number; json: { error: unknown } }>> = {
  [UPLOAD]: (api) => api.upload('/a', content(10)),
  [FINISH]: async (api) => api.finish(await api.start(content(10)), 10, { path: '/a' }),
  '/2/files/upload_session/append_v2': async (api) =>
    api.append(await api.start(content(10)), 10, content(1)),
  '/2/files/get_metadata': (api) => api.rpc('files/get_metadata', { path: '/a' }),
  '/2/files/delete_v2': (api) => api.rpc('files/delete_v2', { path: '/a' }),
}

const SESSION = expect.any(String)

describe('a refusal on demand', () => {
  it.each([
    [UPLOAD, 'status:401', { '.tag': 'expired_access_token' }],
    [UPLOAD, 'status:401:invalid_access_token', { '.tag': 'invalid_access_token' }],
    [UPLOAD, 'status:403', { '.tag': 'no_permission' }],
    [
      UPLOAD,
      'status:409:insufficient_space',
      { '.tag': 'path', reason: { '.tag': 'insufficient_space' }, upload_session_id: SESSION },
    ],
    [UPLOAD, 'status:409:content_hash_mismatch', { '.tag': 'content_hash_mismatch' }],
    [
      FINISH,
      'status:409:insufficient_space',
      { '.tag': 'path', path: { '.tag': 'insufficient_space' } },
    ],
    [
      FINISH,
      'status:409:not_found',
      { '.tag': 'lookup_failed', lookup_failed: { '.tag': 'not_found' } },
    ],
    [FINISH, 'status:409:too_many_write_operations', { '.tag': 'too_many_write_operations' }],
    ['/2/files/upload_session/append_v2', 'status:409:not_found', { '.tag': 'not_found' }],
    [
      '/2/files/get_metadata',
      'status:409:restricted_content',
      { '.tag': 'path', path: { '.tag': 'restricted_content' } },
    ],
    [
      '/2/files/delete_v2',
      'status:409:no_write_permission',
      { '.tag': 'path_write', path_write: { '.tag': 'no_write_permission' } },
    ],
    [
      '/2/files/delete_v2',
      'status:409:not_found',
      { '.tag': 'path_lookup', path_lookup: { '.tag': 'not_found' } },
    ],
  ])('%s %s has the shape of the function, once', async (route, action, error) => {
    const fixture = await startEmulator()
    const api = await ownersApi(fixture)
    await control(fixture, 'POST', 'faults', { route, action })
    const call = CALLS[route]
    if (!call) throw new Error(`no call for ${route}`)

    const reply = await call(api)

    expect(reply.status).toBe(Number(action.split(':')[1]))
    expect(reply.json.error).toEqual(error)
    expect((await control(fixture, 'GET', 'faults')).json.faults).toEqual([])
  })

  it('is 429 with the wait in body and header', async () => {
    const fixture = await startEmulator()
    const api = await ownersApi(fixture)
    const status429 = { route: UPLOAD, retryAfterSeconds: 7 }
    await control(fixture, 'POST', 'faults', { ...status429, action: 'status:429' })
    const reason = 'status:429:too_many_write_operations'
    await control(fixture, 'POST', 'faults', { ...status429, action: reason })

    const replies = [await api.upload('/a', content(1)), await api.upload('/a', content(1))]

    expect(replies.map(({ headers }) => headers.get('retry-after'))).toEqual(['7', '7'])
    expect(replies.map(({ json }) => json.error)).toEqual([
      { reason: { '.tag': 'too_many_requests' }, retry_after: 7 },
      { reason: { '.tag': 'too_many_write_operations' }, retry_after: 7 },
    ])
  })

  it('is plain text at 5xx, before or after it took effect', async () => {
    const fixture = await startEmulator()
    const api = await ownersApi(fixture)
    await control(fixture, 'POST', 'faults', { route: UPLOAD, action: 'status:500' })
    await control(fixture, 'POST', 'faults', { route: UPLOAD, action: 'apply-then-503' })

    const before = await api.upload('/before', content(1))
    const after = await api.upload('/after', content(1))

    expect([before.status, after.status]).toEqual([500, 503])
    expect(before.headers.get('content-type')).toMatch(/^text\/plain/)
    expect(await api.names('')).toEqual(['after'])
  })

  it('speaks OAuth at the token endpoint', async () => {
    const fixture = await startEmulator()
    const { refresh_token = '' } = await signIn(fixture)
    const route = '/oauth2/token'
    await control(fixture, 'POST', 'faults', { route, action: 'status:400:invalid_grant' })

    const refused = await postToken(fixture, refreshForm(refresh_token))

    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_grant'])
    expect((await postToken(fixture, refreshForm(refresh_token))).status).toBe(200)
  })

  it('breaks a download off', async () => {
    const fixture = await startEmulator()
    const api = await ownersApi(fixture)
    await api.upload('/a', content(1000))
    const route = '/2/files/download'
    await control(fixture, 'POST', 'faults', { route, action: 'reset', bytes: 100 })

    await expect(
      api.download({ path: '/a' }).then((reply) => reply.arrayBuffer()),
    ).rejects.toThrow()
    expect((await (await api.download({ path: '/a' })).arrayBuffer()).byteLength).toBe(1000)
  })

  it('is named among the knobs', async () => {
    const fixture = await startEmulator()

    const { json } = await control(fixture, 'GET', 'faults')

    expect(json.knobs.actions).toContain('entries-busy')
  })
})

describe('the request log', () => {
  it('names operation, account, session, bytes and the rules that were broken', async () => {
    const fixture = await startEmulator()
    const api = await ownersApi(fixture)
    await control(fixture, 'DELETE', 'requests')
    const id = await api.start(content(3))
    await api.append(id, 3, content(4))

    const { json } = await control(fixture, 'GET', 'requests')

    expect(json.sessions).toBe(1)
    expect(json.requests).toMatchObject([
      {
        method: 'POST',
        path: '/2/files/upload_session/start',
        operation: 'files/upload_session/start',
        status: 200,
        account: 'owner@example.com',
        session: 1,
        bytes: 3,
        brokenRules: ['a content hash with content'],
      },
      {
        operation: 'files/upload_session/append_v2',
        session: 1,
        bytes: 4,
        brokenRules: [
          'content of a session in multiples of 4 MiB, until it is closed',
          'a content hash with content',
        ],
      },
    ])
    expect(JSON.stringify(json)).not.toContain(id)
  })

  it('names nothing for a client that keeps every rule', async () => {
    const fixture = await startEmulator()
    const verifier = 'v'.repeat(43)
    const page = await fetch(
      `${fixture.url}/oauth2/authorize?${new URLSearchParams({
        client_id: 'portage-app-key',
        redirect_uri: 'http://127.0.0.1:4400/api/oauth/dropbox/callback',
        response_type: 'code',
        state: 's'.repeat(32),
        scope: 'files.content.write',
        code_challenge: verifier,
        code_challenge_method: 'S256',
      })}`,
    )
    const api = await ownersApi(fixture)
    await control(fixture, 'DELETE', 'requests')
    const id = await api.start()
    await api.append(id, 0, Buffer.alloc(0), { close: true })
    await api.finish(id, 0, { path: '/Grüße' })

    const { requests } = (await control(fixture, 'GET', 'requests')).json

    expect(page.status).toBe(200)
    expect(requests).toHaveLength(3)
    expect(requests.flatMap((one: { brokenRules?: string[] }) => one.brokenRules ?? [])).toEqual([])
  })
})
