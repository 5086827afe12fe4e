/**
 * An unmodified rclone on the emulator, through TLS redirection: whatever it needs of Drive and the
 * emulator does not serve as Google does, fails here. rclone is told to try everything only once.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { GOOGLE_HOSTS } from '../../../../infra/local/providers/google/google-emulator.ts'
import { installedRclone, RCLONE_REQUIRED, type Rclone, startRclone } from '../rclone/rclone.ts'
import { control, digest, driveOf } from './drive-client.ts'
import {
  CLIENT,
  DRIVE,
  DRIVE_FILE,
  type Fixture,
  signIn,
  startEmulator,
} from './emulator-fixture.ts'

const MIB = 1024 * 1024
/** Below it rclone sends a file in one request, from it on in a session of chunks of this size. */
const CHUNK = 8 * MIB

const TREE: Record<string, number> = {
  'empty.bin': 0,
  'one.bin': 1,
  'chunk-1.bin': CHUNK - 1,
  'chunk.bin': CHUNK,
  'chunk+1.bin': CHUNK + 1,
  'large.bin': 40 * MIB,
  'deep/er/still/leaf.txt': 100,
  'deep/er/leaf.txt': 10,
  'deep/leaf.txt': 0,
  "odd/it's.txt": 5,
  'odd/back\\slash.txt': 6,
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
  MimeType: string
  ModTime: string
  IsDir: boolean
  ID: string
  Hashes?: { md5?: string }
}

const version = await installedRclone()

describe.runIf(RCLONE_REQUIRED)('the machine', () => {
  it('has an rclone', () => expect(version).toContain('rclone v'))
})

describe.each([
  ['drive.file', DRIVE_FILE],
  ['drive', DRIVE],
])('rclone with the scope %s', (scopeName, scope) => {
  let fixture: Fixture
  let rclone: Rclone

  beforeEach((context) => {
    context.skip(version === undefined, 'rclone is not installed (apt-get install rclone)')
  })
  const cleanups: (() => Promise<void>)[] = []
  beforeAll(async () => {
    if (version === undefined) return
    fixture = await startEmulator((work) => cleanups.unshift(work))
    const { refresh_token } = await signIn(fixture, { scope })
    rclone = await startRclone({
      emulatorUrl: fixture.url,
      hosts: GOOGLE_HOSTS,
      config: {
        type: 'drive',
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        scope: scopeName,
        // Expired long ago: the refresh token is all that rclone has.
        token: JSON.stringify({
          access_token: 'expired',
          token_type: 'Bearer',
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

  /** Operations that the emulator performed meanwhile. */
  async function operationsOf(work: () => Promise<unknown>): Promise<Set<string>> {
    await control(fixture, 'DELETE', 'requests')
    await work()
    const { requests } = (await control(fixture, 'GET', 'requests')).json
    return new Set(requests.map(({ operation }: { operation: string }) => operation))
  }

  it('copies a tree up, every file with its size, hash and time', async () => {
    const listed = await list('remote:tree', '-R', '--files-only', '--hash')

    const byPath = new Map(listed.map((file) => [file.Path, file]))
    expect([...byPath.keys()].sort()).toEqual(Object.keys(TREE).sort())
    for (const path of Object.keys(TREE)) {
      const content = await readFile(join(rclone.dir, 'tree', path))
      const { mtime } = await stat(join(rclone.dir, 'tree', path))
      const file = byPath.get(path)
      expect(file).toMatchObject({ Size: content.length, Hashes: { md5: digest('md5', content) } })
      // Drive keeps milliseconds; whether the rest is cut or rounded is not documented.
      expect(Math.abs(Date.parse(file?.ModTime ?? '') - mtime.getTime())).toBeLessThanOrEqual(1)
    }
    const { files } = (await control(fixture, 'GET', 'files')).json
    expect(files).toHaveLength(Object.keys(TREE).length)
  })

  it('lists folders, names and sizes', async () => {
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

  it('transfers nothing when it copies again', async () => {
    const operations = await operationsOf(() => rclone.run('copy', 'tree', 'remote:tree'))

    const reading = new Set(['oauth.token.refresh', 'drive.files.list', 'drive.files.get'])
    expect(operations).toContain('drive.files.list')
    expect(operations.difference(reading)).toEqual(new Set())
  })

  it('copies down the bytes that it copied up', async () => {
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

  it('reads a range of a file', async () => {
    await put('ranged.txt', '0123456789')
    await rclone.run('copy', 'ranged.txt', 'remote:ranges')

    const range = (...flags: string[]) => rclone.run('cat', ...flags, 'remote:ranges/ranged.txt')
    expect(await range('--offset', '3', '--count', '4')).toBe('3456')
    expect(await range('--offset', '-2')).toBe('89')
    expect(await range('--head', '1')).toBe('0')
  })

  it('replaces a changed file under the id that it has, small and large', async () => {
    await put('changing/small.bin', 100)
    await put('changing/large.bin', CHUNK)
    await rclone.run('copy', 'changing', 'remote:changing')
    const before = await list('remote:changing')
    await put('changing/small.bin', 200)
    await put('changing/large.bin', CHUNK + 7)

    await rclone.run('copy', 'changing', 'remote:changing')
    const after = await list('remote:changing')

    await rclone.run('check', 'changing', 'remote:changing')
    const ids = (files: Listed[]) => files.map(({ Name, ID }) => `${Name} ${ID}`).sort()
    expect(ids(after)).toEqual(ids(before))
  })

  it('sets the time of a file whose bytes are the same, without sending them', async () => {
    await put('touched/a.bin', 10)
    await rclone.run('copy', 'touched', 'remote:touched')
    const time = new Date('2021-02-03T04:05:06.789Z')
    await utimes(join(rclone.dir, 'touched/a.bin'), time, time)

    const operations = await operationsOf(() => rclone.run('copy', 'touched', 'remote:touched'))

    const [file] = await list('remote:touched')
    expect(Date.parse(file?.ModTime ?? '')).toBe(time.getTime())
    expect(operations).toContain('drive.files.update')
    expect(operations).not.toContain('drive.files.create')
  })

  it('makes a folder and removes it while it is empty', async () => {
    await rclone.run('mkdir', 'remote:made/inner')
    await put('one.txt', 1)
    await rclone.run('copy', 'one.txt', 'remote:made/full')

    expect(await rclone.run('lsf', 'remote:made')).toBe('full/\ninner/\n')
    await rclone.run('rmdir', 'remote:made/inner')
    expect(await rclone.run('lsf', 'remote:made')).toBe('full/\n')
    expect(await rclone.fail('rmdir', 'remote:made/full')).toContain('directory not empty')
    expect(await rclone.run('lsf', 'remote:made/full')).toBe('one.txt\n')
  })

  it('moves and renames a file and a folder, which keep their ids', async () => {
    await put('moving/a.txt', 3)
    await rclone.run('copy', 'moving', 'remote:moving')
    const [before] = await list('remote:moving')

    await rclone.run('moveto', 'remote:moving/a.txt', 'remote:moved/sub/b.txt')
    await rclone.run('moveto', 'remote:moved/sub', 'remote:moved/renamed')

    const [after] = await list('remote:moved/renamed')
    expect(after).toMatchObject({ Name: 'b.txt', Size: 3, ID: before?.ID })
    expect(await rclone.run('lsf', '-R', 'remote:moving')).toBe('')
    expect(await rclone.run('lsf', '-R', 'remote:moved')).toBe('renamed/\nrenamed/b.txt\n')
  })

  it('deletes a file into the bin, or for good', async () => {
    await put('deleted/a.txt', 3)
    await put('deleted/b.txt', 3)
    await rclone.run('copy', 'deleted', 'remote:deleted')

    await rclone.run('deletefile', 'remote:deleted/a.txt')
    await rclone.run('deletefile', '--drive-use-trash=false', 'remote:deleted/b.txt')

    expect(await rclone.run('lsf', 'remote:deleted')).toBe('')
    expect(await rclone.run('lsf', '--drive-trashed-only', 'remote:deleted')).toBe('a.txt\n')
    expect(await rclone.fail('deletefile', 'remote:deleted/b.txt')).toContain("doesn't exist")
  })

  it('purges a tree and empties the bin', async () => {
    await put('purged/sub/a.txt', 3)
    await rclone.run('copy', 'purged', 'remote:purged')

    await rclone.run('purge', 'remote:purged')

    expect(await rclone.fail('lsf', 'remote:purged')).toContain('directory not found')
    const bin = async () => JSON.parse(await rclone.run('about', '--json', 'remote:')).trashed
    expect(await bin()).toBeGreaterThan(0)
    await rclone.run('cleanup', 'remote:')
    expect(await bin()).toBe(0)
  })

  it('tells the room', async () => {
    const quota = { usedBytes: 200 * MIB, totalBytes: 500 * MIB }
    const { json } = await control(fixture, 'POST', 'accounts/owner@example.com/quota', quota)

    expect(JSON.parse(await rclone.run('about', '--json', 'remote:'))).toMatchObject({
      total: quota.totalBytes,
      used: expect.any(Number),
      free: quota.totalBytes - json.quota.usedBytes,
    })
  })

  it('reads a name that holds a slash', async () => {
    const drive = driveOf(fixture, (await signIn(fixture, { scope })).access_token)
    const parent = await drive.folder('slashes')
    await drive.upload({ name: 'a/b.txt', parents: [parent] }, Buffer.from('slash'))

    expect(await rclone.run('lsf', 'remote:slashes')).toBe('a／b.txt\n')
    expect(await rclone.run('cat', 'remote:slashes/a／b.txt')).toBe('slash')
  })

  // Its pauses take seconds, and the scope changes nothing about them.
  it.runIf(scope === DRIVE_FILE)(
    'survives refusals, lost replies and broken connections of an upload',
    async () => {
      const upload = { route: '/upload/drive/v3/files?upload_id', method: 'POST' }
      for (const fault of [
        { action: 'apply-then-503' },
        { action: 'status:403:userRateLimitExceeded', skip: 1 },
        { action: 'reset', skip: 1 },
      ]) {
        expect((await control(fixture, 'POST', 'faults', { ...upload, ...fault })).status).toBe(201)
      }
      await put('faulty/a.bin', 2 * CHUNK)

      await rclone.run('copy', '--low-level-retries', '10', 'faulty', 'remote:faulty')

      expect((await control(fixture, 'GET', 'faults')).json.faults).toEqual([])
      await rclone.run('check', '--download', 'faulty', 'remote:faulty')
      expect(await list('remote:faulty')).toHaveLength(1)
    },
  )

  it('talks to the hosts of Google alone', () => {
    expect(rclone.refusedHosts).toEqual([])
  })
})
