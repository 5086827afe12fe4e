/** Every driver against its provider's emulator, signed in as an owner who gave storage's scopes; each test has its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { LocalClock } from '../../../infra/local/clock.ts'
import type { Emulator } from '../../../infra/local/providers/emulator.ts'
import { EMULATORS } from '../../../infra/local/providers/emulators.ts'
import { describeStorageProvider } from '../../contract/provider-contract.ts'
import { providerCall } from '../../support/owner-at-provider.ts'
import { providerToken } from '../../support/provider-token.ts'
import { PROVIDERS } from '../../support/providers.ts'

const EIGHT_DAYS_SECONDS = 8 * 24 * 3600
const REDIRECT_URI = 'http://127.0.0.1:4400/callback'

describe.each(PROVIDERS)('$name', (suite) => {
  const { requests, refusals, storageScopes: scopes } = suite
  const kind = EMULATORS[suite.id]
  const client = kind.newClient()
  const clock = new LocalClock()
  let dataDir: string
  let emulator: Emulator
  let origin: string
  let owners = 0

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), `${suite.id}-contract-`))
    emulator = kind.create({ dataDir, clock })
    emulator.registerClient({ ...client, redirectUris: [REDIRECT_URI] })
    origin = (await emulator.listen(0)).url
  })
  afterAll(async () => {
    await emulator.close()
    await rm(dataDir, { recursive: true, force: true })
  })

  async function control(path: string, body: object = {}, method = 'POST'): Promise<void> {
    const reply = await fetch(`${origin}/_emulator/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(reply.ok, `${path}: ${reply.status}`).toBe(true)
  }

  describeStorageProvider(suite, async () => {
    owners += 1
    const email = `owner-${owners}@example.com`
    const auth = { accessToken: '' }

    async function renew(): Promise<void> {
      const asked = { origin, client, redirectUri: REDIRECT_URI, scopes, email }
      auth.accessToken = await providerToken(asked)
    }

    await control('faults', {}, 'DELETE')
    await control('accounts', { email, name: `Owner ${owners}` })
    await renew()
    return {
      provider: suite.driver(origin),
      auth,
      async delivered() {
        const reply = await fetch(`${origin}/_emulator/files?account=${email}`)
        const { files } = (await reply.json()) as {
          files: { name: string; sha256: string; trashed: boolean }[]
        }
        return files.filter((file) => !file.trashed).map(({ name, sha256 }) => ({ name, sha256 }))
      },
      trash: (id) => suite.deeds.trash(providerCall(origin, auth.accessToken), id),
      limitTo: (totalBytes) => control(`accounts/${email}/quota`, { totalBytes }),
      loseNextAnswer: (step) => control('faults', { ...requests[step], action: 'apply-then-503' }),
      async refuseNext(step, name) {
        const refusal = refusals.find((one) => one.name === name)
        await control('faults', { ...requests[step], ...refusal?.fault })
      },
      storeOnly: (bytes) => control('faults', { ...requests.chunk, action: 'partial', bytes }),
      async expireSessions() {
        clock.advance(EIGHT_DAYS_SECONDS)
        await renew()
      },
      async expireToken() {
        await control(`accounts/${email}/expire-tokens`)
        await renew()
      },
      async consentAnew() {
        await control(`accounts/${email}/revoke`)
        await renew()
      },
    }
  })
})
