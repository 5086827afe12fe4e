import { describe, expect, it } from 'vitest'
import {
  content,
  control,
  DRIVE,
  DRIVE_FILE,
  digest,
  driveOf,
  ownersDrive,
  related,
  signIn,
  signInOther,
  startEmulator,
} from './emulator-fixture.ts'

const FOLDER = 'application/vnd.google-apps.folder'

async function signedIn() {
  const fixture = await startEmulator()
  return { fixture, drive: await ownersDrive(fixture) }
}

describe('authorisation', () => {
  it.each(['missing', 'made up', 'expired', 'revoked'])(
    'a token that is %s is 401 authError',
    async (kind) => {
      const fixture = await startEmulator()
      const { access_token } = await signIn(fixture)
      if (kind === 'expired') fixture.clock.advance(3600)
      if (kind === 'revoked') await control(fixture, 'POST', 'accounts/owner@example.com/revoke')
      const headers: Record<string, string> =
        kind === 'missing'
          ? {}
          : { authorization: `Bearer ${kind === 'made up' ? 'ya29.x' : access_token}` }

      const reply = await fetch(`${fixture.url}/drive/v3/files`, { headers })

      expect(reply.status).toBe(401)
      expect(reply.headers.get('www-authenticate')).toContain('invalid_token')
      expect(await reply.json()).toEqual({
        error: {
          code: 401,
          message: 'Invalid Credentials',
          errors: [
            {
              message: 'Invalid Credentials',
              domain: 'global',
              reason: 'authError',
              location: 'Authorization',
              locationType: 'header',
            },
          ],
          status: 'UNAUTHENTICATED',
        },
      })
    },
  )

  it.each([
    ['openid email', 'GET', '/drive/v3/files', 403],
    ['openid email', 'POST', '/upload/drive/v3/files?uploadType=resumable', 403],
    [`${DRIVE}.readonly`, 'GET', '/drive/v3/files', 200],
    [`${DRIVE}.readonly`, 'POST', '/drive/v3/files', 403],
    [`${DRIVE}.metadata.readonly`, 'GET', '/drive/v3/files', 200],
  ])('the scope %s on %s %s answers %i', async (scope, method, path, status) => {
    const fixture = await startEmulator()
    const drive = driveOf(fixture, (await signIn(fixture, { scope })).access_token)

    const reply = await drive.call(method, path, method === 'POST' ? { body: {} } : {})

    expect(reply.status).toBe(status)
    if (status === 403) {
      expect(reply.json.error).toMatchObject({
        errors: [{ reason: 'insufficientPermissions' }],
        details: [{ reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT' }],
      })
    }
  })

  it('drive.file shows a client only what it created; other files and accounts are not found', async () => {
    const { fixture, drive } = await signedIn()
    const other = driveOf(fixture, (await signInOther(fixture, DRIVE_FILE)).access_token)
    const everything = driveOf(fixture, (await signInOther(fixture, DRIVE)).access_token)
    const second = driveOf(fixture, (await signIn(fixture, {}, 'second@example.com')).access_token)
    const { id } = (await drive.create({ name: 'mine' })).json
    const folder = await drive.folder('mine too')
    const path = `/drive/v3/files/${id}`

    for (const stranger of [other, second]) {
      expect((await stranger.call('GET', path)).json.error).toMatchObject({
        message: `File not found: ${id}.`,
        errors: [{ reason: 'notFound' }],
      })
      expect((await stranger.call('GET', `${path}?alt=media`)).status).toBe(404)
      expect((await stranger.call('PATCH', path, { body: { name: 'x' } })).status).toBe(404)
      expect((await stranger.call('DELETE', path)).status).toBe(404)
      expect((await stranger.create({ name: 'x', parents: [folder] })).status).toBe(404)
      expect(await stranger.list('trashed = false')).toEqual([])
    }
    expect((await everything.call('GET', path)).status).toBe(200)
    expect((await everything.call('GET', '/drive/v3/files/root')).json.name).toBe('My Drive')
    expect((await drive.call('GET', '/drive/v3/files/root?fields=id')).status).toBe(404)
  })
})

describe('files.create', () => {
  it('answers the four default fields, or those that are asked for', async () => {
    const { drive } = await signedIn()

    const plain = await drive.call('POST', '/drive/v3/files', {
      body: { name: 'f', mimeType: FOLDER },
    })
    const whole = (await drive.create({ name: 'a.txt', mimeType: 'text/plain' })).json

    expect(plain.json).toEqual({
      kind: 'drive#file',
      id: expect.stringMatching(/^[\w-]{33}$/),
      name: 'f',
      mimeType: FOLDER,
    })
    expect(whole).toMatchObject({
      size: '0',
      md5Checksum: 'd41d8cd98f00b204e9800998ecf8427e',
      trashed: false,
      parents: [expect.stringMatching(/^0A/)],
      quotaBytesUsed: '0',
    })
    expect(whole.webViewLink).toContain(whole.id)
  })

  it('allows equal names, gives Untitled without one, and sets given times', async () => {
    const { drive } = await signedIn()
    const times = {
      createdTime: '2020-01-02T03:04:05.000000000Z',
      modifiedTime: '2021-01-02T03:04:05+01:00',
    }

    const one = await drive.create({ name: 'same', ...times })
    const two = await drive.create({ name: 'same' })
    const none = await drive.create({})

    expect(one.json.id).not.toBe(two.json.id)
    expect(one.json.modifiedTime).toBe('2021-01-02T02:04:05.000Z')
    expect(one.json.createdTime).toBe('2020-01-02T03:04:05.000Z')
    expect(none.json.name).toBe('Untitled')
  })

  it('puts files into existing folders only, one each', async () => {
    const { drive } = await signedIn()
    const folder = await drive.folder('folder')
    const file = (await drive.create({ name: 'file' })).json.id

    expect((await drive.create({ parents: [folder] })).json.parents).toEqual([folder])
    expect((await drive.create({ parents: ['root'] })).json.parents[0]).toMatch(/^0A/)
    expect((await drive.create({ parents: ['1nothing'] })).status).toBe(404)
    expect((await drive.create({ parents: [file] })).status).toBe(404)
    expect((await drive.create({ parents: [folder, 'root'] })).status).toBe(400)
  })

  it('accepts ids that were generated for the account, once', async () => {
    const { fixture, drive } = await signedIn()
    const second = driveOf(fixture, (await signIn(fixture, {}, 'second@example.com')).access_token)
    const generated = (await drive.call('GET', '/drive/v3/files/generateIds?count=3')).json
    const [forFile, forFolder, forDoc] = generated.ids
    const doc = { id: forDoc, mimeType: 'application/vnd.google-apps.document' }

    expect(generated).toMatchObject({ kind: 'drive#generatedIds', space: 'drive' })
    expect((await drive.create({ id: forFile })).json.id).toBe(forFile)
    expect((await drive.create({ id: forFolder, mimeType: FOLDER })).status).toBe(200)
    for (const again of [{ id: forFile }, { id: forFolder, mimeType: FOLDER }]) {
      const reply = await drive.create(again)
      expect(reply.status).toBe(409)
      expect(reply.json.error).toMatchObject({
        message: 'A file already exists with the provided ID.',
        errors: [{ reason: 'fileIdInUse' }],
      })
    }
    expect((await second.create({ id: forDoc })).status).toBe(400)
    expect((await drive.create({ id: '1'.repeat(33) })).json.error.message).toBe(
      'The provided file ID is not usable.',
    )
    expect((await drive.create(doc)).json.error.message).toBe(
      'Generated IDs are not supported for Docs Editors formats.',
    )
    expect(await drive.list('trashed = false')).toHaveLength(2)
  })

  it('generates ten ids by default and a thousand at most', async () => {
    const { drive } = await signedIn()
    const count = async (query: string) =>
      await drive.call('GET', `/drive/v3/files/generateIds${query}`)

    expect((await count('')).json.ids).toHaveLength(10)
    expect(new Set((await count('?count=1000')).json.ids).size).toBe(1000)
    expect((await count('?count=1001')).status).toBe(400)
    expect((await count('?count=0')).status).toBe(400)
  })

  it('refuses what is not JSON, wrong types and properties over 124 bytes', async () => {
    const { drive } = await signedIn()

    expect(
      (await drive.call('POST', '/drive/v3/files', { body: '{' })).json.error.errors[0].reason,
    ).toBe('parseError')
    expect((await drive.create({ name: 5 })).status).toBe(400)
    expect((await drive.create({ appProperties: { k: 'x'.repeat(123) } })).status).toBe(200)
    expect((await drive.create({ appProperties: { k: 'ü'.repeat(62) } })).status).toBe(400)
  })
})

describe('uploads in one request', () => {
  it('takes metadata and content together (multipart), with every checksum', async () => {
    const { drive } = await signedIn()
    const data = Buffer.concat([content(400_000), Buffer.from('\r\n--edg almost --edge\r\n')])

    const reply = await drive.upload({ name: 'Résumé – "ü" (1).pdf' }, data)

    expect(reply.json).toMatchObject({
      name: 'Résumé – "ü" (1).pdf',
      mimeType: 'text/plain',
      size: String(data.length),
      md5Checksum: digest('md5', data),
      sha1Checksum: digest('sha1', data),
      sha256Checksum: digest('sha256', data),
    })
  })

  it('takes an empty file, and content alone (media)', async () => {
    const { drive } = await signedIn()

    const empty = await drive.upload({ name: 'empty' }, Buffer.alloc(0))
    const media = await drive.call('POST', '/upload/drive/v3/files?uploadType=media&fields=*', {
      body: Buffer.from('hello'),
      headers: { 'content-type': 'text/x-hello' },
    })

    expect(empty.json).toMatchObject({ size: '0', md5Checksum: 'd41d8cd98f00b204e9800998ecf8427e' })
    expect(media.json).toMatchObject({ name: 'Untitled', size: '5', mimeType: 'text/x-hello' })
  })

  it('replaces content and metadata by PATCH', async () => {
    const { drive } = await signedIn()
    const { id } = (await drive.upload({ name: 'a' }, Buffer.from('one'))).json

    const reply = await drive.call(
      'PATCH',
      `/upload/drive/v3/files/${id}?uploadType=multipart&fields=*`,
      {
        body: related({ name: 'b' }, Buffer.from('three')),
        headers: { 'content-type': 'multipart/related; boundary=edge' },
      },
    )

    expect(reply.json).toMatchObject({ id, name: 'b', size: '5' })
    expect(
      (await drive.call('GET', '/drive/v3/about?fields=storageQuota')).json.storageQuota.usage,
    ).toBe('5')
  })

  it.each([
    ['without an end', 'multipart/related; boundary=edge', '--edge\r\n\r\n{}\r\n--edge\r\n\r\nabc'],
    ['without a boundary', 'multipart/related', 'abc'],
    ['of another type', 'application/json', '{}'],
  ])('refuses a multipart body %s and keeps nothing', async (_, type, body) => {
    const { drive } = await signedIn()

    const reply = await drive.call('POST', '/upload/drive/v3/files?uploadType=multipart', {
      body,
      headers: { 'content-type': type },
    })

    expect(reply.status).toBe(400)
    expect(await drive.list('trashed = false')).toEqual([])
  })

  it('refuses a used id and a file without room', async () => {
    const { fixture, drive } = await signedIn()
    const id = await drive.reserveId()
    await drive.upload({ id }, Buffer.from('x'))
    await control(fixture, 'POST', 'accounts/owner@example.com/quota', { totalBytes: 10 })

    expect((await drive.upload({ id }, Buffer.from('y'))).status).toBe(409)
    expect((await drive.upload({}, content(10))).json.error.errors[0].reason).toBe(
      'storageQuotaExceeded',
    )
    expect((await drive.upload({}, content(9))).status).toBe(200)
  })
})

describe('files.get', () => {
  it('sends the content, whole or in ranges, as an attachment', async () => {
    const { drive } = await signedIn()
    const { id } = (
      await drive.upload({ name: 'a.html', mimeType: 'text/html' }, Buffer.from('0123456789'))
    ).json
    const get = (range?: string) =>
      drive.call('GET', `/drive/v3/files/${id}?alt=media`, range ? { headers: { range } } : {})

    const whole = await get()
    expect([whole.status, whole.text]).toEqual([200, '0123456789'])
    expect(whole.headers.get('content-type')).toBe('text/html')
    expect(whole.headers.get('content-disposition')).toBe('attachment')
    expect(whole.headers.get('x-content-type-options')).toBe('nosniff')
    for (const [range, text, contentRange] of [
      ['bytes=2-4', '234', 'bytes 2-4/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-3', '789', 'bytes 7-9/10'],
      ['bytes=8-99', '89', 'bytes 8-9/10'],
    ] as const) {
      const part = await get(range)
      expect([part.status, part.text, part.headers.get('content-range')]).toEqual([
        206,
        text,
        contentRange,
      ])
    }
    const beyond = await get('bytes=10-')
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */10'])
    expect((await get('lines=1-2')).status).toBe(200)
  })

  it('sends empty files and refuses folders', async () => {
    const { drive } = await signedIn()
    const empty = (await drive.create({ name: 'empty' })).json.id
    const folder = await drive.folder('folder')

    const reply = await drive.call('GET', `/drive/v3/files/${empty}?alt=media`)

    expect([reply.status, reply.text]).toEqual([200, ''])
    expect(
      (await drive.call('GET', `/drive/v3/files/${folder}?alt=media`)).json.error.errors[0].reason,
    ).toBe('fileNotDownloadable')
  })
})

describe('files.update', () => {
  it('renames, stars, sets times and merges properties; null removes one', async () => {
    const { drive } = await signedIn()
    const { id } = (await drive.create({ name: 'a', appProperties: { x: '1', y: '2' } })).json

    const reply = await drive.call('PATCH', `/drive/v3/files/${id}?fields=*`, {
      body: {
        name: 'b',
        starred: true,
        modifiedTime: '2020-01-01T00:00:00Z',
        appProperties: { x: null, z: '3' },
      },
    })

    expect(reply.json).toMatchObject({
      name: 'b',
      starred: true,
      modifiedTime: '2020-01-01T00:00:00.000Z',
      appProperties: { y: '2', z: '3' },
    })
  })

  it('moves by addParents, never into itself, and never by the parents field', async () => {
    const { drive } = await signedIn()
    const outer = await drive.folder('outer')
    const inner = await drive.folder('inner', outer)
    const { id } = (await drive.create({ name: 'a' })).json
    const patch = (path: string, body: object = {}) =>
      drive.call('PATCH', `/drive/v3/files/${path}`, { body })

    expect(
      (await patch(`${id}?addParents=${inner}&removeParents=root&fields=parents`)).json.parents,
    ).toEqual([inner])
    expect((await patch(`${outer}?addParents=${inner}`)).status).toBe(403)
    expect((await patch(id, { parents: [outer] })).json.error.errors[0].reason).toBe(
      'fieldNotWritable',
    )
    expect((await patch(`${id}?addParents=1nothing`)).status).toBe(404)
  })

  it('keeps appProperties from other clients', async () => {
    const { fixture, drive } = await signedIn()
    const { id } = (await drive.create({ name: 'a', appProperties: { secret: '1' } })).json
    const other = driveOf(fixture, (await signInOther(fixture, DRIVE)).access_token)

    expect((await other.call('GET', `/drive/v3/files/${id}?fields=appProperties`)).json).toEqual({})
  })

  it('bins a folder with everything below it, and brings back what was not binned by itself', async () => {
    const { drive } = await signedIn()
    const outer = await drive.folder('outer')
    const inner = await drive.folder('inner', outer)
    const kept = (await drive.create({ name: 'kept', parents: [inner] })).json.id
    const gone = (await drive.create({ name: 'gone', parents: [inner] })).json.id
    const trash = (id: string, trashed: boolean) =>
      drive.call('PATCH', `/drive/v3/files/${id}`, { body: { trashed } })
    const state = async (id: string) =>
      (await drive.call('GET', `/drive/v3/files/${id}?fields=trashed,explicitlyTrashed`)).json

    await trash(gone, true)
    await trash(outer, true)
    expect(await state(kept)).toEqual({ trashed: true, explicitlyTrashed: false })
    expect(await state(outer)).toEqual({ trashed: true, explicitlyTrashed: true })
    const late = await drive.create({ name: 'late', parents: [inner] })
    expect(late.json.trashed).toBe(true)
    await trash(outer, false)
    expect(await state(kept)).toEqual({ trashed: false, explicitlyTrashed: false })
    expect(await state(gone)).toEqual({ trashed: true, explicitlyTrashed: true })
  })
})

describe('deletion and room', () => {
  it('deletes a folder with everything below it and gives the room back', async () => {
    const { fixture, drive } = await signedIn()
    const folder = await drive.folder('folder')
    const inner = await drive.folder('inner', folder)
    const file = (await drive.upload({ name: 'a', parents: [inner] }, content(1000))).json.id
    await drive.upload({ name: 'other' }, content(10))
    const usage = async () =>
      (await drive.call('GET', '/drive/v3/about?fields=storageQuota')).json.storageQuota

    await drive.call('PATCH', `/drive/v3/files/${folder}`, { body: { trashed: true } })
    expect(await usage()).toMatchObject({
      usage: '1010',
      usageInDrive: '1010',
      usageInDriveTrash: '1000',
    })
    const reply = await drive.call('DELETE', `/drive/v3/files/${folder}`)

    expect([reply.status, reply.text]).toEqual([204, ''])
    expect((await drive.call('GET', `/drive/v3/files/${file}`)).status).toBe(404)
    expect(await usage()).toMatchObject({ usage: '10', usageInDriveTrash: '0' })
    expect(
      (await control(fixture, 'GET', 'files?account=owner@example.com')).json.files,
    ).toHaveLength(1)
  })

  it('empties the bin', async () => {
    const { drive } = await signedIn()
    const folder = await drive.folder('folder')
    await drive.create({ name: 'inside', parents: [folder] })
    await drive.create({ name: 'kept' })
    await drive.call('PATCH', `/drive/v3/files/${folder}`, { body: { trashed: true } })

    expect((await drive.call('DELETE', '/drive/v3/files/trash')).status).toBe(204)
    expect((await drive.list('')).map((file) => file.name)).toEqual(['kept'])
  })

  it('tells who and how much room by about, which needs fields', async () => {
    const { fixture, drive } = await signedIn()

    await control(fixture, 'POST', 'accounts/owner@example.com/quota', { totalBytes: null })
    const unlimited = await drive.call('GET', '/drive/v3/about?fields=storageQuota')
    const missing = await drive.call('GET', '/drive/v3/about')
    const whole = await drive.call('GET', '/drive/v3/about?fields=*')

    expect(unlimited.json.storageQuota).not.toHaveProperty('limit')
    expect(missing.status).toBe(400)
    expect(whole.json.maxUploadSize).toBe('5120000000000')
    expect(whole.json.user.emailAddress).toBe('owner@example.com')
  })
})
