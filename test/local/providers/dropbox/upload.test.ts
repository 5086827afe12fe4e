import { describe, expect, it } from 'vitest'
import { content, contentHash, control, digest, ownersApi } from './api-client.ts'
import { BLOCK, MIB, startEmulator } from './emulator-fixture.ts'

describe('upload', () => {
  it('stores content under its path, with its content hash and times', async () => {
    const fixture = await startEmulator()
    const api = await ownersApi(fixture)
    const data = content(1000)

    const { status, json } = await api.upload('/Portage/Demo/a.bin', data, {
      client_modified: '2021-02-03T04:05:06Z',
    })

    expect(status).toBe(200)
    expect(json).toEqual({
      name: 'a.bin',
      path_lower: '/portage/demo/a.bin',
      path_display: '/Portage/Demo/a.bin',
      id: expect.stringMatching(/^id:[\w-]{22}$/),
      client_modified: '2021-02-03T04:05:06Z',
      server_modified: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      rev: expect.stringMatching(/^[0-9a-f]{9,}$/),
      size: 1000,
      is_downloadable: true,
      content_hash: contentHash(data),
    })
  })

  // Vectors of https://www.dropbox.com/developers/reference/content-hash, computed independently.
  it.each([
    [
      'nothing',
      Buffer.alloc(0),
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    ],
    [
      'a line',
      Buffer.from('hello\n'),
      'ecb65bb98f9d905b70458986c39fcbad7715e5f2fcc3b1f07767d7c83e2438cc',
    ],
    [
      '4 MiB',
      Buffer.alloc(BLOCK),
      'c7e946d101855255d919ef0c70718633adf77d3dfb3adeeecf5d0cb4e951be58',
    ],
    [
      '4 MiB and a byte',
      Buffer.alloc(BLOCK + 1),
      '14a4d47f23a30177885d9820122f17d2d3a55fe63f7f5c27b95f689e0b2accd6',
    ],
    [
      '8 MiB',
      Buffer.alloc(2 * BLOCK),
      '03ae066c707c588592d9e27aa2444ca98423e0999024f1ceaa11a153790b37de',
    ],
  ])('has the content hash of %s', async (_name, data, hash) => {
    const fixture = await startEmulator()
    const api = await ownersApi(fixture)

    const { json } = await api.upload('/a', data, { content_hash: hash })

    expect(json).toMatchObject({ size: data.length, content_hash: hash })
  })

  it('refuses content that is not what the hash says, and stores nothing', async () => {
    const fixture = await startEmulator()
    const api = await ownersApi(fixture)

    const { status, json } = await api.upload('/a', content(10), {
      content_hash: contentHash(content(11)),
    })

    expect(status).toBe(409)
    expect(json.error).toEqual({ '.tag': 'content_hash_mismatch' })
    expect(await api.names('')).toEqual([])
  })

  it('refuses more than 150 MiB in a request', async () => {
    const fixture = await startEmulator()
    const api = await ownersApi(fixture)

    const { status, json } = await api.upload('/a', Buffer.alloc(150 * MIB + 1))

    expect(status).toBe(409)
    expect(json.error).toEqual({ '.tag': 'payload_too_large' })
    expect(await api.names('')).toEqual([])
  })

  it('is refused without room, and tried again from its session', async () => {
    const fixture = await startEmulator()
    const api = await ownersApi(fixture)
    await control(fixture, 'POST', 'accounts/owner@example.com/quota', { totalBytes: 10 })

    const full = await api.upload('/a', content(11))
    await control(fixture, 'POST', 'accounts/owner@example.com/quota', { totalBytes: 11 })
    const { reason, upload_session_id } = full.json.error
    const again = await api.finish(upload_session_id, 11, { path: '/a' })

    expect(full.status).toBe(409)
    expect(full.json.error_summary).toMatch(/^path\/insufficient_space\/\.{0,3}$/)
    expect(reason).toEqual({ '.tag': 'insufficient_space' })
    expect(again.json).toMatchObject({ size: 11, content_hash: contentHash(content(11)) })
  })

  it('is told by the control API with hashes', async () => {
    const fixture = await startEmulator()
    const api = await ownersApi(fixture)
    const data = content(1000)
    const { json: file } = await api.upload('/Portage/demo/a.bin', data)

    const { json } = await control(fixture, 'GET', 'files?account=owner@example.com')

    expect(json.files).toEqual([
      {
        id: file.id,
        account: 'owner@example.com',
        name: 'a.bin',
        path: '/Portage/demo/a.bin',
        size: 1000,
        sha256: digest('sha256', data),
        md5: digest('md5', data),
        trashed: false,
      },
    ])
  })
})
