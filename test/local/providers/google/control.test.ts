import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { content, control, digest, driveOf, ownersDrive, putRange } from './drive-client.ts'
import {
  DRIVE_FILE,
  postToken,
  refreshForm,
  signIn,
  startEmulator,
  UNIT,
} from './emulator-fixture.ts'

describe('accounts', () => {
  it('are owner and second from the start', async () => {
    const fixture = await startEmulator()

    const { json } = await control(fixture, 'GET', 'accounts')

    expect(json).toEqual([
      {
        email: 'owner@example.com',
        name: 'Olivia Owner',
        id: expect.stringMatching(/^\d{21}$/),
        quota: { usedBytes: 0, totalBytes: 2 * 1024 ** 4 },
      },
      expect.objectContaining({ email: 'second@example.com' }),
    ])
    expect(json[0].id).not.toBe(json[1].id)
  })

  it('can be added, once, and sign in', async () => {
    const fixture = await startEmulator()
    const third = { email: 'third@example.com', name: 'Théa', quota: { totalBytes: 100 } }

    const added = await control(fixture, 'POST', 'accounts', third)
    const again = await control(fixture, 'POST', 'accounts', third)
    const tokens = await signIn(fixture, {}, 'third@example.com')

    expect(added.status).toBe(201)
    expect(added.json).toMatchObject({ ...third, quota: { usedBytes: 0, totalBytes: 100 } })
    expect(again.status).toBe(409)
    expect(tokens.access_token).toBeDefined()
    expect((await control(fixture, 'POST', 'accounts', { email: 'no' })).status).toBe(400)
    expect((await control(fixture, 'POST', 'accounts', { ...third, admin: true })).status).toBe(400)
  })

  it('can be full', async () => {
    const fixture = await startEmulator()
    const drive = await ownersDrive(fixture)

    const set = await control(fixture, 'POST', 'accounts/owner@example.com/quota', {
      usedBytes: 90,
      totalBytes: 100,
    })

    expect(set.json.quota).toEqual({ usedBytes: 90, totalBytes: 100 })
    expect((await drive.upload({}, content(11))).status).toBe(403)
    expect((await drive.upload({}, content(10))).status).toBe(200)
    expect((await control(fixture, 'GET', 'accounts')).json[0].quota.usedBytes).toBe(100)
    expect(
      (await drive.call('GET', '/drive/v3/about?fields=storageQuota')).json.storageQuota,
    ).toEqual({
      limit: '100',
      usage: '100',
      usageInDrive: '10',
      usageInDriveTrash: '0',
    })
  })

  it('answer 404 for nobody and for an unknown call', async () => {
    const fixture = await startEmulator()

    expect((await control(fixture, 'POST', 'accounts/nobody@example.com/revoke')).status).toBe(404)
    expect((await control(fixture, 'POST', 'accounts/owner@example.com/promote')).status).toBe(404)
    expect((await control(fixture, 'GET', 'files?account=nobody@example.com')).status).toBe(404)
    expect((await control(fixture, 'GET', 'nonsense')).status).toBe(404)
    expect((await control(fixture, 'GET', 'accounts/%E0%A4%A')).status).toBe(400)
  })
})

describe('delivered files', () => {
  it('are listed with path, size, hashes and bin, without folders', async () => {
    const fixture = await startEmulator()
    const drive = await ownersDrive(fixture)
    const second = driveOf(
      fixture,
      (await signIn(fixture, { scope: DRIVE_FILE }, 'second@example.com')).access_token,
    )
    const data = content(1000)
    const folder = await drive.folder('demo', await drive.folder('Portage'))
    const { id } = (await drive.upload({ name: 'a.bin', parents: [folder] }, data)).json
    await second.upload({ name: 'b.bin' }, data)
    await drive.call('PATCH', `/drive/v3/files/${id}`, { body: { trashed: true } })

    const mine = await control(fixture, 'GET', 'files?account=owner@example.com')
    const all = await control(fixture, 'GET', 'files')

    expect(mine.json).toEqual({
      files: [
        {
          id,
          account: 'owner@example.com',
          name: 'a.bin',
          path: '/Portage/demo/a.bin',
          size: 1000,
          sha256: digest('sha256', data),
          md5: digest('md5', data),
          trashed: true,
        },
      ],
    })
    expect(all.json.files).toHaveLength(2)
  })

  it('survive a restart', async () => {
    const fixture = await startEmulator()
    const drive = await ownersDrive(fixture)
    await drive.upload({ name: 'a.bin' }, content(10))
    const before = (await control(fixture, 'GET', 'files')).json

    expect((await control(await fixture.restart(), 'GET', 'files')).json).toEqual(before)
  })
})

describe('the request log', () => {
  it('tells method, path, operation, status, account, session and bytes, and no secret', async () => {
    const fixture = await startEmulator()
    const tokens = await signIn(fixture)
    const drive = driveOf(fixture, tokens.access_token)
    await control(fixture, 'DELETE', 'requests')

    const { location } = await drive.openSession({ name: 'a' }, UNIT)
    await putRange(location, `bytes 0-${UNIT - 1}/${UNIT}`, content(UNIT))
    await drive.openSession({ name: 'b' }, UNIT)
    await postToken(fixture, refreshForm(tokens.refresh_token ?? ''))
    await drive.call('GET', '/drive/v3/files/1nothing')
    const { json, text } = await control(fixture, 'GET', 'requests')

    const account = 'owner@example.com'
    const path = '/upload/drive/v3/files'
    const first = json.requests[0].session
    expect(json.sessions).toBe(2)
    expect(json.requests).toEqual([
      expect.objectContaining({
        method: 'POST',
        path,
        operation: 'drive.files.create',
        status: 200,
        account,
      }),
      expect.objectContaining({
        method: 'PUT',
        path,
        operation: 'drive.session.chunk',
        status: 200,
        account,
        session: first,
        bytes: UNIT,
      }),
      expect.objectContaining({ operation: 'drive.files.create', session: first + 1 }),
      expect.objectContaining({
        method: 'POST',
        path: '/token',
        operation: 'oauth.token.refresh',
        status: 200,
        account,
      }),
      expect.objectContaining({
        method: 'GET',
        operation: 'drive.files.get',
        status: 404,
        account,
      }),
    ])
    for (const secret of [tokens.access_token, tokens.refresh_token, 'upload_id', 'kept:secret']) {
      expect(text).not.toContain(secret)
    }
  })

  it('shows which requests met a fault, and is empty after DELETE', async () => {
    const fixture = await startEmulator()
    const drive = await ownersDrive(fixture)
    await control(fixture, 'POST', 'faults', { route: '/drive/v3/about', action: 'reset' })
    await drive.call('GET', '/drive/v3/about?fields=user').catch(() => 'broken, as asked for')

    const { json } = await control(fixture, 'GET', 'requests')

    expect(json.requests.at(-1)).toMatchObject({
      path: '/drive/v3/about',
      status: 0,
      fault: 'reset',
    })
    await control(fixture, 'DELETE', 'requests')
    expect((await control(fixture, 'GET', 'requests')).json).toEqual({ requests: [], sessions: 0 })
  })
})

describe('the page', () => {
  it('shows accounts and files as text', async () => {
    const fixture = await startEmulator()
    const drive = await ownersDrive(fixture)
    const folder = await drive.folder('<b>bold</b>')
    const data = content(1536)
    await drive.upload({ name: `"><svg onload=alert(1)>.txt`, parents: [folder] }, data)

    const reply = await fetch(fixture.url)
    const html = await reply.text()

    expect(reply.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(html).toContain('owner@example.com')
    expect(html).toContain('second@example.com')
    expect(html).toContain('/&lt;b&gt;bold&lt;/b&gt;/&quot;&gt;&lt;svg onload=alert(1)&gt;.txt')
    expect(html).toContain('1.5 KiB')
    expect(html).toContain(digest('sha256', data))
    expect(html).not.toMatch(/<svg|<b>bold|<script|src="|@import/)
  })
})

describe('who may call', () => {
  function raw(url: string, path: string, headers: Record<string, string>, method = 'GET') {
    return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>(
      (resolve, reject) => {
        const call = request(`${url}${path}`, { method, headers }, (response) => {
          let text = ''
          response.on('data', (chunk) => {
            text += chunk
          })
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
          )
        })
        call.on('error', reject)
        call.end(method === 'POST' ? '{}' : undefined)
      },
    )
  }

  it.each([
    ['evil.example', 421],
    ['127.0.0.1:1', 421],
    ['127.0.0.1.evil.example', 421],
    ['www.googleapis.com.evil.example', 421],
    ['www.googleapis.com', 200],
    ['oauth2.googleapis.com:443', 200],
    ['accounts.google.com', 200],
    ['openidconnect.googleapis.com', 200],
  ])('Host %s answers %i', async (host, status) => {
    const fixture = await startEmulator()

    expect((await raw(fixture.url, '/oauth2/v3/certs', { host })).status).toBe(status)
    expect((await raw(fixture.url, '/_emulator/accounts', { host })).status).toBe(status)
    expect((await raw(fixture.url, '/', { host })).status).toBe(status)
  })

  it('keeps a session on the host name that was asked', async () => {
    const fixture = await startEmulator()
    const { access_token } = await signIn(fixture)

    const reply = await raw(
      fixture.url,
      '/upload/drive/v3/files?uploadType=resumable',
      { host: 'www.googleapis.com', authorization: `Bearer ${access_token}` },
      'POST',
    )

    expect(reply.headers['location']).toMatch(/^https:\/\/www\.googleapis\.com\/upload\//)
  })

  it('refuses control calls that a foreign page could make, and answers without CORS', async () => {
    const fixture = await startEmulator()
    const path = '/_emulator/accounts/owner@example.com/revoke'
    const json = { 'content-type': 'application/json' }
    const post = (headers: Record<string, string>) => raw(fixture.url, path, headers, 'POST')

    expect((await post({ 'content-type': 'text/plain' })).status).toBe(415)
    expect((await post({})).status).toBe(415)
    expect((await post({ ...json, origin: 'https://evil.example' })).status).toBe(403)
    expect((await post({ ...json, origin: 'null' })).status).toBe(403)
    expect((await raw(fixture.url, '/_emulator/faults', {}, 'DELETE')).status).toBe(415)
    expect(
      (await raw(fixture.url, path, { origin: 'https://evil.example' }, 'OPTIONS')).status,
    ).toBe(403)
    expect((await post({ ...json, origin: fixture.url })).status).toBe(200)
    const open = await post(json)
    expect(open.status).toBe(200)
    expect(Object.keys(open.headers).filter((name) => name.startsWith('access-control'))).toEqual(
      [],
    )
  })

  it('answers broken JSON with 400', async () => {
    const fixture = await startEmulator()

    const reply = await fetch(`${fixture.url}/_emulator/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{',
    })

    expect(reply.status).toBe(400)
  })

  it('listens on 127.0.0.1 only', async () => {
    const fixture = await startEmulator()

    expect(new URL(fixture.url).hostname).toBe('127.0.0.1')
    await expect(fetch(fixture.url.replace('127.0.0.1', '127.0.0.2'))).rejects.toThrow(
      'fetch failed',
    )
  })
})
