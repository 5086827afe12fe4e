import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { UploadReason } from '../../../shared/contract/uploads.ts'
import { type Delivery, LEASE_MS } from '../../../shared/deliveries/delivery.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../shared/platform/clock.ts'
import { TransactionRefused, transact } from '../../../shared/platform/table.ts'
import type { Upload } from '../../../shared/uploads/upload.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type House, openHouse } from './delivery-house.ts'

const CONTENT = Buffer.from('Dear Sir or Madam')

let records: RecordTable
let house: House
let upload: Upload
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())
beforeEach(async () => {
  house = await openHouse(records.table)
  upload = await house.handOver(CONTENT)
})

const claim = () => house.deliveries.claim(upload.id, 'small-delivery')

async function claimed(): Promise<Delivery> {
  const delivery = await claim()
  if (!delivery) throw new Error('the lease is taken')
  return delivery
}

describe('the lease of a delivery', () => {
  it('is had by one of many who ask at once', async () => {
    const claims = await Promise.all(Array.from({ length: 8 }, claim))

    expect(claims.filter((delivery) => delivery !== undefined)).toHaveLength(1)
  })

  it('lasts a minute, and is free at its very end with the next fence', async () => {
    const first = await claimed()
    house.clock.advance(LEASE_MS - 1)
    expect(await claim()).toBeUndefined()

    house.clock.advance(1)
    expect((await claimed()).fence).toBe(first.fence + 1)
  })

  it('lasts on from each renewal and each step that is saved', async () => {
    const delivery = await claimed()
    for (const keep of [
      () => house.deliveries.renew(delivery),
      () => house.deliveries.saveFileId(delivery, 'file'),
      () =>
        house.deliveries.saveSession(delivery, {
          fileId: 'file-1',
          sealedSession: 's',
          sessionKey: 'k',
        }),
      () => house.deliveries.saveProgress(delivery, 1, 'digests'),
    ]) {
      house.clock.advance(LEASE_MS - 1)
      expect(await keep()).toBe(true)
    }
    house.clock.advance(LEASE_MS - 1)

    expect(await claim()).toBeUndefined()
  })

  it('is free as soon as it is given back', async () => {
    expect(await house.deliveries.release(await claimed())).toBe(true)

    expect(await claim()).toBeDefined()
  })

  it('is nothing that can be had of a file that is not being delivered', async () => {
    expect(await house.deliveries.claim('upl_unknown', 'small-delivery')).toBeUndefined()
  })
})

describe('a worker that was overtaken', () => {
  let late: Delivery
  beforeEach(async () => {
    late = await claimed()
    house.clock.advance(LEASE_MS)
    await claimed()
  })

  it('can save nothing any more', async () => {
    const before = await house.deliveryOf(upload.id)

    expect(await house.deliveries.renew(late)).toBe(false)
    expect(await house.deliveries.saveFileId(late, 'file')).toBe(false)
    const session = { fileId: 'file-1', sealedSession: 's', sessionKey: 'k' }
    expect(await house.deliveries.saveSession(late, session)).toBe(false)
    expect(await house.deliveries.saveProgress(late, 1, 'digests')).toBe(false)
    expect(await house.deliveries.release(late)).toBe(false)
    for (const write of [
      house.deliveries.wait(late, 'RATE_LIMITED', house.clock.now()),
      house.deliveries.waitToUndo(late, house.clock.now()),
      house.deliveries.bound(late),
      house.deliveries.end(late),
    ]) {
      await expect(transact(records.table, [write])).rejects.toThrow(TransactionRefused)
    }
    expect(await house.deliveryOf(upload.id)).toEqual(before)
  })

  it('cannot bind the file', async () => {
    const proof = { accountId: 'a', fileId: 'f', path: 'p', sha256: 's', contentHash: 'c' }
    const bind = transact(records.table, [
      house.uploads.bind(upload, proof),
      house.deliveries.bound(late),
    ])

    await expect(bind).rejects.toThrow(TransactionRefused)
    expect(await house.uploadOf(upload.id)).not.toHaveProperty('storageAccountId')
  })
})

describe('a file', () => {
  const proof = { accountId: 'a', fileId: 'f', path: 'p', sha256: 's', contentHash: 'c' }

  it('is bound once, and never to another account', async () => {
    await transact(records.table, [house.uploads.bind(upload, proof)])

    const again = house.uploads.bind(upload, { ...proof, accountId: 'b' })
    await expect(transact(records.table, [again])).rejects.toThrow(TransactionRefused)
    expect((await house.uploadOf(upload.id)).storageAccountId).toBe('a')
  })

  it('is bound only as the object that was taken in', async () => {
    const other = house.uploads.bind({ id: upload.id, etag: 'another' }, proof)

    await expect(transact(records.table, [other])).rejects.toThrow(TransactionRefused)
  })

  it('is handed over once', async () => {
    const again = [house.uploads.handOver(upload), ...house.deliveries.create(upload, 'x.txt')]

    await expect(transact(records.table, again)).rejects.toThrow(TransactionRefused)
  })
})

describe('what is due', () => {
  it('is asked for by one of many sweeps', async () => {
    house.clock.advance(LEASE_MS)
    const sweeps = await Promise.all([house.sweep(1), house.sweep(0), house.sweep(0)])

    expect(sweeps.flat().filter((uploadId) => uploadId === upload.id)).toHaveLength(1)
  })

  it('is not a file whose worker is alive', async () => {
    await claimed()

    expect(await house.sweep(LEASE_MS)).not.toContain(upload.id)
    expect(await house.sweep(1)).toContain(upload.id)
  })
})

describe('what waits', () => {
  const released = { untilMs: Number.MAX_SAFE_INTEGER, roomAgain: false }
  const waits = async (reason: UploadReason) => {
    const upload = await house.handOver(CONTENT, { fileName: `${reason}.txt` })
    const delivery = await house.deliveries.claim(upload.id, 'small-delivery')
    if (!delivery) throw new Error('the delivery cannot be claimed')
    await transact(records.table, [
      house.deliveries.wait(delivery, reason, house.clock.now() + HOUR_MS),
    ])
    return upload
  }

  it('for its account is due as soon as the account is back, and nothing else is', async () => {
    const forAccount = await waits('ACCOUNT_DISCONNECTED')
    const forProvider = await waits('RATE_LIMITED')
    expect(await house.sweep(MINUTE_MS)).toEqual([])

    expect(await house.deliveries.releaseHeld(house.account.id, released)).toBe(true)

    const asked = await house.sweep(MINUTE_MS)
    expect(asked).toContain(forAccount.id)
    expect(asked).not.toContain(forProvider.id)
  })

  it('for room is due when there is some', async () => {
    const full = await waits('PROVIDER_FULL')
    await house.deliveries.releaseHeld(house.account.id, released)
    expect(await house.sweep(MINUTE_MS)).not.toContain(full.id)

    await house.deliveries.releaseHeld(house.account.id, { ...released, roomAgain: true })
    expect(await house.sweep(MINUTE_MS)).toContain(full.id)
  })

  it('and was taken up meanwhile keeps the lease of who took it', async () => {
    const upload = await waits('ACCOUNT_ERROR')
    await house.deliveries.claim(upload.id, 'small-delivery')

    await house.deliveries.releaseHeld(house.account.id, released)

    expect(await house.sweep(SECOND_MS)).not.toContain(upload.id)
  })
})
