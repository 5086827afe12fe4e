import { describe, expect, it } from 'vitest'
import { content, control, driveOf, signedIn } from './drive-client.ts'
import { DRIVE, signIn, signInOther } from './emulator-fixture.ts'

const FOLDER = 'application/vnd.google-apps.folder'

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

    const post = async (body: string, type: string) => {
      const headers = { 'content-type': type }
      const { status, json } = await drive.call('POST', '/drive/v3/files', { body, headers })
      return [status, json.error.errors[0].reason]
    }
    expect(await post('{', 'application/json')).toEqual([400, 'parseError'])
    expect(await post('name=a', 'application/x-www-form-urlencoded')).toEqual([400, 'badContent'])
    expect((await drive.create({ name: 5 })).status).toBe(400)
    expect((await drive.create({ appProperties: { k: 'x'.repeat(123) } })).status).toBe(200)
    expect((await drive.create({ appProperties: { k: 'ü'.repeat(62) } })).status).toBe(400)
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
