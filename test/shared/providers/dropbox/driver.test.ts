/** What Dropbox does that no other provider does, and what its driver makes of it. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDropboxProvider } from '../../../../shared/providers/dropbox/driver.ts'
import type {
  PathProvider,
  ProviderAuth,
  UploadTarget,
} from '../../../../shared/providers/provider.ts'
import {
  type Fixture,
  signIn,
  startEmulator,
} from '../../../local/providers/dropbox/emulator-fixture.ts'

const START = '/2/files/upload_session/start'
const FINISH = '/2/files/upload_session/finish_batch_v2'
/** Bytes are sent as they come from the bucket; the hash of the whole file is what proves it. */
const OPTIONAL_RULE = 'a content hash with content'

let emulator: Fixture
let provider: PathProvider
let auth: ProviderAuth
let email: string
let owners = 0
const cleanups: (() => Promise<void>)[] = []
beforeAll(async () => {
  emulator = await startEmulator((work) => cleanups.push(work))
})
afterAll(async () => {
  for (const work of cleanups.reverse()) await work()
})
beforeEach(async () => {
  owners += 1
  email = `owner-${owners}@example.com`
  await control('faults', {}, 'DELETE')
  await control('settings', { namespaceLock: 'wait' })
  await control('accounts', { email })
  auth = { accessToken: (await signIn(emulator, {}, email)).access_token }
  provider = newProvider()
})

/** A driver as another process has it: it knows nothing of what others commit. */
function newProvider(): PathProvider {
  return createDropboxProvider({ apiUrl: emulator.url, contentUrl: emulator.url })
}

async function control(path: string, body: object, method = 'POST'): Promise<void> {
  const reply = await fetch(`${emulator.url}/_emulator/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(reply.ok, `${path}: ${reply.status}`).toBe(true)
}

interface LoggedRequest {
  path: string
  status: number
  account?: string
  brokenRules?: string[]
}

async function requests(): Promise<LoggedRequest[]> {
  const reply = await fetch(`${emulator.url}/_emulator/requests`)
  const log = (await reply.json()) as { requests: LoggedRequest[] }
  return log.requests.filter(({ account, path }) => account === email && path.startsWith('/2/'))
}

async function countOf(path: string): Promise<number> {
  return (await requests()).filter((request) => request.path === path).length
}

async function names(): Promise<string[]> {
  const reply = await fetch(`${emulator.url}/_emulator/files?account=${email}`)
  const { files } = (await reply.json()) as { files: { name: string }[] }
  return files.map(({ name }) => name).sort()
}

function targetOf(name: string, sizeBytes = 10): UploadTarget {
  const folderId = '/Portage'
  const fileId = provider.idAt({ parentId: folderId, name })
  return { fileId, folderId, name, sizeBytes, mimeType: 'text/plain' }
}

const bytesOf = (target: UploadTarget) => randomBytes(target.sizeBytes)

describe('a commit', () => {
  it('whose answer is lost has ended its session, and its file is found by its path', async () => {
    const target = targetOf('a.txt', 100)
    const opened = await provider.openSession(auth, target)
    const sessionUri = 'sessionUri' in opened ? opened.sessionUri : ''
    const body = [bytesOf(target)].values()
    async function* once() {
      yield* body
    }
    await control('faults', { route: FINISH, action: 'apply-then-503' })

    const sent = provider.sendChunk(auth, sessionUri, target, {
      offsetBytes: 0,
      sizeBytes: 100,
      body: once(),
    })

    await expect(sent).rejects.toMatchObject({ code: 'RETRY_LATER' })
    const question = provider.sessionProgress(auth, sessionUri, target)
    await expect(question).rejects.toMatchObject({ code: 'SESSION_LOST' })
    expect(await provider.findFile(auth, target.fileId)).toMatchObject({ sizeBytes: 100 })
  })

  it('that never took effect is made when the session is asked', async () => {
    const target = targetOf('a.txt', 100)
    const opened = await provider.openSession(auth, target)
    const sessionUri = 'sessionUri' in opened ? opened.sessionUri : ''
    const content = bytesOf(target)
    async function* once() {
      yield content
    }
    await control('faults', { route: FINISH, action: 'status:503' })

    const chunk = { offsetBytes: 0, sizeBytes: 100, body: once() }
    const sent = provider.sendChunk(auth, sessionUri, target, chunk)

    await expect(sent).rejects.toMatchObject({ code: 'RETRY_LATER' })
    expect(await provider.sessionProgress(auth, sessionUri, target)).toMatchObject({
      state: 'complete',
      file: { name: 'a.txt' },
    })
  })

  it.each([
    ['/Portage/desktop.ini', { code: 'REJECTED', reason: 'INVALID' }],
    ['/Portage/a\\b', { code: 'REJECTED', reason: 'INVALID' }],
  ])('to %s is refused', async (fileId, word) => {
    const target = { ...targetOf('x'), fileId }

    await expect(provider.uploadWhole(auth, target, bytesOf(target))).rejects.toMatchObject(word)
  })

  it('into a folder where a file stands says so', async () => {
    const file = targetOf('a.txt')
    await provider.uploadWhole(auth, file, bytesOf(file))
    const target = { ...targetOf('b.txt'), fileId: '/Portage/a.txt/b.txt' }

    const call = provider.uploadWhole(auth, target, bytesOf(target))

    await expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'PARENT_GONE' })
    const folder = provider.ensureFolder(auth, { folderId: '/Portage/a.txt', name: 'a.txt' })
    await expect(folder).rejects.toMatchObject({ code: 'REJECTED', reason: 'ID_UNUSABLE' })
  })

  it('is one name in any letters', async () => {
    const first = targetOf('Report.pdf')
    await provider.uploadWhole(auth, first, bytesOf(first))
    const second = targetOf('REPORT.PDF')

    const call = provider.uploadWhole(auth, second, bytesOf(second))

    await expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'ID_UNUSABLE' })
  })

  it('of many files at once is few requests, none of which meets another', async () => {
    await control('settings', { namespaceLock: 'refuseEvery' })
    const targets = Array.from({ length: 40 }, (_, number) => targetOf(`${number}.txt`))

    await Promise.all(targets.map((target) => provider.uploadWhole(auth, target, bytesOf(target))))

    expect(await names()).toHaveLength(40)
    expect(await countOf(START)).toBe(40)
    expect(await countOf(FINISH)).toBeLessThan(20)
    expect((await requests()).filter(({ status }) => status === 429)).toEqual([])
  })

  it('that half of a batch is refused does not send its bytes again', async () => {
    await control('faults', { route: FINISH, action: 'entries-busy', times: 2 })
    const targets = Array.from({ length: 10 }, (_, number) => targetOf(`${number}.txt`))

    await Promise.all(targets.map((target) => provider.uploadWhole(auth, target, bytesOf(target))))

    expect(await names()).toHaveLength(10)
    expect(await countOf(START)).toBe(10)
  })

  it('that other processes keep out goes again by itself', async () => {
    await control('settings', { namespaceLock: 'refuseEverySecond' })
    const processes = [newProvider(), newProvider(), newProvider()]
    const targets = Array.from({ length: 30 }, (_, number) => targetOf(`${number}.txt`))

    await Promise.all(
      targets.map((target, number) =>
        processes[number % 3]?.uploadWhole(auth, target, bytesOf(target)),
      ),
    )

    expect(await names()).toHaveLength(30)
    expect(await countOf(START)).toBe(30)
  })
})

describe('a session', () => {
  it('is not opened for a file that does not fit where another stands', async () => {
    const small = targetOf('a.txt')
    await provider.uploadWhole(auth, small, bytesOf(small))

    const call = provider.openSession(auth, targetOf('a.txt', 11))

    await expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'ID_UNUSABLE' })
    expect(await countOf(START)).toBe(1)
  })

  it('whose last bytes came without its end is closed when it is asked', async () => {
    const target = targetOf('a.txt', 100)
    const opened = await provider.openSession(auth, target)
    const sessionUri = 'sessionUri' in opened ? opened.sessionUri : ''
    const cursor = { session_id: sessionUri, offset: 0 }
    const appended = await fetch(`${emulator.url}/2/files/upload_session/append_v2`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${auth.accessToken}`,
        'content-type': 'application/octet-stream',
        'dropbox-api-arg': JSON.stringify({ cursor, close: false }),
      },
      body: new Uint8Array(100),
    })
    expect(appended.status).toBe(200)

    expect(await provider.sessionProgress(auth, sessionUri, target)).toMatchObject({
      state: 'complete',
      file: { name: 'a.txt', sizeBytes: 100 },
    })
  })

  it('takes no chunk beyond the file', async () => {
    const target = targetOf('a.txt', 100)
    async function* nothing() {
      yield new Uint8Array(101)
    }

    const chunk = { offsetBytes: 0, sizeBytes: 101, body: nothing() }
    const call = provider.sendChunk(auth, 'any', target, chunk)

    await expect(call).rejects.toBeInstanceOf(RangeError)
  })
})

it('keeps every rule of Dropbox that is not an option', async () => {
  const folder = { folderId: '/Portage', name: 'Portage' }
  await provider.ensureFolder(auth, folder)
  const small = targetOf('größer 🙂.txt')
  const file = await provider.uploadWhole(auth, small, bytesOf(small))
  await provider.quota(auth)
  await provider.findFile(auth, file.id)
  await (await provider.download(auth, file.id)).body.cancel()
  await provider.downloadLink?.(auth, file.id)
  await provider.openSession(auth, targetOf('large.bin', 9_000_000))
  await provider.deleteFile(auth, file.id)

  const broken = (await requests()).flatMap(({ brokenRules = [] }) => brokenRules)
  expect(broken.filter((rule) => rule !== OPTIONAL_RULE)).toEqual([])
  expect((await requests()).length).toBeGreaterThan(9)
})
