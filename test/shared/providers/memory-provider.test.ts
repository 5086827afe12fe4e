import { expect, it } from 'vitest'
import { QuotaFull, ReconnectNeeded, RetryLater } from '../../../shared/providers/failures.ts'
import { RESERVING_MANNERS } from '../../contract/manners.ts'
import { describeStorageProvider } from '../../contract/provider-contract.ts'
import { brokenConnection, createMemoryProvider } from '../../support/memory-provider.ts'

const AUTH = { accessToken: 'live' }
const diagnostics = { provider: 'google_drive' } as const

const METHODS = {
  whole: 'uploadWhole',
  begin: 'openSession',
  chunk: 'sendChunk',
  ask: 'sessionProgress',
  folder: 'ensureFolder',
  delete: 'deleteFile',
} as const

/** Every word that a provider may say, by the failure itself. */
const FAILURES: Record<string, Error> = {
  'a rate limit': new RetryLater({ reason: 'RATE_LIMITED', afterMs: 7000, diagnostics }),
  'an outage': new RetryLater({ reason: 'UNAVAILABLE', diagnostics }),
  'a broken connection': brokenConnection(),
  'full storage': new QuotaFull({ diagnostics }),
  'a refused token': new ReconnectNeeded({ tokenRejected: true, diagnostics }),
}

describeStorageProvider(
  {
    name: 'memory',
    manners: RESERVING_MANNERS,
    refusals: Object.entries(FAILURES).map(([name, failure]) => ({ name, word: { ...failure } })),
  },
  async () => {
    const memory = createMemoryProvider()
    const auth = { ...AUTH }
    memory.rejectToken('refused')
    let tokens = 1

    async function replaceToken(): Promise<void> {
      memory.rejectToken(auth.accessToken)
      tokens += 1
      auth.accessToken = `live-${tokens}`
    }

    return {
      provider: memory,
      auth,
      delivered: async () =>
        memory
          .files()
          .filter((file) => !file.trashed)
          .map(({ name, sha256 = '' }) => ({ name, sha256 })),
      trash: async (id) => memory.trash(id),
      limitTo: async (totalBytes) => memory.limitTo(totalBytes),
      loseNextAnswer: async (step) =>
        memory.failNext(METHODS[step], brokenConnection(), { applied: true }),
      refuseNext: async (step, name) =>
        memory.failNext(METHODS[step], FAILURES[name] ?? new Error(name)),
      storeOnly: async (sizeBytes) => memory.storeOnly(sizeBytes),
      expireSessions: async () => memory.expireSessions(),
      expireToken: replaceToken,
      consentAnew: replaceToken,
    }
  },
)

it('fails a call before it has any effect, when told so', async () => {
  const memory = createMemoryProvider()
  const failure = brokenConnection()
  memory.failNext('reserveIds', failure)

  await expect(memory.reserveIds(AUTH, 1)).rejects.toBe(failure)
  await expect(memory.reserveIds(AUTH, 1)).resolves.toHaveLength(1)
  expect(memory.calls).toEqual(['reserveIds', 'reserveIds'])
})
