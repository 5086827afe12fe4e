/** The owner's files over time: found by filters, moved to a backup, put into a chosen folder, kept when their portal goes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EventsReply } from '../../shared/contract/events.ts'
import type { PortalReply } from '../../shared/contract/portals.ts'
import type { IntentReply, UploadReply, UploadsReply } from '../../shared/contract/uploads.ts'
import { sha256 } from '../support/client-calls.ts'
import { SWEEP } from '../support/deliveries.ts'
import {
  createPortal,
  type Owner,
  putParts,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { PROVIDERS } from '../support/providers.ts'
import { until } from '../support/until.ts'

let test: TestCloud
beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

describe.each(PROVIDERS)('with $name', (provider) => {
  let owner: Owner
  let backupId: string

  beforeAll(async () => {
    const there = { provider: provider.id }
    owner = await test.owner(there)
    backupId = await owner.http.connectStorage(SECOND_OWNER, there)
  })

  function get<Reply>(path: string): Promise<Reply> {
    return owner.http.call<Reply>('GET', path)
  }

  const upload = (id: string) => get<UploadReply>(`/api/uploads/${id}`)

  async function list(query: string): Promise<string[]> {
    const { uploads } = await get<UploadsReply>(`/api/v1/uploads?${query}`)
    return uploads.map(({ fileName }) => fileName)
  }

  /** Announces a file; its bytes go when the test says so. */
  async function announce(portalId: string, name: string, clientEmail?: string) {
    const client = test.browser()
    const content = Buffer.from(`content of ${name}`)
    const intent = await client.call<IntentReply>('POST', '/api/upload', {
      json: {
        portalId,
        fileName: name,
        fileSize: content.length,
        ...(clientEmail ? { clientEmail } : {}),
      },
    })
    const [plan] = intent.uploads
    if (!plan) throw new Error('no plan')
    return {
      uploadId: plan.uploadId,
      send: () => putParts(client, intent.uploadToken, plan, content),
    }
  }

  /** Returns what the owner sees once the file is in this state. */
  function untilIs(uploadId: string, status: UploadReply['status']): Promise<UploadReply> {
    return until(async () => {
      const reply = await upload(uploadId)
      return reply.status === status && reply
    })
  }

  async function deliver(portalId: string, name: string, clientEmail?: string): Promise<string> {
    const { uploadId, send } = await announce(portalId, name, clientEmail)
    await send()
    await untilIs(uploadId, 'uploaded')
    return uploadId
  }

  function steerAccount(action: 'deactivate' | 'reactivate', storageAccountId: string) {
    return owner.http.call('POST', `/api/storage/${action}`, { json: { storageAccountId } })
  }

  describe('the list of files (A16)', () => {
    it('is that of one client, of some days, of a state or of a name', async () => {
      await deliver(owner.portal.id, 'Invoice 1.txt', 'Client@Example.com')
      await deliver(owner.portal.id, 'invoice 2.txt', 'other@example.com')
      await deliver(owner.portal.id, 'letter.txt', 'client@example.com')

      expect(await list('clientEmail=client%40example.com')).toEqual([
        'letter.txt',
        'Invoice 1.txt',
      ])
      expect(await list('clientEmail=CLIENT%40example.com&q=inv')).toEqual(['Invoice 1.txt'])
      expect(await list('q=INVOICE')).toEqual(['invoice 2.txt', 'Invoice 1.txt'])
      expect(await list('status=held')).toEqual([])
      expect(await list(`status=uploaded&portalId=${owner.portal.id}`)).toHaveLength(3)
      expect(await list('to=2001-01-01')).toEqual([])
      expect(await list('from=2001-01-01&limit=1')).toEqual(['letter.txt'])
    })

    it.each([
      ['status=late', 'status'],
      ['q=', 'q'],
      ['from=monday', 'from'],
      ['from=2026-02-02&to=2026-02-01', 'to'],
      ['clientEmail=nobody', 'clientEmail'],
      ['clientEmail=a%40example.com&portalId=prt_0123456789', 'clientEmail'],
      ['sort=name', 'sort'],
    ])('refuses ?%s and names %s', async (query, field) => {
      const reply = await owner.http.send('GET', `/api/v1/uploads?${query}`)
      await expectProblem(reply, 'INVALID_REQUEST', [field])
    })

    it('of a client shows another owner nothing, whatever they ask', async () => {
      const stranger = test.browser()
      await stranger.signIn(SECOND_OWNER, { provider: provider.id })

      const path = '/api/v1/uploads?clientEmail=client%40example.com'
      expect(await stranger.call<UploadsReply>('GET', path)).toEqual({ uploads: [] })
    })
  })

  describe('a client whom its owner erases', () => {
    it('is named nowhere, and nothing of theirs is still to come', async () => {
      const email = 'erased@example.com'
      const id = await deliver(owner.portal.id, 'erasable.txt', email)
      const { uploadId } = await announce(owner.portal.id, 'never.txt', email)

      expect(
        await owner.http.call('POST', '/api/clients/erase', { json: { clientEmail: email } }),
      ).toMatchObject({ erasedSubmissions: 2, removedFiles: 1, complete: true })
      expect(await upload(id)).toMatchObject({ status: 'uploaded', clientEmail: null })
      expect(await upload(uploadId)).toMatchObject({ status: 'deleted', fileName: 'erased' })
      expect(await list(`clientEmail=${encodeURIComponent(email)}`)).toEqual([])
    })
  })

  describe('a held file', () => {
    it('is tried when its owner says so, and a backup that the portal names meanwhile takes it', async () => {
      const { uploadId: id, send } = await announce(owner.portal.id, 'held.txt')
      await steerAccount('deactivate', owner.accountId)
      await send()
      await untilIs(id, 'held')

      const portal = await get<PortalReply>(`/api/portals/${owner.portal.id}`)
      await owner.http.call('PUT', `/api/portals/${owner.portal.id}`, {
        headers: { 'if-match': `"${portal.version}"` },
        json: { backupStorageAccountIds: [backupId] },
      })
      const response = await owner.http.send('POST', `/api/uploads/${id}/retry`)
      expect(response.status).toBe(202)
      expect(await response.json()).toMatchObject({ id, status: 'held' })
      await test.cloud.advanceClock(1)
      await test.cloud.schedules.run(SWEEP)

      expect(await untilIs(id, 'uploaded')).toMatchObject({
        storageAccountId: backupId,
        intendedStorageAccountId: backupId,
        storageStatus: 'ACTIVE',
      })
      const heldBy = async (email: string) =>
        (await test.delivered(email, provider.id)).filter(({ name }) => name === 'held.txt')
      expect(await heldBy(SECOND_OWNER)).toMatchObject([
        { sha256: sha256(Buffer.from('content of held.txt')) },
      ])
      expect(await heldBy(owner.email)).toEqual([])
      expect(await list(`storageAccountId=${backupId}`)).toEqual(['held.txt'])
      const { events } = await get<EventsReply>(`/api/events?subjectId=${id}`)
      expect(events.map(({ type }) => type)).toEqual([
        'upload.delivered',
        'upload.moved',
        'upload.retried',
      ])
      expect(events[1]).toMatchObject({
        before: owner.accountId,
        after: backupId,
        reason: 'ACCOUNT_INACTIVE',
      })
      await steerAccount('reactivate', owner.accountId)
      await expectProblem(
        await owner.http.send('POST', `/api/uploads/${id}/retry`),
        'NOT_RETRYABLE',
      )
    })
  })

  describe('the folder of a portal', () => {
    it('is where its owner wants it, by client, and the portal tells where that is', async () => {
      const portal = await createPortal(owner.http, owner.accountId, {
        slug: `by-client-${provider.id}`,
        storageProvider: provider.storageId,
        storageFolderPath: 'Clients/2026',
        clientFolders: true,
      })
      expect(portal.storageFolderId).toBeNull()

      const id = await deliver(portal.id, 'plan.txt', 'ada@example.com')

      expect((await upload(id)).storagePath).toBe('Clients/2026/ada@example.com/plan.txt')
      // Statistics follow the files.
      const after = await until(async () => {
        const reply = await get<PortalReply>(`/api/portals/${portal.id}`)
        return reply._count.uploads > 0 && reply
      })
      expect(after).toEqual({
        ...portal,
        storageFolderId: expect.stringMatching(/./),
        _count: { uploads: 1 },
      })
      const [file] = (await test.delivered(owner.email, provider.id)).filter(
        ({ name }) => name === 'plan.txt',
      )
      expect(file?.path).toBe('/Clients/2026/ada@example.com/plan.txt')
    })
  })

  describe('a portal that its owner deletes', () => {
    it('still gets what is on its way, and its files are listed, downloaded and deleted as before', async () => {
      const portal = await createPortal(owner.http, owner.accountId, {
        slug: `short-lived-${provider.id}`,
        storageProvider: provider.storageId,
      })
      const early = await deliver(portal.id, 'early.txt')
      const late = await announce(portal.id, 'late.txt')

      await owner.http.call('DELETE', `/api/portals/${portal.id}`)

      await late.send()

      await untilIs(late.uploadId, 'uploaded')
      expect(await list(`portalId=${portal.id}`)).toEqual(['late.txt', 'early.txt'])
      const download = await owner.http.send('GET', `/api/uploads/${early}/download`)
      expect(await download.text()).toBe('content of early.txt')
      await owner.http.call('DELETE', `/api/uploads/${early}`)
      expect(await list(`portalId=${portal.id}`)).toEqual(['late.txt'])
    })
  })
})
