/** Files that cannot go where they were announced for: to another account of the same provider, or later when their owner says so. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  eventsOf,
  expectArrived,
  newPerson,
  newStory,
  type Story,
  say,
  send,
} from '../support/account-story.ts'
import { sha256 } from '../support/client-calls.ts'
import { deliveriesOf, MIB } from '../support/deliveries.ts'
import { pass } from '../support/keepers.ts'
import {
  type ClientFile,
  type Owner,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { PROVIDERS } from '../support/providers.ts'

const MINUTE = 60

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

describe.each(PROVIDERS)(
  'a portal on $name with another account there as backup (C7)',
  (provider) => {
    let owner: Story
    let backup: Owner

    beforeAll(async () => {
      owner = await newStory(test, provider.id)
      const { email } = await newPerson(test, provider.id)
      const accountId = await owner.http.connectStorage(email, { provider: provider.id })
      backup = { ...owner, email, accountId }
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
        storageProvider: provider.storageId,
        storageAccountId: backup.accountId,
        storageStatus: 'ACTIVE',
      })
      expect(await eventsOf(owner, uploadId)).toMatchObject([
        { type: 'upload.delivered' },
        { type: 'upload.moved', before: owner.accountId, after: backup.accountId, reason },
      ])
    }

    it('brings a file on its way there when its own account is stopped, and never back', async () => {
      const file = owner.files.newFile(1000)
      const intent = await owner.files.announce(file)
      await say(owner, 'deactivate')

      const uploadId = await send(test, intent, file)

      await expectInBackup(uploadId, file, 'ACCOUNT_INACTIVE')
      await say(owner, 'reactivate')
      await pass(test, MINUTE)
      expect(await owner.files.arrived(file)).toEqual([])
    })

    it('and when its grant is withdrawn in the middle of a file', async () => {
      const file = owner.files.newFile(1000)
      const intent = await owner.files.announce(file)
      await owner.files.steer('revoke')

      const uploadId = await send(test, intent, file)

      await expectInBackup(uploadId, file, 'ACCOUNT_DISCONNECTED')
      const again = { provider: owner.provider }
      expect(await owner.http.connectStorage(owner.email, again)).toBe(owner.accountId)
    })

    it('and when its own account is full', async () => {
      const file = owner.files.newFile(6 * MIB)
      const { quota } = await owner.files.steer('quota', {})
      await owner.files.steer('quota', { totalBytes: quota.usedBytes + MIB })

      const uploadId = await owner.files.handOver(file)

      await expectInBackup(uploadId, file, 'PROVIDER_FULL')
    })
  },
)

describe.each(PROVIDERS)('at $name: trying a held file again', (provider) => {
  it('at once, when its owner says so, and only while it is held', async () => {
    const owner = await newStory(test, provider.id)
    const file = owner.files.newFile(1000)
    const retry = () => owner.http.send('POST', `/api/uploads/${uploadId}/retry`)
    await owner.files.spoil('whole', provider.longRefusal)
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
