import { describe, expect, it } from 'vitest'
import { type Api, content, control, digest, ownersApi } from './api-client.ts'
import { type Fixture, startEmulator } from './emulator-fixture.ts'

const DATA = content(10)

async function start(): Promise<{ fixture: Fixture; api: Api }> {
  const fixture = await startEmulator()
  return { fixture, api: await ownersApi(fixture) }
}

describe('metadata', () => {
  it('is found by path, id and revision, and tells a deleted file on demand', async () => {
    const { api } = await start()
    const { json: file } = await api.upload('/Folder/a.bin', DATA)
    const get = (path: string, more = {}) => api.rpc('files/get_metadata', { path, ...more })

    for (const path of ['/folder/A.BIN', file.id, `rev:${file.rev}`]) {
      expect((await get(path)).json).toEqual({ '.tag': 'file', ...file })
    }
    expect((await get('/folder')).json).toMatchObject({ '.tag': 'folder', name: 'Folder' })
    await api.rpc('files/delete_v2', { path: '/folder/a.bin' })
    expect((await get('/folder/a.bin')).json.error).toEqual({
      '.tag': 'path',
      path: { '.tag': 'not_found' },
    })
    expect((await get('/folder/a.bin', { include_deleted: true })).json).toEqual({
      '.tag': 'deleted',
      name: 'a.bin',
      path_lower: '/folder/a.bin',
      path_display: '/Folder/a.bin',
    })
  })

  it('is one’s own alone', async () => {
    const { fixture, api } = await start()
    const second = await ownersApi(fixture, 'second@example.com')
    const { json: file } = await api.upload('/a', DATA)

    for (const path of ['/a', file.id, `rev:${file.rev}`]) {
      expect((await second.rpc('files/get_metadata', { path })).status).toBe(409)
      expect((await second.download({ path })).status).toBe(409)
    }
  })
})

describe('a list', () => {
  it('comes in pages, and goes on with what has changed since', async () => {
    const { api } = await start()
    for (const name of ['a', 'b', 'c']) await api.upload(`/folder/${name}`, DATA)

    const first = await api.rpc('files/list_folder', { path: '/Folder', limit: 2 })
    await api.upload('/folder/d', DATA)
    await api.rpc('files/delete_v2', { path: '/folder/a' })
    const rest: unknown[] = []
    let { cursor, has_more } = first.json
    while (has_more) {
      const { json } = await api.rpc('files/list_folder/continue', { cursor })
      rest.push(
        ...json.entries.map((entry: Record<string, string>) => [entry['.tag'], entry['name']]),
      )
      cursor = json.cursor
      has_more = json.has_more
    }
    await api.upload('/folder/e', DATA)
    const news = await api.rpc('files/list_folder/continue', { cursor })

    expect(first.json.entries.map(({ name }: { name: string }) => name)).toEqual(['a', 'b'])
    expect(rest).toEqual([
      ['file', 'c'],
      ['file', 'd'],
      ['deleted', 'a'],
    ])
    expect(news.json.entries).toMatchObject([{ '.tag': 'file', name: 'e' }])
    expect(news.json.has_more).toBe(false)
  })

  it('goes into folders on demand, and begins now on demand', async () => {
    const { api } = await start()
    await api.upload('/one/two/a', DATA)
    await api.upload('/onerous', DATA)

    const { json } = await api.rpc('files/list_folder', { path: '/one', recursive: true })
    const now = await api.rpc('files/list_folder/get_latest_cursor', { path: '', recursive: true })
    await api.upload('/one/two/b', DATA)
    const news = await api.rpc('files/list_folder/continue', { cursor: now.json.cursor })

    const paths = (reply: { entries: { path_display: string }[] }) =>
      reply.entries.map(({ path_display }) => path_display)
    expect(paths(json)).toEqual(['/one/two', '/one/two/a'])
    expect(paths(news.json)).toEqual(['/one/two/b'])
  })

  it('refuses what is no folder and no cursor of its own', async () => {
    const { fixture, api } = await start()
    const second = await ownersApi(fixture, 'second@example.com')
    await api.upload('/a', DATA)
    const list = (path: string) => api.rpc('files/list_folder', { path })
    const { cursor } = (await list('')).json

    expect((await list('/a')).json.error.path).toEqual({ '.tag': 'not_folder' })
    expect((await list('/b')).json.error.path).toEqual({ '.tag': 'not_found' })
    expect((await list('/')).text).toContain('Specify the root folder as an empty string')
    for (const [api_, text] of [
      [api, 'made-up'],
      [second, cursor],
    ] as const) {
      expect((await api_.rpc('files/list_folder/continue', { cursor: text })).status).toBe(400)
    }
  })
})

describe('a folder', () => {
  it('is made once, with what is missing above it', async () => {
    const { api } = await start()
    const make = (path: string, more = {}) => api.rpc('files/create_folder_v2', { path, ...more })

    const { json } = await make('/A/B')
    const again = await make('/a/b')
    const renamed = await make('/a/b', { autorename: true })

    expect(json.metadata).toEqual({
      name: 'B',
      path_lower: '/a/b',
      path_display: '/A/B',
      id: expect.stringMatching(/^id:/),
    })
    expect(again.json.error).toEqual({
      '.tag': 'path',
      path: { '.tag': 'conflict', conflict: { '.tag': 'folder' } },
    })
    expect(renamed.json.metadata.path_display).toBe('/A/b (1)')
  })

  it('is deleted with everything below it, and gives the room back', async () => {
    const { fixture, api } = await start()
    await api.upload('/a/b/c', DATA)
    await api.upload('/a b', DATA)

    const { json } = await api.rpc('files/delete_v2', { path: '/A' })
    const again = await api.rpc('files/delete_v2', { path: '/a' })

    expect(json.metadata).toMatchObject({ '.tag': 'folder', path_lower: '/a' })
    expect(again.json.error).toEqual({
      '.tag': 'path_lookup',
      path_lookup: { '.tag': 'not_found' },
    })
    expect(await api.names('')).toEqual(['a b'])
    expect((await api.rpc('users/get_space_usage')).json.used).toBe(10)
    expect((await control(fixture, 'GET', 'files')).json.files).toHaveLength(1)
  })

  it('is deleted only as the revision that one knows', async () => {
    const { api } = await start()
    const { json } = await api.upload('/a', DATA)

    const remove = (parent_rev: string) => api.rpc('files/delete_v2', { path: '/a', parent_rev })

    expect((await remove('abcdef0123')).json.error).toEqual({
      '.tag': 'path_write',
      path_write: { '.tag': 'conflict', conflict: { '.tag': 'file' } },
    })
    expect((await remove(json.rev)).status).toBe(200)
  })

  it('moves and is copied with everything below it', async () => {
    const { api } = await start()
    const { json: file } = await api.upload('/from/sub/a', DATA)
    const relocate = (name: string, from_path: string, to_path: string) =>
      api.rpc(`files/${name}`, { from_path, to_path })

    await relocate('copy_v2', '/from', '/copy')
    await relocate('move_v2', '/from', '/To/There')
    const moved = (await api.rpc('files/get_metadata', { path: '/to/there/sub/a' })).json
    const copied = (await api.rpc('files/get_metadata', { path: '/copy/sub/a' })).json
    await api.rpc('files/delete_v2', { path: '/to' })

    expect(moved).toMatchObject({ id: file.id, path_display: '/To/There/sub/a' })
    expect(copied.id).not.toBe(file.id)
    const bytes = Buffer.from(await (await api.download({ path: copied.id })).arrayBuffer())
    expect(bytes.equals(DATA)).toBe(true)
    expect((await relocate('move_v2', '/nowhere', '/x')).json.error).toEqual({
      '.tag': 'from_lookup',
      from_lookup: { '.tag': 'not_found' },
    })
    expect((await relocate('move_v2', '/copy', '/copy/inside')).json.error['.tag']).toBe(
      'cant_move_folder_into_itself',
    )
    await api.upload('/x', DATA)
    expect((await relocate('move_v2', '/copy', '/X')).json.error).toEqual({
      '.tag': 'to',
      to: { '.tag': 'conflict', conflict: { '.tag': 'file' } },
    })
  })
})

describe('content', () => {
  it('is downloaded whole, in a range, or not when it is known', async () => {
    const { api } = await start()
    const { json: file } = await api.upload('/日本 "é".bin', DATA)

    const whole = await api.download({ path: file.id })
    const range = await api.download({ path: '/日本 "é".bin' }, { range: 'bytes=2-4' })
    const known = await api.download(
      { path: file.id },
      { 'if-none-match': whole.headers.get('etag') ?? '' },
    )

    expect(Buffer.from(await whole.arrayBuffer()).equals(DATA)).toBe(true)
    const result = whole.headers.get('dropbox-api-result') ?? ''
    expect(result).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(result)).toEqual(file)
    expect([range.status, range.headers.get('content-range')]).toEqual([206, 'bytes 2-4/10'])
    expect(Buffer.from(await range.arrayBuffer()).equals(DATA.subarray(2, 5))).toBe(true)
    expect(known.status).toBe(304)
  })

  it('has a link of four hours that needs no token', async () => {
    const { fixture, api } = await start()
    await api.upload('/ä (1).bin', DATA)
    const { json } = await api.rpc('files/get_temporary_link', { path: '/Ä (1).bin' })

    const whole = await fetch(json.link)
    const range = await fetch(json.link, { headers: { range: 'bytes=-3' } })
    const head = await fetch(json.link, { method: 'HEAD' })
    fixture.clock.advance(4 * 60 * 60)
    const late = await fetch(json.link)

    expect(json.metadata).toMatchObject({ name: 'ä (1).bin', size: 10 })
    expect(digest('sha256', Buffer.from(await whole.arrayBuffer()))).toBe(digest('sha256', DATA))
    expect(whole.headers.get('content-disposition')).toBe(
      "attachment; filename*=UTF-8''%C3%A4%20%281%29.bin",
    )
    expect((await range.arrayBuffer()).byteLength).toBe(3)
    expect(head.headers.get('content-length')).toBe('10')
    expect(late.status).toBe(410)
    expect((await fetch(`${fixture.url}/cd/0/get/unknown/file`)).status).toBe(404)
  })
})
