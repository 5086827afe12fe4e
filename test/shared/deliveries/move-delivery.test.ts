import { createHash, randomBytes } from 'node:crypto'
import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AccountEvent } from '../../../shared/accounts/account.ts'
import { handleStorageAccountStatusChange } from '../../../shared/accounts/change-account-status.ts'
import { nextAccount } from '../../../shared/deliveries/move-delivery.ts'
import { MINUTE_MS } from '../../../shared/platform/clock.ts'
import { INDEX, transact } from '../../../shared/platform/table.ts'
import { QuotaFull, ReconnectNeeded } from '../../../shared/providers/failures.ts'
import { factsOf, STORAGE_PROVIDER_IDS } from '../../../shared/providers/providers.ts'
import type { Upload } from '../../../shared/uploads/upload.ts'
import { brokenConnection } from '../../support/memory-provider.ts'
import { proofOf } from '../../support/proof.ts'
import type { ProviderSuite } from '../../support/provider-suite.ts'
import { PROVIDER_PAIRS } from '../../support/providers.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { CHUNK_BYTES, type House, type Kill, Killed, openHouse } from './delivery-house.ts'
import { type Storage, type Storages, startStorages } from './storages.ts'

const diagnostics = { provider: 'google_drive' } as const
const SMALL = Buffer.from('Dear Sir or Madam')
const LARGE = randomBytes(2 * CHUNK_BYTES + 17)
/** Longer than any worker lives. */
const LATER_MS = 6 * MINUTE_MS

let records: RecordTable
let storages: Storages
let house: House
beforeAll(async () => {
  records = await startRecordTable()
  storages = await startStorages()
})
afterAll(async () => {
  await storages.close()
  await records.close()
})
beforeEach(async () => {
  house = await openHouse(records.table, { hasBackup: true })
})

async function happens(event: AccountEvent, accountId = house.account.id, to = house) {
  await handleStorageAccountStatusChange(to, accountId, event, { actor: 'test', reason: 'TEST' })
}

/** Runs workers until no message is left. */
async function work(uploadId: string) {
  const worker = house.worker()
  house.messages.push(uploadId)
  while (house.messages.pop() !== undefined) await worker.deliver(uploadId)
}

async function moves(to: House, uploadId: string) {
  const reply = await records.table.client.send(
    new QueryCommand({
      TableName: records.table.name,
      IndexName: INDEX.owner,
      KeyConditionExpression: 'ownerPk = :owner',
      ExpressionAttributeValues: { ':owner': `events#${to.account.userId}` },
    }),
  )
  return (reply.Items ?? [])
    .filter((event) => event['subjectId'] === uploadId && event['type'] === 'upload.moved')
    .map(({ before, after, reason }) => ({ before, after, reason }))
}

/** One copy, at one account, to which it is bound. */
async function expectDeliveredTo(which: 'account' | 'backup', upload: Upload, content: Buffer) {
  const [there, elsewhere] =
    which === 'account'
      ? [house.provider, house.backupProvider]
      : [house.backupProvider, house.provider]
  const sha256 = createHash('sha256').update(content).digest('hex')
  expect(there.files()).toMatchObject([{ name: upload.fileName, sha256, trashed: false }])
  expect(elsewhere.files()).toEqual([])
  expect(await house.uploadOf(upload.id)).toMatchObject({
    status: 'uploaded',
    storageAccountId: house[which].id,
    intendedStorageAccountId: house[which].id,
    storageProvider: house[which].provider,
    storageFileId: there.files()[0]?.id,
    ...proofOf(content, there.id),
  })
  expect(await house.deliveryOf(upload.id)).toBeUndefined()
  expect(house.staged.size).toBe(0)
  expect(await house.count()).toBe(1)
}

async function expectHeld(upload: Upload, reason: string) {
  expect(await house.uploadOf(upload.id)).toMatchObject({
    status: 'held',
    reason,
    intendedStorageAccountId: house.account.id,
  })
  expect(house.backupProvider.calls).toEqual([])
}

describe('a file goes to a backup of its portal (C7, C15)', () => {
  it.each([
    ['DEACTIVATED', 'ACCOUNT_INACTIVE'],
    ['DISCONNECTED_BY_USER', 'ACCOUNT_DISCONNECTED'],
    ['FAILING', 'ACCOUNT_ERROR'],
  ] as const)('when its account is %s before it begins', async (event, reason) => {
    const upload = await house.handOver(SMALL)
    await happens(event)

    await work(upload.id)

    expect(house.provider.calls).toEqual([])
    await expectDeliveredTo('backup', upload, SMALL)
    expect(await moves(house, upload.id)).toEqual([
      { before: house.account.id, after: house.backup.id, reason },
    ])
  })

  it.each([
    ['small', SMALL, 'uploadWhole'],
    ['large, at its begin', LARGE, 'openSession'],
    ['large, in its middle', LARGE, 'sendChunk'],
  ] as const)('when its account is full (%s)', async (_size, content, method) => {
    const upload = await house.handOver(content)
    house.provider.failNext(method, new QuotaFull({ diagnostics }))

    await work(upload.id)

    await expectDeliveredTo('backup', upload, content)
    expect(await moves(house, upload.id)).toMatchObject([{ reason: 'PROVIDER_FULL' }])
  })

  it.each([
    ['small', SMALL, 'uploadWhole'],
    ['large', LARGE, 'sendChunk'],
  ] as const)(
    'when the provider refuses its grant in the middle (%s)',
    async (_size, content, method) => {
      const upload = await house.handOver(content)
      house.provider.failNext(method, new ReconnectNeeded({ tokenRejected: false, diagnostics }))

      await work(upload.id)

      await expectDeliveredTo('backup', upload, content)
    },
  )

  it('and takes a name there that is free, as the names at its first account stay free for others', async () => {
    await happens('DEACTIVATED')
    const first = await house.handOver(SMALL)
    await work(first.id)
    const second = await house.handOver(LARGE)
    await work(second.id)

    expect(house.backupProvider.files().map(({ name }) => name)).toEqual([
      'letter.txt',
      'letter (2).txt',
    ])
    expect(await house.uploadOf(second.id)).toMatchObject({
      storagePath: 'Portage/Letters/letter (2).txt',
    })
  })

  it('and its client sees in the end where it is', async () => {
    const upload = await house.handOver(SMALL)
    await happens('DEACTIVATED')
    await house.worker().deliver(upload.id)

    expect(await house.uploadOf(upload.id)).toMatchObject({
      status: 'delivering',
      storageProvider: 'dropbox',
      intendedStorageAccountId: house.backup.id,
    })
    const { records: listed } = await house.uploads.list(
      { accountId: house.backup.id },
      10,
      undefined,
    )
    expect(listed.map(({ id }) => id)).toEqual([upload.id])
  })
})

describe('a file stays with its account', () => {
  it('while its portal names no backup', async () => {
    house = await openHouse(records.table)
    const upload = await house.handOver(SMALL)
    await happens('DEACTIVATED')

    await work(upload.id)

    await expectHeld(upload, 'ACCOUNT_INACTIVE')
  })

  it('while the backup is not active either, and moves when it is', async () => {
    const upload = await house.handOver(SMALL)
    await happens('DEACTIVATED')
    await happens('DEACTIVATED', house.backup.id)
    await work(upload.id)
    await expectHeld(upload, 'ACCOUNT_INACTIVE')

    await happens('REACTIVATED', house.backup.id)
    await house.sweep(LATER_MS)
    await work(upload.id)

    await expectDeliveredTo('backup', upload, SMALL)
  })

  it('when it is there already and only the answer was lost', async () => {
    const upload = await house.handOver(SMALL)
    const died = house.worker()
    died.deps.provider = () => ({
      ...house.provider,
      uploadWhole: async (...args) => {
        await house.provider.uploadWhole(...args)
        throw new Killed()
      },
    })
    await expect(died.deliver(upload.id)).rejects.toThrow(Killed)
    await happens('DEACTIVATED')
    await house.sweep(LATER_MS)

    await work(upload.id)

    await expectDeliveredTo('account', upload, SMALL)
    expect(await moves(house, upload.id)).toEqual([])
  })

  it('while nobody can tell whether it is there, and is bound there when its owner comes back', async () => {
    const upload = await house.handOver(SMALL)
    // The file is made; the answers are lost, and then the owner disconnects.
    for (let attempt = 0; attempt < 20; attempt += 1) {
      house.provider.failNext('uploadWhole', brokenConnection(), { applied: true })
    }
    const worker = house.worker()
    worker.deps.random = () => 0
    await worker.deliver(upload.id)
    await happens('DISCONNECTED_BY_USER')
    await house.sweep(LATER_MS)
    house.provider.failNext('findFile', new ReconnectNeeded({ tokenRejected: false, diagnostics }))

    await work(upload.id)

    await expectHeld(upload, 'ACCOUNT_DISCONNECTED')
    await happens('CONNECTED')
    await house.sweep(61 * MINUTE_MS)
    await work(upload.id)
    await expectDeliveredTo('account', upload, SMALL)
  })

  it('until what lies there under its id but is not the file is removed', async () => {
    const upload = await house.handOver(SMALL)
    const died = house.worker()
    died.deps.provider = () => ({
      ...house.provider,
      uploadWhole: async (auth, target) => {
        await house.provider.uploadWhole(auth, target, Buffer.alloc(SMALL.length))
        throw new Killed()
      },
    })
    await expect(died.deliver(upload.id)).rejects.toThrow(Killed)
    expect(house.provider.files()).toHaveLength(1)
    await happens('DEACTIVATED')
    await house.sweep(LATER_MS)

    await work(upload.id)

    await expectDeliveredTo('backup', upload, SMALL)
  })

  it('until no earlier worker can still be sending there', async () => {
    const upload = await house.handOver(LARGE)
    // Its last chunk is under way when it loses its lease, and arrives after another has taken over.
    const late = house.worker()
    const { promise: release, resolve: letGo } = Promise.withResolvers<void>()
    const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>()
    late.deps.provider = () => ({
      ...house.provider,
      sendChunk: async (...[auth, uri, target, chunk, signal]) => {
        if (chunk.offsetBytes + chunk.sizeBytes === LARGE.length) {
          isAsked()
          await release
        }
        return house.provider.sendChunk(auth, uri, target, chunk, signal)
      },
    })
    const finished = late.deliver(upload.id)
    await asked
    await happens('DEACTIVATED')
    await house.sweep()
    await work(upload.id)
    await expectHeld(upload, 'ACCOUNT_INACTIVE')

    letGo()
    await finished
    await house.sweep(LATER_MS)
    await work(upload.id)

    await expectDeliveredTo('account', upload, LARGE)
  })

  it('once it is bound, whatever becomes of the account', async () => {
    const upload = await house.handOver(SMALL)
    await work(upload.id)
    await happens('DISCONNECTED_BY_USER')

    const bound = await house.uploadOf(upload.id)
    const write = house.uploads.move(upload.id, house.account.id, house.backup)

    await expect(transact(records.table, [write])).rejects.toThrow()
    expect(await house.uploadOf(upload.id)).toEqual(bound)
  })
})

describe('accounts that are all full', () => {
  it('are each asked once, then the file waits, and longer each time', async () => {
    const upload = await house.handOver(SMALL)
    house.provider.limitTo(1)
    house.backupProvider.limitTo(1)
    const asked = () =>
      [house.provider, house.backupProvider].map(
        ({ calls }) => calls.filter((call) => call === 'uploadWhole').length,
      )

    await work(upload.id)

    expect(asked()).toEqual([1, 1])
    expect(await house.uploadOf(upload.id)).toMatchObject({
      status: 'held',
      reason: 'PROVIDER_FULL',
    })
    house.provider.limitTo(1000)
    await house.sweep(LATER_MS)
    await work(upload.id)
    await expectDeliveredTo('account', upload, SMALL)
  })
})

it.each(STORAGE_PROVIDER_IDS)('only files that %s can hold go there instead', async (id) => {
  house = await openHouse(records.table, {
    hasBackup: true,
    backupStorage: { provider: { ...house.backupProvider, id }, accessToken: 'token' },
  })
  const { id: uploadId } = await house.handOver(SMALL)
  const delivery = await house.deliveries.claim(uploadId, 'small-delivery')
  if (!delivery) throw new Error('nothing is to be delivered')
  const { maxFileBytes } = factsOf(id)

  const whereTo = async (sizeBytes: number) =>
    (await nextAccount(house, { ...delivery, sizeBytes }))?.id
  expect(await whereTo(maxFileBytes)).toBe(house.backup.id)
  expect(await whereTo(maxFileBytes + 1)).toBeUndefined()
})

describe.each(PROVIDER_PAIRS)(
  'from $first.name to $second.name',
  { timeout: 60_000 },
  ({ first, second }) => {
    it.each([
      ['a small file', SMALL],
      ['a file of three chunks', LARGE],
    ])(
      'a worker that dies leaves one copy of %s, whichever of its calls was the last',
      async (_size, content) => {
        expect(await killAtEveryCall(first, second, content)).toBeGreaterThan(15)
      },
    )
  },
)

/** Hands over one file for each call of a worker, whose account is full for the first byte, and kills it there. */
async function killAtEveryCall(
  first: ProviderSuite,
  second: ProviderSuite,
  content: Buffer,
): Promise<number> {
  const sha256 = createHash('sha256').update(content).digest('hex')
  for (let atCall = 1; atCall <= 100; atCall += 1) {
    const storage = await storages.open(first)
    const backupStorage = await storages.open(second)
    house = await openHouse(records.table, { hasBackup: true, storage, backupStorage })
    const upload = await house.handOver(content)
    isFullOnce(storage)
    const died = await dies(upload.id, { atCall, when: 'after' })
    // Where it stops being full, and where it does not, there is one copy in the end.
    if (atCall % 2 === 0) await happens('DEACTIVATED')
    for (let round = 0; round < 6 && (await house.deliveryOf(upload.id)); round += 1) {
      house.messages.length = 0
      for (const asked of await house.sweep(LATER_MS)) await work(asked)
    }
    const isOwn = (await house.uploadOf(upload.id)).storageAccountId === house.account.id
    const [there, elsewhere] = isOwn ? [storage, backupStorage] : [backupStorage, storage]
    const [file, ...others] = await there.files()
    const label = `killed after call ${atCall}`
    expect([...others, ...(await elsewhere.files())], label).toEqual([])
    expect(file, label).toMatchObject({ path: '/Portage/Letters/letter.txt', sha256 })
    expect(await house.uploadOf(upload.id), label).toMatchObject({
      status: 'uploaded',
      storageAccountId: house[isOwn ? 'account' : 'backup'].id,
      storageProvider: (isOwn ? first : second).storageId,
      storageFileId: file?.id,
      ...proofOf(content, (isOwn ? storage : backupStorage).provider.id),
    })
    expect(await house.deliveryOf(upload.id), label).toBeUndefined()
    expect(await house.count(), label).toBe(1)
    if (died) continue
    expect(isOwn).toBe(false)
    return atCall - 1
  }
  throw new Error('a delivery of more than 100 calls')
}

/** The first request that brings bytes finds no room. */
function isFullOnce({ provider }: Storage): void {
  const { uploadWhole, sendChunk } = provider
  const full = new QuotaFull({ diagnostics: { provider: provider.id } })
  provider.uploadWhole = () => {
    provider.uploadWhole = uploadWhole
    return Promise.reject(full)
  }
  provider.sendChunk = () => {
    provider.sendChunk = sendChunk
    return Promise.reject(full)
  }
}

async function dies(uploadId: string, kill: Kill): Promise<boolean> {
  const worker = house.worker(kill)
  house.messages.push(uploadId)
  try {
    while (house.messages.pop() !== undefined) await worker.deliver(uploadId)
    return false
  } catch (error) {
    if (!(error instanceof Killed)) throw error
    return true
  }
}
