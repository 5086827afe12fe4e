import { expect, it } from 'vitest'
import { brokenConnection, createMemoryProvider } from '../../../shared/providers/memory.ts'
import { describeStorageProvider } from '../../contract/provider-contract.ts'

const AUTH = { accessToken: 'live' }

describeStorageProvider('memory', async () => {
  const memory = createMemoryProvider()
  memory.rejectToken('refused')
  return {
    provider: memory,
    auth: AUTH,
    delivered: async () =>
      memory
        .files()
        .filter((file) => !file.trashed)
        .map(({ name, sha256 = '' }) => ({ name, sha256 })),
    trash: async (id) => memory.trash(id),
    limitTo: async (totalBytes) => memory.limitTo(totalBytes),
    loseNextAnswer: async () => {
      for (const method of ['uploadWhole', 'sendChunk'] as const) {
        memory.failNext(method, brokenConnection(), { applied: true })
      }
    },
    storeOnly: async (sizeBytes) => memory.storeOnly(sizeBytes),
    expireSessions: async () => memory.expireSessions(),
  }
})

it('fails a call before it has any effect, when told so', async () => {
  const memory = createMemoryProvider()
  const failure = brokenConnection()
  memory.failNext('reserveIds', failure)

  await expect(memory.reserveIds(AUTH, 1)).rejects.toBe(failure)
  await expect(memory.reserveIds(AUTH, 1)).resolves.toHaveLength(1)
  expect(memory.calls).toEqual(['reserveIds', 'reserveIds'])
})
