/**
 * What happens to an account while nobody looks, and what of it the owner sees afterwards: grants
 * that are withdrawn, providers that fail, pauses and ends with files on their way.
 */
import { BatchWriteCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type {
  AccountEntry,
  AccountsReply,
  DeactivateReply,
} from '../../shared/contract/accounts.ts'
import type { EventEntry, EventsReply } from '../../shared/contract/events.ts'
import type { OpenPortalReply, PortalReply } from '../../shared/contract/portals.ts'
import type { IntentReply } from '../../shared/contract/uploads.ts'
import { complete, sha256 } from '../support/client-calls.ts'
import { type Deliveries, deliveriesOf, MIB, sessions } from '../support/deliveries.ts'
import { pass, whileProviderFails } from '../support/keepers.ts'
import {
  type ClientFile,
  createPortal,
  type Owner,
  putParts,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { dumpTable, ofType, withTable } from './security/attack.ts'

const MINUTE = 60
/** Probes of an account that is well lie 40 to 50 minutes apart. */
const BEFORE_NEXT_PROBE = 39 * MINUTE
const UNTIL_NEXT_PROBE = 11 * MINUTE + 1

let test: TestCloud
let people = 0

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

interface Story extends Owner {
  files: Deliveries
}

/** An owner whom no other test knows; the account has been looked at for the first time. */
async function newStory(): Promise<Story> {
  people += 1
  const email = `person-${people}@example.com`
  await test.addPerson({ email, name: 'Somebody' })
  const owner = await test.owner({ email, portal: { slug: `of-person-${people}` } })
  const story = { ...owner, files: deliveriesOf(test, owner) }
  await pass(test, 1)
  expect((await accountOf(story)).quota).not.toBeNull()
  return story
}

async function accountOf({ http, accountId }: Owner): Promise<AccountEntry> {
  const { accounts } = await http.call<AccountsReply>('GET', '/api/storage/accounts')
  const found = accounts.find(({ storageAccountId }) => storageAccountId === accountId)
  if (!found) throw new Error(`${accountId} is in no list`)
  return found
}

function portalOf({ http, portal }: Owner, { id } = portal): Promise<PortalReply> {
  return http.call<PortalReply>('GET', `/api/portals/${id}`)
}

async function close(owner: Owner, portal: PortalReply): Promise<void> {
  const { version } = await portalOf(owner, portal)
  await owner.http.call('PUT', `/api/portals/${portal.id}`, {
    headers: { 'if-match': `"${version}"` },
    json: { isActive: false },
  })
}

async function events({ http }: Owner, subjectId: string): Promise<EventEntry[]> {
  const path = `/api/events?subjectId=${subjectId}`
  return (await http.call<EventsReply>('GET', path)).events
}

/** The owner's word: pause, end or go on. */
function say(
  { http, accountId }: Owner,
  what: 'deactivate' | 'disconnect' | 'reactivate',
): Promise<DeactivateReply> {
  const json = { storageAccountId: accountId }
  return http.call<DeactivateReply>('POST', `/api/storage/${what}`, { json })
}

/** Sends what was announced. */
async function send(intent: IntentReply, { content }: ClientFile): Promise<string> {
  const [plan] = intent.uploads
  if (!plan) throw new Error('no plan')
  const client = test.browser()
  await putParts(client, intent.uploadToken, plan, content)
  expect((await complete(client, intent.uploadToken, plan.uploadId)).status).toBe(202)
  return plan.uploadId
}

async function expectArrived({ files }: Story, uploadId: string, file: ClientFile) {
  await files.untilDelivered(uploadId, file)
  expect(await files.arrived(file)).toEqual([sha256(file.content)])
}

describe('a grant that is withdrawn at the provider (A30, workflow 5)', () => {
  let owner: Story
  let closedBefore: PortalReply
  let closedMeanwhile: PortalReply
  let file: ClientFile
  let uploadId: string

  beforeAll(async () => {
    owner = await newStory()
    const { http, accountId, files } = owner
    closedBefore = await createPortal(http, accountId, { slug: 'closed-before' })
    closedMeanwhile = await createPortal(http, accountId, { slug: 'closed-meanwhile' })
    await close(owner, closedBefore)
    file = files.newFile(1000)
    await pass(test, BEFORE_NEXT_PROBE)
    const intent = await files.announce(file)

    await files.steer('revoke')
    await pass(test, UNTIL_NEXT_PROBE)
    uploadId = await send(intent, file)
  })

  it('is found by the next probe: the account is DISCONNECTED, and says why', async () => {
    expect(await accountOf(owner)).toMatchObject({
      storageStatus: 'DISCONNECTED',
      isConnected: false,
      hasValidOAuth: false,
      lastError: 'GRANT_REFUSED',
    })
    expect(await events(owner, owner.accountId)).toMatchObject([
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
    expect(await events(owner, owner.portal.id)).toMatchObject([
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

    expect(await owner.http.connectStorage(owner.email)).toBe(owner.accountId)

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

describe('a grant that is withdrawn, seen by its owner first', () => {
  it('is found at once when the owner has the accounts synced (C12)', async () => {
    const owner = await newStory()
    await owner.files.steer('revoke')

    expect(await owner.http.call('POST', '/api/storage/sync-oauth-status')).toMatchObject({
      summary: { accountsChecked: 1, accountsUpdated: 1, deactivatedPortals: 1, errors: [] },
    })

    expect(await accountOf(owner)).toMatchObject({ storageStatus: 'DISCONNECTED' })
    expect(await portalOf(owner)).toMatchObject({ deactivationReason: 'STORAGE_DISCONNECTED' })
  })

  it('is not mended by another identity: that has an account of its own (C32)', async () => {
    const owner = await newStory()
    await owner.files.steer('revoke')
    await owner.http.call('POST', '/api/storage/sync-oauth-status')
    const other = `other-${owner.email}`
    await test.addPerson({ email: other, name: 'Somebody' })

    const otherId = await owner.http.connectStorage(other)

    expect(otherId).not.toBe(owner.accountId)
    expect(await accountOf({ ...owner, accountId: otherId })).toMatchObject({
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
})

describe('a provider that does not answer (A30)', () => {
  let owner: Story
  let file: ClientFile
  let uploadId: string

  beforeAll(async () => {
    owner = await newStory()
  })
  afterEach(() => owner.files.clearFaults())

  it('for three probes in a row leads to ERROR, and not before', async () => {
    const { files } = owner
    file = files.newFile(1000)
    await pass(test, BEFORE_NEXT_PROBE)

    const intent = await whileProviderFails(test, 'google', async () => {
      await pass(test, UNTIL_NEXT_PROBE)
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
    uploadId = await send(intent, file)
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
      (await events(owner, owner.accountId)).map(({ before, after, reason, actor }) => [
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

  it.each(['status:429', 'status:403:userRateLimitExceeded', 'status:403:dailyLimitExceeded'])(
    'because it limits us (%s) changes no status, however often',
    async (action) => {
      const before = await events(owner, owner.accountId)
      await owner.files.spoil('quota', { action, retryAfterSeconds: 3600, times: 1000 })

      const asked = await owner.files.requestsOf(async () => {
        for (let probe = 1; probe <= 4; probe += 1) await pass(test, 51 * MINUTE)
      })

      expect(asked.filter(({ fault }) => fault === action).length).toBeGreaterThanOrEqual(4)
      expect(await accountOf(owner)).toMatchObject({ storageStatus: 'ACTIVE', lastError: null })
      expect(await portalOf(owner)).toMatchObject({ isActive: true, acceptsUploads: true })
      expect(await events(owner, owner.accountId)).toEqual(before)
    },
  )
})

describe('a pause (C1, A14)', () => {
  let owner: Story

  beforeAll(async () => {
    owner = await newStory()
  })
  afterEach(() => say(owner, 'reactivate'))

  it('keeps files within reach, and takes no new ones', async () => {
    const file = owner.files.newFile(1000)
    const uploadId = await owner.files.handOver(file)
    await owner.files.untilDelivered(uploadId, file)

    await say(owner, 'deactivate')

    const download = await owner.http.send('GET', `/api/uploads/${uploadId}/download`)
    expect(download.status).toBe(200)
    expect(sha256(new Uint8Array(await download.arrayBuffer()))).toBe(sha256(file.content))
    expect(await owner.files.upload(uploadId)).toMatchObject({ storageStatus: 'INACTIVE' })
    const json = { portalId: owner.portal.id, fileName: 'next.txt', fileSize: 1 }
    await expectProblem(
      await test.browser().send('POST', '/api/upload', { json }),
      'PORTAL_CANNOT_ACCEPT_UPLOADS',
    )
  })

  it('holds the file that is on its way, and going on delivers it', async () => {
    const file = owner.files.newFile(1000)
    const intent = await owner.files.announce(file)
    await say(owner, 'deactivate')

    const uploadId = await send(intent, file)
    const held = await owner.files.untilStatus(uploadId, 'held')
    expect(held).toMatchObject({ reason: 'ACCOUNT_INACTIVE', storageAccountId: null })
    expect(await owner.files.arrived(file)).toEqual([])
    await say(owner, 'reactivate')
    await pass(test, MINUTE)

    await expectArrived(owner, uploadId, file)
  })

  it('stays the owner’s choice, whatever a probe finds', async () => {
    await say(owner, 'deactivate')

    await pass(test, 51 * MINUTE)

    expect(await accountOf(owner)).toMatchObject({ storageStatus: 'INACTIVE', isConnected: true })
    expect(await portalOf(owner)).toMatchObject({ isActive: false })
  })
})

describe('an end (C1, security rule 5)', () => {
  const revocations = (files: Deliveries, work: () => Promise<unknown>) =>
    files
      .requestsOf(work)
      .then((requests) => requests.filter(({ operation }) => operation === 'oauth.revoke').length)

  it('tells the provider when no other owner lives by the same identity, and only then', async () => {
    const first = await newStory()
    const second = await newStory()
    const shared = { ...second, accountId: await second.http.connectStorage(first.email) }

    expect(await revocations(first.files, () => say(first, 'disconnect'))).toBe(0)
    expect(await accountOf(first)).toMatchObject({ storageStatus: 'DISCONNECTED' })
    // Theirs still works: the provider gives a new token.
    const refreshed = await second.http.call('POST', '/api/storage/refresh-token', {
      json: { storageAccountId: shared.accountId },
    })
    expect(refreshed).toMatchObject({ status: 'ACTIVE' })

    expect(await revocations(first.files, () => say(shared, 'disconnect'))).toBe(1)
    expect(await accountOf(shared)).toMatchObject({ storageStatus: 'DISCONNECTED' })
    expect(await accountOf(second)).toMatchObject({ storageStatus: 'ACTIVE' })
  })

  it('destroys the tokens and their key: nothing in the table can be opened any more', async () => {
    const owner = await newStory()
    const before = await dumpTable(test)
    const grant = ofType(before, 'grant').find(({ accountId }) => accountId === owner.accountId)
    const secrets = [String(grant?.['wrappedKey']), String(grant?.['tokens'])]
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(40)
      expect(JSON.stringify([...before])).toContain(secret)
    }

    await say(owner, 'disconnect')

    const after = await dumpTable(test)
    for (const secret of secrets) expect(JSON.stringify([...after])).not.toContain(secret)
    expect(ofType(after, 'grant').map(({ accountId }) => accountId)).not.toContain(owner.accountId)
    expect([...after.keys()].filter((key) => key.includes(String(grant?.['id'])))).toEqual([])
  })

  it('in the middle of a file leaves no token, and after a new consent its session goes on', async () => {
    const owner = await newStory()
    const { files } = owner
    // One chunk and a rest, before which the day is used up.
    const file = files.newFile(33 * MIB)
    await files.spoil('chunk', { skip: 1, action: 'status:403:dailyLimitExceeded' })
    let uploadId = ''
    const requests = await files.requestsOf(async () => {
      uploadId = await files.handOver(file)
      await files.untilStatus(uploadId, 'held')
      const tokens = ofType(await dumpTable(test), 'grant').find(
        ({ accountId }) => accountId === owner.accountId,
      )?.['tokens']
      expect(tokens).toEqual(expect.stringMatching(/.{40}/))

      await say(owner, 'disconnect')

      expect(JSON.stringify([...(await dumpTable(test))])).not.toContain(tokens)
      await pass(test, 61 * MINUTE)
      expect(await files.upload(uploadId)).toMatchObject({
        status: 'held',
        reason: 'ACCOUNT_DISCONNECTED',
      })
      expect(await owner.http.connectStorage(owner.email)).toBe(owner.accountId)
      await pass(test, MINUTE)
      await expectArrived(owner, uploadId, file)
    })
    expect(sessions(requests)).toBe(1)
  })

  it('leaves nothing to do: a probe never wakes the account again', async () => {
    const owner = await newStory()
    await say(owner, 'disconnect')
    await pass(test, MINUTE)

    const asked = await owner.files.requestsOf(() => pass(test, 51 * MINUTE))

    const item = (await dumpTable(test)).get(`account#${owner.accountId} account`)
    expect(item).toMatchObject({ status: 'DISCONNECTED' })
    expect(item).not.toHaveProperty('duePk')
    // Others were looked at, this one was not.
    expect(asked).not.toEqual([])
    expect(asked.filter(({ account }) => account === owner.email)).toEqual([])
  })
})

describe('a delivered file, by the state of its account (C25)', () => {
  let owner: Story

  beforeAll(async () => {
    owner = await newStory()
  })

  const remove = (uploadId: string, query = '') =>
    owner.http.send('DELETE', `/api/uploads/${uploadId}${query}`)
  const newDelivered = async () => {
    const file = owner.files.newFile(100)
    const uploadId = await owner.files.handOver(file)
    await owner.files.untilDelivered(uploadId, file)
    return { file, uploadId }
  }

  it('is deleted there, too, while the account is INACTIVE', async () => {
    const { file, uploadId } = await newDelivered()
    await say(owner, 'deactivate')

    expect(await (await remove(uploadId)).json()).toMatchObject({
      deletedFromCloud: true,
      deletedFromDatabase: true,
    })

    expect(await owner.files.arrived(file)).toEqual([])
    await say(owner, 'reactivate')
  })

  it('waits to be deleted while the account is in ERROR', async () => {
    const { file, uploadId } = await newDelivered()
    await say(owner, 'deactivate')
    const reactivate = whileProviderFails(test, 'google', () => say(owner, 'reactivate'))
    await expect(reactivate).rejects.toThrow('PROVIDER_UNAVAILABLE')

    const refused = await remove(uploadId)

    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    await expectProblem(refused, 'PROVIDER_UNAVAILABLE')
    expect(await owner.files.upload(uploadId)).toMatchObject({ status: 'uploaded' })
    expect(await owner.files.arrived(file)).toEqual([sha256(file.content)])
    await say(owner, 'reactivate')
  })

  it('is out of reach while the account is DISCONNECTED, and may be forgotten here alone', async () => {
    const { file, uploadId } = await newDelivered()
    await say(owner, 'disconnect')

    await expectProblem(await remove(uploadId), 'FILE_UNAVAILABLE')
    expect(await owner.files.upload(uploadId)).toMatchObject({ status: 'uploaded' })
    expect(await (await remove(uploadId, '?recordOnly=true')).json()).toEqual({
      success: true,
      message: 'File deleted successfully',
      deletedFromCloud: false,
      deletedFromDatabase: true,
    })

    expect(await owner.files.upload(uploadId)).toMatchObject({ status: 'deleted' })
    expect(await owner.files.arrived(file)).toEqual([sha256(file.content)])
    expect(await owner.http.connectStorage(owner.email)).toBe(owner.accountId)
  })
})

describe('a portal with a backup account (C7)', () => {
  let owner: Story
  let backup: Owner

  beforeAll(async () => {
    owner = await newStory()
    const email = `backup-of-${owner.email}`
    await test.addPerson({ email, name: 'Somebody' })
    backup = { ...owner, email, accountId: await owner.http.connectStorage(email) }
    await owner.http.call('PUT', `/api/portals/${owner.portal.id}`, {
      headers: { 'if-match': `"${owner.portal.version}"` },
      json: { backupStorageAccountIds: [backup.accountId] },
    })
    await pass(test, 1)
  })

  const expectInBackup = async (uploadId: string, file: ClientFile, reason: string) => {
    const inBackup = deliveriesOf(test, backup)
    await inBackup.untilDelivered(uploadId, file)
    expect(await inBackup.arrived(file)).toEqual([sha256(file.content)])
    expect(await owner.files.arrived(file)).toEqual([])
    expect(await owner.files.upload(uploadId)).toMatchObject({
      storageAccountId: backup.accountId,
      storageStatus: 'ACTIVE',
    })
    expect(await events(owner, uploadId)).toMatchObject([
      { type: 'upload.delivered' },
      { type: 'upload.moved', before: owner.accountId, after: backup.accountId, reason },
    ])
  }

  it('brings a file on its way there when its own account is stopped, and never back', async () => {
    const file = owner.files.newFile(1000)
    const intent = await owner.files.announce(file)
    await say(owner, 'deactivate')

    const uploadId = await send(intent, file)

    await expectInBackup(uploadId, file, 'ACCOUNT_INACTIVE')
    await say(owner, 'reactivate')
    await pass(test, MINUTE)
    expect(await owner.files.arrived(file)).toEqual([])
  })

  it('and when its own account is full', async () => {
    const file = owner.files.newFile(6 * MIB)
    const { quota } = await owner.files.steer('quota', {})
    await owner.files.steer('quota', { totalBytes: quota.usedBytes + MIB })

    const uploadId = await owner.files.handOver(file)

    await expectInBackup(uploadId, file, 'PROVIDER_FULL')
  })
})

describe('trying a held file again', () => {
  it('at once, when its owner says so, and only while it is held', async () => {
    const owner = await newStory()
    const file = owner.files.newFile(1000)
    const retry = () => owner.http.send('POST', `/api/uploads/${uploadId}/retry`)
    await owner.files.spoil('whole', { action: 'status:403:dailyLimitExceeded' })
    const uploadId = await owner.files.handOver(file)
    const held = await owner.files.untilStatus(uploadId, 'held')
    // By itself it would wait for most of an hour.
    const waitMs = Date.parse(held.retryAt ?? '') - test.cloud.clock.now()
    expect(waitMs).toBeGreaterThan(30 * MINUTE * 1000)

    const reply = await retry()

    expect(reply.status).toBe(202)
    expect(await reply.json()).toMatchObject({ id: uploadId })
    await pass(test, 1)
    await expectArrived(owner, uploadId, file)
    await expectProblem(await retry(), 'NOT_RETRYABLE')
  })
})

describe('an account with many portals (A9, A30)', { timeout: 180_000 }, () => {
  /** Twenty times what fits into the transaction of the change. */
  const PORTALS = 1000
  let owner: Story

  beforeAll(async () => {
    owner = await newStory()
    await copyPortal(owner, PORTALS - 1)
  }, 180_000)

  it('stops them all, and each refuses at once', async () => {
    expect(await say(owner, 'deactivate')).toMatchObject({ deactivatedPortals: PORTALS })

    const last = await owner.http.call<OpenPortalReply>(
      'GET',
      `/api/portals/public/copy-${PORTALS - 1}`,
    )
    expect(last).toMatchObject({ acceptsUploads: false, reason: 'paused' })
    await pass(test, MINUTE)
    expect(await flags(owner)).toEqual({ 'false SYSTEM STORAGE_INACTIVE': PORTALS })
  })

  it('starts them all again', async () => {
    expect(await say(owner, 'reactivate')).toMatchObject({ reactivatedPortals: PORTALS })

    await pass(test, MINUTE)
    expect(await flags(owner)).toEqual({ 'true null null': PORTALS })
  })

  /** How many portals of the account are flagged how. */
  async function flags({ accountId }: Owner): Promise<Record<string, number>> {
    const counts: Record<string, number> = {}
    await withTable(test, async (client, TableName) => {
      let ExclusiveStartKey: Record<string, unknown> | undefined
      do {
        const page = await client.send(
          new QueryCommand({
            TableName,
            IndexName: 'byAccount',
            KeyConditionExpression: 'accountPk = :portals',
            ExpressionAttributeValues: { ':portals': `portals#${accountId}` },
            ...(ExclusiveStartKey ? { ExclusiveStartKey } : {}),
          }),
        )
        for (const portal of page.Items ?? []) {
          const { isActive, deactivatedBy, deactivationReason } = portal
          const flag = `${isActive} ${deactivatedBy} ${deactivationReason}`
          counts[flag] = (counts[flag] ?? 0) + 1
        }
        ExclusiveStartKey = page.LastEvaluatedKey
      } while (ExclusiveStartKey)
    })
    return counts
  }

  /** Portals like the owner's first, written straight into the table; the last one has its link. */
  async function copyPortal({ portal }: Owner, copies: number): Promise<void> {
    const original = (await dumpTable(test)).get(`portal#${portal.id} portal`)
    const numbers = Array.from({ length: copies }, (_, index) => index + 1)
    const items: Record<string, unknown>[] = numbers.map((number) => {
      const id = `prt_copy${String(number).padStart(20, '0')}`
      const time = `${original?.['createdAt']}#${id}`
      const keys = { pk: `portal#${id}`, ownerSk: time, accountSk: time }
      return { ...original, ...keys, id, slug: `copy-${number}` }
    })
    const { id: portalId, slug, userId } = items.at(-1) ?? {}
    items.push({ pk: `slug#${slug}`, sk: 'slug', portalId, userId })
    const requests = items.map((Item) => ({ PutRequest: { Item } }))
    await withTable(test, async (client, TableName) => {
      for (let first = 0; first < requests.length; first += 25) {
        const RequestItems = { [TableName]: requests.slice(first, first + 25) }
        const { UnprocessedItems = {} } = await client.send(new BatchWriteCommand({ RequestItems }))
        expect(UnprocessedItems).toEqual({})
      }
    })
  }
})
