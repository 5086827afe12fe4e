/** https://www.dropbox.com/developers/documentation/http/documentation#files-upload */
import { describe, expect, it } from 'vitest'
import { type Api, content, contentHash, control, ownersApi } from './api-client.ts'
import { type Fixture, startEmulator } from './emulator-fixture.ts'

async function start(): Promise<{ fixture: Fixture; api: Api }> {
  const fixture = await startEmulator()
  return { fixture, api: await ownersApi(fixture) }
}

const [ONE, TWO] = [content(10, 1), content(10, 2)]

describe('a conflict', () => {
  it.each([
    ['other content, mode add', {}, TWO, 'file'],
    ['other content, mode overwrite', { mode: 'overwrite' }, TWO, undefined],
    ['other content, mode as a tag', { mode: { '.tag': 'overwrite' } }, TWO, undefined],
    ['another revision', { mode: { '.tag': 'update', update: 'abcdef0123' } }, TWO, 'file'],
    ['identical content', {}, ONE, undefined],
    ['identical content, strictly', { strict_conflict: true }, ONE, 'file'],
  ])('%s', async (_name, more, data, expected) => {
    const { api } = await start()
    const { json: before } = await api.upload('/a/b.txt', ONE)

    const { json } = await api.upload('/A/B.TXT', data, more)

    if (expected === undefined) {
      expect(json).toMatchObject({ id: before.id, content_hash: contentHash(data) })
      expect(json.rev === before.rev).toBe(data === ONE)
    } else {
      expect(json.error).toMatchObject({
        '.tag': 'path',
        reason: { '.tag': 'conflict', conflict: { '.tag': expected } },
      })
      expect(json.error_summary).toMatch(/^path\/conflict\/file\/\.{0,3}$/)
    }
    expect(await api.names('/a')).toEqual(['b.txt'])
  })

  it('is a folder in the way, or a file where a folder is needed', async () => {
    const { api } = await start()
    await api.upload('/folder/file', ONE)

    const onFolder = await api.upload('/FOLDER', ONE, { mode: 'overwrite' })
    const belowFile = await api.upload('/folder/file/below', ONE)

    expect(onFolder.json.error.reason).toEqual({
      '.tag': 'conflict',
      conflict: { '.tag': 'folder' },
    })
    expect(belowFile.json.error.reason.conflict).toEqual({ '.tag': 'file_ancestor' })
  })

  it('is none for the revision that is there', async () => {
    const { api } = await start()
    const { json } = await api.upload('/a', ONE)

    const updated = await api.upload('/a', TWO, { mode: { '.tag': 'update', update: json.rev } })
    const stale = await api.upload('/a', ONE, { mode: { '.tag': 'update', update: json.rev } })

    expect(updated.json).toMatchObject({ id: json.id, content_hash: contentHash(TWO) })
    expect(stale.status).toBe(409)
  })

  it('is resolved by another name with autorename', async () => {
    const { api } = await start()
    await api.upload('/a.tar.gz', ONE)

    const names = [
      await api.upload('/a.tar.gz', TWO, { autorename: true }),
      await api.upload('/a.tar.gz', content(3), { autorename: true }),
    ].map(({ json }) => json.name)

    expect(names).toEqual(['a.tar (1).gz', 'a.tar (2).gz'])
  })
})

describe('a path', () => {
  it('is one whatever its letters and its normal form', async () => {
    const { api } = await start()
    await api.upload('/Müller/Straße.txt', ONE)

    const spelt = '/mu\u0308LLER/STRAßE.TXT'
    const { json } = await api.rpc('files/get_metadata', { path: spelt })
    const other = await api.upload(spelt, TWO)

    expect(json).toMatchObject({ '.tag': 'file', path_display: '/Müller/Straße.txt' })
    expect(other.status).toBe(409)
  })

  it.each([
    ['/a/../b', 'malformed_path'],
    ['/a/./b', 'malformed_path'],
    ['/a//b', 'malformed_path'],
    ['/a/', 'malformed_path'],
    ['/a\\b', 'malformed_path'],
    ['/a\u0000b', 'malformed_path'],
    ['/a\u007fb', 'malformed_path'],
    ['/trailing ', 'malformed_path'],
    ['/trailing /b', 'malformed_path'],
    [`/${'x'.repeat(256)}`, 'malformed_path'],
    ['/desktop.ini', 'disallowed_name'],
    ['/Thumbs.DB', 'disallowed_name'],
    ['/.DS_Store', 'disallowed_name'],
    ['/.dropbox/a', 'disallowed_name'],
    ['/icon\r', 'disallowed_name'],
    ['/~$letter.docx', 'disallowed_name'],
  ])('%j is refused as %s', async (path, tag) => {
    const { api } = await start()

    const { status, json } = await api.upload(path, ONE)

    expect(status).toBe(409)
    expect(json.error.reason).toEqual({ '.tag': tag })
    expect(await api.names('')).toEqual([])
  })

  it.each([
    ['/ leading'],
    ['/trailing.'],
    ['/a:b*c?d"e<f>g|h'],
    ['/😀'],
    ['/日本語'],
    [`/${'ü'.repeat(255)}`],
    ['/tab\tin it'],
    ['/CON'],
  ])('%j is a name as any other', async (path) => {
    const { api } = await start()

    const { json } = await api.upload(path, ONE)

    expect(json.path_display).toBe(path)
  })

  it.each([['a'], [''], ['rev:a1b2c3d4e5']])('%j is not understood', async (path) => {
    const { api } = await start()

    const { status, text } = await api.upload(path, ONE)

    expect(status).toBe(400)
    expect(text).toContain('Error in call to API function "files/upload": HTTP header')
    expect(text).toContain('did not match pattern')
  })
})

describe('the lock of a namespace', () => {
  const paths = Array.from({ length: 6 }, (_, index) => `/${index}`)
  const codes = (replies: { status: number }[]) => replies.map(({ status }) => status).sort()

  it('lets commits of one account wait for each other', async () => {
    const { fixture, api } = await start()
    await control(fixture, 'POST', 'settings', { commitMs: 5 })

    const replies = await Promise.all(paths.map((path) => api.upload(path, ONE)))

    expect(codes(replies)).toEqual([200, 200, 200, 200, 200, 200])
  })

  it('refuses every second one that meets another, on demand, with a wait', async () => {
    const { fixture, api } = await start()
    const set = await control(fixture, 'POST', 'settings', {
      namespaceLock: 'refuseEverySecond',
      commitMs: 300,
    })

    const replies = await Promise.all(paths.map((path) => api.upload(path, ONE)))

    expect(set.json).toEqual({ namespaceLock: 'refuseEverySecond', commitMs: 300 })
    // The first of them meets nobody; how many of the others do is theirs.
    const refused = replies.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(0)
    expect(codes(replies).filter((status) => status === 200).length).toBeGreaterThan(1)
    expect(refused[0]?.headers.get('retry-after')).toBe('1')
    expect(refused[0]?.json).toEqual({
      error_summary: expect.stringMatching(/^too_many_write_operations\/\.{0,3}$/),
      error: { reason: { '.tag': 'too_many_write_operations' }, retry_after: 1 },
    })
    expect(await api.names('')).toHaveLength(6 - refused.length)
  })

  it('is of an account, and of commits alone', async () => {
    const { fixture, api } = await start()
    const second = await ownersApi(fixture, 'second@example.com')
    await control(fixture, 'POST', 'settings', { namespaceLock: 'refuseEvery', commitMs: 300 })

    const replies = await Promise.all([
      api.upload('/a', ONE),
      second.upload('/a', ONE),
      api.start(ONE),
      api.rpc('files/list_folder', { path: '' }),
    ])

    expect(replies.map((reply) => (typeof reply === 'string' ? 200 : reply.status))).toEqual([
      200, 200, 200, 200,
    ])
  })

  it('has no other settings', async () => {
    const { fixture } = await start()

    expect((await control(fixture, 'POST', 'settings', { namespaceLock: 'open' })).status).toBe(400)
    expect((await control(fixture, 'GET', 'settings')).json).toEqual({
      namespaceLock: 'wait',
      commitMs: 0,
    })
  })
})
