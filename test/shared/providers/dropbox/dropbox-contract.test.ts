/** The Dropbox driver against the emulator, signed in as an owner who gave storage's scopes; each test has its own. */
import { afterAll, beforeAll, expect } from 'vitest'
import { createDropboxProvider } from '../../../../shared/providers/dropbox/driver.ts'
import { describeStorageProvider } from '../../../contract/provider-contract.ts'
import type { LosableStep, Refusal } from '../../../contract/provider-world.ts'
import {
  type Fixture,
  signIn,
  startEmulator,
} from '../../../local/providers/dropbox/emulator-fixture.ts'

const EIGHT_DAYS_SECONDS = 8 * 24 * 3600

/** The request by which the driver takes each step. */
const ROUTES: Record<LosableStep, string> = {
  whole: '/2/files/upload_session/start',
  begin: '/2/files/upload_session/start',
  chunk: '/2/files/upload_session/append_v2',
  ask: '/2/files/upload_session/append_v2',
  folder: '/2/files/create_folder_v2',
  delete: '/2/files/delete_v2',
}

const RATE_LIMITED = { code: 'RETRY_LATER', reason: 'RATE_LIMITED' }
const UNAVAILABLE = { code: 'RETRY_LATER', reason: 'UNAVAILABLE' }

/** https://www.dropbox.com/developers/documentation/http/documentation#error-handling */
const REFUSALS: (Refusal & { fault: Record<string, unknown> })[] = [
  {
    name: '429 too_many_requests',
    fault: { action: 'status:429:too_many_requests', retryAfterSeconds: 7 },
    word: { ...RATE_LIMITED, afterMs: 7000 },
  },
  {
    name: '429 too_many_write_operations',
    fault: { action: 'status:429:too_many_write_operations' },
    word: RATE_LIMITED,
  },
  { name: '408', fault: { action: 'status:408' }, word: UNAVAILABLE },
  { name: '500', fault: { action: 'status:500' }, word: UNAVAILABLE },
  { name: '502', fault: { action: 'status:502' }, word: UNAVAILABLE },
  {
    name: '503 with Retry-After',
    fault: { action: 'status:503', retryAfterSeconds: 2 },
    word: { ...UNAVAILABLE, afterMs: 2000 },
  },
  { name: '504', fault: { action: 'status:504' }, word: UNAVAILABLE },
  {
    name: '401 expired_access_token',
    fault: { action: 'status:401:expired_access_token' },
    word: { code: 'RECONNECT_NEEDED', tokenRejected: true },
  },
  {
    name: '401 missing_scope',
    fault: { action: 'status:401:missing_scope' },
    word: { code: 'RECONNECT_NEEDED', tokenRejected: false },
  },
  {
    name: '403 no_permission',
    fault: { action: 'status:403:no_permission' },
    word: { code: 'REJECTED', reason: 'FORBIDDEN' },
  },
  {
    name: 'a reset connection',
    fault: { action: 'reset', bytes: 0 },
    word: { code: 'RETRY_LATER', reason: 'NETWORK' },
  },
]

let emulator: Fixture
let owners = 0
const cleanups: (() => Promise<void>)[] = []
beforeAll(async () => {
  emulator = await startEmulator((work) => cleanups.push(work))
})
afterAll(async () => {
  for (const work of cleanups.reverse()) await work()
})

async function control(path: string, body: object = {}, method = 'POST'): Promise<void> {
  const reply = await fetch(`${emulator.url}/_emulator/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(reply.ok, `${path}: ${reply.status}`).toBe(true)
}

describeStorageProvider(
  'Dropbox',
  async () => {
    owners += 1
    const email = `owner-${owners}@example.com`
    const auth = { accessToken: '' }

    async function renew(): Promise<void> {
      auth.accessToken = (await signIn(emulator, {}, email)).access_token
    }

    await control('faults', {}, 'DELETE')
    await control('accounts', { email, name: `Owner ${owners}` })
    await renew()
    const { url } = emulator
    return {
      provider: createDropboxProvider({ apiUrl: url, contentUrl: url }),
      auth,
      async delivered() {
        const reply = await fetch(`${url}/_emulator/files?account=${email}`)
        const { files } = (await reply.json()) as { files: { name: string; sha256: string }[] }
        return files.map(({ name, sha256 }) => ({ name, sha256 }))
      },
      async trash(path) {
        const reply = await fetch(`${url}/2/files/delete_v2`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${auth.accessToken}`,
            'content-type': 'application/json',
          },
          body: JSON.stringify({ path }),
        })
        expect(reply.status).toBe(200)
      },
      limitTo: (totalBytes) => control(`accounts/${email}/quota`, { totalBytes }),
      loseNextAnswer: (step) =>
        control('faults', { route: ROUTES[step], action: 'apply-then-503' }),
      async refuseNext(step, name) {
        const refusal = REFUSALS.find((one) => one.name === name)
        await control('faults', { route: ROUTES[step], ...refusal?.fault })
      },
      storeOnly: (bytes) => control('faults', { route: ROUTES.chunk, action: 'partial', bytes }),
      async expireSessions() {
        emulator.clock.advance(EIGHT_DAYS_SECONDS)
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
  },
  REFUSALS,
)
