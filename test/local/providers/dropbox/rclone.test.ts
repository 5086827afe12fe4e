/**
 * An unmodified rclone on the emulator, through TLS redirection: whatever it needs of Dropbox and
 * the emulator does not serve as Dropbox does, fails here. rclone is told to try everything only once.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DROPBOX_HOSTS } from '../../../../infra/local/providers/dropbox/dropbox-emulator.ts'
import { installedRclone, RCLONE_REQUIRED, type Rclone, startRclone } from '../rclone/rclone.ts'
import { contentHash, control } from './api-client.ts'
import {
  CLIENT,
  type Fixture,
  MIB,
  STORAGE_SCOPES,
  signIn,
  startEmulator,
} from './emulator-fixture.ts'

/** Content goes in chunks of this size; what is larger needs several appends. */
const CHUNK = 4 * MIB

const TREE: Record<string, number> = {
  'empty.bin': 0,
  'one.bin': 1,
  'chunk-1.bin': CHUNK - 1,
  'chunk.bin': CHUNK,
  'chunk+1.bin': CHUNK + 1,
  'large.bin': 10 * MIB,
  'deep/er/still/leaf.txt': 100,
  'deep/leaf.txt': 0,
  "odd/it's.txt": 5,
  'odd/ leading and  double space.txt': 7,
  'odd/-dash #1 100% a+b&c=d?.txt': 8,
  'odd/"quotes" <tags> (and) {key}.txt': 9,
  'odd/Grüße, 日本語, 😀.txt': 10,
  'odd/Same Name.TXT': 11,
  'odd/no extension': 12,
  'odd/.hidden': 13,
}

interface Listed {
  Path: string
  Name: string
  Size: number
  ModTime: string
  ID: string
  Hashes?: { dropbox?: string }
}

const version = await installedRclone()

describe.runIf(RCLONE_REQUIRED)('the machine', () => {
  it('has an rclone', () => expect(version).toContain('rclone v'))
})

describe.each([['sync'], ['off']])('rclone with batches %s', (batchMode) => {
  /** The mode changes how files are committed and nothing else. */
  const whole = it.runIf(batchMode === 'sync')
  let fixture: Fixture
  let rclone: Rclone

  beforeEach((context) => {
    context.skip(version === undefined, 'rclone is not installed (apt-get install rclone)')
  })
  const cleanups: (() => Promise<void>)[] = []
  beforeAll(async () => {
    if (version === undefined) return
    fixture = await startEmulator((work) => cleanups.unshift(work))
    const { refresh_token } = await signIn(fixture, { scope: STORAGE_SCOPES })
    rclone = await startRclone({
      emulatorUrl: fixture.url,
      hosts: DROPBOX_HOSTS,
      config: {
        type: 'dropbox',
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        chunk_size: '4M',
        batch_mode: batchMode,
        // Expired long ago: the refresh token is all that rclone has.
        token: JSON.stringify({
          access_token: 'expired',
          token_type: 'bearer',
          refresh_token,
          expiry: '2020-01-01T00:00:00Z',
        }),
      },
    })
    await Promise.all(Object.entries(TREE).map(([path, size]) => put(`tree/${path}`, size)))
    await rclone.run('copy', 'tree', 'remote:tree')
  }, 60_000)
  afterAll(async () => {
    await rclone?.close()
    for (const work of cleanups) await work()
  })

  /** Writes a file of so many random bytes, or of a text. */
  async function put(path: string, content: number | string): Promise<void> {
    const file = join(rclone.dir, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, typeof content === 'string' ? content : randomBytes(content))
  }

  async function list(path: string, ...flags: string[]): Promise<Listed[]> {
    return JSON.parse(await rclone.run('lsjson', ...flags, path)) as Listed[]
  }

  async function operations(): Promise<string[]> {
    const { requests } = (await control(fixture, 'GET', 'requests')).json
    return requests.map(({ operation }: { operation: string }) => operation)
  }

  it('copies a tree up, every file with its size, hash and time', async () => {
    const listed = await list('remote:tree', '-R', '--files-only', '--hash')

    const byPath = new Map(listed.map((file) => [file.Path, file]))
    expect([...byPath.keys()].sort()).toEqual(Object.keys(TREE).sort())
    for (const path of Object.keys(TREE)) {
      const content = await readFile(join(rclone.dir, 'tree', path))
      const { mtime } = await stat(join(rclone.dir, 'tree', path))
      const file = byPath.get(path)
      expect(file).toMatchObject({
        Size: content.length,
        Hashes: { dropbox: contentHash(content) },
      })
      // Dropbox keeps seconds, and rclone rounds to them.
      expect(Math.abs(Date.parse(file?.ModTime ?? '') - mtime.getTime())).toBeLessThanOrEqual(500)
    }
    const committing = batchMode === 'off' ? 'files/upload' : 'files/upload_session/finish_batch_v2'
    expect(await operations()).toContain(committing)
  })

  whole('lists folders, names and sizes', async () => {
    const shallow = await rclone.run('lsf', 'remote:tree')
    const sizes = await rclone.run('size', '--json', 'remote:tree')

    const top = Object.keys(TREE).map((path) => path.replace(/\/.*/, '/'))
    expect(shallow.trimEnd().split('\n').sort()).toEqual([...new Set(top)].sort())
    expect(JSON.parse(sizes)).toMatchObject({
      count: Object.keys(TREE).length,
      bytes: Object.values(TREE).reduce((sum, size) => sum + size, 0),
    })
  })

  it('checks by hash and by download, and notices what differs', async () => {
    await rclone.run('check', 'tree', 'remote:tree')
    await rclone.run('check', '--download', 'tree', 'remote:tree')
    await put('other/one.bin', 'other')

    expect(await rclone.fail('check', 'other', 'remote:tree')).toContain('differences found')
  })

  whole('transfers nothing when it copies again', async () => {
    await control(fixture, 'DELETE', 'requests')
    await rclone.run('copy', 'tree', 'remote:tree')

    const reading = ['oauth.token.refresh', 'files/list_folder', 'files/get_metadata']
    const done = new Set(await operations())
    expect(done).toContain('files/list_folder')
    expect(done.difference(new Set(reading))).toEqual(new Set())
  })

  whole('copies down the bytes that it copied up', async () => {
    await rclone.run('copy', 'remote:tree', 'down')

    const files = await readdir(join(rclone.dir, 'down'), { recursive: true, withFileTypes: true })
    expect(files.filter((entry) => entry.isFile())).toHaveLength(Object.keys(TREE).length)
    for (const path of Object.keys(TREE)) {
      const [up, down] = await Promise.all(
        ['tree', 'down'].map((side) => readFile(join(rclone.dir, side, path))),
      )
      expect(down?.equals(up ?? Buffer.alloc(0)), path).toBe(true)
    }
    await rm(join(rclone.dir, 'down'), { recursive: true })
  })

  whole('reads a range of a file', async () => {
    await put('ranged.txt', '0123456789')
    await rclone.run('copy', 'ranged.txt', 'remote:ranges')

    const range = (...flags: string[]) => rclone.run('cat', ...flags, 'remote:ranges/ranged.txt')
    expect(await range('--offset', '3', '--count', '4')).toBe('3456')
    expect(await range('--offset', '-2')).toBe('89')
  })

  it('replaces a changed file under the id that it has', async () => {
    await put('changing/small.bin', 100)
    await rclone.run('copy', 'changing', 'remote:changing')
    const [before] = await list('remote:changing')
    await put('changing/small.bin', 200)

    await rclone.run('copy', 'changing', 'remote:changing')

    const [after] = await list('remote:changing')
    expect(after).toMatchObject({ Size: 200, ID: before?.ID })
  })

  whole('makes a folder and removes it while it is empty', async () => {
    await rclone.run('mkdir', 'remote:made/inner')
    await put('one.txt', 1)
    await rclone.run('copy', 'one.txt', 'remote:made/full')

    expect(await rclone.run('lsf', 'remote:made')).toBe('full/\ninner/\n')
    await rclone.run('rmdir', 'remote:made/inner')
    expect(await rclone.run('lsf', 'remote:made')).toBe('full/\n')
    expect(await rclone.fail('rmdir', 'remote:made/full')).toContain('not empty')
  })

  whole('moves, copies and renames, in other letters too', async () => {
    await put('moving/a.txt', 'moved')
    await rclone.run('copy', 'moving', 'remote:moving')

    await rclone.run('moveto', 'remote:moving/a.txt', 'remote:moved/sub/b.txt')
    await rclone.run('copyto', 'remote:moved/sub/b.txt', 'remote:moved/c.txt')
    await rclone.run('moveto', 'remote:moved/sub', 'remote:moved/renamed')
    await rclone.run('moveto', 'remote:moved/c.txt', 'remote:moved/C.TXT')

    expect(await rclone.run('lsf', '-R', 'remote:moved')).toBe('C.TXT\nrenamed/\nrenamed/b.txt\n')
    expect(await rclone.run('cat', 'remote:moved/C.TXT')).toBe('moved')
  })

  whole('deletes a file and purges a tree', async () => {
    await put('purged/sub/a.txt', 3)
    await put('purged/b.txt', 3)
    await rclone.run('copy', 'purged', 'remote:purged')

    await rclone.run('deletefile', 'remote:purged/b.txt')
    expect(await rclone.run('lsf', 'remote:purged')).toBe('sub/\n')
    await rclone.run('purge', 'remote:purged')

    expect(await rclone.fail('lsf', 'remote:purged')).toContain('directory not found')
  })

  whole('tells the room', async () => {
    const quota = { usedBytes: 200 * MIB, totalBytes: 500 * MIB }
    const { json } = await control(fixture, 'POST', 'accounts/owner@example.com/quota', quota)

    expect(JSON.parse(await rclone.run('about', '--json', 'remote:'))).toMatchObject({
      total: quota.totalBytes,
      free: quota.totalBytes - json.quota.usedBytes,
    })
  })

  whole('survives refusals, lost replies and broken connections of an upload', async () => {
    const append = { route: '/2/files/upload_session/append_v2' }
    for (const fault of [
      { action: 'apply-then-503' },
      { action: 'status:429', retryAfterSeconds: 0, skip: 1 },
    ]) {
      expect((await control(fixture, 'POST', 'faults', { ...append, ...fault })).status).toBe(201)
    }
    await put('faulty/a.bin', 2 * CHUNK)

    await rclone.run('copy', '--low-level-retries', '10', 'faulty', 'remote:faulty')

    expect((await control(fixture, 'GET', 'faults')).json.faults).toEqual([])
    await rclone.run('check', '--download', 'faulty', 'remote:faulty')
  })

  it('talks to the hosts of Dropbox alone', () => {
    expect(rclone.refusedHosts).toEqual([])
  })
})
