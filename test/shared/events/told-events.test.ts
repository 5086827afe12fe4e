/** What is told of changes that no page shows otherwise. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { handleStorageAccountStatusChange } from '../../../shared/accounts/change-account-status.ts'
import { createOrGetStorageAccount } from '../../../shared/accounts/storage-account-manager.ts'
import type { EventEntry } from '../../../shared/contract/events.ts'
import { eventStore } from '../../../shared/events/event-store.ts'
import { HOUR_MS } from '../../../shared/platform/clock.ts'
import { cancelUpload } from '../../../shared/uploads/complete-upload.ts'
import { expireUpload } from '../../../shared/uploads/expire-upload.ts'
import { type OwnerUploadsDeps, retryUpload } from '../../../shared/uploads/owner-uploads.ts'
import { submissionStore } from '../../../shared/uploads/submission-store.ts'
import type { Upload } from '../../../shared/uploads/upload.ts'
import type { Identity } from '../../../shared/users/user.ts'
import { userStore } from '../../../shared/users/user-store.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { steeredClock } from '../../support/steered-clock.ts'
import { grantOf, openAccount } from '../accounts/account-house.ts'
import { openHouse } from '../deliveries/delivery-house.ts'
import { openIntentHouse } from '../uploads/intent-house.ts'

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

async function told(userId: string, subjectId = userId): Promise<Partial<EventEntry>[]> {
  const { events } = await eventStore(records.table).list(userId, { limit: 100, subjectId })
  return events.map(({ type, actor, before, after, reason }) => ({
    type,
    actor,
    before,
    after,
    reason,
  }))
}

it('an owner who signs up is told of once, however many windows that happens in', async () => {
  const users = userStore(records.table, steeredClock())
  const identity: Identity = {
    provider: 'dropbox',
    subject: 'dbid:new',
    email: 'owner@example.com',
    emailVerified: true,
    name: null,
    image: null,
  }
  const [userId = '', ...others] = await Promise.all([
    users.create(identity),
    users.create(identity),
    users.create(identity),
  ])

  expect(others).toEqual([userId, userId])
  expect(await told(userId)).toMatchObject([{ type: 'user.created', actor: userId }])
})

describe('a new consent', () => {
  async function consentAnew(house: Awaited<ReturnType<typeof openAccount>>) {
    const { provider, providerAccountId, userId, email, displayName } = house.account
    const tokens = { accessToken: 'consented', refreshToken: 'second' }
    return createOrGetStorageAccount(
      house,
      userId,
      { provider, providerAccountId },
      email,
      displayName,
      {
        respectDisconnected: false,
        alongside: house.grants.put(grantOf(house.account, house.clock.now(), tokens)),
      },
    )
  }

  it('for an account that is connected is told of, though its status stays', async () => {
    const house = await openAccount(records.table)
    await consentAnew(house)

    expect(await told(house.account.userId, house.account.id)).toMatchObject([
      { type: 'account.consented', actor: house.account.userId, reason: 'RECONNECTED' },
    ])
  })

  it('that connects an account again is told of as that alone', async () => {
    const house = await openAccount(records.table)
    await handleStorageAccountStatusChange(house, house.account.id, 'GRANT_REFUSED', {
      actor: 'system',
      reason: 'GRANT_REFUSED',
    })
    house.clock.advance(1)
    await consentAnew(house)

    expect(await told(house.account.userId, house.account.id)).toMatchObject([
      { type: 'account.status-changed', before: 'DISCONNECTED', after: 'ACTIVE' },
      { type: 'account.status-changed', before: 'ACTIVE', after: 'DISCONNECTED' },
    ])
  })
})

describe('a file that never came', () => {
  async function announced() {
    const house = await openIntentHouse(records.table)
    const { uploads, submissionId } = await house.announce()
    const upload = await house.uploads.find(uploads[0]?.uploadId ?? '')
    if (!upload) throw new Error('the upload is gone')
    return { house, upload, submissionId }
  }

  it('because its client left is told of when its time is over, once', async () => {
    const { house, upload } = await announced()
    await Promise.all([expireUpload(house, upload), expireUpload(house, upload)])

    expect(await told(upload.userId, upload.id)).toEqual([
      {
        type: 'upload.expired',
        actor: 'intake',
        before: 'pending',
        after: 'expired',
        reason: 'NEVER_ARRIVED',
      },
    ])
  })

  it('because its client took it back is told of, once', async () => {
    const { house, upload, submissionId } = await announced()
    const claims = {
      audience: 'write' as const,
      keyId: 'k1',
      submissionId,
      portalId: house.portal.id,
      passwordVersion: house.portal.passwordVersion,
      expiresAtMs: house.clock.now() + HOUR_MS,
    }
    await cancelUpload(house, claims, upload.id)
    await cancelUpload(house, claims, upload.id)

    expect(await told(upload.userId, upload.id)).toEqual([
      {
        type: 'upload.cancelled',
        actor: 'client',
        before: 'pending',
        after: 'deleted',
        reason: 'CANCELLED',
      },
    ])
  })
})

it('a held file that its owner has tried at once is told of, with why it waited', async () => {
  const house = await openHouse(records.table)
  await handleStorageAccountStatusChange(house, house.account.id, 'DEACTIVATED', {
    actor: 'test',
    reason: 'TEST',
  })
  const upload: Upload = await house.handOver(Buffer.from('Dear Sir or Madam'))
  await house.worker().deliver(upload.id)
  const deps: OwnerUploadsDeps = {
    ...house,
    ...house.worker().deps,
    submissions: submissionStore(records.table),
    provider: () => house.provider,
    staging: {
      abortMultipart: async () => undefined,
      signDownload: async () => '',
      remove: async () => undefined,
    },
  }
  await retryUpload(deps, upload.userId, upload.id)

  expect(await told(upload.userId, upload.id)).toMatchObject([
    { type: 'upload.retried', actor: upload.userId, reason: 'ACCOUNT_INACTIVE' },
  ])
})
