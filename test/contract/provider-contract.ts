/**
 * What every storage provider must do, whoever stands behind the port. The tests know the provider
 * by the port alone; what an owner or bad luck would do comes from `ProviderUnderTest`.
 */
import { createHash, randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { createFileDigests, provesContent } from '../../shared/providers/content-hash.ts'
import type {
  Chunk,
  Progress,
  ProviderAuth,
  StorageProvider,
  UploadTarget,
} from '../../shared/providers/provider.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** Smaller than any driver's own, but cut at the content hash's blocks as theirs are. */
const CHUNK_BYTES = 4 * MIB

export interface ProviderUnderTest {
  provider: StorageProvider
  auth: ProviderAuth
  /** What an owner sees, except the trash. */
  delivered(): Promise<{ name: string; sha256: string }[]>
  /** The owner throws a file or a folder away. */
  trash(id: string): Promise<void>
  /** The owner's storage has no more than this. */
  limitTo(totalBytes: number): Promise<void>
  /** The next request that carries bytes has its effect, but its answer is lost. */
  loseNextAnswer(): Promise<void>
  /** Of the next chunk only this many bytes are stored, a multiple of 256 KiB. */
  storeOnly(sizeBytes: number): Promise<void>
  /** More time passes than a session lives; `auth` is good again afterwards. */
  expireSessions(): Promise<void>
}

export function describeStorageProvider(
  name: string,
  make: () => Promise<ProviderUnderTest>,
): void {
  describe(`storage provider: ${name}`, () => {
    let world: ProviderUnderTest
    let provider: StorageProvider
    let auth: ProviderAuth

    beforeEach(async () => {
      world = await make()
      provider = world.provider
      auth = world.auth
    })

    async function makeFolder(name = 'Portage', parentId?: string): Promise<string> {
      const folderId = await reserveId()
      await provider.ensureFolder(auth, {
        folderId,
        name,
        ...(parentId !== undefined && { parentId }),
      })
      return folderId
    }

    async function makeTarget(overrides: Partial<UploadTarget> = {}): Promise<UploadTarget> {
      return {
        fileId: await reserveId(),
        folderId: overrides.folderId ?? (await makeFolder()),
        name: 'report.pdf',
        sizeBytes: 10,
        mimeType: 'application/pdf',
        ...overrides,
      }
    }

    async function reserveId(): Promise<string> {
      const [id] = await provider.reserveIds(auth, 1)
      if (id === undefined) throw new Error('no id was reserved')
      return id
    }

    async function openSession(target: UploadTarget): Promise<string> {
      const opened = await provider.openSession(auth, target)
      if (!('sessionUri' in opened)) throw new Error('the id is already taken')
      return opened.sessionUri
    }

    function sendFrom(
      sessionUri: string,
      target: UploadTarget,
      content: Buffer,
      offsetBytes: number,
    ): Promise<Progress> {
      return provider.sendChunk(auth, sessionUri, target, chunkOf(content, offsetBytes))
    }

    /** Sends from wherever the provider says that it is until the file is there. */
    async function sendRest(sessionUri: string, target: UploadTarget, content: Buffer) {
      let progress = await provider.sessionProgress(auth, sessionUri, target)
      for (let rounds = 0; progress.state === 'partial'; rounds += 1) {
        if (rounds > 20) throw new Error('the session does not get on')
        progress = await sendFrom(sessionUri, target, content, progress.offsetBytes)
      }
      return progress.file
    }

    async function expectDelivered(...contents: [name: string, content: Buffer][]) {
      const expected = contents.map(([name, content]) => ({ name, sha256: sha256(content) }))
      expect(await world.delivered()).toEqual(expected)
    }

    describe('its figures', () => {
      it('cut files at the blocks of the content hash', () => {
        expect(provider.chunkBytes).toBeGreaterThan(0)
        expect(provider.chunkBytes % (4 * MIB)).toBe(0)
        expect(provider.singleRequestBytes).toBeGreaterThan(0)
      })
    })

    describe('reserveIds', () => {
      it('gives as many different ids as were asked for', async () => {
        const ids = await provider.reserveIds(auth, 50)

        expect(new Set(ids).size).toBe(50)
      })
    })

    describe('ensureFolder', () => {
      it('makes a folder once, however often it is called', async () => {
        const folderId = await reserveId()

        await provider.ensureFolder(auth, { folderId, name: 'Portage' })
        await provider.ensureFolder(auth, { folderId, name: 'Portage' })

        const target = await makeTarget({ folderId })
        await provider.uploadWhole(auth, target, Buffer.alloc(10))
        expect(await world.delivered()).toHaveLength(1)
      })

      it('makes folders within folders', async () => {
        const folderId = await makeFolder('Invoices', await makeFolder())
        const target = await makeTarget({ folderId })

        const file = await provider.uploadWhole(auth, target, Buffer.alloc(10))

        expect(file.trashed).toBe(false)
      })

      it('says PARENT_GONE where the folder around it does not exist', async () => {
        const folder = { folderId: await reserveId(), name: 'Lost', parentId: await reserveId() }

        const call = provider.ensureFolder(auth, folder)

        await expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'PARENT_GONE' })
      })

      it('says FOLDER_GONE when the owner has thrown it away', async () => {
        const folderId = await makeFolder()
        await world.trash(folderId)

        const call = provider.ensureFolder(auth, { folderId, name: 'Portage' })

        await expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'FOLDER_GONE' })
      })
    })

    describe('uploadWhole', () => {
      it.each([
        ['bytes', (content: Buffer) => content],
        ['a stream', (content: Buffer) => piecesOf(content)],
      ])('stores %s and proves them', async (_kind, bodyOf) => {
        const content = randomBytes(300 * KIB)
        const target = await makeTarget({ sizeBytes: content.byteLength })

        const file = await provider.uploadWhole(auth, target, bodyOf(content))

        expect(file).toMatchObject({ id: target.fileId, name: 'report.pdf', trashed: false })
        expect(await proves(file, content)).toBe(true)
        await expectDelivered(['report.pdf', content])
      })

      it('stores an empty file', async () => {
        const target = await makeTarget({ sizeBytes: 0, mimeType: '' })

        const file = await provider.uploadWhole(auth, target, new Uint8Array())

        expect(await proves(file, Buffer.alloc(0))).toBe(true)
        await expectDelivered(['report.pdf', Buffer.alloc(0)])
      })

      it.each([
        'Résumé – "ünïcode" (1).pdf',
        "it's 100% {done} & \\ <b>.txt",
        '請求書.pdf',
        '🎉.png',
      ])('keeps the name %j', async (name) => {
        const target = await makeTarget({ name })

        const file = await provider.uploadWhole(auth, target, Buffer.alloc(10))

        expect(file.name).toBe(name)
        await expectDelivered([name, Buffer.alloc(10)])
      })

      it('makes one file when its answer is lost and it is called again', async () => {
        const content = randomBytes(10)
        const target = await makeTarget()
        await world.loseNextAnswer()

        const first = provider.uploadWhole(auth, target, content)
        await expect(first).rejects.toMatchObject({ code: 'RETRY_LATER' })
        const file = await provider.uploadWhole(auth, target, content)

        expect(await proves(file, content)).toBe(true)
        await expectDelivered(['report.pdf', content])
      })

      it('overwrites nothing: what stands under the id is returned', async () => {
        const content = randomBytes(10)
        const target = await makeTarget()
        await provider.uploadWhole(auth, target, content)

        const other = randomBytes(10)
        const file = await provider.uploadWhole(auth, target, other)

        expect(await proves(file, other)).toBe(false)
        await expectDelivered(['report.pdf', content])
      })

      it('says PARENT_GONE where the folder does not exist', async () => {
        const target = await makeTarget({ folderId: await reserveId() })

        const call = provider.uploadWhole(auth, target, Buffer.alloc(10))

        await expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'PARENT_GONE' })
      })

      it('says QuotaFull when the storage is full', async () => {
        const target = await makeTarget()
        await world.limitTo(9)

        const call = provider.uploadWhole(auth, target, Buffer.alloc(10))

        await expect(call).rejects.toMatchObject({ code: 'QUOTA_FULL' })
        await expectDelivered()
      })

      it.each([9, 11])('stores nothing of a body that has %i bytes instead of 10', async (size) => {
        const target = await makeTarget()

        const call = provider.uploadWhole(auth, target, piecesOf(Buffer.alloc(size), 3))

        await expect(call).rejects.toMatchObject({ code: 'BODY_LENGTH' })
        await expectDelivered()
      })

      it('takes no more than one request carries', async () => {
        const target = await makeTarget({ sizeBytes: provider.singleRequestBytes + 1 })

        const call = provider.uploadWhole(auth, target, piecesOf(Buffer.alloc(0)))

        await expect(call).rejects.toBeInstanceOf(RangeError)
      })
    })

    describe('a session', () => {
      const content = randomBytes(2 * CHUNK_BYTES + 12_345)

      it('takes a file in chunks and says where it is', async () => {
        const target = await makeTarget({ sizeBytes: content.byteLength })
        const sessionUri = await openSession(target)

        const atFirst = await provider.sessionProgress(auth, sessionUri, target)
        const afterOne = await sendFrom(sessionUri, target, content, 0)
        const asked = await provider.sessionProgress(auth, sessionUri, target)
        const file = await sendRest(sessionUri, target, content)

        expect(atFirst).toEqual({ state: 'partial', offsetBytes: 0 })
        expect(afterOne).toEqual({ state: 'partial', offsetBytes: CHUNK_BYTES })
        expect(asked).toEqual(afterOne)
        expect(file).toMatchObject({ id: target.fileId, name: 'report.pdf' })
        expect(await proves(file, content)).toBe(true)
        await expectDelivered(['report.pdf', content])
      })

      it('shows no file before its last byte', async () => {
        const target = await makeTarget({ sizeBytes: content.byteLength })

        await sendFrom(await openSession(target), target, content, 0)

        expect(await provider.findFile(auth, target.fileId)).toBeUndefined()
        await expectDelivered()
      })

      it('goes on where the provider is when only a part of a chunk was stored', async () => {
        const target = await makeTarget({ sizeBytes: content.byteLength })
        const sessionUri = await openSession(target)
        await world.storeOnly(768 * KIB)

        const progress = await sendFrom(sessionUri, target, content, 0)
        const file = await sendRest(sessionUri, target, content)

        expect(progress).toEqual({ state: 'partial', offsetBytes: 768 * KIB })
        expect(await proves(file, content)).toBe(true)
        await expectDelivered(['report.pdf', content])
      })

      it('takes a chunk that it has already', async () => {
        const target = await makeTarget({ sizeBytes: content.byteLength })
        const sessionUri = await openSession(target)
        await sendFrom(sessionUri, target, content, 0)

        const again = await sendFrom(sessionUri, target, content, 0)
        const file = await sendRest(sessionUri, target, content)

        expect(again).toEqual({ state: 'partial', offsetBytes: CHUNK_BYTES })
        expect(await proves(file, content)).toBe(true)
      })

      it('knows the bytes of a chunk whose answer was lost', async () => {
        const target = await makeTarget({ sizeBytes: content.byteLength })
        const sessionUri = await openSession(target)
        await world.loseNextAnswer()

        const call = sendFrom(sessionUri, target, content, 0)
        await expect(call).rejects.toMatchObject({ code: 'RETRY_LATER' })

        expect(await provider.sessionProgress(auth, sessionUri, target)).toEqual({
          state: 'partial',
          offsetBytes: CHUNK_BYTES,
        })
      })

      it('has the file when the answer to its last chunk was lost', async () => {
        const small = content.subarray(0, 700 * KIB)
        const target = await makeTarget({ sizeBytes: small.byteLength })
        const sessionUri = await openSession(target)
        await world.loseNextAnswer()

        const call = sendFrom(sessionUri, target, small, 0)
        await expect(call).rejects.toMatchObject({ code: 'RETRY_LATER' })
        const progress = await provider.sessionProgress(auth, sessionUri, target)

        expect(progress).toMatchObject({ state: 'complete', file: { id: target.fileId } })
        await expectDelivered(['report.pdf', small])
      })

      it('is lost after its time; a new one for the same target makes one file', async () => {
        const target = await makeTarget({ sizeBytes: content.byteLength })
        const lost = await openSession(target)
        await sendFrom(lost, target, content, 0)
        await world.expireSessions()

        await expect(provider.sessionProgress(auth, lost, target)).rejects.toMatchObject({
          code: 'SESSION_LOST',
        })
        await expect(sendFrom(lost, target, content, CHUNK_BYTES)).rejects.toMatchObject({
          code: 'SESSION_LOST',
        })
        const file = await sendRest(await openSession(target), target, content)

        expect(await proves(file, content)).toBe(true)
        await expectDelivered(['report.pdf', content])
      })

      it('is not opened for a file that is there: that is returned', async () => {
        const target = await makeTarget()
        const file = await provider.uploadWhole(auth, target, Buffer.alloc(10))

        expect(await provider.openSession(auth, target)).toEqual({ file })
      })

      it('ends with the file that another session made meanwhile', async () => {
        const small = content.subarray(0, 700 * KIB)
        const target = await makeTarget({ sizeBytes: small.byteLength })
        const slow = await openSession(target)
        const file = await sendRest(await openSession(target), target, small)

        const progress = await sendFrom(slow, target, small, 0)

        expect(progress).toEqual({ state: 'complete', file })
        await expectDelivered(['report.pdf', small])
      })

      it('says PARENT_GONE where the folder does not exist', async () => {
        const target = await makeTarget({ folderId: await reserveId() })

        const call = provider.openSession(auth, target)

        await expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'PARENT_GONE' })
      })

      it('says QuotaFull when the file does not fit', async () => {
        const target = await makeTarget({ sizeBytes: content.byteLength })
        await world.limitTo(MIB)

        const call = provider.openSession(auth, target)

        await expect(call).rejects.toMatchObject({ code: 'QUOTA_FULL' })
      })

      it('stores nothing of a chunk that breaks off at its source', async () => {
        const target = await makeTarget({ sizeBytes: content.byteLength })
        const sessionUri = await openSession(target)
        const failure = new Error('the source broke')
        async function* broken() {
          yield content.subarray(0, 64 * KIB)
          throw failure
        }
        const chunk = { offsetBytes: 0, sizeBytes: CHUNK_BYTES, body: broken() }

        const call = provider.sendChunk(auth, sessionUri, target, chunk)

        await expect(call).rejects.toBe(failure)
        const file = await sendRest(sessionUri, target, content)
        expect(await proves(file, content)).toBe(true)
      })
    })

    describe('findFile', () => {
      it('finds nothing under an id that is only reserved', async () => {
        expect(await provider.findFile(auth, await reserveId())).toBeUndefined()
      })

      it('tells what lies in the trash, also by way of its folder', async () => {
        const target = await makeTarget()
        await provider.uploadWhole(auth, target, Buffer.alloc(10))

        await world.trash(target.folderId)

        expect(await provider.findFile(auth, target.fileId)).toMatchObject({ trashed: true })
      })
    })

    describe('download', () => {
      it('streams the file, or a range of it', async () => {
        const content = randomBytes(400 * KIB)
        const target = await makeTarget({ sizeBytes: content.byteLength })
        await provider.uploadWhole(auth, target, content)

        const whole = await provider.download(auth, target.fileId)
        const range = { offsetBytes: 1000, sizeBytes: 300_000 }
        const part = await provider.download(auth, target.fileId, range)

        expect([whole.sizeBytes, part.sizeBytes]).toEqual([content.byteLength, 300_000])
        expect(whole.mimeType).toBe('application/pdf')
        expect(sha256(await readAll(whole.body))).toBe(sha256(content))
        expect(sha256(await readAll(part.body))).toBe(sha256(content.subarray(1000, 301_000)))
      })

      it('says NOT_FOUND where there is nothing', async () => {
        const call = provider.download(auth, await reserveId())

        await expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'NOT_FOUND' })
      })
    })

    describe('deleteFile', () => {
      it('deletes once and is content when nothing is left', async () => {
        const target = await makeTarget()
        await provider.uploadWhole(auth, target, Buffer.alloc(10))

        expect(await provider.deleteFile(auth, target.fileId)).toBe('deleted')
        expect(await provider.deleteFile(auth, target.fileId)).toBe('already-gone')
        expect(await provider.findFile(auth, target.fileId)).toBeUndefined()
        await expectDelivered()
      })
    })

    describe('quota', () => {
      it('counts what was delivered', async () => {
        const target = await makeTarget()
        const before = await provider.quota(auth)
        await provider.uploadWhole(auth, target, Buffer.alloc(10))
        await world.limitTo(1_000_000)

        expect(await provider.quota(auth)).toEqual({
          usedBytes: before.usedBytes + 10,
          totalBytes: 1_000_000,
        })
      })
    })

    describe('a token that the provider refuses', () => {
      it('is told by every call', async () => {
        const target = await makeTarget({ sizeBytes: CHUNK_BYTES })
        const sessionUri = await openSession(target)
        const bad = { accessToken: 'refused' }
        const folder = { folderId: target.folderId, name: 'Portage' }
        const chunk = chunkOf(Buffer.alloc(CHUNK_BYTES), 0)

        const calls = {
          reserveIds: () => provider.reserveIds(bad, 1),
          ensureFolder: () => provider.ensureFolder(bad, folder),
          findFile: () => provider.findFile(bad, target.fileId),
          uploadWhole: () =>
            provider.uploadWhole(bad, { ...target, sizeBytes: 1 }, Buffer.alloc(1)),
          openSession: () => provider.openSession(bad, target),
          sessionProgress: () => provider.sessionProgress(bad, sessionUri, target),
          sendChunk: () => provider.sendChunk(bad, sessionUri, target, chunk),
          download: () => provider.download(bad, target.fileId),
          deleteFile: () => provider.deleteFile(bad, target.fileId),
          quota: () => provider.quota(bad),
        }

        for (const [method, call] of Object.entries(calls)) {
          await expect(call(), method).rejects.toMatchObject({
            code: 'RECONNECT_NEEDED',
            tokenRejected: true,
          })
        }
      })
    })

    describe('a caller who aborts', () => {
      it('gets the own reason back', async () => {
        const reason = new Error('out of time')
        const target = await makeTarget({ sizeBytes: CHUNK_BYTES })
        const sessionUri = await openSession(target)
        const abort = new AbortController()
        async function* slow() {
          yield Buffer.alloc(1000)
          abort.abort(reason)
          yield Buffer.alloc(CHUNK_BYTES - 1000)
        }
        const chunk = { offsetBytes: 0, sizeBytes: CHUNK_BYTES, body: slow() }

        const sending = provider.sendChunk(auth, sessionUri, target, chunk, abort.signal)

        await expect(sending).rejects.toBe(reason)
        await expect(provider.quota(auth, AbortSignal.abort(reason))).rejects.toBe(reason)
      })
    })
  })
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

async function proves(
  file: Parameters<typeof provesContent>[0],
  content: Buffer,
): Promise<boolean> {
  const digests = await createFileDigests({ resumable: false, md5: true })
  digests.update(content)
  return provesContent(file, { sizeBytes: content.byteLength, ...digests.digest() })
}

function chunkOf(content: Buffer, offsetBytes: number): Chunk {
  const bytes = content.subarray(offsetBytes, offsetBytes + CHUNK_BYTES)
  return { offsetBytes, sizeBytes: bytes.byteLength, body: piecesOf(bytes) }
}

async function* piecesOf(content: Buffer, pieceBytes = 64 * KIB): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < content.byteLength; from += pieceBytes) {
    yield content.subarray(from, from + pieceBytes)
  }
}

async function readAll(body: ReadableStream<Uint8Array>): Promise<Buffer> {
  return Buffer.from(await new Response(body).arrayBuffer())
}
