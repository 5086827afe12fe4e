/** An owner who pauses an account, or ends it, with files on their way and files that have arrived. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  accountOf,
  consentAgain,
  expectArrived,
  newStory,
  portalOf,
  type Story,
  say,
  send,
} from '../support/account-story.ts'
import { sha256 } from '../support/client-calls.ts'
import { type Deliveries, sessions } from '../support/deliveries.ts'
import { pass, whileProviderFails } from '../support/keepers.ts'
import { startTestCloud, type TestCloud } from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { PROVIDERS } from '../support/providers.ts'
import { dumpTable, ofType } from './security/attack.ts'

const MINUTE = 60

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

describe.each(PROVIDERS)('at $name: a pause (C1, A14)', (provider) => {
  let owner: Story

  beforeAll(async () => {
    owner = await newStory(test, provider.id)
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

    const uploadId = await send(test, intent, file)
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

describe.each(PROVIDERS)('at $name: an end (C1, security rule 5)', (provider) => {
  const revocations = async (files: Deliveries, work: () => Promise<unknown>) => {
    await files.forgetRequests()
    await work()
    const requests = await test.providerRequests(provider.id)
    return requests.filter(({ path }) => path === provider.requests.revoke.route).length
  }

  it('tells the provider when no other owner lives by the same identity, and only then', async () => {
    const first = await newStory(test, provider.id)
    const second = await newStory(test, provider.id)
    const sharedId = await second.http.connectStorage(first.email, { provider: provider.id })
    const shared = { ...second, accountId: sharedId }

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

  it('tells the provider also when the access token has expired', async () => {
    const owner = await newStory(test, provider.id)
    await owner.files.steer('expire-tokens')

    expect(await revocations(owner.files, () => say(owner, 'disconnect'))).toBe(1)

    expect(await accountOf(owner)).toMatchObject({ storageStatus: 'DISCONNECTED' })
  })

  it('destroys the tokens and their key: nothing in the table can be opened any more', async () => {
    const owner = await newStory(test, provider.id)
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

  it('is not kept up by a provider that does not answer', async () => {
    const owner = await newStory(test, provider.id)
    const { refresh, revoke } = provider.requests
    for (const request of [refresh, revoke]) {
      await test.addFault({ ...request, action: 'status:503', times: 100 }, provider.id)
    }

    expect(await say(owner, 'disconnect')).toMatchObject({ deactivatedPortals: 1 })

    await owner.files.clearFaults()
    expect(await accountOf(owner)).toMatchObject({ storageStatus: 'DISCONNECTED' })
    const grants = ofType(await dumpTable(test), 'grant')
    expect(grants.map(({ accountId }) => accountId)).not.toContain(owner.accountId)
  })

  it('in the middle of a file leaves no token, and after a new consent its session goes on', async () => {
    const owner = await newStory(test, provider.id)
    const { files } = owner
    const file = files.newFile(files.twoChunksBytes)
    await files.spoil('chunk', { skip: 1, ...provider.longRefusal })
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
      expect(await consentAgain(owner)).toBe(owner.accountId)
      await pass(test, MINUTE)
      await expectArrived(owner, uploadId, file)
    })
    expect(sessions(requests)).toBe(1)
  })

  it('leaves nothing to do: a probe never wakes the account again', async () => {
    const witness = await newStory(test, provider.id)
    const owner = await newStory(test, provider.id)
    await say(owner, 'disconnect')
    await pass(test, MINUTE)

    const asked = await owner.files.requestsOf(() => pass(test, 51 * MINUTE))

    const item = (await dumpTable(test)).get(`account#${owner.accountId} account`)
    expect(item).toMatchObject({ status: 'DISCONNECTED' })
    expect(item).not.toHaveProperty('duePk')
    const accounts = asked.map(({ account }) => account)
    expect(accounts).toContain(witness.email)
    expect(accounts).not.toContain(owner.email)
  })
})

describe.each(PROVIDERS)(
  'at $name: a delivered file, by the state of its account (C25)',
  (provider) => {
    let owner: Story

    beforeAll(async () => {
      owner = await newStory(test, provider.id)
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
      const reactivate = whileProviderFails(test, provider.id, () => say(owner, 'reactivate'))
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
      expect(await consentAgain(owner)).toBe(owner.accountId)
    })
  },
)
