/**
 * What happens to an account while nobody looks, and what of it the owner sees afterwards: grants
 * that are withdrawn, and providers that fail.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { PortalReply } from '../../shared/contract/portals.ts'
import {
  accountOf,
  BEFORE_NEXT_PROBE_SECONDS,
  consentAgain,
  eventsOf,
  expectArrived,
  newPerson,
  newStory,
  portalOf,
  type Story,
  send,
  UNTIL_NEXT_PROBE_SECONDS,
} from '../support/account-story.ts'
import { pass, whileProviderFails } from '../support/keepers.ts'
import {
  type ClientFile,
  createPortal,
  type Owner,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { PROVIDERS } from '../support/providers.ts'

const MINUTE = 60

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

async function close(owner: Owner, portal: PortalReply): Promise<void> {
  const { version } = await portalOf(owner, portal)
  await owner.http.call('PUT', `/api/portals/${portal.id}`, {
    headers: { 'if-match': `"${version}"` },
    json: { isActive: false },
  })
}

describe.each(PROVIDERS)('at $name: a grant that is withdrawn (A30, workflow 5)', (provider) => {
  let owner: Story
  let closedBefore: PortalReply
  let closedMeanwhile: PortalReply
  let file: ClientFile
  let uploadId: string

  beforeAll(async () => {
    owner = await newStory(test, provider.id)
    const { http, accountId, files } = owner
    const another = (slug: string) =>
      createPortal(http, accountId, {
        slug: `${slug}-at-${provider.id}`,
        storageProvider: provider.id,
      })
    closedBefore = await another('closed-before')
    closedMeanwhile = await another('closed-meanwhile')
    await close(owner, closedBefore)
    file = files.newFile(1000)
    await pass(test, BEFORE_NEXT_PROBE_SECONDS)
    const intent = await files.announce(file)

    await files.steer('revoke')
    await pass(test, UNTIL_NEXT_PROBE_SECONDS)
    uploadId = await send(test, intent, file)
  })

  it('is found by the next probe: the account is DISCONNECTED, and says why', async () => {
    expect(await accountOf(owner)).toMatchObject({
      storageStatus: 'DISCONNECTED',
      isConnected: false,
      hasValidOAuth: false,
      lastError: 'GRANT_REFUSED',
    })
    expect(await eventsOf(owner, owner.accountId)).toMatchObject([
      {
        type: 'account.status-changed',
        actor: 'system',
        before: 'ACTIVE',
        after: 'DISCONNECTED',
        reason: 'GRANT_REFUSED',
      },
      { type: 'account.connected' },
    ])
  })

  it('stops the portals, with the reason', async () => {
    expect(await portalOf(owner)).toMatchObject({
      isActive: false,
      deactivatedBy: 'SYSTEM',
      deactivationReason: 'STORAGE_DISCONNECTED',
      acceptsUploads: false,
      reason: 'STORAGE_DISCONNECTED',
      requiresUserAction: true,
    })
    expect(await eventsOf(owner, owner.portal.id)).toMatchObject([
      { type: 'portal.deactivated', actor: 'system', reason: 'STORAGE_DISCONNECTED' },
      { type: 'portal.created' },
    ])
  })

  it('holds the file that is on its way', async () => {
    const held = await owner.files.untilStatus(uploadId, 'held')
    expect(held).toMatchObject({ reason: 'ACCOUNT_DISCONNECTED', storageAccountId: null })
    expect(await owner.files.arrived(file)).toEqual([])
  })

  it('is mended by a new consent: exactly the automatically stopped portals are on again', async () => {
    await close(owner, closedMeanwhile)

    expect(await consentAgain(owner)).toBe(owner.accountId)

    expect(await accountOf(owner)).toMatchObject({
      storageStatus: 'ACTIVE',
      isConnected: true,
      lastError: null,
    })
    expect(await portalOf(owner)).toMatchObject({ isActive: true, acceptsUploads: true })
    for (const portal of [closedBefore, closedMeanwhile]) {
      expect(await portalOf(owner, portal)).toMatchObject({
        isActive: false,
        deactivatedBy: 'USER',
        reason: 'PORTAL_CLOSED',
      })
    }
  })

  it('and the held file arrives', async () => {
    await pass(test, MINUTE)

    await expectArrived(owner, uploadId, file)
    expect(await owner.files.upload(uploadId)).toMatchObject({ storageAccountId: owner.accountId })
  })
})

describe.each(PROVIDERS)(
  'at $name: a grant that is withdrawn, seen by its owner first',
  (provider) => {
    it('is found at once when the owner has the accounts synced (C12)', async () => {
      const owner = await newStory(test, provider.id)
      await owner.files.steer('revoke')

      expect(await owner.http.call('POST', '/api/storage/sync-oauth-status')).toMatchObject({
        summary: { accountsChecked: 1, accountsUpdated: 1, deactivatedPortals: 1, errors: [] },
      })

      expect(await accountOf(owner)).toMatchObject({ storageStatus: 'DISCONNECTED' })
      expect(await portalOf(owner)).toMatchObject({ deactivationReason: 'STORAGE_DISCONNECTED' })
    })

    it('is not mended by another identity: that has an account of its own (C32)', async () => {
      const owner = await newStory(test, provider.id)
      await owner.files.steer('revoke')
      await owner.http.call('POST', '/api/storage/sync-oauth-status')
      const { email: other } = await newPerson(test, provider.id)

      const otherId = await owner.http.connectStorage(other, { provider: provider.id })

      expect(otherId).not.toBe(owner.accountId)
      expect(await accountOf(owner, otherId)).toMatchObject({
        email: other,
        storageStatus: 'ACTIVE',
      })
      expect(await accountOf(owner)).toMatchObject({
        email: owner.email,
        storageStatus: 'DISCONNECTED',
      })
      // It still points at the old one, and its owner may move it.
      expect(await portalOf(owner)).toMatchObject({
        storageAccountId: owner.accountId,
        isActive: false,
      })
    })
  },
)

describe('the same address at both providers', () => {
  it('is two accounts, of which one may end without the other', async () => {
    const [first, second] = PROVIDERS
    if (!first || !second) throw new Error('there is one provider alone')
    const owner = await newStory(test, first.id)
    await test.addPerson({ email: owner.email, name: 'Somebody' }, second.id)
    const otherId = await owner.http.connectStorage(owner.email, { provider: second.id })
    expect(otherId).not.toBe(owner.accountId)

    await owner.files.steer('revoke')

    expect(await owner.http.call('POST', '/api/storage/sync-oauth-status')).toMatchObject({
      summary: { accountsChecked: 2, accountsUpdated: 1, errors: [] },
    })
    expect(await accountOf(owner)).toMatchObject({
      provider: first.id,
      storageStatus: 'DISCONNECTED',
    })
    expect(await accountOf(owner, otherId)).toMatchObject({
      provider: second.id,
      storageStatus: 'ACTIVE',
    })
  })
})

describe.each(PROVIDERS)('$name, when it does not answer (A30)', (provider) => {
  let owner: Story
  let file: ClientFile
  let uploadId: string

  beforeAll(async () => {
    owner = await newStory(test, provider.id)
  })
  afterEach(() => owner.files.clearFaults())

  it('for three probes in a row leads to ERROR, and not before', async () => {
    const { files } = owner
    file = files.newFile(1000)
    await pass(test, BEFORE_NEXT_PROBE_SECONDS)

    const intent = await whileProviderFails(test, provider.id, async () => {
      await pass(test, UNTIL_NEXT_PROBE_SECONDS)
      expect(await accountOf(owner)).toMatchObject({
        storageStatus: 'ACTIVE',
        lastError: 'PROVIDER_UNAVAILABLE',
      })
      await pass(test, 2 * MINUTE)
      expect(await accountOf(owner)).toMatchObject({ storageStatus: 'ACTIVE' })
      const announced = await files.announce(file)
      await pass(test, 3 * MINUTE)
      return announced
    })

    expect(await accountOf(owner)).toMatchObject({
      storageStatus: 'ERROR',
      lastError: 'PROVIDER_UNAVAILABLE',
      // The grant may be fine.
      hasValidOAuth: true,
    })
    expect(await portalOf(owner)).toMatchObject({
      isActive: false,
      deactivationReason: 'STORAGE_ERROR',
      reason: 'STORAGE_ERROR',
      requiresUserAction: false,
    })
    uploadId = await send(test, intent, file)
    expect(await files.untilStatus(uploadId, 'held')).toMatchObject({ reason: 'ACCOUNT_ERROR' })
  })

  it('and answers again: account, portals and held files are back by themselves', async () => {
    // The first wait in ERROR is a minute, give or take a quarter.
    await pass(test, 2 * MINUTE)

    expect(await accountOf(owner)).toMatchObject({ storageStatus: 'ACTIVE', lastError: null })
    expect(await portalOf(owner)).toMatchObject({ isActive: true, acceptsUploads: true })
    await pass(test, MINUTE)
    await expectArrived(owner, uploadId, file)
    expect(
      (await eventsOf(owner, owner.accountId)).map(({ before, after, reason, actor }) => [
        before,
        after,
        reason,
        actor,
      ]),
    ).toEqual([
      ['ERROR', 'ACTIVE', 'PROBE_SUCCEEDED', 'system'],
      ['ACTIVE', 'ERROR', 'PROVIDER_UNAVAILABLE', 'system'],
      [null, 'ACTIVE', null, expect.stringMatching(/^usr_/)],
    ])
  })

  it.each(provider.limits)(
    'because it limits us ($action) changes no status, however often',
    async (limit) => {
      const before = await eventsOf(owner, owner.accountId)
      await owner.files.spoil('quota', { ...limit, retryAfterSeconds: 3600, times: 1000 })

      const asked = await owner.files.requestsOf(async () => {
        for (let probe = 1; probe <= 4; probe += 1) await pass(test, 51 * MINUTE)
      })

      expect(asked.filter(({ fault }) => fault === limit.action).length).toBeGreaterThanOrEqual(4)
      expect(await accountOf(owner)).toMatchObject({ storageStatus: 'ACTIVE', lastError: null })
      expect(await portalOf(owner)).toMatchObject({ isActive: true, acceptsUploads: true })
      expect(await eventsOf(owner, owner.accountId)).toEqual(before)
    },
  )
})
