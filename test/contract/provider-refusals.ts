/** Whatever a provider refuses, it is told in one of the five words, and afterwards the file arrives once. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  type ContractWorld,
  MIB,
  proves,
  type Refusal,
  sha256,
  UNIT_BYTES,
} from './provider-world.ts'

const CONTENT = randomBytes(MIB)

export function describeRefusals(use: () => ContractWorld, refusals: readonly Refusal[]): void {
  describe.each(refusals)('the refusal $name', ({ name, word }) => {
    it('costs a file in one request nothing but time', async () => {
      const world = use()
      const target = await world.makeTarget()
      const content = CONTENT.subarray(0, target.sizeBytes)
      await world.own.refuseNext('whole', name)

      const refused = world.provider.uploadWhole(world.auth, target, content)

      await expect(refused).rejects.toMatchObject(word)
      const file = await world.provider.uploadWhole(world.auth, target, content)
      expect(await proves(file, content)).toBe(true)
      expect(await world.own.delivered()).toHaveLength(1)
    })

    it('costs a session nothing but time, at its beginning, at a chunk and at a question', async () => {
      const world = use()
      const target = await world.makeTarget({ sizeBytes: CONTENT.byteLength })
      await world.own.refuseNext('begin', name)
      await expect(world.provider.openSession(world.auth, target)).rejects.toMatchObject(word)
      const sessionUri = await world.openSession(target)
      await world.sendFrom(sessionUri, target, CONTENT, 0, UNIT_BYTES)

      await world.own.refuseNext('chunk', name)
      const chunk = world.sendFrom(sessionUri, target, CONTENT, UNIT_BYTES, UNIT_BYTES)
      await expect(chunk).rejects.toMatchObject(word)
      await world.own.refuseNext('ask', name)
      await expect(world.ask(sessionUri, target)).rejects.toMatchObject(word)

      expect(await world.ask(sessionUri, target)).toEqual({
        state: 'partial',
        offsetBytes: UNIT_BYTES,
      })
      await world.sendRest(sessionUri, target, CONTENT)
      expect(await world.own.delivered()).toEqual([{ name: target.name, sha256: sha256(CONTENT) }])
    })
  })
}
