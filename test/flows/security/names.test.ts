import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import type { FileIntent, IntentReply } from '../../../shared/contract/uploads.ts'
import {
  bearer,
  createPortal,
  type DeliveredFile,
  handOver,
  OWNER,
  type Owner,
  startTestCloud,
  type TestCloud,
} from '../../support/local-cloud.ts'
import { PROVIDERS } from '../../support/providers.ts'
import { until } from '../../support/until.ts'
import { dumpTable, ofType } from './attack.ts'

/** Control characters, separators, bidirectional marks: nothing of it may reach a provider. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\\]/u

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

describe.each(PROVIDERS)("security rule 12, in $name: a client's names stay names", (provider) => {
  let owner: Owner

  beforeAll(async () => {
    owner = await test.owner({ provider: provider.id })
  })

  /** Hands files over and waits until all are in the cloud and nothing more is to be done. */
  async function deliver(
    files: { portal?: PortalReply; name: string; relativePath?: string }[],
  ): Promise<DeliveredFile[]> {
    const before = new Set((await test.delivered(OWNER, provider.id)).map(({ id }) => id))
    const byPortal = Map.groupBy(files, ({ portal }) => (portal ?? owner.portal).id)
    await Promise.all(
      [...byPortal].map(([portalId, its]) =>
        handOver(
          test.browser(),
          portalId,
          its.map(({ name, relativePath }) => ({
            name,
            content: Buffer.from(name),
            ...(relativePath === undefined ? {} : { relativePath }),
          })),
        ),
      ),
    )
    const delivered = await until(
      async () => {
        const arrived = (await test.delivered(OWNER, provider.id)).filter(
          ({ id }) => !before.has(id),
        )
        return arrived.length === files.length && arrived
      },
      { timeoutMs: 30_000 },
    )
    await until(async () => ofType(await dumpTable(test), 'delivery').length === 0)
    return delivered
  }

  it('whatever files are called, they arrive under the folder of their portal', async () => {
    const names = [
      'invoice\u202Efdp.exe',
      '\u2066isolated\u2069.txt',
      'bell\u0007\u0000\u001b[2J.txt',
      'line\r\nbreak\u2028\u2029.txt',
      '...',
      '. .',
      '.. ',
      '%2e%2e%2fescape.txt',
      "O'Brien \\' or name contains '.txt".replaceAll('\\', ''),
      'CON',
      `${'é'.repeat(251)}.txt`,
      `${'👩‍👩‍👧‍👦'.repeat(20)}.txt`,
      'e\u0301.txt',
      '\u00e9.txt',
    ]
    const delivered = await deliver(names.map((name) => ({ name })))

    for (const { name, path } of delivered) {
      expect(path).toBe(`/Portage/${owner.portal.name}/${name}`)
      expect(name).not.toMatch(UNSAFE)
      expect(name).not.toMatch(/^[.\s]*$/)
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255)
      expect(name).toBe(name.normalize('NFC'))
    }
    // Two names that are one after cleaning are two files, none over the other.
    expect(new Set(delivered.map(({ path }) => path)).size).toBe(names.length)
  })

  it('whatever folders are called, they lie under the folder of their portal', async () => {
    const paths = [
      'a\u202Eb/c.txt',
      '.../c.txt',
      ' .. /c.txt',
      "it's 'quoted' and mimeType = 'x'/c.txt",
      'back\\slash\\..\\../c.txt',
      '%2e%2e/c.txt',
      'a//b///c.txt',
    ]
    const delivered = await deliver(paths.map((relativePath) => ({ name: 'c.txt', relativePath })))

    for (const { path } of delivered) {
      const [empty, root, portal, ...segments] = path.split('/')
      expect([empty, root, portal]).toEqual(['', 'Portage', owner.portal.name])
      expect(segments.length).toBeGreaterThan(1)
      for (const segment of segments) {
        expect(segment).not.toMatch(UNSAFE)
        expect(segment).not.toMatch(/^[.\s]*$/)
      }
    }
  })

  it('portals have folders of their own under Portage, whatever their owner calls them', async () => {
    const names = ['..', '../../etc', "x' or trashed = true or '", '/', 'a/b']
    const portals = await Promise.all(
      names.map((name, index) =>
        createPortal(owner.http, owner.accountId, {
          name,
          slug: `odd-name-${index}-${provider.id}`,
          storageProvider: provider.id,
        }),
      ),
    )
    const folders = async (round: string) => {
      const delivered = await deliver(
        portals.map((portal, index) => ({ portal, name: `${round} ${index}.txt` })),
      )
      return delivered.map(({ path }) => path.split('/').slice(0, -1)).sort()
    }

    const first = await folders('first')
    const second = await folders('second')

    expect(second).toEqual(first)
    expect(new Set(first.map(String)).size).toBe(names.length)
    for (const [empty, root, portal, ...more] of first) {
      expect([empty, root, more]).toEqual(['', 'Portage', []])
      expect(portal).not.toMatch(/^[.\s]*$/)
    }
  })
})

describe('security rule 12: what is no name is refused', () => {
  let owner: Owner

  beforeAll(async () => {
    owner = await test.owner()
  })

  function fileIntent(fileName: string, relativePath?: string): FileIntent {
    const intent = { fileName, fileSize: 1, mimeType: '' }
    return relativePath === undefined ? intent : { ...intent, relativePath }
  }

  function announceAll(
    files: FileIntent[],
    headers = {},
    submissionId?: string,
  ): Promise<Response> {
    return test.browser().send('POST', '/api/upload', {
      headers,
      json: {
        portalId: owner.portal.id,
        ...(submissionId === undefined ? {} : { submissionId }),
        files,
      },
    })
  }

  it.each([
    ['a path as name', fileIntent('../../etc/passwd')],
    ['a Windows path as name', fileIntent('C:\\Windows\\x.exe')],
    ['two dots', fileIntent('..')],
    ['one dot', fileIntent('.')],
    ['no name', fileIntent('')],
    ['spaces alone', fileIntent('   ')],
    ['256 characters', fileIntent('x'.repeat(256))],
    ['a path that climbs', fileIntent('x', '../x')],
    ['a path that climbs later', fileIntent('x', 'a/../../x')],
    ['a path with a dot', fileIntent('x', './x')],
    ['an absolute path', fileIntent('x', '/etc/x')],
    ['eleven folders', fileIntent('x', `${'d/'.repeat(11)}x`)],
    ['a path of another file', fileIntent('x', 'a/y')],
    ['a path that ends with a folder', fileIntent('x', 'a/x/')],
    ['an empty path', fileIntent('x', '')],
    ['a path of 2,049 characters', fileIntent('x', `${'d'.repeat(2047)}/x`)],
  ])('%s is refused, and nothing is written', async (_, file) => {
    const before = await dumpTable(test)

    expect((await announceAll([file])).status).toBe(400)

    expect(await dumpTable(test)).toEqual(before)
  })

  it('half a character in a name does no harm', async () => {
    const json = (name: string) =>
      `{"portalId":"${owner.portal.id}","files":[{"fileName":"${name}","fileSize":1,"mimeType":""}]}`
    for (const name of ['a\\ud800.txt', '\\udc00', 'a\\ud83d']) {
      const response = await test.browser().send('POST', '/api/upload', {
        headers: { 'content-type': 'application/json' },
        body: json(name),
      })
      expect(response.status, name).toBe(201)
      expect(((await response.json()) as IntentReply).uploads[0]?.fileName).toContain('\uFFFD')
    }
  })

  it('ten folders are allowed, eleven are not', async () => {
    expect((await announceAll([fileIntent('x', `${'d/'.repeat(10)}x`)])).status).toBe(201)
    expect((await announceAll([fileIntent('x', `${'d/'.repeat(11)}x`)])).status).toBe(400)
  })

  it('one hand-over makes at most 200 folders, in however many steps', async () => {
    const batch = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => fileIntent('x', `a${from + index}/x`))
    const first = await announceAll(batch(0, 50))
    const { submissionId, uploadToken } = (await first.json()) as IntentReply
    for (const from of [50, 100, 150]) {
      expect((await announceAll(batch(from, 50), bearer(uploadToken), submissionId)).status).toBe(
        201,
      )
    }
    const before = await dumpTable(test)

    const more = await announceAll(
      [fileIntent('x', 'one-more/x')],
      bearer(uploadToken),
      submissionId,
    )
    expect(more.status).toBe(400)
    expect(await dumpTable(test)).toEqual(before)
    // A folder that is there already costs nothing.
    const again = await announceAll([fileIntent('y', 'a7/y')], bearer(uploadToken), submissionId)
    expect(again.status).toBe(201)
  })
})
