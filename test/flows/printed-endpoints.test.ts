/**
 * Every endpoint that the source document prints, in a world arranged so that its example comes out
 * to the letter. Replies may have more members than are printed, never fewer.
 */
import { PutCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient } from '../../infra/local/app-client.ts'
import type { AccountsReply, RefreshTokenReply } from '../../shared/contract/accounts.ts'
import type { PortalReply, VerifyPasswordReply } from '../../shared/contract/portals.ts'
import type { UploadsReply } from '../../shared/contract/uploads.ts'
import { untilUploaded } from '../support/client-calls.ts'
import { whileProviderFails } from '../support/keepers.ts'
import { createPortal, handOver, startTestCloud, type TestCloud } from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import type { ProviderSuite } from '../support/provider-suite.ts'
import { DRIVE } from '../support/providers/drive.ts'
import { PROVIDERS } from '../support/providers.ts'
import { PRINTED } from './printed-examples.ts'
import { removeItem, withTable } from './security/attack.ts'

let test: TestCloud
let people = 0

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

/** What is printed, which is an example of Google Drive, of another provider. */
function printedOf<Printed>({ id, storageId }: ProviderSuite, printed: Printed): Printed {
  const text = JSON.stringify(printed)
    .replaceAll('"google_drive"', JSON.stringify(storageId))
    .replaceAll('"google"', JSON.stringify(id))
  return JSON.parse(text) as Printed
}

/** What is printed, as a matcher: any text for '...', objects with more members pass. */
function asPrinted(printed: unknown): unknown {
  if (printed === '...') return expect.stringMatching(/./)
  if (Array.isArray(printed)) return printed.map(asPrinted)
  if (typeof printed !== 'object' || printed === null) return printed
  return Object.fromEntries(
    Object.entries(printed).map(([name, value]) => [name, asPrinted(value)]),
  )
}

interface Person {
  http: AppClient
  email: string
  accountId: string
  portals: PortalReply[]
}

/** An owner with one account and so many portals, whom no other test knows. */
async function newOwner(
  provider: ProviderSuite,
  { portals = 0, email = '', name = 'Somebody' } = {},
): Promise<Person> {
  people += 1
  const own = email || `person-${people}@example.com`
  await test.addPerson({ email: own, name }, provider.id)
  const http = test.browser()
  await http.signIn(own, { provider: provider.id })
  const accountId = await http.connectStorage(own, { provider: provider.id })
  const made: PortalReply[] = []
  for (let number = 1; number <= portals; number += 1) {
    const slug = `portal-${people}-${number}`
    const storageProvider = provider.id
    made.push(
      await createPortal(http, accountId, { name: `Portal ${number}`, slug, storageProvider }),
    )
  }
  return { http, email: own, accountId, portals: made }
}

/** The owner's second account at a provider. */
async function connectAnother(http: AppClient, { id }: ProviderSuite): Promise<string> {
  people += 1
  const email = `person-${people}@example.com`
  await test.addPerson({ email, name: 'Somebody' }, id)
  return http.connectStorage(email, { provider: id })
}

function isActive(http: AppClient): Promise<boolean[]> {
  return http
    .call<PortalReply[]>('GET', '/api/portals')
    .then((portals) => portals.map((portal) => portal.isActive))
}

describe.each(PROVIDERS)('at $name:', (provider) => {
  const PRINTED_HERE = printedOf(provider, PRINTED)

  describe('storage (A15)', () => {
    it('GET /api/storage/accounts', async () => {
      const { http } = await newOwner(provider, { email: 'user@example.com', name: 'User Name' })

      expect(await http.call('GET', '/api/storage/accounts')).toMatchObject(
        asPrinted(PRINTED_HERE['GET /api/storage/accounts'].response) as object,
      )
    })

    it('GET /api/v1/storage', async () => {
      const { http } = await newOwner(provider)
      await connectAnother(http, provider)
      const printed = PRINTED_HERE['GET /api/v1/storage'].response

      const reply = await http.call<AccountsReply>('GET', '/api/v1/storage')

      // Both lists have the entries of the other endpoint.
      const { accounts } = await http.call<AccountsReply>('GET', '/api/storage/accounts')
      expect(accounts).toHaveLength(2)
      for (const member of Object.keys(printed.accounts[0])) {
        for (const account of accounts) expect(account).toHaveProperty(member)
      }
      const steady = accounts.map(({ lastAccessedAt, quota, ...entry }) => entry)
      expect(reply).toMatchObject({
        accounts: steady,
        activeStorageAccounts: steady,
        fallbackInfo: printed.fallbackInfo,
      })
    })

    it('POST /api/storage/deactivate', async () => {
      const { http } = await newOwner(provider, { portals: 2 })
      const { request, response } = PRINTED_HERE['POST /api/storage/deactivate']

      const reply = await http.call('POST', '/api/storage/deactivate', { json: request })

      expect(reply).toEqual(response)
      expect(await isActive(http)).toEqual([false, false])
    })

    it('POST /api/storage/reactivate', async () => {
      const { http } = await newOwner(provider, { portals: 2 })
      const { request, response } = PRINTED_HERE['POST /api/storage/reactivate']
      await http.call('POST', '/api/storage/deactivate', { json: request })

      const reply = await http.call('POST', '/api/storage/reactivate', { json: request })

      expect(reply).toEqual(response)
      expect(await isActive(http)).toEqual([true, true])
    })

    it('POST /api/storage/fix-accounts', async () => {
      const { http } = await newOwner(provider)
      const lost = await connectAnother(http, provider)
      await removeItem(test, { pk: `account#${lost}`, sk: 'account' })

      const reply = await http.call('POST', '/api/storage/fix-accounts')

      expect(reply).toEqual(PRINTED_HERE['POST /api/storage/fix-accounts'].response)
      const { accounts } = await http.call<AccountsReply>('GET', '/api/storage/accounts')
      expect(accounts.map(({ storageAccountId }) => storageAccountId)).toContain(lost)
    })

    it('POST /api/storage/sync-oauth-status', async () => {
      const { http } = await newOwner(provider, { portals: 2 })
      const json = { provider: provider.storageId }
      await http.call('POST', '/api/storage/deactivate', { json })
      const reactivate = () => http.send('POST', '/api/storage/reactivate', { json })
      expect((await whileProviderFails(test, provider.id, reactivate)).status).toBe(503)

      const reply = await http.call('POST', '/api/storage/sync-oauth-status')

      expect(reply).toMatchObject(PRINTED_HERE['POST /api/storage/sync-oauth-status'].response)
      expect(reply).toMatchObject({
        summary: { accountsChecked: 1, accountsUpdated: 1, errors: [] },
      })
      expect(await isActive(http)).toEqual([true, true])
    })
  })

  describe('uploads (A16)', () => {
    const PDF = Buffer.from('%PDF-1.7\n')

    it('POST /api/upload', async () => {
      const { http, portals } = await newOwner(provider, { portals: 1 })
      const [portal] = portals
      const password = 'open sesame'
      await http.call('PUT', `/api/portals/${portal?.id}`, {
        headers: { 'if-match': `"${portal?.version}"` },
        json: { password },
      })
      const client = test.browser()
      const verify = `/api/portals/public/${portal?.slug}/verify`
      const { token } = await client.call<VerifyPasswordReply>('POST', verify, {
        json: { password },
      })
      const fields: Record<keyof (typeof PRINTED)['POST /api/upload']['request'], string> = {
        portalId: portal?.id ?? '',
        clientName: 'Ada',
        clientEmail: 'ada@example.org',
        clientMessage: 'As promised.',
        token,
      }
      const body = new FormData()
      for (const [name, value] of Object.entries(fields)) body.set(name, value)
      body.set('file', new Blob([PDF], { type: 'application/pdf' }), 'example.pdf')

      const response = await client.send('POST', '/api/upload', { body })

      expect(response.status).toBe(201)
      expect(await response.json()).toMatchObject(
        asPrinted(PRINTED_HERE['POST /api/upload'].response) as object,
      )
    })

    it('GET /api/uploads/[id]/download: file stream, and DELETE /api/uploads/[id]', async () => {
      const { http, portals } = await newOwner(provider, { portals: 1 })
      const client = test.browser()
      const files = [{ name: 'example.pdf', content: PDF, type: 'application/pdf' }]
      const { intent, uploadIds } = await handOver(client, portals[0]?.id ?? '', files)
      await untilUploaded(client, intent)
      const path = `/api/uploads/${uploadIds[0]}`

      const download = await http.send('GET', `${path}/download`)
      expect(download.status).toBe(200)
      expect(Buffer.from(await download.arrayBuffer())).toEqual(PDF)

      expect(await http.call('DELETE', path)).toMatchObject(
        PRINTED_HERE['DELETE /api/uploads/[id]'].response,
      )
      const gone = await http.send('GET', `${path}/download`)
      expect(await gone.json()).toMatchObject({ title: 'File unavailable' })
    })
  })

  describe('portals (A17)', () => {
    it('GET /api/portals', async () => {
      const { http, accountId } = await newOwner(provider)
      const { response } = PRINTED_HERE['GET /api/portals']
      const [{ name, slug }] = response
      const portal = await createPortal(http, accountId, {
        name,
        slug,
        storageProvider: provider.id,
      })
      await countUploads(portal.id, response[0]._count.uploads)

      expect(await http.call('GET', '/api/portals')).toMatchObject(asPrinted(response) as object)
      await freeLink(slug)
    })

    it('POST /api/portals', async () => {
      const { http, accountId } = await newOwner(provider)
      const json = { ...PRINTED_HERE['POST /api/portals'].request, storageAccountId: accountId }

      const response = await http.send('POST', '/api/portals', { json })

      expect(response.status).toBe(201)
      const created = await response.json()
      expect(created).toMatchObject({ ...json, isActive: true, _count: { uploads: 0 } })
      expect(await http.call('GET', '/api/portals')).toEqual([created])
      await freeLink(json.slug)
    })

    /** The owner of the next provider takes the printed link, too. */
    const freeLink = (slug: string) => removeItem(test, { pk: `slug#${slug}`, sk: 'slug' })

    /** As if so many had been delivered. */
    async function countUploads(portalId: string, files: number): Promise<void> {
      const Item = {
        pk: `portal#${portalId}`,
        sk: 'statistics#0',
        uploadedCount: files,
        uploadedBytes: 0,
      }
      await withTable(test, (client, TableName) => client.send(new PutCommand({ TableName, Item })))
    }
  })

  describe('named without an example (C29)', () => {
    it('POST /api/storage/refresh-token', async () => {
      const { http, accountId } = await newOwner(provider)

      const reply = await http.call<RefreshTokenReply>('POST', '/api/storage/refresh-token', {
        json: { storageAccountId: accountId },
      })

      // Nothing else, so never a token.
      expect(reply).toEqual({ status: 'ACTIVE', expiresAt: expect.stringMatching(/Z$/) })
      expect(Date.parse(reply.expiresAt)).toBeGreaterThan(test.cloud.clock.now())
    })
  })
})

describe('named without an example (C29), and the same for every provider', () => {
  const SOME = DRIVE

  it('GET /api/v1/uploads, by every filter, and GET /api/uploads/[id]', async () => {
    const { http, accountId, portals } = await newOwner(SOME, { portals: 2 })
    const [contracts, pictures] = portals.map(({ id }) => id)
    const announced = [
      { portalId: contracts, clientEmail: 'ada@example.org', fileName: 'Contract A.pdf' },
      { portalId: contracts, clientEmail: 'bob@example.org', fileName: 'contract b.pdf' },
      { portalId: pictures, clientEmail: 'Ada@Example.org', fileName: 'Summer.jpg' },
    ]
    for (const intent of announced) {
      const json = { ...intent, fileSize: 1, mimeType: 'application/octet-stream' }
      await test.browser().call('POST', '/api/upload', { json })
    }
    const list = (query: Record<string, string>) =>
      http.call<UploadsReply>('GET', `/api/v1/uploads?${new URLSearchParams(query)}`)
    const [newest, middle, oldest] = ['Summer.jpg', 'contract b.pdf', 'Contract A.pdf']
    const { uploads } = await list({})
    const since = uploads[1]?.createdAt ?? ''
    const rows: [Record<string, string>, (string | undefined)[]][] = [
      [{}, [newest, middle, oldest]],
      [{ portalId: contracts ?? '' }, [middle, oldest]],
      [{ storageAccountId: accountId }, [newest, middle, oldest]],
      [{ clientEmail: 'ADA@example.org' }, [newest, oldest]],
      [{ clientEmail: 'ada@example.org', q: 'con' }, [oldest]],
      [{ q: 'CONTRACT' }, [middle, oldest]],
      [{ status: 'pending' }, [newest, middle, oldest]],
      [{ status: 'uploaded' }, []],
      [{ from: since }, [newest, middle]],
      [{ to: since }, [middle, oldest]],
      [{ from: '2100-01-01' }, []],
    ]
    for (const [query, names] of rows) {
      const found = (await list(query)).uploads.map(({ fileName }) => fileName)
      expect({ query, found }).toEqual({ query, found: names })
    }
    expect(await http.call('GET', `/api/uploads/${uploads[0]?.id}`)).toEqual(uploads[0])
  })

  it('GET and PUT /api/portals/[id], the latter of the version that was read', async () => {
    const { http, portals } = await newOwner(SOME, { portals: 1 })
    const [portal] = portals
    const path = `/api/portals/${portal?.id}`
    const json = { name: 'Renamed', requireClientEmail: true }
    const read = await http.send('GET', path)
    expect(await read.json()).toEqual(portal)
    const etag = read.headers.get('etag') ?? ''

    await expectProblem(await http.send('PUT', path, { json }), 'VERSION_REQUIRED')
    const changed = await http.send('PUT', path, { json, headers: { 'if-match': etag } })
    const again = await http.send('PUT', path, { json, headers: { 'if-match': etag } })

    expect(changed.status).toBe(200)
    expect(await changed.json()).toMatchObject({ ...json, slug: portal?.slug })
    await expectProblem(again, 'VERSION_STALE')
  })

  it('DELETE /api/portals/[id]: its files stay, its link leads nowhere and is free for its owner (C25)', async () => {
    const { http, accountId, portals } = await newOwner(SOME, { portals: 1 })
    const { id: portalId = '', slug = '' } = portals[0] ?? {}
    const json = { portalId, fileName: 'kept.txt', fileSize: 1 }
    await test.browser().call('POST', '/api/upload', { json })

    expect(await http.call('DELETE', `/api/portals/${portalId}`)).toEqual({
      success: true,
      message: 'Portal deleted successfully',
    })

    await expectProblem(await http.send('GET', `/api/portals/${portalId}`), 'PORTAL_NOT_FOUND')
    await expectProblem(
      await test.browser().send('GET', `/api/portals/public/${slug}`),
      'PORTAL_NOT_FOUND',
    )
    const { uploads } = await http.call<UploadsReply>('GET', `/api/v1/uploads?portalId=${portalId}`)
    expect(uploads.map(({ fileName }) => fileName)).toEqual(['kept.txt'])
    expect((await createPortal(http, accountId, { slug, storageProvider: SOME.id })).id).not.toBe(
      portalId,
    )
  })

  it('the settings page: profile and notification preferences (A17)', async () => {
    const { http, email } = await newOwner(SOME)

    const profile = { name: 'Grace', locale: 'de', singleEmailPerProvider: true }
    expect(await http.call('PUT', '/api/settings/profile', { json: profile })).toEqual({
      ...profile,
      email,
    })
    expect(await http.call('GET', '/api/settings/profile')).toEqual({ ...profile, email })
    const json = { newFiles: false }
    const reply = await http.call('PUT', '/api/settings/notifications', { json })
    expect(reply).toEqual({ newFiles: false, accountProblems: true })
    expect(await http.call('GET', '/api/settings/notifications')).toEqual(reply)
    // What was just chosen counts for the next connect (C5).
    await expect(connectAnother(http, SOME)).rejects.toThrow('SINGLE_EMAIL_PER_PROVIDER')
    for (const other of PROVIDERS.filter(({ id }) => id !== SOME.id)) {
      expect(await connectAnother(http, other)).toMatch(/^acc_/)
    }
  })
})
