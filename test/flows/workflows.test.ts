/**
 * The source document's five common workflows (A22), step by step in its own words, through HTTP
 * alone. Each step stands on those before it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient, Page } from '../../infra/local/app-client.ts'
import type {
  AccountEntry,
  AccountsReply,
  DeactivateReply,
} from '../../shared/contract/accounts.ts'
import type { EventEntry, EventsReply } from '../../shared/contract/events.ts'
import type { OpenPortalReply, PortalReply } from '../../shared/contract/portals.ts'
import type { IntentReply, UploadReply } from '../../shared/contract/uploads.ts'
import { sha256, untilUploaded, withToken } from '../support/client-calls.ts'
import {
  createPortal,
  OWNER,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { PROVIDERS } from '../support/providers.ts'

type Upload = { uploadId: string }

const CONTENT = Buffer.from('Signed in two copies.')

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

async function expectHtml(path: string): Promise<void> {
  const page = await test.browser().send('GET', path)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toMatch(/^text\/html\b/)
}

const WAYS = [
  ['deactivate', { mode: 'disconnected' }],
  ['disconnect', {}],
] as const

describe.each(PROVIDERS)('with $name', (provider) => {
  const CONNECT = `/api/oauth/${provider.id}/start?returnTo=%2Faccounts`

  let owner: AppClient
  let client: AppClient
  let account: AccountEntry
  let portal: PortalReply
  let uploadId: string

  beforeAll(async () => {
    owner = test.browser()
    client = test.browser()
    await owner.signIn(OWNER, { provider: provider.id })
  })

  async function accountOf(email: string): Promise<AccountEntry> {
    const { accounts } = await owner.call<AccountsReply>('GET', '/api/storage/accounts')
    const found = accounts.find((entry) => entry.email === email)
    if (!found) throw new Error(`${email} has no row`)
    return found
  }

  function portalNow({ id }: { id: string } = portal): Promise<PortalReply> {
    return owner.call<PortalReply>('GET', `/api/portals/${id}`)
  }

  function publicPortal({ slug }: { slug: string } = portal): Promise<OpenPortalReply> {
    return client.call<OpenPortalReply>('GET', `/api/portals/public/${slug}`)
  }

  function upload(): Promise<UploadReply> {
    return owner.call<UploadReply>('GET', `/api/uploads/${uploadId}`)
  }

  async function events(subjectId: string): Promise<EventEntry[]> {
    const path = `/api/events?subjectId=${subjectId}`
    return (await owner.call<EventsReply>('GET', path)).events
  }

  async function change(json: Record<string, unknown>): Promise<PortalReply> {
    const headers = { 'if-match': `"${(await portalNow()).version}"` }
    return owner.call<PortalReply>('PUT', `/api/portals/${portal.id}`, { headers, json })
  }

  function announce({ id }: { id: string } = portal): Promise<Response> {
    const json = { portalId: id, fileName: 'later.txt', fileSize: 1, mimeType: 'text/plain' }
    return client.send('POST', '/api/upload', { json })
  }

  /** The account into which a file of now goes; the file is taken back at once. */
  async function destination(of = portal): Promise<string> {
    const response = await announce(of)
    expect(response.status).toBe(201)
    const { uploadId: id, uploadToken } = (await response.json()) as IntentReply & Upload
    await withToken(client, uploadToken, 'DELETE', `/api/upload/${id}`)
    const { intendedStorageAccountId } = await owner.call<UploadReply>('GET', `/api/uploads/${id}`)
    return intendedStorageAccountId
  }

  describe(`1. User Connects ${provider.name}`, () => {
    let consent: Page
    let connected: Page

    it(`1. User clicks "Connect ${provider.name}" in settings`, async () => {
      await expectHtml('/accounts')
      expect(await accountOf(OWNER)).toMatchObject({ storageAccountId: null, isConnected: false })
      const response = await owner.send('GET', CONNECT)
      expect(response.status).toBe(302)
    })

    it('2. OAuth flow redirects to the provider', async () => {
      consent = await owner.visit(CONNECT)
      expect(consent.url.origin).toBe(test.cloud.urls[provider.id])
      expect(consent.url.searchParams.get('scope')).toContain(provider.storageScopes[0])
    })

    it('3. User authorizes access', async () => {
      connected = await owner.consent(consent, { email: OWNER })
      expect(connected).toMatchObject({ status: 200 })
      expect(connected.url.pathname).toBe('/accounts')
    })

    it('4. Callback creates Account record (OAuth)', async () => {
      expect(await accountOf(OWNER)).toMatchObject({ provider: provider.id, hasValidOAuth: true })
    })

    it('5. StorageAccountManager: a record, ACTIVE, linked via providerAccountId', async () => {
      account = await accountOf(OWNER)
      const people = await fetch(`${test.cloud.urls[provider.id]}/_emulator/accounts`)
      const known = ((await people.json()) as { email: string; id: string }[]).find(
        ({ email }) => email === OWNER,
      )
      expect(account).toMatchObject({
        storageAccountId: connected.url.searchParams.get('connected'),
        storageStatus: 'ACTIVE',
        providerAccountId: known?.id,
      })
    })

    it('6. UI shows "Connected" status', async () => {
      expect(account).toMatchObject({ isConnected: true, lastError: null })
    })
  })

  describe('2. User Creates Portal', () => {
    const json = () => ({
      name: 'Contracts',
      slug: `contracts-${provider.id}`,
      storageProvider: provider.storageId,
      storageAccountId: account.storageAccountId,
    })
    const create = (over: object) =>
      owner.send('POST', '/api/portals', { json: { ...json(), ...over } })

    it('1. User navigates to "Create Portal"', async () => {
      await expectHtml('/portals')
      expect(await owner.call('GET', '/api/portals')).toEqual([])
    })

    it(`2. Selects storage provider (${provider.name})`, async () => {
      await expectProblem(await create({ storageProvider: 'local' }), 'INVALID_REQUEST', [
        'storageProvider',
      ])
      for (const { storageId } of PROVIDERS.filter(({ id }) => id !== provider.id)) {
        await expectProblem(await create({ storageProvider: storageId }), 'INVALID_REQUEST', [
          'storageProvider',
        ])
      }
    })

    it('3. System validates: at least one account, one ACTIVE, the selected one ACTIVE', async () => {
      const stranger = test.browser()
      await stranger.signIn(SECOND_OWNER, { provider: provider.id })
      await expectProblem(
        await stranger.send('POST', '/api/portals', { json: json() }),
        'ACCOUNT_NOT_FOUND',
        ['storageAccountId'],
      )
      const body = { json: { provider: provider.storageId } }
      await owner.call('POST', '/api/storage/deactivate', body)
      await expectProblem(await create({}), 'ACCOUNT_NOT_ACTIVE')
      await owner.call('POST', '/api/storage/reactivate', body)
      expect(await owner.call('GET', '/api/portals')).toEqual([])
    })

    it('4. Portal created with storageAccountId binding', async () => {
      const created = await create({})
      expect(created.status).toBe(201)
      portal = (await created.json()) as PortalReply
      expect(portal).toMatchObject(json())
      expect(await events(portal.id)).toMatchObject([
        { type: 'portal.created', after: account.storageAccountId },
      ])
    })

    it('5. Portal can now accept uploads', async () => {
      expect(await portalNow()).toMatchObject({ acceptsUploads: true, requiresUserAction: false })
      expect(await publicPortal()).toMatchObject({ acceptsUploads: true })
    })
  })

  describe('3. Client Uploads File', () => {
    let form: FormData
    let intent: IntentReply & Upload

    it('1. Client visits portal URL', async () => {
      await expectHtml(`/p/${portal.slug}`)
    })

    it('2. Selects file and fills form', async () => {
      const { portalId, fields } = await publicPortal()
      expect(fields).toMatchObject({ clientName: 'optional', clientMessage: 'optional' })
      form = new FormData()
      form.set('portalId', portalId)
      form.set('clientName', 'Ada')
      form.set('clientMessage', 'As promised.')
      form.set('file', new Blob([new Uint8Array(CONTENT)], { type: 'text/plain' }), 'contract.txt')
    })

    it('3. POST /api/upload', async () => {
      const response = await client.send('POST', '/api/upload', { body: form })
      expect(response.status).toBe(201)
      intent = (await response.json()) as typeof intent
      uploadId = intent.uploadId
    })

    it("4. System determines storage account: the portal's storageAccountId if ACTIVE", async () => {
      expect(await upload()).toMatchObject({ intendedStorageAccountId: account.storageAccountId })
    })

    it('5. File uploaded to cloud storage', async () => {
      await untilUploaded(client, intent)
      expect(await test.delivered(OWNER, provider.id)).toMatchObject([
        { path: '/Portage/Contracts/contract.txt', sha256: sha256(CONTENT) },
      ])
    })

    it('6. FileUpload record created with storageAccountId', async () => {
      expect(await upload()).toMatchObject({
        status: 'uploaded',
        storageAccountId: account.storageAccountId,
        storageFileId: (await test.delivered(OWNER, provider.id))[0]?.id,
        clientName: 'Ada',
      })
    })

    it('7. Binding is now permanent', async () => {
      const otherId = await owner.connectStorage(SECOND_OWNER, { provider: provider.id })
      await change({ storageAccountId: otherId })
      expect(await upload()).toMatchObject({ storageAccountId: account.storageAccountId })
      expect(await destination()).toBe(otherId)
      await change({ storageAccountId: account.storageAccountId })
    })
  })

  describe("3. Client Uploads File, while the portal's account is not ACTIVE", () => {
    it("4. … or find user's active account for provider, as far as the portal names it", async () => {
      const backup = (await accountOf(SECOND_OWNER)).storageAccountId ?? ''
      const withBackup = await createPortal(owner, account.storageAccountId ?? '', {
        slug: `with-backup-${provider.id}`,
        storageProvider: provider.id,
        backupStorageAccountIds: [backup],
      })
      const pause = { json: { storageAccountId: account.storageAccountId } }
      await owner.call('POST', '/api/storage/deactivate', pause)

      expect(await destination(withBackup)).toBe(backup)
    })

    it('4. … or fail if no active account', async () => {
      await expectProblem(await announce(), 'PORTAL_CANNOT_ACCEPT_UPLOADS')
      const go = { json: { storageAccountId: account.storageAccountId } }
      await owner.call('POST', '/api/storage/reactivate', go)
      expect(await destination()).toBe(account.storageAccountId)
    })
  })

  describe.each(WAYS)('through POST /api/storage/%s', (endpoint, mode) => {
    let closed: PortalReply
    let before: { account: EventEntry[]; portal: EventEntry[]; closed: EventEntry[] }

    const history = async () => ({
      account: await events(account.storageAccountId ?? ''),
      portal: await events(portal.id),
      closed: await events(closed.id),
    })
    /** What has been written since `before`, newest first. */
    const news = async () => {
      const now = await history()
      const since = (list: keyof typeof before) =>
        now[list].filter(({ id }) => !before[list].some((old) => old.id === id))
      return { account: since('account'), portal: since('portal'), closed: since('closed') }
    }

    beforeAll(async () => {
      const accountId = account.storageAccountId ?? ''
      const made = await createPortal(owner, accountId, {
        slug: `closed-${endpoint}-${provider.id}`,
        storageProvider: provider.id,
      })
      closed = await owner.call<PortalReply>('PUT', `/api/portals/${made.id}`, {
        headers: { 'if-match': `"${made.version}"` },
        json: { isActive: false },
      })
      before = await history()
    })

    describe('4. User Disconnects Storage', () => {
      let reply: DeactivateReply

      it('1. User clicks "Disconnect" in settings', async () => {
        expect(await accountOf(OWNER)).toMatchObject({ storageStatus: 'ACTIVE', isConnected: true })
        expect(await portalNow()).toMatchObject({ isActive: true })
      })

      it(`2. POST /api/storage/${endpoint}`, async () => {
        reply = await owner.call<DeactivateReply>('POST', `/api/storage/${endpoint}`, {
          json: { storageAccountId: account.storageAccountId, ...mode },
        })
        expect(reply.message).toBe('Storage account disconnected successfully')
      })

      it('3. StorageAccount status → DISCONNECTED', async () => {
        expect(await accountOf(OWNER)).toMatchObject({
          storageAccountId: account.storageAccountId,
          storageStatus: 'DISCONNECTED',
          isConnected: false,
          hasValidOAuth: false,
          isAuthAccount: true,
        })
      })

      it('4. Portal management: all its portals found and deactivated, audit logs created', async () => {
        // Contracts; the one with a backup goes on by that.
        expect(reply.deactivatedPortals).toBe(1)
        expect(await portalNow()).toMatchObject({ isActive: false, deactivatedBy: 'SYSTEM' })
        expect(await portalNow(closed)).toEqual({
          ...closed,
          acceptsUploads: false,
          reason: 'PORTAL_CLOSED',
        })
        const { user } = await owner.call<{ user: { id: string } }>('GET', '/api/auth/session')
        expect(await news()).toMatchObject({
          account: [
            {
              type: 'account.status-changed',
              actor: user.id,
              before: 'ACTIVE',
              after: 'DISCONNECTED',
              reason: 'USER_DISCONNECTED',
            },
          ],
          portal: [{ type: 'portal.deactivated', actor: 'system', reason: 'STORAGE_DISCONNECTED' }],
          closed: [],
        })
      })

      it('5. Files become inaccessible', async () => {
        const download = await owner.send('GET', `/api/uploads/${uploadId}/download`)
        expect((await expectProblem(download, 'FILE_UNAVAILABLE')).title).toBe('File unavailable')
        expect(await upload()).toMatchObject({
          status: 'uploaded',
          storageStatus: 'DISCONNECTED',
          storageAccountId: account.storageAccountId,
        })
      })

      it('6. Portals show "Storage Disconnected" status', async () => {
        expect(await portalNow()).toMatchObject({
          acceptsUploads: false,
          reason: 'STORAGE_DISCONNECTED',
          deactivationReason: 'STORAGE_DISCONNECTED',
          requiresUserAction: true,
          storageAccountId: account.storageAccountId,
        })
        // A client need not know why.
        expect(await publicPortal()).toMatchObject({ acceptsUploads: false, reason: 'paused' })
      })
    })

    describe('5. User Reconnects Storage', () => {
      let connected: Page

      beforeAll(async () => {
        before = await history()
      })

      it(`1. User clicks "Connect ${provider.name}" again`, async () => {
        const reactivate = { json: { storageAccountId: account.storageAccountId } }
        const { connectUrl } = await expectProblem(
          await owner.send('POST', '/api/storage/reactivate', reactivate),
          'RECONNECT_REQUIRED',
        )
        connected = await owner.consent(await owner.visit(connectUrl ?? ''), { email: OWNER })
      })

      it('2. OAuth flow completes', () => {
        expect(connected).toMatchObject({ status: 200 })
        expect(connected.url.searchParams.has('connectError')).toBe(false)
      })

      it('3. StorageAccountManager finds existing DISCONNECTED account', () => {
        expect(connected.url.searchParams.get('connected')).toBe(account.storageAccountId)
      })

      it('4. Reactivates account (status → ACTIVE)', async () => {
        expect(await accountOf(OWNER)).toMatchObject({
          storageAccountId: account.storageAccountId,
          storageStatus: 'ACTIVE',
          isConnected: true,
          hasValidOAuth: true,
        })
      })

      it('5. Portal management: those auto-deactivated found and reactivated, audit logs created', async () => {
        expect(await portalNow()).toMatchObject({
          isActive: true,
          deactivatedBy: null,
          deactivationReason: null,
        })
        expect(await portalNow(closed)).toEqual(closed)
        expect(await news()).toMatchObject({
          account: [{ type: 'account.status-changed', before: 'DISCONNECTED', after: 'ACTIVE' }],
          portal: [{ type: 'portal.reactivated', actor: 'system' }],
          closed: [],
        })
      })

      it('6. Files become accessible again', async () => {
        const download = await owner.send('GET', `/api/uploads/${uploadId}/download`)
        expect(download.status).toBe(200)
        expect(Buffer.from(await download.arrayBuffer())).toEqual(CONTENT)
      })

      it('7. Portals become operational', async () => {
        expect(await portalNow()).toMatchObject({ acceptsUploads: true, requiresUserAction: false })
        expect(await publicPortal()).toMatchObject({ acceptsUploads: true })
        expect(await destination()).toBe(account.storageAccountId)
      })
    })
  })
})
