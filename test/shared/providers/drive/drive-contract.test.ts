/** The Drive driver against the Google emulator, signed in as an owner who gave `drive.file`. */
import { expect } from 'vitest'
import { createDriveProvider } from '../../../../shared/providers/drive/driver.ts'
import { describeStorageProvider } from '../../../contract/provider-contract.ts'
import { signIn, startEmulator } from '../../../local/providers/google/emulator-fixture.ts'

const OWNER = 'owner@example.com'
const UPLOADS = '/upload/drive/v3/files'
const EIGHT_DAYS_SECONDS = 8 * 24 * 3600

describeStorageProvider('Google Drive', async () => {
  const emulator = await startEmulator()
  const auth = { accessToken: (await signIn(emulator)).access_token }

  async function control(path: string, body: object): Promise<void> {
    const reply = await fetch(`${emulator.url}/_emulator/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(reply.ok, `${path}: ${reply.status}`).toBe(true)
  }

  return {
    provider: createDriveProvider({ apiUrl: emulator.url }),
    auth,
    async delivered() {
      const reply = await fetch(`${emulator.url}/_emulator/files?account=${OWNER}`)
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
    limitTo: (totalBytes) => control(`accounts/${OWNER}/quota`, { totalBytes }),
    async loseNextAnswer() {
      // Opening a session carries no bytes: of the two ways to send some, whichever comes first.
      for (const route of [`${UPLOADS}?uploadType=multipart`, `${UPLOADS}?upload_id`]) {
        await control('faults', { route, action: 'apply-then-503' })
      }
    },
    storeOnly: (bytes) =>
      control('faults', { route: `${UPLOADS}?upload_id`, action: 'partial', bytes }),
    async expireSessions() {
      emulator.clock.advance(EIGHT_DAYS_SECONDS)
      auth.accessToken = (await signIn(emulator)).access_token
    },
  }
})
