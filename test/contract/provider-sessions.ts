/** What an upload session must do: believe the provider's offset, survive whatever is lost, make one file. */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Progress, UploadTarget } from '../../shared/providers/provider.ts'
import {
  CHUNK_BYTES,
  type ContractWorld,
  chunkOf,
  KIB,
  MIB,
  proves,
  UNIT_BYTES,
} from './provider-world.ts'

/** What may become of one chunk, in units of 256 KiB. */
interface Mishap {
  chunkUnits: number
  storedUnits: number | null
  isAnswerLost: boolean
  /** How far before the provider's offset the chunk begins. */
  overlapUnits: number
}

const mishap: fc.Arbitrary<Mishap> = fc.record({
  chunkUnits: fc.integer({ min: 1, max: 6 }),
  storedUnits: fc.option(fc.integer({ min: 0, max: 6 })),
  isAnswerLost: fc.boolean(),
  overlapUnits: fc.integer({ min: 0, max: 3 }),
})

export function describeSessions(use: () => ContractWorld): void {
  let world: ContractWorld
  beforeEach(() => {
    world = use()
  })

  describe('a session', () => {
    const content = randomBytes(2 * CHUNK_BYTES + 12_345)

    it('takes a file in chunks and says where it is', async () => {
      const target = await world.makeTarget({ sizeBytes: content.byteLength })
      const sessionUri = await world.openSession(target)

      const atFirst = await world.ask(sessionUri, target)
      const afterOne = await world.sendFrom(sessionUri, target, content, 0)
      const asked = await world.ask(sessionUri, target)
      const file = await world.sendRest(sessionUri, target, content)

      expect(atFirst).toEqual({ state: 'partial', offsetBytes: 0 })
      expect(afterOne).toEqual({ state: 'partial', offsetBytes: CHUNK_BYTES })
      expect(asked).toEqual(afterOne)
      expect(file).toMatchObject(world.made(target))
      expect(await proves(file, content)).toBe(true)
      await world.expectDelivered(['report.pdf', content])
    })

    it.each([
      1,
      UNIT_BYTES - 1,
      UNIT_BYTES,
      UNIT_BYTES + 1,
      CHUNK_BYTES - 1,
      CHUNK_BYTES,
      CHUNK_BYTES + 1,
      2 * CHUNK_BYTES - 1,
      2 * CHUNK_BYTES,
      2 * CHUNK_BYTES + 1,
      3 * CHUNK_BYTES + UNIT_BYTES + 1,
    ])('takes a file of %i bytes', async (sizeBytes) => {
      const bytes = randomBytes(sizeBytes)
      const target = await world.makeTarget({ sizeBytes })

      const file = await world.sendRest(await world.openSession(target), target, bytes)

      expect(await proves(file, bytes)).toBe(true)
      await world.expectDelivered(['report.pdf', bytes])
    })

    it('goes on from any byte that the provider names, whatever becomes of its chunks', async () => {
      const bytes = randomBytes(12 * UNIT_BYTES + 777)
      const whole = { chunkUnits: 6, storedUnits: null, isAnswerLost: false, overlapUnits: 0 }
      await fc.assert(
        fc.asyncProperty(fc.array(mishap, { maxLength: 6 }), async (mishaps) => {
          const target = await world.makeTarget({ sizeBytes: bytes.byteLength })
          const sessionUri = await world.openSession(target)
          let progress = await world.ask(sessionUri, target)
          for (const next of mishaps) {
            if (progress.state === 'complete') break
            const { offsetBytes } = progress
            progress = await suffer(next, { sessionUri, target, bytes, offsetBytes })
          }
          const file =
            progress.state === 'complete'
              ? progress.file
              : await world.sendRest(sessionUri, target, bytes)
          expect(await proves(file, bytes)).toBe(true)
        }),
        {
          numRuns: 12,
          // Mishaps seldom reach the file's end by chance.
          examples: [[[whole, whole, whole]], [[whole, whole, { ...whole, isAnswerLost: true }]]],
        },
      )
    })

    it('names its file when it is asked after its end, or is lost; the file is found either way', async () => {
      const small = content.subarray(0, 700 * KIB)
      const target = await world.makeTarget({ sizeBytes: small.byteLength })
      const sessionUri = await world.openSession(target)
      const file = await world.sendRest(sessionUri, target, small)

      const question = world.ask(sessionUri, target)

      await (world.manners.endedSession === 'is lost'
        ? expect(question).rejects.toMatchObject({ code: 'SESSION_LOST' })
        : expect(question).resolves.toEqual({ state: 'complete', file }))
      expect(await world.provider.openSession(world.auth, target)).toEqual({ file })
      await world.expectDelivered(['report.pdf', small])
    })

    it('goes on after a chunk that overlaps what it has', async () => {
      const target = await world.makeTarget({ sizeBytes: content.byteLength })
      const sessionUri = await world.openSession(target)
      await world.sendFrom(sessionUri, target, content, 0)

      const progress = await world.sendFrom(sessionUri, target, content, CHUNK_BYTES - UNIT_BYTES)
      const file = await world.sendRest(sessionUri, target, content)

      const reachedBytes =
        world.manners.overlap === 'is skipped' ? 2 * CHUNK_BYTES - UNIT_BYTES : CHUNK_BYTES
      expect(progress).toEqual({ state: 'partial', offsetBytes: reachedBytes })
      expect(await proves(file, content)).toBe(true)
    })

    it('never fills a gap: a chunk that leaves one is not taken', async () => {
      const target = await world.makeTarget({ sizeBytes: content.byteLength })
      const sessionUri = await world.openSession(target)

      const call = world.sendFrom(sessionUri, target, content, CHUNK_BYTES)

      await (world.manners.gap === 'SESSION_LOST'
        ? expect(call).rejects.toMatchObject({ code: 'SESSION_LOST' })
        : expect(call).resolves.toEqual({ state: 'partial', offsetBytes: 0 }))
      expect(await world.provider.findFile(world.auth, target.fileId)).toBeUndefined()
      await world.expectDelivered()
    })

    it('is opened again when the answer to its opening was lost, and makes one file', async () => {
      const small = content.subarray(0, 700 * KIB)
      const target = await world.makeTarget({ sizeBytes: small.byteLength })
      await world.own.loseNextAnswer('begin')

      const call = world.provider.openSession(world.auth, target)
      await expect(call).rejects.toMatchObject({ code: 'RETRY_LATER' })
      await world.sendRest(await world.openSession(target), target, small)

      await world.expectDelivered(['report.pdf', small])
    })

    it('goes on with a fresh token when the old one runs out in its middle', async () => {
      const target = await world.makeTarget({ sizeBytes: content.byteLength })
      const sessionUri = await world.openSession(target)
      await world.sendFrom(sessionUri, target, content, 0)
      const old = { ...world.auth }
      await world.own.expireToken()

      const chunk = chunkOf(content, CHUNK_BYTES)
      const call = world.provider.sendChunk(old, sessionUri, target, chunk)

      await expect(call).rejects.toMatchObject({ code: 'RECONNECT_NEEDED', tokenRejected: true })
      const file = await world.sendRest(sessionUri, target, content)
      expect(await proves(file, content)).toBe(true)
      await world.expectDelivered(['report.pdf', content])
    })

    it('does not outlive a withdrawn consent with its token, and makes one file after a new one', async () => {
      const target = await world.makeTarget({ sizeBytes: content.byteLength })
      const sessionUri = await world.openSession(target)
      await world.sendFrom(sessionUri, target, content, 0)
      const old = { ...world.auth }
      await world.own.consentAnew()

      const question = world.provider.sessionProgress(old, sessionUri, target)

      await expect(question).rejects.toMatchObject({ code: 'RECONNECT_NEEDED' })
      await world.sendRest(sessionUri, target, content)
      await world.expectDelivered(['report.pdf', content])
    })

    it('of two who send the same file at once makes one', async () => {
      const small = content.subarray(0, 700 * KIB)
      const target = await world.makeTarget({ sizeBytes: small.byteLength })
      const sessions = [await world.openSession(target), await world.openSession(target)]

      const files = await Promise.all(
        sessions.map((sessionUri) => world.sendRest(sessionUri, target, small)),
      )

      for (const file of files) expect(await proves(file, small)).toBe(true)
      await world.expectDelivered(['report.pdf', small])
    })

    it('shows no file before its last byte', async () => {
      const target = await world.makeTarget({ sizeBytes: content.byteLength })

      await world.sendFrom(await world.openSession(target), target, content, 0)

      expect(await world.provider.findFile(world.auth, target.fileId)).toBeUndefined()
      await world.expectDelivered()
    })

    it('goes on where the provider is when only a part of a chunk was stored', async () => {
      const target = await world.makeTarget({ sizeBytes: content.byteLength })
      const sessionUri = await world.openSession(target)
      await world.own.storeOnly(768 * KIB)

      const sent = world.sendFrom(sessionUri, target, content, 0)
      if (world.manners.partOfChunk === 'is told when asked') {
        await expect(sent).rejects.toMatchObject({ code: 'RETRY_LATER' })
      } else await sent
      const progress = await world.ask(sessionUri, target)
      const file = await world.sendRest(sessionUri, target, content)

      expect(progress).toEqual({ state: 'partial', offsetBytes: 768 * KIB })
      expect(await proves(file, content)).toBe(true)
      await world.expectDelivered(['report.pdf', content])
    })

    it('takes a chunk that it has already', async () => {
      const target = await world.makeTarget({ sizeBytes: content.byteLength })
      const sessionUri = await world.openSession(target)
      await world.sendFrom(sessionUri, target, content, 0)

      const again = await world.sendFrom(sessionUri, target, content, 0)
      const file = await world.sendRest(sessionUri, target, content)

      expect(again).toEqual({ state: 'partial', offsetBytes: CHUNK_BYTES })
      expect(await proves(file, content)).toBe(true)
    })

    it('knows the bytes of a chunk whose answer was lost', async () => {
      const target = await world.makeTarget({ sizeBytes: content.byteLength })
      const sessionUri = await world.openSession(target)
      await world.own.loseNextAnswer('chunk')

      const call = world.sendFrom(sessionUri, target, content, 0)
      await expect(call).rejects.toMatchObject({ code: 'RETRY_LATER' })

      expect(await world.ask(sessionUri, target)).toEqual({
        state: 'partial',
        offsetBytes: CHUNK_BYTES,
      })
    })

    it('has the file when the answer to its last chunk was lost', async () => {
      const small = content.subarray(0, 700 * KIB)
      const target = await world.makeTarget({ sizeBytes: small.byteLength })
      const sessionUri = await world.openSession(target)
      await world.own.loseNextAnswer('chunk')

      const call = world.sendFrom(sessionUri, target, small, 0)
      await expect(call).rejects.toMatchObject({ code: 'RETRY_LATER' })
      const progress = await world.ask(sessionUri, target)

      expect(progress).toMatchObject({ state: 'complete', file: world.made(target) })
      await world.expectDelivered(['report.pdf', small])
    })

    it('is lost after its time; a new one for the same target makes one file', async () => {
      const target = await world.makeTarget({ sizeBytes: content.byteLength })
      const lost = await world.openSession(target)
      await world.sendFrom(lost, target, content, 0)
      await world.own.expireSessions()

      await expect(world.ask(lost, target)).rejects.toMatchObject({
        code: 'SESSION_LOST',
      })
      await expect(world.sendFrom(lost, target, content, CHUNK_BYTES)).rejects.toMatchObject({
        code: 'SESSION_LOST',
      })
      const file = await world.sendRest(await world.openSession(target), target, content)

      expect(await proves(file, content)).toBe(true)
      await world.expectDelivered(['report.pdf', content])
    })

    it('is not opened for a file that is there: that is returned', async () => {
      const target = await world.makeTarget()
      const file = await world.provider.uploadWhole(world.auth, target, Buffer.alloc(10))

      expect(await world.provider.openSession(world.auth, target)).toEqual({ file })
    })

    it('ends with the file that another session made meanwhile', async () => {
      const small = content.subarray(0, 700 * KIB)
      const target = await world.makeTarget({ sizeBytes: small.byteLength })
      const slow = await world.openSession(target)
      const file = await world.sendRest(await world.openSession(target), target, small)

      const progress = await world.sendFrom(slow, target, small, 0)

      expect(progress).toEqual({ state: 'complete', file })
      await world.expectDelivered(['report.pdf', small])
    })

    it('is opened where the folder does not exist, or says PARENT_GONE', async () => {
      const target = await world.makeTarget({ folderId: await world.unusedId() })

      const call = world.provider.openSession(world.auth, target)

      await (world.manners.missingFolder === 'is made'
        ? expect(call).resolves.toMatchObject({ sessionUri: expect.any(String) })
        : expect(call).rejects.toMatchObject({ code: 'REJECTED', reason: 'PARENT_GONE' }))
    })

    it('says QuotaFull when the file does not fit', async () => {
      const target = await world.makeTarget({ sizeBytes: content.byteLength })
      await world.own.limitTo(MIB)

      const call = world.provider.openSession(world.auth, target)

      await expect(call).rejects.toMatchObject({ code: 'QUOTA_FULL' })
    })

    it('stores nothing of a chunk that breaks off at its source', async () => {
      const target = await world.makeTarget({ sizeBytes: content.byteLength })
      const sessionUri = await world.openSession(target)
      const failure = new Error('the source broke')
      async function* broken() {
        yield content.subarray(0, 64 * KIB)
        throw failure
      }
      const chunk = { offsetBytes: 0, sizeBytes: CHUNK_BYTES, body: broken() }

      const call = world.provider.sendChunk(world.auth, sessionUri, target, chunk)

      await expect(call).rejects.toBe(failure)
      const file = await world.sendRest(sessionUri, target, content)
      expect(await proves(file, content)).toBe(true)
    })
  })

  /** Sends one chunk with its mishap and asks where the session is; an end is told once, and not asked for again. */
  async function suffer(
    { chunkUnits, storedUnits, isAnswerLost, overlapUnits }: Mishap,
    session: { sessionUri: string; target: UploadTarget; bytes: Buffer; offsetBytes: number },
  ): Promise<Progress> {
    const { sessionUri, target, bytes } = session
    const offsetBytes = Math.max(0, session.offsetBytes - overlapUnits * UNIT_BYTES)
    const chunkBytes = chunkUnits * UNIT_BYTES
    const storedBytes = Math.min(chunkUnits, storedUnits ?? chunkUnits) * UNIT_BYTES
    if (isAnswerLost) await world.own.loseNextAnswer('chunk')
    else if (storedUnits !== null) await world.own.storeOnly(storedBytes)

    const sent = world.sendFrom(sessionUri, target, bytes, offsetBytes, chunkBytes)

    const isBroken =
      !isAnswerLost && storedBytes < Math.min(chunkBytes, bytes.byteLength - offsetBytes)
    const { overlap, partOfChunk } = world.manners
    const isTaken = offsetBytes === session.offsetBytes || overlap === 'is skipped'
    const cannotTell = isBroken && isTaken && partOfChunk === 'is told when asked'
    if (isAnswerLost || cannotTell) {
      await expect(sent).rejects.toMatchObject({ code: 'RETRY_LATER' })
    } else {
      const told = await sent
      if (told.state === 'complete') return told
      expect(told).toEqual(await world.ask(sessionUri, target))
    }
    const asked = await world.ask(sessionUri, target)
    if (asked.state === 'partial') {
      expect(asked.offsetBytes).toBeGreaterThanOrEqual(session.offsetBytes)
      expect(asked.offsetBytes).toBeLessThanOrEqual(
        Math.max(session.offsetBytes, offsetBytes + chunkBytes),
      )
    }
    return asked
  }
}
