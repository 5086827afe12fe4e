/** Deliveries to a provider whose ids are paths, at which others may have files: Dropbox, by its emulator. */
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { transact } from '../../../shared/platform/table.ts'
import { createDropboxProvider } from '../../../shared/providers/dropbox/driver.ts'
import type { PathProvider } from '../../../shared/providers/provider.ts'
import type { Upload } from '../../../shared/uploads/upload.ts'
import {
  type Fixture,
  signIn,
  startEmulator,
} from '../../local/providers/dropbox/emulator-fixture.ts'
import { newPortal } from '../../support/make.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import {
  CHUNK_BYTES,
  type House,
  Killed,
  openHouse,
  SINGLE_REQUEST_BYTES,
} from './delivery-house.ts'

const SMALL = Buffer.from('Dear Sir or Madam')
/** Two chunks and a bit. */
const LARGE = randomBytes(2 * CHUNK_BYTES + 17)
const FOLDER = '/Portage/Letters'

let records: RecordTable
let emulator: Fixture
let owners = 0
const cleanups: (() => Promise<void>)[] = []
beforeAll(async () => {
  records = await startRecordTable()
  emulator = await startEmulator((work) => cleanups.push(work))
})
afterAll(async () => {
  for (const work of cleanups.reverse()) await work()
  await records.close()
})

/** An owner with an account at the provider, and a house that delivers to it. */
interface Owner {
  house: House
  provider: PathProvider
  accessToken: string
  email: string
}

async function newOwner(): Promise<Owner> {
  owners += 1
  const email = `owner-${owners}@example.com`
  await control('accounts', { email })
  const accessToken = (await signIn(emulator, {}, email)).access_token
  const provider = {
    ...createDropboxProvider({ apiUrl: emulator.url, contentUrl: emulator.url }),
    chunkBytes: CHUNK_BYTES,
    singleRequestBytes: SINGLE_REQUEST_BYTES,
  }
  const house = await openHouse(records.table, { storage: { provider, accessToken } })
  return { house, provider, accessToken, email }
}

async function control(path: string, body: object): Promise<void> {
  const reply = await fetch(`${emulator.url}/_emulator/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(reply.ok, path).toBe(true)
}

interface SeenFile {
  id: string
  path: string
  sha256: string
}

async function filesOf({ email }: Owner): Promise<SeenFile[]> {
  const reply = await fetch(`${emulator.url}/_emulator/files?account=${email}`)
  const { files } = (await reply.json()) as { files: SeenFile[] }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex')

async function expectFiles(owner: Owner, ...expected: [path: string, content: Buffer][]) {
  const seen = (await filesOf(owner)).map((file) => ({ path: file.path, sha256: file.sha256 }))
  expect(seen).toEqual(expected.map(([path, content]) => ({ path, sha256: sha256(content) })))
}

/** Something of the owner's own stands there. */
async function putOwn({ provider, accessToken }: Owner, path: string, content: Buffer) {
  const at = path.lastIndexOf('/')
  const target = { folderId: path.slice(0, at), name: path.slice(at + 1), mimeType: '' }
  await provider.uploadWhole(
    { accessToken },
    { ...target, fileId: path, sizeBytes: content.byteLength },
    content,
  )
}

async function move({ accessToken }: Owner, from_path: string, to_path: string) {
  const reply = await fetch(`${emulator.url}/2/files/move_v2`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ from_path, to_path }),
  })
  expect(reply.status).toBe(200)
}

async function deliver({ house }: Owner, content: Buffer, over: Partial<Upload> = {}) {
  const upload = await house.handOver(content, over)
  await house.worker().deliver(upload.id)
  return upload
}

describe.each([
  ['in one request', SMALL],
  ['in chunks', LARGE],
])('a file %s', (_kind, content) => {
  let owner: Owner
  beforeEach(async () => {
    owner = await newOwner()
  })

  it('is bound under its own id, which stays when its owner moves it', async () => {
    const upload = await deliver(owner, content)

    await expectFiles(owner, [`${FOLDER}/letter.txt`, content])
    const { status, storageFileId, storagePath } = await owner.house.uploadOf(upload.id)
    expect([status, storagePath]).toEqual(['uploaded', 'Portage/Letters/letter.txt'])
    expect(await owner.house.deliveryOf(upload.id)).toBeUndefined()
    await move(owner, `${FOLDER}/letter.txt`, '/mine.txt')
    const { provider, accessToken } = owner
    expect(await provider.findFile({ accessToken }, storageFileId ?? '')).toMatchObject({
      id: storageFileId,
      name: 'mine.txt',
    })
  })

  it("takes the next name where another's files stand, and leaves these alone", async () => {
    const own = Buffer.from("the owner's own letter")
    const copy = randomBytes(content.byteLength)
    await putOwn(owner, `${FOLDER}/letter.txt`, own)
    await putOwn(owner, `${FOLDER}/LETTER (2).txt`, copy.subarray(0, 1000))

    const upload = await deliver(owner, content)

    await expectFiles(
      owner,
      [`${FOLDER}/LETTER (2).txt`, copy.subarray(0, 1000)],
      [`${FOLDER}/letter (3).txt`, content],
      [`${FOLDER}/letter.txt`, own],
    )
    expect(await owner.house.uploadOf(upload.id)).toMatchObject({
      status: 'uploaded',
      fileName: 'letter.txt',
      storagePath: 'Portage/Letters/letter (3).txt',
    })
    expect(await owner.house.count()).toBe(1)
  })

  it('passes over a name that another upload has, though it is not delivered yet', async () => {
    const own = Buffer.from("the owner's own letter")
    await putOwn(owner, `${FOLDER}/letter.txt`, own)
    const later = await owner.house.handOver(content, { fileName: 'letter (2).txt' })

    await deliver(owner, content)
    await owner.house.worker().deliver(later.id)

    await expectFiles(
      owner,
      [`${FOLDER}/letter (2).txt`, content],
      [`${FOLDER}/letter (3).txt`, content],
      [`${FOLDER}/letter.txt`, own],
    )
  })

  it('is there once when the same content stands at its path already', async () => {
    await putOwn(owner, `${FOLDER}/letter.txt`, content.subarray(0, 60_000))
    const upload = await deliver(owner, content.subarray(0, 60_000))

    await expectFiles(owner, [`${FOLDER}/letter.txt`, content.subarray(0, 60_000)])
    expect((await owner.house.uploadOf(upload.id)).status).toBe('uploaded')
  })

  it("leaves the owner's own file of the same content where it is when its client lied about the content", async () => {
    const sent = content.subarray(0, 60_000)
    await putOwn(owner, `${FOLDER}/letter.txt`, sent)
    const upload = await owner.house.handOver(sent, {
      fileName: 'letter.txt',
      contentHash: '0'.repeat(64),
    })
    const before = await filesOf(owner)
    expect(before).toHaveLength(1)

    await owner.house.worker().deliver(upload.id)

    expect(await owner.house.uploadOf(upload.id)).toMatchObject({
      status: 'rejected',
      reason: 'CONTENT_CHANGED',
    })
    expect(await filesOf(owner)).toEqual(before)
    expect(await owner.house.deliveryOf(upload.id)).toBeUndefined()
  })

  it('leaves nothing of what its client lied about', async () => {
    const upload = await owner.house.handOver(content, {
      fileName: 'letter.txt',
      contentHash: '0'.repeat(64),
    })

    await owner.house.worker().deliver(upload.id)

    expect((await owner.house.uploadOf(upload.id)).reason).toBe('CONTENT_CHANGED')
    await expectFiles(owner)
  })

  it('is there once when the answer to its commit is lost', async () => {
    await control('faults', {
      route: '/2/files/upload_session/finish_batch_v2',
      action: 'apply-then-503',
    })

    const upload = await deliver(owner, content)

    await expectFiles(owner, [`${FOLDER}/letter.txt`, content])
    expect((await owner.house.uploadOf(upload.id)).status).toBe('uploaded')
    expect(await owner.house.count()).toBe(1)
  })
})

it('a file at whose path another one appears while it is sent is not sent again for its next name', async () => {
  const owner = await newOwner()
  const { provider } = owner
  const own = randomBytes(100)
  const chunks: number[] = []
  const send = provider.sendChunk
  provider.sendChunk = async (auth, sessionUri, target, chunk, signal) => {
    if (chunks.length === 0) await putOwn(owner, `${FOLDER}/letter.txt`, own)
    chunks.push(chunk.offsetBytes)
    return send(auth, sessionUri, target, chunk, signal)
  }

  const upload = await deliver(owner, LARGE)

  await expectFiles(owner, [`${FOLDER}/letter (2).txt`, LARGE], [`${FOLDER}/letter.txt`, own])
  expect((await owner.house.uploadOf(upload.id)).status).toBe('uploaded')
  expect(chunks).toEqual([0, CHUNK_BYTES, 2 * CHUNK_BYTES])
})

describe('folders', () => {
  it('of two portals of one name are two', async () => {
    const owner = await newOwner()
    const { house } = owner
    const other = newPortal(house.account, house.clock.now())
    await transact(records.table, house.portals.create(other))

    await deliver(owner, SMALL)
    await deliver(owner, SMALL, { portalId: other.id })

    await expectFiles(owner, [`${FOLDER} (2)/letter.txt`, SMALL], [`${FOLDER}/letter.txt`, SMALL])
  })

  it('of a client that differ in what the provider cannot tell apart keep their files apart', async () => {
    const owner = await newOwner()

    await deliver(owner, SMALL, { folders: ['Scans '] })
    await deliver(owner, SMALL, { folders: ['Scans_'] })

    await expectFiles(
      owner,
      [`${FOLDER}/Scans_ (2)/letter.txt`, SMALL],
      [`${FOLDER}/Scans_/letter.txt`, SMALL],
    )
  })

  it('take the next name where a file stands', async () => {
    const owner = await newOwner()
    const own = Buffer.from("the owner's own file")
    await putOwn(owner, '/Portage', own)
    await putOwn(owner, '/Portage (2)', own)
    await putOwn(owner, '/Portage (3)', own)

    const upload = await deliver(owner, SMALL)

    await expectFiles(
      owner,
      ['/Portage', own],
      ['/Portage (2)', own],
      ['/Portage (3)', own],
      ['/Portage (4)/Letters/letter.txt', SMALL],
    )
    expect((await owner.house.uploadOf(upload.id)).status).toBe('uploaded')
  })

  it('are made again when the owner has thrown them away', async () => {
    const owner = await newOwner()
    const first = await deliver(owner, SMALL)
    const { provider, accessToken } = owner
    await provider.deleteFile({ accessToken }, FOLDER)

    await deliver(owner, LARGE, { fileName: 'later.bin' })

    await expectFiles(owner, [`${FOLDER}/later.bin`, LARGE])
    expect((await owner.house.uploadOf(first.id)).status).toBe('uploaded')
  })
})

describe('a file that is deleted before anybody knows whether it has arrived', () => {
  /** The worker dies when the provider has the file and nobody else knows. */
  async function arriveUnknown(owner: Owner, over: Partial<Upload>): Promise<Upload> {
    const { house, provider } = owner
    const upload = await house.handOver(SMALL, over)
    const worker = house.worker()
    const send = provider.uploadWhole
    provider.uploadWhole = async (...args) => {
      await send(...args)
      throw new Killed()
    }
    await expect(worker.deliver(upload.id)).rejects.toBeInstanceOf(Killed)
    provider.uploadWhole = send
    await transact(records.table, [
      house.uploads.delete(await house.uploadOf(upload.id)),
      house.deliveries.abandon(upload),
    ])
    return upload
  }

  const contentHash = createHash('sha256')
    .update(createHash('sha256').update(SMALL).digest())
    .digest('hex')

  it('is taken back by its content', async () => {
    const owner = await newOwner()
    const upload = await arriveUnknown(owner, { contentHash })

    await owner.house.sweep()
    await owner.house.worker().deliver(upload.id)

    await expectFiles(owner)
    expect(await owner.house.deliveryOf(upload.id)).toBeUndefined()
  })

  it('is taken back by its content when its client was erased meanwhile', async () => {
    const owner = await newOwner()
    const { house } = owner
    const upload = await arriveUnknown(owner, { contentHash })
    await house.uploads.eraseClient({ id: upload.id, status: 'deleted' })

    await house.sweep()
    await house.worker().deliver(upload.id)

    await expectFiles(owner)
  })

  it("is left alone when it is another's by now", async () => {
    const owner = await newOwner()
    const { provider, accessToken, house } = owner
    const upload = await arriveUnknown(owner, { contentHash })
    await provider.deleteFile({ accessToken }, `${FOLDER}/letter.txt`)
    const own = Buffer.from("the owner's own letter")
    await putOwn(owner, `${FOLDER}/letter.txt`, own)

    await house.sweep()
    await house.worker().deliver(upload.id)

    await expectFiles(owner, [`${FOLDER}/letter.txt`, own])
    expect(await house.deliveryOf(upload.id)).toBeUndefined()
  })
})
