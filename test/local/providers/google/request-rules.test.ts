/** Each published rule has a request that breaks it, and it alone; what breaks none is shown by the clients' own tests. */

import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REQUEST_RULES } from '../../../../infra/local/providers/google/request-rules.ts'
import { content, control, type Drive, driveOf, related } from './drive-client.ts'
import {
  authorizeUrl,
  codeForm,
  consent,
  type Fixture,
  postToken,
  REDIRECT_URI,
  refreshForm,
  signIn,
  startEmulator,
  UNIT,
} from './emulator-fixture.ts'

const VERIFIER = 'v'.repeat(43)
const AUTHORIZE = {
  state: 'a-state-that-nobody-guesses',
  scope: 'openid email profile',
  code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
  code_challenge_method: 'S256',
}
const UPLOAD = '/upload/drive/v3/files'
const ASKED = 'supportsAllDrives=true&fields=id'

interface Setting {
  fixture: Fixture
  drive: Drive
  refreshToken: string
}

type Request = (setting: Setting) => Promise<unknown>

/** A request of our own, correct in all that is not changed. */
const authorize =
  (changes: Record<string, string>): Request =>
  ({ fixture }) =>
    fetch(authorizeUrl(fixture, { ...AUTHORIZE, ...changes }))

const redeem =
  (changes: Record<string, string>): Request =>
  async ({ fixture }) => {
    const { searchParams } = await consent(fixture, AUTHORIZE)
    const form = codeForm(searchParams.get('code') ?? '', { code_verifier: VERIFIER, ...changes })
    return await postToken(fixture, form)
  }

const get =
  (path: string, headers: Record<string, string> = {}): Request =>
  ({ drive }) =>
    drive.call('GET', path, { headers })

const create =
  (body: unknown, query = ASKED, headers: Record<string, string> = {}): Request =>
  ({ drive }) =>
    drive.call('POST', `/drive/v3/files?${query}`, { body, headers })

const multipart =
  (bytes: number, headers: Record<string, string> = {}): Request =>
  ({ drive }) =>
    drive.call('POST', `${UPLOAD}?uploadType=multipart&${ASKED}`, {
      body: related({ name: 'a' }, content(bytes)),
      headers: { 'content-type': 'multipart/related; boundary=edge', ...headers },
    })

const OPENING = { 'x-upload-content-type': 'text/plain', 'x-upload-content-length': '10' }

async function opened({ drive }: Setting, total: number): Promise<string> {
  const path = `${UPLOAD}?uploadType=resumable&${ASKED}`
  const headers = { ...OPENING, 'x-upload-content-length': String(total) }
  return (await drive.openSession({ name: 'a' }, total, { path, headers })).location
}

const inSession =
  (
    total: number,
    body: Buffer | undefined,
    range: string | undefined,
    { method = 'PUT', alter = (location: string) => location } = {},
  ): Request =>
  async (setting) => {
    const location = alter(await opened(setting, total))
    const headers: Record<string, string> = range === undefined ? {} : { 'content-range': range }
    return await setting.drive.call(method, location, {
      headers,
      ...(body === undefined ? {} : { body }),
    })
  }

const GOOD: [name: string, request: Request][] = [
  ['a sign-in', authorize({})],
  ['a connection', authorize({ access_type: 'offline', prompt: 'consent select_account' })],
  ['an exchange', redeem({})],
  ['a refresh', ({ fixture, refreshToken }) => postToken(fixture, refreshForm(refreshToken))],
  ['a list', get(`/drive/v3/files?supportsAllDrives=true&fields=files(id)&pageSize=5`)],
  ['the room', get('/drive/v3/about?fields=storageQuota')],
  ['a folder', create({ name: 'a', mimeType: 'application/vnd.google-apps.folder' })],
  ['a small file', multipart(100)],
  ['a file of 5 MB', multipart(5_000_000)],
  ['a chunk of one unit', inSession(2 * UNIT, content(UNIT), `bytes 0-${UNIT - 1}/${2 * UNIT}`)],
  ['a last chunk', inSession(10, content(10), 'bytes 0-9/10')],
  ['a status', inSession(10, Buffer.alloc(0), 'bytes */10')],
]

const BAD: Record<string, Request[]> = {
  'secrets never stand in an address': [
    get(`/drive/v3/about?fields=user&access_token=x`),
    ({ fixture }) => fetch(`${fixture.url}/tokeninfo?access_token=x`),
  ],
  'authorize: only documented parameters, each once': [
    authorize({ approval_prompt: 'force' }),
    ({ fixture }) => fetch(`${authorizeUrl(fixture, AUTHORIZE)}&state=again`),
  ],
  'authorize: access_type is online or offline, prompt a list of none, consent, select_account': [
    authorize({ access_type: 'always' }),
    authorize({ prompt: 'login' }),
    authorize({ prompt: 'none consent' }),
  ],
  'authorize: a state that binds the answer to the browser': [
    authorize({ state: '' }),
    authorize({ state: 'short' }),
  ],
  'authorize: scope begins with openid where it asks who somebody is': [
    authorize({ scope: 'email openid' }),
  ],
  'authorize: PKCE by S256': [
    authorize({ code_challenge_method: 'plain' }),
    authorize({ code_challenge: 'short' }),
  ],
  'token: a form that is posted': [
    ({ fixture, refreshToken }) =>
      postToken(fixture, refreshForm(refreshToken), { 'content-type': 'text/plain' }),
  ],
  'token: the documented members, all and only those, and nothing in the address': [
    redeem({ audience: 'x' }),
    ({ fixture, refreshToken }) => postToken(fixture, refreshForm(refreshToken, { extra: 'x' })),
    async ({ fixture }) => {
      const { code_verifier: _, ...form } = codeForm('nothing', { code_verifier: VERIFIER })
      await postToken(fixture, {
        ...form,
        code_verifier: VERIFIER,
        redirect_uri: REDIRECT_URI,
        x: '',
      })
    },
  ],
  'token: a verifier of 43 to 128 unreserved characters': [redeem({ code_verifier: 'short' })],
  'the access token in the Authorization header': [
    ({ fixture }) => fetch(`${fixture.url}/drive/v3/about?fields=user`),
    ({ fixture }) => fetch(`${fixture.url}/v1/userinfo`),
  ],
  'a method that the reference lists': [get('/drive/v3/nothing'), get('/drive/v2/files')],
  'only query parameters that the reference lists for the method, each once': [
    get(`/drive/v3/files/x?${ASKED}&recursive=true`),
    get(`/drive/v3/files/x?${ASKED}&fields=name`),
    create({}, `${ASKED}&uploadType=resumable`),
  ],
  'supportsAllDrives=true wherever it can be said': [
    get('/drive/v3/files/x?fields=id'),
    get('/drive/v3/files/x?fields=id&supportsAllDrives=false'),
  ],
  'fields names the members that are wanted': [
    get('/drive/v3/files/x?supportsAllDrives=true'),
    create({}, 'supportsAllDrives=true&fields=*'),
  ],
  'metadata as application/json, of writable members only': [
    create({ name: 'a', size: '5' }),
    create({ title: 'a' }),
    create('{}', ASKED, { 'content-type': 'text/json' }),
  ],
  'no body where none is read': [
    ({ drive }) =>
      drive.call('DELETE', '/drive/v3/files/x?supportsAllDrives=true', { body: { why: 'x' } }),
  ],
  'one range of bytes a download': ['bytes=1-0', 'bytes=0-1,4-5', '0-5'].map((range) =>
    get('/drive/v3/files/x?alt=media&supportsAllDrives=true', { range }),
  ),
  'content as it is, not encoded': [multipart(10, { 'content-encoding': 'gzip' })],
  'content in one request up to 5 MB': [multipart(5_010_000)],
  'content with metadata, or in a session': [
    ({ drive }) =>
      drive.call('POST', `${UPLOAD}?uploadType=media&${ASKED}`, {
        body: content(3),
        headers: { 'content-type': 'text/plain' },
      }),
  ],
  'a session is opened with type and length of the content': [
    { 'x-upload-content-type': 'text/plain' },
    { 'x-upload-content-length': '10' },
    { ...OPENING, 'x-upload-content-length': 'ten' },
    { ...OPENING, 'x-upload-content-type': 'text' },
  ].map(
    (headers): Request =>
      ({ drive }) =>
        drive.call('POST', `${UPLOAD}?uploadType=resumable&${ASKED}`, { body: {}, headers }),
  ),
  'content of a session by PUT to the address that was given': [
    inSession(10, content(10), 'bytes 0-9/10', { method: 'POST' }),
    inSession(10, content(10), 'bytes 0-9/10', {
      alter: (location) => location.replace('uploadType=resumable&', ''),
    }),
  ],
  'a chunk says its range, its length and the whole size, in units of 256 KiB': [
    inSession(10, content(10), undefined),
    inSession(10, content(10), 'bytes 0-9/*'),
    inSession(10, content(5), 'bytes 0-4/10'),
  ],
  'a status is asked for without content and with the whole size': [
    inSession(10, Buffer.alloc(0), 'bytes */*'),
  ],
}

let setting: Setting
const cleanups: (() => Promise<void>)[] = []
beforeAll(async () => {
  const fixture = await startEmulator((work) => cleanups.unshift(work))
  const { access_token, refresh_token = '' } = await signIn(fixture)
  setting = { fixture, drive: driveOf(fixture, access_token), refreshToken: refresh_token }
})
afterAll(async () => {
  for (const work of cleanups) await work()
})

async function rulesBrokenBy(request: Request): Promise<string[]> {
  await control(setting.fixture, 'DELETE', 'requests')
  await request(setting)
  const { requests } = (await control(setting.fixture, 'GET', 'requests')).json
  return requests.at(-1).brokenRules ?? []
}

describe('a request that keeps the rules', () => {
  it.each(GOOD)('%s breaks none', async (_name, request) => {
    expect(await rulesBrokenBy(request)).toEqual([])
  })
})

describe('a request that breaks a rule', () => {
  it('is there for every rule', () => {
    expect(Object.keys(BAD).sort()).toEqual(REQUEST_RULES.map(({ name }) => name).sort())
    for (const { source } of REQUEST_RULES) expect(source).toMatch(/^https:\/\//)
  })

  const cases = Object.entries(BAD).flatMap(([rule, requests]) =>
    requests.map((request, index) => ({ rule, request, index })),
  )
  it.each(cases)('$rule ($index)', async ({ rule, request }) => {
    expect(await rulesBrokenBy(request)).toEqual([rule])
  })
})
