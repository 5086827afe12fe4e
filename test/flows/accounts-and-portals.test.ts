/** The owner's side before the first file: signing in, connecting storage, pausing it, making portals. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient } from '../../infra/local/app-client.ts'
import type { AccountEntry, AccountsReply } from '../../shared/contract/accounts.ts'
import type { PortalReply, PublicPortalReply } from '../../shared/contract/portals.ts'
import {
  createPortal,
  OWNER,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { PROVIDERS } from '../support/providers.ts'

const ISO_TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

function accounts(http: AppClient): Promise<AccountEntry[]> {
  return http.call<AccountsReply>('GET', '/api/storage/accounts').then((reply) => reply.accounts)
}

function portals(http: AppClient): Promise<PortalReply[]> {
  return http.call<PortalReply[]>('GET', '/api/portals')
}

function nullOr(type: 'string' | 'object') {
  return {
    asymmetricMatch: (value: unknown) => value === null || typeof value === type,
    toString: () => `null or ${type}`,
  }
}

describe.each(PROVIDERS)('with $name:', (provider) => {
  const here = { provider: provider.id }
  let test: TestCloud
  let owner: AppClient

  beforeAll(async () => {
    test = await startTestCloud()
    owner = test.browser()
  })
  afterAll(() => test.close())

  function publicPortal(slug: string): Promise<PublicPortalReply> {
    return test.browser().call<PublicPortalReply>('GET', `/api/portals/public/${slug}`)
  }

  /** The entry of an identity that signs in and has no storage. */
  function loginOnly(email: string) {
    return {
      provider: provider.id,
      providerAccountId: expect.stringMatching(provider.identity.subject),
      email,
      name: expect.stringMatching(/./),
      isConnected: false,
      storageAccountId: null,
      storageStatus: null,
      isAuthAccount: true,
      hasValidOAuth: false,
      storageProvider: provider.storageId,
      lastError: null,
      lastAccessedAt: null,
      quota: null,
    }
  }

  function connected(email: string, storageAccountId: string) {
    return {
      ...loginOnly(email),
      isConnected: true,
      storageAccountId,
      storageStatus: 'ACTIVE',
      hasValidOAuth: true,
      // The account's keeper comes within a minute, and then they are known.
      lastAccessedAt: nullOr('string'),
      quota: nullOr('object'),
    }
  }

  describe('signing in', () => {
    it('is asked of a stranger by every page of an owner', async () => {
      const stranger = test.browser()
      for (const path of ['/api/auth/session', '/api/storage/accounts', '/api/portals']) {
        await expectProblem(await stranger.send('GET', path), 'SESSION_REQUIRED')
      }
    })

    it('ends where it was asked to, with a session that knows who it is', async () => {
      const page = await owner.signIn(OWNER, { ...here, returnTo: '/portals?new=1' })

      expect(`${page.url.origin}${page.url.pathname}${page.url.search}`).toBe(
        `${test.cloud.urls.app}/portals?new=1`,
      )
      expect(await owner.call('GET', '/api/auth/session')).toEqual({
        user: {
          id: expect.stringMatching(/^usr_/),
          email: OWNER,
          name: expect.stringMatching(/./),
          image: provider.identity.hasPicture ? expect.stringMatching(/^http/) : null,
        },
      })
    })

    it.each([
      ['another site', 'https://example.org/'],
      ['another host without a scheme', '//example.org/'],
      ['a host behind a backslash', '/\\example.org/'],
      ['a host behind a dot segment', '/.//example.org/'],
      ['the API', '/api/auth/session'],
      ['the API, encoded', '/%61pi/auth/session'],
    ])('never ends at %s', async (_what, returnTo) => {
      const page = await test.browser().signIn(OWNER, { ...here, returnTo })

      expect(page.url.href).toBe(`${test.cloud.urls.app}/`)
    })

    it('again is the same owner, and denying it is a problem without a session', async () => {
      const again = test.browser()
      await again.signIn(OWNER, here)
      const first = await owner.call<{ user: { id: string } }>('GET', '/api/auth/session')
      expect(await again.call('GET', '/api/auth/session')).toMatchObject({
        user: { id: first.user.id },
      })

      const denied = test.browser()
      const page = await denied.consent(await denied.visit(`/api/auth/login/${provider.id}`), {
        email: OWNER,
        decision: 'deny',
      })
      expect(page).toMatchObject({ status: 403 })
      expect(JSON.parse(page.body)).toMatchObject({ code: 'SIGN_IN_DENIED' })
      await expectProblem(await denied.send('GET', '/api/auth/session'), 'SESSION_REQUIRED')
    })

    it('ends with signing out', async () => {
      const http = test.browser()
      await http.signIn(OWNER, here)
      const cookie = `portage_session=${http.cookie('portage_session')}`

      expect((await http.send('POST', '/api/auth/logout')).status).toBe(204)

      // The session itself is gone, not only the browser's memory of it.
      const stolen = await test.browser().send('GET', '/api/auth/session', { headers: { cookie } })
      await expectProblem(stolen, 'SESSION_REQUIRED')
    })
  })

  describe('connecting', () => {
    const start = `/api/oauth/${provider.id}/start?returnTo=%2Faccounts%3Ftab%3D1`

    it('needs a session', async () => {
      await expectProblem(await test.browser().send('GET', start), 'SESSION_REQUIRED')
    })

    it('tells an owner who denies it so, and leaves no account', async () => {
      const page = await owner.consent(await owner.visit(start), { email: OWNER, decision: 'deny' })

      expect(page.url.pathname + page.url.search).toBe('/accounts?tab=1&connectError=ACCESS_DENIED')
      expect(await accounts(owner)).toEqual([loginOnly(OWNER)])
    })

    it.each(provider.storageScopes)(
      'tells an owner who unticks %s so, and leaves no account',
      async (scope) => {
        const consentPage = await owner.visit(start)
        expect(consentPage.body).toContain(scope)

        const page = await owner.consent(consentPage, { email: OWNER, withoutScopes: [scope] })

        expect(page.url.pathname + page.url.search).toBe(
          '/accounts?tab=1&connectError=STORAGE_PERMISSION_MISSING',
        )
        expect(await accounts(owner)).toEqual([loginOnly(OWNER)])
      },
    )

    it('makes an account that shares its row with the login of the same identity', async () => {
      const accountId = await owner.connectStorage(OWNER, here)

      expect(accountId).toMatch(/^acc_/)
      expect(await accounts(owner)).toEqual([connected(OWNER, accountId)])
    })

    it('again keeps the account', async () => {
      const [before] = await accounts(owner)

      expect(await owner.connectStorage(OWNER, here)).toBe(before?.storageAccountId)
      expect(await accounts(owner)).toEqual([before])
    })
  })

  describe('portals', () => {
    let accountId: string

    beforeAll(async () => {
      accountId = await owner.connectStorage(OWNER, here)
    })

    it('are created, read and listed newest first, as printed', async () => {
      const first = await createPortal(owner, accountId, {
        name: 'Tax papers',
        slug: 'tax-papers',
        storageProvider: provider.storageId,
      })
      // The OAuth spelling of the provider means the same storage.
      const second = await createPortal(owner, accountId, {
        name: '  Pictures  ',
        slug: 'pictures',
        storageProvider: provider.id,
        requireClientName: true,
        requireClientEmail: true,
      })

      expect(first).toMatchObject({
        id: expect.stringMatching(/^prt_/),
        name: 'Tax papers',
        slug: 'tax-papers',
        storageProvider: provider.storageId,
        storageAccountId: accountId,
        isActive: true,
        _count: { uploads: 0 },
        requireClientName: false,
        requireClientEmail: false,
        acceptsUploads: true,
        requiresUserAction: false,
        version: 1,
        createdAt: ISO_TIME,
        updatedAt: ISO_TIME,
      })
      expect(second).toMatchObject({
        name: 'Pictures',
        storageProvider: provider.storageId,
        requireClientName: true,
        requireClientEmail: true,
      })
      expect(await owner.call('GET', `/api/portals/${first.id}`)).toEqual(first)
      expect(await portals(owner)).toEqual([second, first])
    })

    it('come in pages without loss or repetition', async () => {
      const seen: string[] = []
      let cursor = ''
      do {
        const response = await owner.send('GET', `/api/portals?limit=1${cursor}`)
        const page = (await response.json()) as PortalReply[]
        expect(page.length).toBeLessThanOrEqual(1)
        seen.push(...page.map(({ slug }) => slug))
        const next = response.headers.get('x-next-cursor')
        cursor = next === null ? '' : `&cursor=${next}`
      } while (cursor !== '')

      expect(seen).toEqual(['pictures', 'tax-papers'])
    })

    it('tell everybody what a client has to know and nothing of the owner', async () => {
      const reply = await publicPortal('pictures')

      expect(reply).toEqual({
        portalId: expect.stringMatching(/^prt_/),
        name: 'Pictures',
        passwordRequired: false,
        instructions: null,
        deadline: null,
        fields: { clientName: 'required', clientEmail: 'required', clientMessage: 'optional' },
        limits: { maxFileBytes: provider.maxFileBytes, maxFilesPerIntent: 50, allowedTypes: [] },
        acceptsUploads: true,
      })
      expect(JSON.stringify(reply)).not.toMatch(/acc_|usr_|grt_|@/)
      await expectProblem(
        await test.browser().send('GET', '/api/portals/public/unknown-link'),
        'PORTAL_NOT_FOUND',
      )
    })

    it('ask a client for the fields that they require, and take a hand-over that has them', async () => {
      const { portalId } = await publicPortal('pictures')
      const file = { fileName: 'a.txt', fileSize: 1, mimeType: 'text/plain' }
      const announce = (fields: Record<string, string>) =>
        test.browser().send('POST', '/api/upload', { json: { portalId, ...fields, files: [file] } })

      await expectProblem(await announce({}), 'INVALID_REQUEST', ['clientName', 'clientEmail'])
      await expectProblem(await announce({ clientName: 'Ada' }), 'INVALID_REQUEST', ['clientEmail'])
      const who = { clientName: 'Ada', clientEmail: 'ada@example.org' }
      expect((await announce(who)).status).toBe(201)
    })

    it('take the largest file that their storage can hold, and none larger', async () => {
      const { portalId } = await publicPortal('tax-papers')
      const announce = (fileSize: number) =>
        test.browser().send('POST', '/api/upload', {
          json: { portalId, fileName: 'disk.img', fileSize, mimeType: '' },
        })

      await expectProblem(await announce(provider.maxFileBytes + 1), 'INVALID_REQUEST', [
        'fileSize',
      ])
      expect((await announce(provider.maxFileBytes)).status).toBe(201)
    })
  })

  describe('pausing an account', () => {
    let accountId: string
    let otherId: string
    const deactivate = (body: unknown) =>
      owner.send('POST', '/api/storage/deactivate', { json: body })
    const reactivate = (body: unknown) =>
      owner.send('POST', '/api/storage/reactivate', { json: body })
    const isActiveBySlug = async () =>
      Object.fromEntries((await portals(owner)).map(({ slug, isActive }) => [slug, isActive]))
    const announce = async (slug: string) => {
      const { portalId } = await publicPortal(slug)
      const who = { clientName: 'Ada', clientEmail: 'ada@example.org' }
      const files = [{ fileName: 'a.txt', fileSize: 1, mimeType: 'text/plain' }]
      return test.browser().send('POST', '/api/upload', { json: { portalId, ...who, files } })
    }

    beforeAll(async () => {
      accountId = await owner.connectStorage(OWNER, here)
    })

    it('stops its portals at once, says how many, and clients read that they are paused', async () => {
      expect(await (await deactivate({ provider: provider.storageId })).json()).toMatchObject({
        deactivatedPortals: 2,
      })

      expect(await accounts(owner)).toEqual([
        { ...connected(OWNER, accountId), storageStatus: 'INACTIVE' },
      ])
      for (const portal of await portals(owner)) {
        expect(portal).toMatchObject({
          isActive: false,
          acceptsUploads: false,
          reason: 'STORAGE_INACTIVE',
          requiresUserAction: true,
          version: 2,
        })
      }
      expect(await publicPortal('tax-papers')).toMatchObject({
        acceptsUploads: false,
        reason: 'paused',
      })
    })

    it('again changes nothing', async () => {
      const before = await portals(owner)

      expect(await (await deactivate({ storageAccountId: accountId })).json()).toMatchObject({
        deactivatedPortals: 0,
      })
      expect(await portals(owner)).toEqual(before)
    })

    it('ends with starting it: automatically stopped portals are on, what the owner closed stays closed', async () => {
      const [pictures] = await portals(owner)
      const closed = await owner.send('PUT', `/api/portals/${pictures?.id}`, {
        json: { isActive: false },
        headers: { 'if-match': `"${pictures?.version}"` },
      })
      expect(closed.status).toBe(200)

      expect(await (await reactivate({ provider: provider.id })).json()).toMatchObject({
        reactivatedPortals: 1,
      })

      expect(await accounts(owner)).toEqual([connected(OWNER, accountId)])
      expect(await isActiveBySlug()).toEqual({ 'tax-papers': true, pictures: false })
      expect(await publicPortal('tax-papers')).toMatchObject({ acceptsUploads: true })
      expect(await publicPortal('pictures')).toMatchObject({
        acceptsUploads: false,
        reason: 'closed',
      })
      expect((await announce('tax-papers')).status).toBe(201)
      await expectProblem(await announce('pictures'), 'PORTAL_CANNOT_ACCEPT_UPLOADS')
      expect(await (await reactivate({ provider: provider.id })).json()).toMatchObject({
        reactivatedPortals: 0,
      })
    })

    it('of two accounts of one provider asks which, and touches the portals of that one only', async () => {
      otherId = await owner.connectStorage(SECOND_OWNER, here)
      await createPortal(owner, otherId, {
        name: 'Other',
        slug: 'of-the-other',
        storageProvider: provider.id,
      })
      const rows = await accounts(owner)
      expect(rows).toHaveLength(2)
      expect(rows).toContainEqual({ ...connected(SECOND_OWNER, otherId), isAuthAccount: false })

      const problem = await expectProblem(
        await deactivate({ provider: provider.storageId }),
        'AMBIGUOUS_ACCOUNT',
      )
      expect(problem.candidates?.map(({ storageAccountId }) => storageAccountId).sort()).toEqual(
        [accountId, otherId].sort(),
      )
      expect((await accounts(owner)).map(({ storageStatus }) => storageStatus)).toEqual([
        'ACTIVE',
        'ACTIVE',
      ])

      await deactivate({ storageAccountId: otherId })
      expect(await isActiveBySlug()).toEqual({
        'of-the-other': false,
        'tax-papers': true,
        pictures: false,
      })
    })

    it('is refused for an account that is not there, not theirs, or not named well', async () => {
      const second = test.browser()
      await second.signIn(SECOND_OWNER, here)
      const post = (path: string, json: unknown) => second.send('POST', path, { json })

      for (const path of ['/api/storage/deactivate', '/api/storage/reactivate']) {
        await expectProblem(await post(path, { provider: provider.storageId }), 'ACCOUNT_NOT_FOUND')
        await expectProblem(await post(path, { storageAccountId: accountId }), 'ACCOUNT_NOT_FOUND')
        await expectProblem(await post(path, {}), 'INVALID_REQUEST', ['storageAccountId'])
        await expectProblem(await post(path, { provider: 'box' }), 'INVALID_REQUEST', ['provider'])
      }
      const row = (await accounts(owner)).find((each) => each.storageAccountId === accountId)
      expect(row?.storageStatus).toBe('ACTIVE')
    })
  })
})
