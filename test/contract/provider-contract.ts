/**
 * What every storage provider must do, whoever stands behind the port. The tests know the provider
 * by the port alone; what an owner or bad luck would do comes from `ProviderUnderTest`.
 */
import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { nameAtProvider } from '../../shared/providers/names.ts'
import type { ProviderAuth, StorageProvider } from '../../shared/providers/provider.ts'
import type { Manners } from './manners.ts'
import { describeRefusals } from './provider-refusals.ts'
import { describeSessions } from './provider-sessions.ts'
import {
  CHUNK_BYTES,
  ContractWorld,
  chunkOf,
  KIB,
  MIB,
  type ProviderUnderTest,
  piecesOf,
  proves,
  type Refusal,
  readAll,
  sha256,
  UNIT_BYTES,
} from './provider-world.ts'

export function describeStorageProvider(
  { name, manners, refusals }: { name: string; manners: Manners; refusals: readonly Refusal[] },
  make: () => Promise<ProviderUnderTest>,
): void {
  describe(`storage provider: ${name}`, () => {
    let world: ContractWorld
    let provider: StorageProvider
    let auth: ProviderAuth

    beforeEach(async () => {
      world = new ContractWorld(await make(), manners)
      provider = world.provider
      auth = world.auth
    })

    describe('its figures', () => {
      it('cut files at the blocks of the content hash', () => {
        expect(provider.chunkBytes).toBeGreaterThan(0)
        expect(provider.chunkBytes % (4 * MIB)).toBe(0)
        expect(provider.singleRequestBytes).toBeGreaterThan(0)
      })
    })

    describe('ids', () => {
      it('are different for different files', async () => {
        const ids = await Promise.all(
          Array.from({ length: 50 }, (_, number) => world.idFor({ name: `${number}.txt` })),
        )

        expect(new Set(ids).size).toBe(50)
      })

      it('are reserved up to a thousand at once, or made of places', async () => {
        if (provider.ids === 'paths') {
          const place = { parentId: '/Portage', name: 'a.txt' }
          expect(provider.idAt(place)).toBe(provider.idAt({ ...place }))
          return
        }
        for (const count of [1, 1000]) {
          expect(await provider.reserveIds(auth, count)).toHaveLength(count)
        }
        for (const count of [0, 1001]) {
          await expect(provider.reserveIds(auth, count)).rejects.toBeInstanceOf(RangeError)
        }
      })
    })

    describe('ensureFolder', () => {
      it('makes a folder once, however often it is called', async () => {
        const folder = await world.folder({ name: 'Portage' })

        await provider.ensureFolder(auth, folder)
        await provider.ensureFolder(auth, folder)

        const target = await world.makeTarget({ folderId: folder.folderId })
        await provider.uploadWhole(auth, target, Buffer.alloc(10))
        expect(await world.own.delivered()).toHaveLength(1)
      })

      it('makes one folder for all who make it at once', async () => {
        const folder = await world.folder({ name: 'Portage' })

        await Promise.all(Array.from({ length: 8 }, () => provider.ensureFolder(auth, folder)))

        const targets = [
          await world.makeTarget({ folderId: folder.folderId, name: 'a.txt' }),
          await world.makeTarget({ folderId: folder.folderId, name: 'b.txt' }),
        ]
        await Promise.all(
          targets.map((target) => provider.uploadWhole(auth, target, Buffer.alloc(10))),
        )
        expect(await world.own.delivered()).toHaveLength(2)
      })

      it('has made the folder when its answer is lost', async () => {
        const folder = await world.folder({ name: 'Portage' })
        await world.own.loseNextAnswer('folder')

        const first = provider.ensureFolder(auth, folder)

        await expect(first).rejects.toMatchObject({ code: 'RETRY_LATER' })
        await expect(provider.ensureFolder(auth, folder)).resolves.toBeUndefined()
      })

      it('makes folders within folders', async () => {
        const parentId = await world.makeFolder()
        const folderId = await world.makeFolder({ name: 'Invoices', parentId })
        const target = await world.makeTarget({ folderId })

        const file = await provider.uploadWhole(auth, target, Buffer.alloc(10))

        expect(file.trashed).toBe(false)
      })

      it(`where the folder around it does not exist: ${manners.missingFolder}`, async () => {
        const folder = await world.folder({ name: 'Lost', parentId: await world.unusedId() })

        const call = provider.ensureFolder(auth, folder)

        await (manners.missingFolder === 'is made'
          ? expect(call).resolves.toBeUndefined()
          : expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'PARENT_GONE' }))
      })

      it(`one that the owner has thrown away: ${manners.binnedFolder}`, async () => {
        const folder = await world.folder({ name: 'Portage' })
        await provider.ensureFolder(auth, folder)
        await world.own.trash(folder.folderId)

        const call = provider.ensureFolder(auth, folder)

        await (manners.binnedFolder === 'is made again'
          ? expect(call).resolves.toBeUndefined()
          : expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'FOLDER_GONE' }))
      })
    })

    describe('uploadWhole', () => {
      it.each([
        ['bytes', (content: Buffer) => content],
        ['a stream', (content: Buffer) => piecesOf(content)],
      ])('stores %s and proves them', async (_kind, bodyOf) => {
        const content = randomBytes(300 * KIB)
        const target = await world.makeTarget({ sizeBytes: content.byteLength })

        const file = await provider.uploadWhole(auth, target, bodyOf(content))

        expect(file).toMatchObject({ ...world.made(target), trashed: false })
        expect(await proves(file, content)).toBe(true)
        await world.expectDelivered(['report.pdf', content])
      })

      it.each([1, UNIT_BYTES - 1, UNIT_BYTES, UNIT_BYTES + 1, MIB])(
        'stores a file of %i bytes',
        async (sizeBytes) => {
          const content = randomBytes(sizeBytes)
          const target = await world.makeTarget({ sizeBytes })

          const file = await provider.uploadWhole(auth, target, content)

          expect(await proves(file, content)).toBe(true)
          await world.expectDelivered(['report.pdf', content])
        },
      )

      it('stores the largest file that one request carries', async () => {
        const content = randomBytes(provider.singleRequestBytes)
        const target = await world.makeTarget({ sizeBytes: content.byteLength })

        const file = await provider.uploadWhole(auth, target, piecesOf(content))

        expect(await proves(file, content)).toBe(true)
      })

      it('of two who send the same file at once makes one', async () => {
        const content = randomBytes(10)
        const target = await world.makeTarget()

        const files = await Promise.all([
          provider.uploadWhole(auth, target, content),
          provider.uploadWhole(auth, target, content),
        ])

        for (const file of files) expect(await proves(file, content)).toBe(true)
        await world.expectDelivered(['report.pdf', content])
      })

      it('stores an empty file', async () => {
        const target = await world.makeTarget({ sizeBytes: 0, mimeType: '' })

        const file = await provider.uploadWhole(auth, target, new Uint8Array())

        expect(await proves(file, Buffer.alloc(0))).toBe(true)
        await world.expectDelivered(['report.pdf', Buffer.alloc(0)])
      })

      it.each([
        'Résumé – "ünïcode" (1).pdf',
        "it's 100% {done} & \\ <b>.txt",
        '請求書.pdf',
        '🎉.png',
        '.env',
        '-rf',
        'con',
        'a'.repeat(251).concat('.txt'),
        'ü'.repeat(127),
      ])('keeps the name %j as far as it takes it', async (wanted) => {
        const name = nameAtProvider(provider.id, wanted)
        const target = await world.makeTarget({ name })

        const file = await provider.uploadWhole(auth, target, Buffer.alloc(10))

        expect(file.name).toBe(name)
        await world.expectDelivered([name, Buffer.alloc(10)])
      })

      it('makes one file when its answer is lost and it is called again', async () => {
        const content = randomBytes(10)
        const target = await world.makeTarget()
        await world.own.loseNextAnswer('whole')

        const first = provider.uploadWhole(auth, target, content)
        await expect(first).rejects.toMatchObject({ code: 'RETRY_LATER' })
        const file = await provider.uploadWhole(auth, target, content)

        expect(await proves(file, content)).toBe(true)
        await world.expectDelivered(['report.pdf', content])
      })

      it(`overwrites nothing: another content under the id ${manners.otherContent}`, async () => {
        const content = randomBytes(10)
        const target = await world.makeTarget()
        await provider.uploadWhole(auth, target, content)

        const other = randomBytes(10)
        const call = provider.uploadWhole(auth, target, other)

        await (manners.otherContent === 'ID_UNUSABLE'
          ? expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'ID_UNUSABLE' })
          : expect(proves(await call, other)).resolves.toBe(false))
        await world.expectDelivered(['report.pdf', content])
      })

      it(`where the folder does not exist: ${manners.missingFolder}`, async () => {
        const target = await world.makeTarget({ folderId: await world.unusedId() })

        const call = provider.uploadWhole(auth, target, Buffer.alloc(10))

        await (manners.missingFolder === 'is made'
          ? expect(call).resolves.toMatchObject({ name: 'report.pdf' })
          : expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'PARENT_GONE' }))
      })

      it('says QuotaFull when the storage is full', async () => {
        const target = await world.makeTarget()
        await world.own.limitTo(9)

        const call = provider.uploadWhole(auth, target, Buffer.alloc(10))

        await expect(call).rejects.toMatchObject({ code: 'QUOTA_FULL' })
        await world.expectDelivered()
      })

      it.each([9, 11])('stores nothing of a body that has %i bytes instead of 10', async (size) => {
        const target = await world.makeTarget()

        const call = provider.uploadWhole(auth, target, piecesOf(Buffer.alloc(size), 3))

        await expect(call).rejects.toMatchObject({ code: 'BODY_LENGTH' })
        await world.expectDelivered()
      })

      it('takes no more than one request carries', async () => {
        const target = await world.makeTarget({ sizeBytes: provider.singleRequestBytes + 1 })

        const call = provider.uploadWhole(auth, target, piecesOf(Buffer.alloc(0)))

        await expect(call).rejects.toBeInstanceOf(RangeError)
      })
    })

    describeSessions(() => world)
    describeRefusals(() => world, refusals)

    describe('findFile', () => {
      it('finds nothing under an id of which no file was made', async () => {
        expect(await provider.findFile(auth, await world.unusedId())).toBeUndefined()
      })

      it('finds a file by the id of its making and by its own', async () => {
        const target = await world.makeTarget()
        const file = await provider.uploadWhole(auth, target, Buffer.alloc(10))

        expect(await provider.findFile(auth, target.fileId)).toEqual(file)
        expect(await provider.findFile(auth, file.id)).toEqual(file)
      })

      it('takes a folder for no file', async () => {
        if (provider.ids === 'paths') {
          expect(await provider.findFile(auth, await world.makeFolder())).toBeUndefined()
        }
      })

      it(`what lies in the trash, also by way of its folder, ${manners.binnedFile}`, async () => {
        const target = await world.makeTarget()
        await provider.uploadWhole(auth, target, Buffer.alloc(10))

        await world.own.trash(target.folderId)

        const found = await provider.findFile(auth, target.fileId)
        if (manners.binnedFile === 'is gone') expect(found).toBeUndefined()
        else expect(found).toMatchObject({ trashed: true })
      })
    })

    describe('download', () => {
      it('streams the file, or a range of it', async () => {
        const content = randomBytes(400 * KIB)
        const target = await world.makeTarget({ sizeBytes: content.byteLength })
        await provider.uploadWhole(auth, target, content)

        const whole = await provider.download(auth, target.fileId)
        const range = { offsetBytes: 1000, sizeBytes: 300_000 }
        const part = await provider.download(auth, target.fileId, range)

        expect([whole.sizeBytes, part.sizeBytes]).toEqual([content.byteLength, 300_000])
        expect(whole.mimeType).toBe(
          manners.mimeType === 'is kept' ? 'application/pdf' : 'application/octet-stream',
        )
        expect(sha256(await readAll(whole.body))).toBe(sha256(content))
        expect(sha256(await readAll(part.body))).toBe(sha256(content.subarray(1000, 301_000)))
      })

      it.each([
        ['its first byte', 0, 1, 1],
        ['its last byte', 9, 1, 1],
        ['all of it', 0, 10, 10],
        ['what is left where the range goes beyond its end', 7, 100, 3],
      ])('gives %s', async (_case, offsetBytes, sizeBytes, givenBytes) => {
        const content = randomBytes(10)
        const target = await world.makeTarget()
        await provider.uploadWhole(auth, target, content)

        const part = await provider.download(auth, target.fileId, { offsetBytes, sizeBytes })

        expect(part.sizeBytes).toBe(givenBytes)
        expect(await readAll(part.body)).toEqual(
          content.subarray(offsetBytes).subarray(0, sizeBytes),
        )
      })

      it('refuses a range that begins beyond the end', async () => {
        const target = await world.makeTarget()
        await provider.uploadWhole(auth, target, Buffer.alloc(10))

        const call = provider.download(auth, target.fileId, { offsetBytes: 10, sizeBytes: 1 })

        await expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'INVALID' })
      })

      it('gives an empty file', async () => {
        const target = await world.makeTarget({ sizeBytes: 0 })
        await provider.uploadWhole(auth, target, new Uint8Array())

        const { body, sizeBytes } = await provider.download(auth, target.fileId)

        expect(sizeBytes).toBe(0)
        expect(await readAll(body)).toEqual(Buffer.alloc(0))
      })

      it('says NOT_FOUND of a deleted file', async () => {
        const target = await world.makeTarget()
        await provider.uploadWhole(auth, target, Buffer.alloc(10))
        await provider.deleteFile(auth, target.fileId)

        const call = provider.download(auth, target.fileId)

        await expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'NOT_FOUND' })
      })

      it('says NOT_FOUND where there is nothing', async () => {
        const call = provider.download(auth, await world.unusedId())

        await expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'NOT_FOUND' })
      })
    })

    describe('downloadLink, where there is one', () => {
      it('gives the file without a token', async () => {
        const content = randomBytes(10)
        const file = await provider.uploadWhole(auth, await world.makeTarget(), content)

        const link = await provider.downloadLink?.(auth, file.id)

        expect(typeof link).toBe(world.manners.downloadLink)
        if (link === undefined) return
        const reply = await fetch(link)
        expect(Buffer.from(await reply.arrayBuffer())).toEqual(content)
      })

      it('says NOT_FOUND where there is nothing', async () => {
        if (!provider.downloadLink) return

        const call = provider.downloadLink(auth, await world.unusedId())

        await expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'NOT_FOUND' })
      })
    })

    describe('deleteFile', () => {
      it('deletes once and is content when nothing is left', async () => {
        const target = await world.makeTarget()
        await provider.uploadWhole(auth, target, Buffer.alloc(10))

        expect(await provider.deleteFile(auth, target.fileId)).toBe('deleted')
        expect(await provider.deleteFile(auth, target.fileId)).toBe('already-gone')
        expect(await provider.findFile(auth, target.fileId)).toBeUndefined()
        await world.expectDelivered()
      })

      it('has deleted when its answer is lost', async () => {
        const target = await world.makeTarget()
        await provider.uploadWhole(auth, target, Buffer.alloc(10))
        await world.own.loseNextAnswer('delete')

        const first = provider.deleteFile(auth, target.fileId)

        await expect(first).rejects.toMatchObject({ code: 'RETRY_LATER' })
        expect(await provider.deleteFile(auth, target.fileId)).toBe('already-gone')
      })

      it('deletes by the own id of a file', async () => {
        const target = await world.makeTarget()
        const file = await provider.uploadWhole(auth, target, Buffer.alloc(10))

        expect(await provider.deleteFile(auth, file.id)).toBe('deleted')
        expect(await provider.deleteFile(auth, file.id)).toBe('already-gone')
        await world.expectDelivered()
      })

      it('leaves nothing of what lies in the trash', async () => {
        const target = await world.makeTarget()
        await provider.uploadWhole(auth, target, Buffer.alloc(10))
        await world.own.trash(target.fileId)

        expect(await provider.deleteFile(auth, target.fileId)).toBe(
          manners.binnedFile === 'is gone' ? 'already-gone' : 'deleted',
        )
        expect(await provider.findFile(auth, target.fileId)).toBeUndefined()
      })

      it('finds nothing under an id that was never used', async () => {
        expect(await provider.deleteFile(auth, await world.unusedId())).toBe('already-gone')
      })
    })

    describe('quota', () => {
      it('counts what was delivered', async () => {
        const target = await world.makeTarget()
        const before = await provider.quota(auth)
        await provider.uploadWhole(auth, target, Buffer.alloc(10))
        await world.own.limitTo(1_000_000)

        expect(await provider.quota(auth)).toEqual({
          usedBytes: before.usedBytes + 10,
          totalBytes: 1_000_000,
        })
      })
    })

    describe('a token that the provider refuses', () => {
      it('is told by every call', async () => {
        const target = await world.makeTarget({ sizeBytes: CHUNK_BYTES })
        const sessionUri = await world.openSession(target)
        const bad = { accessToken: 'refused' }
        const folder = { folderId: target.folderId, name: 'Portage' }
        const chunk = chunkOf(Buffer.alloc(CHUNK_BYTES), 0)
        const reserving = provider.ids === 'reserved' ? provider : undefined

        const calls = {
          ...(reserving && { reserveIds: () => reserving.reserveIds(bad, 1) }),
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
        const target = await world.makeTarget({ sizeBytes: CHUNK_BYTES })
        const sessionUri = await world.openSession(target)
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
