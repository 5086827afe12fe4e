/** The Drive driver against the Google emulator, signed in as an owner who gave `drive.file`; each test has its own. */
import { afterAll, beforeAll, expect } from 'vitest'
import { createDriveProvider } from '../../../../shared/providers/drive/driver.ts'
import { describeStorageProvider } from '../../../contract/provider-contract.ts'
import type { LosableStep, Refusal } from '../../../contract/provider-world.ts'
import {
  type Fixture,
  signIn,
  startEmulator,
} from '../../../local/providers/google/emulator-fixture.ts'

const UPLOADS = '/upload/drive/v3/files'
const EIGHT_DAYS_SECONDS = 8 * 24 * 3600

/** The request by which the driver takes each step. */
const REQUESTS: Record<LosableStep, { method: string; route: string }> = {
  whole: { method: 'POST', route: `${UPLOADS}?uploadType=multipart` },
  begin: { method: 'POST', route: `${UPLOADS}?uploadType=resumable` },
  chunk: { method: 'PUT', route: `${UPLOADS}?upload_id` },
  ask: { method: 'PUT', route: `${UPLOADS}?upload_id` },
  folder: { method: 'POST', route: '/drive/v3/files' },
  delete: { method: 'DELETE', route: '/drive/v3/files' },
}

const RATE_LIMITED = { code: 'RETRY_LATER', reason: 'RATE_LIMITED' }
const UNAVAILABLE = { code: 'RETRY_LATER', reason: 'UNAVAILABLE' }

/** https://developers.google.com/workspace/drive/api/guides/handle-errors */
const REFUSALS: (Refusal & { fault: Record<string, unknown> })[] = [
  {
    name: '403 userRateLimitExceeded',
    fault: { action: 'status:403:userRateLimitExceeded' },
    word: RATE_LIMITED,
  },
  {
    name: '403 rateLimitExceeded',
    fault: { action: 'status:403:rateLimitExceeded' },
    word: RATE_LIMITED,
  },
  { name: '429', fault: { action: 'status:429' }, word: RATE_LIMITED },
  {
    name: '429 with Retry-After',
    fault: { action: 'status:429', retryAfterSeconds: 7 },
    word: { ...RATE_LIMITED, afterMs: 7000 },
  },
  {
    name: '403 of the daily upload limit',
    fault: { action: 'status:403:userRateLimitExceeded', message: 'User rate limit exceeded.' },
    word: { code: 'RETRY_LATER', reason: 'DAILY_LIMIT' },
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
    name: '403 storageQuotaExceeded',
    fault: { action: 'status:403:storageQuotaExceeded' },
    word: { code: 'QUOTA_FULL' },
  },
  {
    name: '401 authError',
    fault: { action: 'status:401:authError' },
    word: { code: 'RECONNECT_NEEDED', tokenRejected: true },
  },
  {
    name: '403 insufficientPermissions',
    fault: { action: 'status:403:insufficientPermissions' },
    word: { code: 'RECONNECT_NEEDED', tokenRejected: false },
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
  'Google Drive',
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
    return {
      provider: createDriveProvider({ apiUrl: emulator.url }),
      auth,
      async delivered() {
        const reply = await fetch(`${emulator.url}/_emulator/files?account=${email}`)
        const { files } = (await reply.json()) as {
          files: { name: string; sha256: string; trashed: boolean }[]
        }
        return files.filter((file) => !file.trashed).map(({ name, sha256 }) => ({ name, sha256 }))
      },
      async trash(id) {
        const reply = await fetch(`${emulator.url}/drive/v3/files/${id}`, {
          method: 'PATCH',
          headers: {
            authorization: `Bearer ${auth.accessToken}`,
            'content-type': 'application/json',
          },
          body: '{"trashed":true}',
        })
        expect(reply.status).toBe(200)
      },
      limitTo: (totalBytes) => control(`accounts/${email}/quota`, { totalBytes }),
      loseNextAnswer: (step) => control('faults', { ...REQUESTS[step], action: 'apply-then-503' }),
      async refuseNext(step, name) {
        const refusal = REFUSALS.find((one) => one.name === name)
        await control('faults', { ...REQUESTS[step], ...refusal?.fault })
      },
      storeOnly: (bytes) => control('faults', { ...REQUESTS.chunk, action: 'partial', bytes }),
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
