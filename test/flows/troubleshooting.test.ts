/** The source document's common issues T1 to T4 (A23): what an owner meets, and that the printed solutions solve it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AppClient } from '../../infra/local/app-client.ts'
import type {
  AccountEntry,
  AccountsReply,
  FixAccountsReply,
} from '../../shared/contract/accounts.ts'
import type { PortalReply } from '../../shared/contract/portals.ts'
import type { ProblemCode } from '../../shared/contract/problems.ts'
import type { UploadReply } from '../../shared/contract/uploads.ts'
import { untilUploaded } from '../support/client-calls.ts'
import { whileProviderFails } from '../support/keepers.ts'
import {
  announce,
  createPortal,
  handOver,
  type Owner,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { PROVIDERS } from '../support/providers.ts'
import { removeItem } from './security/attack.ts'

const CONTENT = Buffer.from('Dear owner')
const LETTER = { name: 'letter.txt', content: CONTENT, type: 'text/plain' }

let test: TestCloud
let portals = 0

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

async function expectTitled(response: Response, code: ProblemCode, title: string): Promise<void> {
  expect((await expectProblem(response, code)).title).toBe(title)
}

describe.each(PROVIDERS)('with $name:', (provider) => {
  let owner: Owner
  let http: AppClient
  let uploadId: string

  beforeAll(async () => {
    owner = await test.owner({ provider: provider.id })
    http = owner.http
    const client = test.browser()
    const { intent, uploadIds } = await handOver(client, owner.portal.id, [LETTER])
    await untilUploaded(client, intent)
    uploadId = uploadIds[0] ?? ''
  })
  // Each issue begins with an account that works.
  beforeEach(async () => {
    expect(await http.connectStorage(owner.email, { provider: provider.id })).toBe(owner.accountId)
    await post('reactivate')
    expect((await accountInSettings())?.storageStatus).toBe('ACTIVE')
  })

  function post(
    what: 'deactivate' | 'disconnect' | 'reactivate',
    json: object = { storageAccountId: owner.accountId },
  ): Promise<Response> {
    return http.send('POST', `/api/storage/${what}`, { json })
  }

  async function accountInSettings(): Promise<AccountEntry | undefined> {
    const { accounts } = await http.call<AccountsReply>('GET', '/api/storage/accounts')
    return accounts.find(({ email }) => email === owner.email)
  }

  /** What brings an account out of service, and the printed solution for it. */
  const STATES = {
    INACTIVE: {
      begin: async () => {
        await post('deactivate')
      },
      solution: 'Reactivate storage account',
      solve: async () => {
        expect((await post('reactivate')).status).toBe(200)
      },
    },
    DISCONNECTED: {
      begin: async () => {
        await post('disconnect')
      },
      solution: 'Reconnect storage account',
      solve: async () => {
        expect(await http.connectStorage(owner.email, { provider: provider.id })).toBe(
          owner.accountId,
        )
      },
    },
    ERROR: {
      begin: async () => {
        await post('deactivate')
        const reply = await whileProviderFails(test, provider.id, () => post('reactivate'))
        expect(reply.status).toBe(503)
      },
      solution: 'Retry',
      solve: async () => {
        expect((await post('reactivate')).status).toBe(200)
      },
    },
  } as const
  type State = keyof typeof STATES

  async function begin(state: State): Promise<void> {
    await STATES[state].begin()
    // "Check storage account status in settings"
    expect((await accountInSettings())?.storageStatus).toBe(state)
  }

  describe('T1 "No active storage account available"', () => {
    const create = () => {
      portals += 1
      return http.send('POST', '/api/portals', {
        json: {
          name: 'Another',
          slug: `another-${portals}`,
          storageProvider: provider.storageId,
          storageAccountId: owner.accountId,
        },
      })
    }
    const states: State[] = ['INACTIVE', 'DISCONNECTED', 'ERROR']

    it.each(states)(
      'while the account is %s no portal is made for it; then it is',
      async (state) => {
        await begin(state)

        await expectTitled(
          await create(),
          'ACCOUNT_NOT_ACTIVE',
          'No active storage account available',
        )

        await STATES[state].solve()
        expect((await create()).status).toBe(201)
      },
    )
  })

  describe('T2 "File unavailable"', () => {
    const download = () => http.send('GET', `/api/uploads/${uploadId}/download`)
    const states: State[] = ['DISCONNECTED', 'ERROR']

    it.each(states)('while its account is %s; then it is accessible again', async (state) => {
      await begin(state)

      expect(await (await download()).json()).toMatchObject({ title: 'File unavailable' })

      // "Check file's storage account status"
      const file = await http.call<UploadReply>('GET', `/api/uploads/${uploadId}`)
      expect(file).toMatchObject({ status: 'uploaded', storageStatus: state })
      await STATES[state].solve()
      const again = await download()
      expect(again.status).toBe(200)
      expect(Buffer.from(await again.arrayBuffer())).toEqual(CONTENT)
    })
  })

  describe('T3 "Portal cannot accept uploads"', () => {
    const intent = () => {
      const file = { fileName: 'next.txt', fileSize: 1, mimeType: 'text/plain' }
      const json = { portalId: owner.portal.id, ...file }
      return test.browser().send('POST', '/api/upload', { json })
    }
    const portal = () => http.call<PortalReply>('GET', `/api/portals/${owner.portal.id}`)
    const states: State[] = ['INACTIVE', 'DISCONNECTED', 'ERROR']

    it.each(states)('while its account is %s; then it accepts uploads again', async (state) => {
      await begin(state)

      await expectTitled(
        await intent(),
        'PORTAL_CANNOT_ACCEPT_UPLOADS',
        'Portal cannot accept uploads',
      )

      // "Check portal's storage account status"
      expect(await portal()).toMatchObject({
        acceptsUploads: false,
        reason: `STORAGE_${state}`,
        // What may pass by itself asks for nothing.
        requiresUserAction: state !== 'ERROR',
      })
      await STATES[state].solve()
      expect(await portal()).toMatchObject({ acceptsUploads: true, isActive: true })
      expect((await intent()).status).toBe(201)
    })

    it('or change the portal’s storage account', async () => {
      const otherId = await http.connectStorage(SECOND_OWNER, { provider: provider.id })
      await begin('DISCONNECTED')
      const { version } = await portal()

      const changed = await http.send('PUT', `/api/portals/${owner.portal.id}`, {
        headers: { 'if-match': `"${version}"` },
        json: { storageAccountId: otherId },
      })

      expect(changed.status).toBe(200)
      expect(await portal()).toMatchObject({ isActive: true, acceptsUploads: true })
      const client = test.browser()
      const letter = { ...LETTER, name: 'elsewhere.txt' }
      const { intent: handed } = await handOver(client, owner.portal.id, [letter])
      await untilUploaded(client, handed)
      const there = await test.delivered(SECOND_OWNER, provider.id)
      expect(there.map(({ name }) => name)).toEqual([letter.name])
    })
  })

  describe('T4 Missing StorageAccount records', () => {
    const lose = () => removeItem(test, { pk: `account#${owner.accountId}`, sk: 'account' })

    it('POST /api/storage/fix-accounts creates missing StorageAccounts, and all is as before', async () => {
      const portal = await createPortal(http, owner.accountId, {
        slug: `of-a-lost-account-${provider.id}`,
        storageProvider: provider.id,
      })
      await lose()
      expect(await accountInSettings()).toMatchObject({
        hasValidOAuth: true,
        isConnected: false,
        storageAccountId: null,
        storageStatus: null,
      })
      expect(await http.call('GET', `/api/portals/${portal.id}`)).toMatchObject({
        acceptsUploads: false,
      })

      const reply = await http.call<FixAccountsReply>('POST', '/api/storage/fix-accounts')

      expect(reply).toMatchObject({
        message: 'Storage accounts fixed successfully',
        summary: { created: 1, errors: [] },
      })
      expect(await accountInSettings()).toMatchObject({
        storageAccountId: owner.accountId,
        storageStatus: 'ACTIVE',
        isConnected: true,
      })
      expect((await http.send('GET', `/api/uploads/${uploadId}/download`)).status).toBe(200)
      const { uploads } = await announce(test.browser(), portal.id, [LETTER])
      expect(uploads).toHaveLength(1)
    })

    it('also that of an identity with which nobody signs in is seen to be missing', async () => {
      const second = await http.connectStorage(SECOND_OWNER, { provider: provider.id })
      await removeItem(test, { pk: `account#${second}`, sk: 'account' })

      const { accounts } = await http.call<AccountsReply>('GET', '/api/storage/accounts')
      expect(accounts).toHaveLength(2)
      expect(accounts.find(({ email }) => email === SECOND_OWNER)).toMatchObject({
        hasValidOAuth: true,
        isAuthAccount: false,
        storageAccountId: null,
      })

      const reply = await http.call<FixAccountsReply>('POST', '/api/storage/fix-accounts')
      expect(reply.summary).toMatchObject({ created: 1, validated: 1, errors: [] })
    })

    it('loading GET /api/v1/storage creates them, too, unless another site makes the browser do so', async () => {
      await lose()
      const load = (path: string, headers = {}) => http.call('GET', path, { headers })

      for (const reply of [
        await load('/api/v1/storage?repair=false'),
        await load('/api/v1/storage', { 'sec-fetch-site': 'cross-site' }),
      ]) {
        expect(reply).toMatchObject({ fallbackInfo: { accountsCreated: 0 } })
      }
      expect(await load('/api/v1/storage')).toMatchObject({
        fallbackInfo: { accountsCreated: 1, errors: [] },
      })

      expect(await accountInSettings()).toMatchObject({ storageAccountId: owner.accountId })
    })
  })
})
