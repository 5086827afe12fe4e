import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { AwsError } from '../../infra/local/engine.ts'
import type { AccountsReply } from '../../shared/contract/accounts.ts'
import type { PortalReply, PublicPortalReply } from '../../shared/contract/portals.ts'
import { complete, sha256 } from '../support/client-calls.ts'
import {
  count,
  type Deliveries,
  deliveriesOf,
  MIB,
  SWEEP,
  sessions,
  stagingBucket,
} from '../support/deliveries.ts'
import {
  handOver,
  type Owner,
  putPart,
  putParts,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { ownerAtProvider } from '../support/owner-at-provider.ts'
import type { Mishap } from '../support/provider-suite.ts'
import { PROVIDERS } from '../support/providers.ts'
import { until } from '../support/until.ts'

const LARGE_WORKER = 'portage-local-deliver-large'
const SMALL_WORKER = 'portage-local-deliver-small'
const INTAKE = 'portage-local-take-in-upload'

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

function busy(functionName: string): number | undefined {
  return test.cloud.lambda.stats().functions[functionName]?.busy
}

function portalOf({ http, portal }: Owner): Promise<PortalReply> {
  return http.call<PortalReply>('GET', `/api/portals/${portal.id}`)
}

async function accountStatus({ http }: Owner): Promise<string | null | undefined> {
  const { accounts } = await http.call<AccountsReply>('GET', '/api/storage/accounts')
  return accounts[0]?.storageStatus
}

/** Hands over a file whose second chunk hangs, and returns while it does. */
async function catchMidFile(of: Deliveries) {
  const file = of.newFile(of.twoChunksBytes)
  await of.forgetRequests()
  await of.spoil('chunk', { skip: 1, action: 'slow', ms: 1500 })
  const uploadId = await of.handOver(file)
  await of.untilChunks(1)
  return { file, uploadId }
}

/** What befalls deliveries everywhere: a file in one request, and one that needs a session. */
const MISHAPS: readonly Mishap[] = [
  { file: 'small', step: 'whole', action: 'status:503', retryAfterSeconds: 0 },
  { file: 'small', step: 'whole', action: 'apply-then-503', retryAfterSeconds: 0 },
  { file: 'small', step: 'whole', action: 'reset' },
  { file: 'large', step: 'begin', action: 'apply-then-503', retryAfterSeconds: 0 },
  { file: 'large', step: 'chunk', action: 'status:503', retryAfterSeconds: 0 },
  { file: 'large', step: 'chunk', action: 'apply-then-503', retryAfterSeconds: 0 },
  { file: 'large', step: 'chunk', action: 'reset' },
  { file: 'large', step: 'chunk', action: 'partial', bytes: MIB },
  { file: 'large', step: 'chunk', action: 'status:429', retryAfterSeconds: 0 },
]

describe.each(PROVIDERS)('on $name', (provider) => {
  let owner: Owner
  let files: Deliveries

  beforeAll(async () => {
    owner = await test.owner({ provider: provider.id })
    files = deliveriesOf(test, owner)
  })
  afterEach(async () => {
    await files.clearFaults()
    // A worker that still hangs in a fault of this test would be seen in the next one.
    await until(() => busy(LARGE_WORKER) === 0)
  })

  describe('a delivery survives its provider', () => {
    it.each([...MISHAPS, ...provider.ownMishaps])(
      'that answers the $step of a $file file with $action',
      async ({ file: kind, step, ...fault }) => {
        const file = files.newFile(kind === 'small' ? 1000 : files.oneChunkBytes)
        await files.spoil(step, fault)

        const uploadId = await files.handOver(file)

        await files.untilDelivered(uploadId, file)
        expect(await files.openFaults()).toBe(0)
        expect(await files.arrived(file)).toEqual([sha256(file.content)])
      },
    )

    it('that loses its answer about a new folder', async () => {
      const file = files.newFile(1000, { relativePath: 'a new one/letter.bin', name: 'letter.bin' })
      await files.spoil('folder', { action: 'apply-then-503', retryAfterSeconds: 0 })

      const uploadId = await files.handOver(file)

      const { storagePath } = await files.untilDelivered(uploadId, file)
      expect(storagePath).toMatch(/\/a new one\/letter.bin$/)
      expect(await files.openFaults()).toBe(0)
      expect(await files.arrived(file)).toEqual([sha256(file.content)])
    })

    it('that says to come back much later, without stopping the portal', async () => {
      const file = files.newFile(1000)
      await files.spoil('whole', provider.longRefusal)

      const uploadId = await files.handOver(file)

      expect(await files.untilStatus(uploadId, 'held')).toMatchObject({ reason: 'RATE_LIMITED' })
      expect(await accountStatus(owner)).toBe('ACTIVE')
      expect((await portalOf(owner)).isActive).toBe(true)
      await test.cloud.advanceClock(62 * 60)
      await files.untilDelivered(uploadId, file)
    })

    it.each(['small', 'large'])(
      'that is too full for a %s file, until there is room',
      async (kind) => {
        const file = files.newFile(kind === 'small' ? 1000 : files.oneChunkBytes)
        const { quota } = await files.steer('quota', {})
        await files.steer('quota', { totalBytes: quota.usedBytes + 999 })

        const uploadId = await files.handOver(file)

        expect(await files.untilStatus(uploadId, 'held')).toMatchObject({ reason: 'PROVIDER_FULL' })
        await files.steer('quota', { totalBytes: null })
        await test.cloud.advanceClock(61)
        await files.untilDelivered(uploadId, file)
        expect(await files.arrived(file)).toEqual([sha256(file.content)])
      },
    )
  })

  describe('a delivery survives its account', () => {
    it('whose access token expires in the middle: it is refreshed once, the session goes on', async () => {
      const requests = await files.requestsOf(async () => {
        const { file, uploadId } = await catchMidFile(files)
        await files.steer('expire-tokens')

        await files.untilDelivered(uploadId, file)
        expect(await files.arrived(file)).toEqual([sha256(file.content)])
      })

      expect(count(requests, 'oauth.token.refresh')).toBe(1)
      expect(sessions(requests)).toBe(1)
    })

    it('whose access token expires while no new one is given: the file waits and stops nothing', async () => {
      const file = files.newFile(1000)
      await files.steer('expire-tokens')
      await files.spoil('refresh', { action: 'status:503', times: 1000 })

      const uploadId = await files.handOver(file)

      await files.untilStatus(uploadId, 'held')
      expect(await accountStatus(owner)).toBe('ACTIVE')
      expect((await portalOf(owner)).isActive).toBe(true)
      await files.clearFaults()
      await test.cloud.advanceClock(61)
      await files.untilDelivered(uploadId, file)
      expect(await files.arrived(file)).toEqual([sha256(file.content)])
    })

    it('whose owner revokes it in the middle: it waits, its portals stop, and a new consent brings it in', async () => {
      const second = await test.owner({ email: SECOND_OWNER, provider: provider.id })
      const theirs = deliveriesOf(test, second)
      const { file, uploadId } = await catchMidFile(theirs)
      await theirs.steer('revoke')

      const held = await theirs.untilStatus(uploadId, 'held')
      expect(held).toMatchObject({ reason: 'ACCOUNT_DISCONNECTED', storageAccountId: null })
      expect(await accountStatus(second)).toBe('DISCONNECTED')
      expect(await portalOf(second)).toMatchObject({ isActive: false })
      const seen = await test
        .browser()
        .call<PublicPortalReply>('GET', `/api/portals/public/${second.portal.slug}`)
      expect(seen).toMatchObject({ acceptsUploads: false })

      expect(await second.http.connectStorage(second.email, { provider: provider.id })).toBe(
        second.accountId,
      )
      expect(await portalOf(second)).toMatchObject({ isActive: true })
      await test.cloud.advanceClock(61)
      await theirs.untilDelivered(uploadId, file)
      expect(await theirs.arrived(file)).toEqual([sha256(file.content)])
    })
  })

  describe('a delivery survives our own machinery', () => {
    it('that tells everything twice and in another order', async () => {
      const many = Array.from({ length: 6 }, () => files.newFile(500))
      test.cloud.s3.eventFaults.duplicateNext = many.length
      for (const name of [INTAKE, SMALL_WORKER]) {
        const mapping = test.cloud.mappings.get(name)
        if (!mapping) throw new Error(`${name} has no mapping`)
        Object.assign(mapping.faults, { duplicateNext: 5, shuffle: true })
      }

      const { uploadIds } = await handOver(test.browser(), owner.portal.id, many)

      for (const [index, file] of many.entries()) {
        await files.untilDelivered(uploadIds[index] ?? '', file)
        expect(await files.arrived(file)).toEqual([sha256(file.content)])
      }
      const again = test.cloud.mappings.get(SMALL_WORKER)
      if (again) Object.assign(again.faults, { duplicateNext: 0, shuffle: false })
    })

    it('that loses the event of S3', async () => {
      const file = files.newFile(1000)
      test.cloud.s3.eventFaults.dropNext = 1

      const uploadId = await files.handOver(file)

      expect((await files.upload(uploadId)).status).toBe('pending')
      await test.cloud.advanceClock(61)
      await files.untilDelivered(uploadId, file)
    })

    it('whose database throttles and whose S3 says to slow down', async () => {
      const file = files.newFile(files.oneChunkBytes)
      const refused = new Set<string>()
      const stop = test.cloud.gateway.intercept(({ service, operation, principalArn }) => {
        const call = `${service}:${operation}`
        if (!/deliver|take-in/.test(principalArn) || refused.has(call)) return undefined
        refused.add(call)
        if (service === 's3')
          return new AwsError('SlowDown', 'Please reduce your request rate.', 503)
        return new AwsError('ThrottlingException', 'Rate exceeded', 400)
      })

      const uploadId = await files.handOver(file)
      await files.untilDelivered(uploadId, file)
      stop()

      expect([...refused]).toEqual(
        expect.arrayContaining([
          'dynamodb:UpdateItem',
          'dynamodb:TransactWriteItems',
          's3:GetObject',
        ]),
      )
      expect(await files.arrived(file)).toEqual([sha256(file.content)])
    })

    it('whose worker is killed in the middle: within two minutes the session goes on', async () => {
      const requests = await files.requestsOf(async () => {
        const { file, uploadId } = await catchMidFile(files)
        expect(test.cloud.lambda.killEnvironment(LARGE_WORKER)).toBe(true)
        await until(() => busy(LARGE_WORKER) === 0)
        await files.clearFaults()
        expect((await files.upload(uploadId)).status).toBe('delivering')

        await test.cloud.advanceClock(61)
        await test.cloud.schedules.run(SWEEP)

        await files.untilDelivered(uploadId, file)
        expect(await files.arrived(file)).toEqual([sha256(file.content)])
      })
      expect(sessions(requests)).toBe(1)
    })

    it('fifty files at once, each of which arrives once and is counted once', async () => {
      const before = (await portalOf(owner))._count.uploads
      const many = Array.from({ length: 50 }, (_, index) => files.newFile(index * 10))
      const browser = test.browser()
      const intent = await browser.call<{
        uploadToken: string
        uploads: Parameters<typeof putParts>[2][]
      }>('POST', '/api/upload', {
        json: {
          portalId: owner.portal.id,
          files: many.map(({ name, content }) => ({ fileName: name, fileSize: content.length })),
        },
      })
      await Promise.all(
        intent.uploads.map((plan, index) =>
          putParts(browser, intent.uploadToken, plan, many[index]?.content ?? Buffer.alloc(0)),
        ),
      )

      await until(async () => (await portalOf(owner))._count.uploads === before + many.length, {
        timeoutMs: 30_000,
      })
      const delivered = await test.delivered(owner.email, provider.id)
      for (const file of many) {
        const hashes = delivered.filter(({ name }) => name === file.name).map((each) => each.sha256)
        expect(hashes).toEqual([sha256(file.content)])
      }
    })
  })

  describe('a delivery survives its client', () => {
    it('that vanishes after its last byte', async () => {
      const file = files.newFile(1000)

      const uploadId = await files.sendOnly(file)

      await files.untilDelivered(uploadId, file)
    })

    it('that never sends anything: the reservation ends after 15 minutes, not before', async () => {
      const intent = await files.announce(files.newFile(1000))
      const uploadId = intent.uploads[0]?.uploadId ?? ''

      await test.cloud.advanceClock(14 * 60 + 50)
      await test.cloud.schedules.run(SWEEP)
      expect((await files.upload(uploadId)).status).toBe('pending')

      await test.cloud.advanceClock(11)
      await test.cloud.schedules.run(SWEEP)
      expect(await files.untilStatus(uploadId, 'expired')).toMatchObject({
        reason: 'NEVER_ARRIVED',
      })
    })

    it('that is slow: parts that S3 has renew the reservation, and without new ones it ends', async () => {
      const file = files.newFile(17 * MIB)
      const intent = await files.announce(file)
      const [plan] = intent.uploads
      const [first] = plan?.partUrls ?? []
      if (!plan || !first) throw new Error('no plan')
      await putPart(first, file.content.subarray(0, plan.partSize))
      const due = test.cloud.sqs

      await test.cloud.advanceClock(15 * 60 + 1)
      await test.cloud.schedules.run(SWEEP)
      await until(() => due.stats().every(({ available }) => available === 0))
      await until(() => busy(INTAKE) === 0)
      expect((await files.upload(plan.uploadId)).status).toBe('pending')

      // The renewal may have come after the clock was moved, so it may take another quarter of an hour.
      await until(
        async () => {
          await test.cloud.advanceClock(15 * 60 + 1)
          await test.cloud.schedules.run(SWEEP)
          return (await files.upload(plan.uploadId)).status === 'expired'
        },
        { everyMs: 1000 },
      )
    })

    it('whose browser has hashed other bytes: they are rejected and taken back', async () => {
      const file = files.newFile(17 * MIB)
      const intent = await files.announce(file)
      const [plan] = intent.uploads
      if (!plan) throw new Error('no plan')
      await putParts(test.browser(), intent.uploadToken, plan, file.content)
      const reply = await complete(test.browser(), intent.uploadToken, plan.uploadId, {
        contentHash: '0'.repeat(64),
      })
      expect(reply.status).toBe(202)

      const rejected = await files.untilStatus(plan.uploadId, 'rejected')
      expect(rejected).toMatchObject({ reason: 'CONTENT_CHANGED', storageFileId: null })
      await until(async () => (await files.stagedKeys(plan.uploadId)).length === 0)
      await until(async () => (await files.arrived(file)).length === 0)
    })

    it('whose object is replaced while it is delivered: nothing of either stays', async () => {
      const { file, uploadId } = await catchMidFile(files)
      const [key = ''] = await files.stagedKeys(uploadId)
      await test.cloud.s3.putObject(stagingBucket(test), key, {
        body: Buffer.alloc(files.twoChunksBytes),
      })

      const rejected = await files.untilStatus(uploadId, 'rejected')
      expect(rejected).toMatchObject({ reason: 'CONTENT_CHANGED' })
      await until(async () => (await files.stagedKeys(uploadId)).length === 0)
      expect(await files.arrived(file)).toEqual([])
    })

    it('that sends a program under the name of a picture', async () => {
      const file = files.newFile(0, {
        name: 'holiday.jpg',
        type: 'image/jpeg',
        content: Buffer.concat([Buffer.from('MZ'), Buffer.alloc(300)]),
      })

      const uploadId = await files.sendOnly(file)

      const rejected = await files.untilStatus(uploadId, 'rejected')
      expect(rejected).toMatchObject({ reason: 'EXECUTABLE_CONTENT' })
      await until(async () => (await files.stagedKeys(uploadId)).length === 0)
      expect(await files.arrived(file)).toEqual([])
    })
  })

  describe('a delivery survives its owner', () => {
    it('who deletes the file in its middle: nothing stays', async () => {
      const { file, uploadId } = await catchMidFile(files)

      await owner.http.call('DELETE', `/api/uploads/${uploadId}`)

      expect((await files.upload(uploadId)).status).toBe('deleted')
      expect(await files.stagedKeys(uploadId)).toEqual([])
      await until(() => busy(LARGE_WORKER) === 0)
      await test.cloud.advanceClock(61)
      await test.cloud.schedules.run(SWEEP)
      await until(async () => (await files.arrived(file)).length === 0)
      expect((await files.upload(uploadId)).status).toBe('deleted')
    })

    it('who throws the folder away: the next file makes a new one', async () => {
      const first = files.newFile(1000)
      await files.untilDelivered(await files.handOver(first), first)
      await (await ownerAtProvider(test, owner)).remove('/Portage')
      expect(await files.arrived(first)).toEqual([])
      const [small, large] = [files.newFile(1000), files.newFile(files.oneChunkBytes)]

      for (const file of [small, large]) {
        const uploadId = await files.handOver(file)
        await files.untilDelivered(uploadId, file)
        expect(await files.arrived(file)).toEqual([sha256(file.content)])
      }
    })
  })
})
