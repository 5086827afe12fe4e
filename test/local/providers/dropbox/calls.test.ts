/** https://www.dropbox.com/developers/documentation/http/documentation#formats */
import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { apiOf, control, headerSafe, ownersApi } from './api-client.ts'
import { type Fixture, signIn, startEmulator } from './emulator-fixture.ts'

/** A call as `node:http` sends it: any header, any host. */
async function raw(
  fixture: Fixture,
  path: string,
  headers: Record<string, string | Buffer>,
  body = '',
): Promise<{ status: number; text: string }> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(`${fixture.url}${path}`, { method: 'POST' }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    outgoing.on('error', reject)
    for (const [name, value] of Object.entries(headers)) {
      outgoing.setHeader(name, Buffer.isBuffer(value) ? value.toString('latin1') : value)
    }
    // With a text Node would write the headers in the encoding of the text.
    outgoing.end(Buffer.from(body))
  })
}

describe('the argument of a function with content', () => {
  const arg = { path: '/Grüße/日本語 😀.txt' }

  it.each([
    ['escaped', (_url: string) => ({ header: headerSafe(arg), query: '' })],
    ['as UTF-8', () => ({ header: Buffer.from(JSON.stringify(arg)), query: '' })],
    [
      'in the address',
      () => ({ header: undefined, query: `?arg=${encodeURIComponent(JSON.stringify(arg))}` }),
    ],
  ])('is read %s', async (_name, make) => {
    const fixture = await startEmulator()
    const { access_token } = await signIn(fixture)
    const { header, query } = make(fixture.url)

    const { status, text } = await raw(
      fixture,
      `/2/files/upload${query}`,
      {
        authorization: `Bearer ${access_token}`,
        'content-type': 'application/octet-stream',
        ...(header === undefined ? {} : { 'dropbox-api-arg': header }),
      },
      'text',
    )

    expect([status, JSON.parse(text).path_display]).toEqual([200, arg.path])
  })
})

describe('a call that is not understood', () => {
  it.each([
    ['files/nothing', {}, {}, 'Unknown API function: "files/nothing"'],
    ['files/get_metadata', {}, {}, "request body: missing required field 'path'"],
    ['files/get_metadata', { path: 1 }, {}, 'request body: path: '],
    ['files/get_metadata', { path: '/a', more: 1 }, {}, "request body: unknown field 'more'"],
    [
      'files/get_metadata',
      { path: '/a' },
      { 'content-type': 'text/plain' },
      'Bad HTTP "Content-Type" header: "text/plain".',
    ],
    ['users/get_current_account', {}, {}, 'expected null, got object'],
    ['files/upload', {}, {}, 'Bad HTTP "Content-Type" header: "application/json".'],
  ])('%s with %j is 400 in plain text', async (name, arg, headers, sentence) => {
    const fixture = await startEmulator()
    const api = await ownersApi(fixture)

    const reply = await api.rpc(name, arg, headers)

    expect(reply.status).toBe(400)
    expect(reply.headers.get('content-type')).toMatch(/^text\/plain/)
    expect(reply.text).toContain(sentence)
    expect(reply.headers.get('x-dropbox-request-id')).toMatch(/^[0-9a-f]{32}$/)
  })

  it('is refused for want of an argument, of JSON and of a POST', async () => {
    const fixture = await startEmulator()
    const { access_token } = await signIn(fixture)
    const headers = {
      authorization: `Bearer ${access_token}`,
      'content-type': 'application/octet-stream',
    }

    const bare = await raw(fixture, '/2/files/upload', headers)
    const broken = await raw(fixture, '/2/files/upload', { ...headers, 'dropbox-api-arg': '{' })
    const get = await fetch(`${fixture.url}/2/files/upload`, { headers })

    expect(bare.text).toContain('Must provide HTTP header "Dropbox-API-Arg"')
    expect(broken.text).toContain('could not decode input as JSON')
    expect(get.status).toBe(405)
  })
})

describe('who calls', () => {
  it('needs a token that is known, fresh and wide enough', async () => {
    const fixture = await startEmulator()
    const { access_token } = await signIn(fixture, { scope: 'files.metadata.read' })
    const list = (token: string) => apiOf(fixture, token).rpc('files/list_folder', { path: '' })

    const without = await fetch(`${fixture.url}/2/files/list_folder`, { method: 'POST' })
    const unknown = await list('sl.unknown')
    const good = await list(access_token)
    const narrow = await apiOf(fixture, access_token).rpc('files/create_folder_v2', { path: '/a' })
    await control(fixture, 'POST', 'accounts/owner@example.com/expire-tokens')
    const expired = await list(access_token)

    expect(without.status).toBe(400)
    expect([unknown, good, narrow, expired].map(({ status }) => status)).toEqual([
      401, 200, 401, 401,
    ])
    expect(unknown.json.error).toEqual({ '.tag': 'invalid_access_token' })
    expect(unknown.json.error_summary).toMatch(/^invalid_access_token\/\.{0,3}$/)
    expect(narrow.json.error).toEqual({
      '.tag': 'missing_scope',
      required_scope: 'files.content.write',
    })
    expect(expired.json.error).toEqual({ '.tag': 'expired_access_token' })
  })

  it('has one namespace', async () => {
    const fixture = await startEmulator()
    const { access_token, uid } = await signIn(fixture)
    const api = apiOf(fixture, access_token)
    await api.upload('/a', Buffer.from('a'))
    const listed = async (root: Record<string, string>) => {
      const headers = { 'dropbox-api-path-root': JSON.stringify(root) }
      const { status, json } = await api.rpc('files/list_folder', { path: '' }, headers)
      return status === 200 ? json.entries.length : [status, json.error['.tag']]
    }

    expect(await listed({ '.tag': 'home' })).toBe(1)
    expect(await listed({ '.tag': 'root', root: uid })).toBe(1)
    expect(await listed({ '.tag': 'namespace_id', namespace_id: uid })).toBe(1)
    expect(await listed({ '.tag': 'root', root: '0' })).toEqual([422, 'invalid_root'])
    expect(await listed({ '.tag': 'namespace_id', namespace_id: '0' })).toEqual([
      422,
      'no_permission',
    ])
    expect((await api.rpc('files/get_metadata', { path: `ns:${uid}/a` })).status).toBe(200)
  })

  it('finds content and the rest at hosts of their own, behind the real names', async () => {
    const fixture = await startEmulator()
    const { access_token } = await signIn(fixture)
    const headers = {
      authorization: `Bearer ${access_token}`,
      'content-type': 'application/octet-stream',
      'dropbox-api-arg': '{"path":"/a"}',
    }

    const right = await raw(fixture, '/2/files/upload', {
      ...headers,
      host: 'content.dropboxapi.com',
    })
    const wrong = await raw(fixture, '/2/files/upload', { ...headers, host: 'api.dropboxapi.com' })
    const foreign = await raw(fixture, '/2/files/upload', { ...headers, host: 'evil.example' })

    expect([right, wrong, foreign].map(({ status }) => status)).toEqual([200, 400, 421])
  })
})
