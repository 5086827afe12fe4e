import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { MINUTE_MS } from '../../../shared/platform/clock.ts'
import { transact } from '../../../shared/platform/table.ts'
import {
  QuotaFull,
  ReconnectNeeded,
  RetryLater,
  SessionLost,
} from '../../../shared/providers/failures.ts'
import type { Upload } from '../../../shared/uploads/upload.ts'
import { brokenConnection } from '../../support/memory-provider.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { CHUNK_BYTES, type House, Killed, openHouse } from './delivery-house.ts'

const diagnostics = { provider: 'google_drive' } as const
const LARGE = randomBytes(3 * CHUNK_BYTES + 17)
const SMALL = Buffer.from('Dear Sir or Madam')

let records: RecordTable
let house: House
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())
beforeEach(async () => {
  house = await openHouse(records.table)
})

function opened(): number {
  return house.provider.calls.filter((call) => call === 'openSession').length
}

async function expectDelivered(upload: Upload, content: Buffer) {
  const sha256 = createHash('sha256').update(content).digest('hex')
  expect(house.provider.files()).toMatchObject([{ name: upload.fileName, sha256, trashed: false }])
  expect(await house.uploadOf(upload.id)).toMatchObject({ status: 'uploaded', sha256 })
  expect(await house.deliveryOf(upload.id)).toBeUndefined()
  expect(await house.count()).toBe(1)
}

async function expectNothingLeft(upload: Upload) {
  expect(house.provider.files()).toEqual([])
  expect(house.staged.size).toBe(0)
  expect(await house.deliveryOf(upload.id)).toBeUndefined()
  expect(await house.count()).toBe(0)
}

/** Delivers until the provider has the first chunk, and dies before the second is sent. */
async function dieAfterFirstChunk(upload: Upload) {
  const rehearsal = await openHouse(records.table)
  const twin = await rehearsal.handOver(LARGE)
  const worker = rehearsal.worker()
  let callsBefore = 0
  const send = rehearsal.provider.sendChunk
  rehearsal.provider.sendChunk = async (...args) => {
    callsBefore ||= worker.calls
    return send(...args)
  }
  await worker.deliver(twin.id)
  // The call after it is the second chunk.
  await expect(
    house.worker({ atCall: callsBefore + 2, when: 'before' }).deliver(upload.id),
  ).rejects.toThrow(Killed)
  expect(house.provider.calls.filter((call) => call === 'sendChunk')).toHaveLength(1)
}

describe('a session', () => {
  it('goes on where a dead worker has left it', async () => {
    const upload = await house.handOver(LARGE)
    await dieAfterFirstChunk(upload)

    expect(await house.sweep()).toEqual([upload.id])
    await house.worker().deliver(upload.id)

    expect(opened()).toBe(1)
    await expectDelivered(upload, LARGE)
  })

  it('goes on after a new consent, whose data key is another', async () => {
    const upload = await house.handOver(LARGE)
    await dieAfterFirstChunk(upload)
    await house.consentAnew()

    await house.sweep()
    await house.worker().deliver(upload.id)

    expect(opened()).toBe(1)
    await expectDelivered(upload, LARGE)
  })

  it('goes on after a token that was refused in its middle', async () => {
    const upload = await house.handOver(LARGE)
    house.provider.failNext('sendChunk', new ReconnectNeeded({ tokenRejected: true, diagnostics }))

    await house.worker().deliver(upload.id)

    expect(opened()).toBe(1)
    await expectDelivered(upload, LARGE)
  })

  it('that the provider has lost is opened anew', async () => {
    const upload = await house.handOver(LARGE)
    await dieAfterFirstChunk(upload)
    house.provider.expireSessions()

    await house.sweep()
    await house.worker().deliver(upload.id)

    expect(opened()).toBe(2)
    await expectDelivered(upload, LARGE)
  })

  it('is asked where it is when a connection breaks, and a chunk that was half taken goes on from there', async () => {
    const upload = await house.handOver(LARGE)
    house.provider.failNext('sendChunk', brokenConnection(), { applied: true })
    house.provider.storeOnly(CHUNK_BYTES / 2)

    await house.worker().deliver(upload.id)

    expect(opened()).toBe(1)
    await expectDelivered(upload, LARGE)
  })

  it('goes on although the digests were saved by another version of the code', async () => {
    const upload = await house.handOver(LARGE)
    await dieAfterFirstChunk(upload)
    await house.sweep()
    const claimed = await house.deliveries.claim(upload.id, 'large-delivery')
    if (!claimed) throw new Error('not claimed')
    await house.deliveries.saveProgress(claimed, CHUNK_BYTES, Buffer.from('v0').toString('base64'))
    await house.deliveries.release(claimed)

    await house.worker().deliver(upload.id)

    expect(opened()).toBe(1)
    await expectDelivered(upload, LARGE)
  })
})

describe('a file that waits', () => {
  const causes = [
    ['PROVIDER_FULL', new QuotaFull({ diagnostics })],
    ['ACCOUNT_DISCONNECTED', new ReconnectNeeded({ tokenRejected: false, diagnostics })],
    ['RATE_LIMITED', new RetryLater({ reason: 'DAILY_LIMIT', diagnostics })],
    ['OUTCOME_UNKNOWN', new SessionLost({ diagnostics })],
  ] as const

  it.each(causes)('%s says so, and arrives once the cause is gone', async (reason, failure) => {
    const upload = await house.handOver(SMALL)
    house.provider.failNext('uploadWhole', failure)

    await house.worker().deliver(upload.id)

    const held = await house.uploadOf(upload.id)
    expect(held).toMatchObject({ status: 'held', reason })
    expect(Date.parse(held.retryAt ?? '')).toBeGreaterThan(house.clock.now())
    expect(house.provider.files()).toEqual([])
    expect(await house.sweep(61 * MINUTE_MS)).toEqual([upload.id])
    await house.worker().deliver(upload.id)
    await expectDelivered(upload, SMALL)
    expect(await house.uploadOf(upload.id)).not.toHaveProperty('reason')
  })

  it('waits longer each time, an hour at most', async () => {
    const upload = await house.handOver(SMALL)
    const waits: number[] = []
    for (let round = 0; round < 10; round += 1) {
      house.provider.failNext('uploadWhole', new QuotaFull({ diagnostics }))
      await house.worker().deliver(upload.id)
      const { retryAt } = await house.uploadOf(upload.id)
      waits.push(Date.parse(retryAt ?? '') - house.clock.now())
      await house.sweep(61 * MINUTE_MS)
    }

    expect(waits).toEqual(waits.toSorted((a, b) => a - b))
    expect(waits[0]).toBeLessThan(MINUTE_MS)
    expect(waits.at(-1)).toBeLessThanOrEqual(60 * MINUTE_MS)
    await house.worker().deliver(upload.id)
    await expectDelivered(upload, SMALL)
  })
})

describe('a token that is refused even when fresh', () => {
  const refused = new ReconnectNeeded({ tokenRejected: true, diagnostics })

  it('disconnects the account, and the file waits for a new consent', async () => {
    const upload = await house.handOver(SMALL)
    for (const failure of [refused, refused]) house.provider.failNext('uploadWhole', failure)

    await house.worker().deliver(upload.id)

    expect(await house.accounts.find(house.account.id)).toMatchObject({ status: 'DISCONNECTED' })
    expect(await house.uploadOf(upload.id)).toMatchObject({
      status: 'held',
      reason: 'ACCOUNT_DISCONNECTED',
    })
  })

  it('says nothing of a consent that was given meanwhile: the file goes on with that one', async () => {
    const upload = await house.handOver(SMALL)
    for (const failure of [refused, refused]) house.provider.failNext('uploadWhole', failure)
    const { deps, deliver } = house.worker()
    const { freshToken } = deps
    deps.freshToken = async (...asked) => {
      const live = await freshToken(...asked)
      await house.consentAnew()
      return live
    }

    await deliver(upload.id)

    expect(await house.accounts.find(house.account.id)).toMatchObject({ status: 'ACTIVE' })
    expect(house.messages).toContain(upload.id)
    await house.worker().deliver(upload.id)
    await expectDelivered(upload, SMALL)
  })
})

describe('what the owner has thrown away', () => {
  it('as a folder is made anew, and the file lies in the new one', async () => {
    const first = await house.handOver(SMALL, { fileName: 'first.txt' })
    await house.worker().deliver(first.id)
    const [file] = house.provider.files()
    house.provider.trash(file?.folderId ?? '')

    const second = await house.handOver(LARGE, { fileName: 'second.txt' })
    await house.worker().deliver(second.id)

    const [, fresh, ...others] = house.provider.files()
    expect(others).toEqual([])
    expect(fresh).toMatchObject({ name: 'second.txt', trashed: false })
    expect(fresh?.folderId).not.toBe(file?.folderId)
    expect((await house.uploadOf(second.id)).status).toBe('uploaded')
  })

  it('as a file that was complete but not bound yet is sent again under a new id', async () => {
    const upload = await house.handOver(LARGE)
    const send = house.provider.sendChunk
    house.provider.sendChunk = async (...args) => {
      const progress = await send(...args)
      if (progress.state === 'complete') {
        await house.provider.deleteFile({ accessToken: '' }, progress.file.id)
        house.provider.expireSessions()
        house.provider.sendChunk = send
        throw new Killed()
      }
      return progress
    }
    await expect(house.worker().deliver(upload.id)).rejects.toThrow(Killed)

    await house.sweep()
    await house.worker().deliver(upload.id)

    await expectDelivered(upload, LARGE)
  })
})

describe('a file that its owner deletes', () => {
  async function deleteIt(upload: Upload) {
    const standing = await house.uploadOf(upload.id)
    await transact(records.table, [
      house.uploads.delete(standing),
      house.deliveries.abandon(standing),
    ])
  }

  it('while its last bytes flow is taken back', async () => {
    const upload = await house.handOver(LARGE)
    const send = house.provider.sendChunk
    house.provider.sendChunk = async (...args) => {
      const progress = await send(...args)
      if (progress.state === 'complete') await deleteIt(upload)
      return progress
    }

    await house.worker().deliver(upload.id)

    expect(house.provider.files()).toEqual([])
    expect(await house.sweep()).toEqual([upload.id])
    await house.worker().deliver(upload.id)
    await expectNothingLeft(upload)
    expect((await house.uploadOf(upload.id)).status).toBe('deleted')
  })

  it('after its worker died with the file complete is taken back by the next', async () => {
    const upload = await house.handOver(SMALL)
    const send = house.provider.uploadWhole
    house.provider.uploadWhole = async (...args) => {
      await send(...args)
      throw new Killed()
    }
    await expect(house.worker().deliver(upload.id)).rejects.toThrow(Killed)
    expect(house.provider.files()).toHaveLength(1)
    await deleteIt(upload)

    await house.sweep()
    await house.worker().deliver(upload.id)

    await expectNothingLeft(upload)
  })

  it('while its account is out of reach is taken back when it is in reach again', async () => {
    const upload = await house.handOver(SMALL)
    const send = house.provider.uploadWhole
    house.provider.uploadWhole = async (...args) => {
      await send(...args)
      throw new Killed()
    }
    await expect(house.worker().deliver(upload.id)).rejects.toThrow(Killed)
    await deleteIt(upload)
    house.provider.failNext(
      'deleteFile',
      new ReconnectNeeded({ tokenRejected: false, diagnostics }),
    )

    await house.sweep()
    await house.worker().deliver(upload.id)
    expect(house.staged.size).toBe(0)
    expect(house.provider.files()).toHaveLength(1)
    await house.sweep(61 * MINUTE_MS)
    await house.worker().deliver(upload.id)

    await expectNothingLeft(upload)
  })
})

describe('a file that is not what its client meant', () => {
  it('by the hash of the browser is rejected and taken back', async () => {
    const upload = await house.handOver(LARGE, { contentHash: '0'.repeat(64) })

    await house.worker().deliver(upload.id)

    await expectNothingLeft(upload)
    expect(await house.uploadOf(upload.id)).toMatchObject({
      status: 'rejected',
      reason: 'CONTENT_CHANGED',
    })
    expect(await house.events(upload.id)).toEqual(['upload.rejected'])
  })

  it.each([SMALL, LARGE])(
    'because another object lies in its place is rejected',
    async (content) => {
      const upload = await house.handOver(content)
      house.staged.set(upload.stagingKey, { content, etag: 'another' })

      await house.worker().deliver(upload.id)

      await expectNothingLeft(upload)
      expect(await house.uploadOf(upload.id)).toMatchObject({
        status: 'rejected',
        reason: 'CONTENT_CHANGED',
      })
    },
  )

  it('leaves nothing, although workers die at any call of taking it back', {
    timeout: 30_000,
  }, async () => {
    for (let atCall = 1; ; atCall += 1) {
      house = await openHouse(records.table)
      const upload = await house.handOver(SMALL, { contentHash: '0'.repeat(64) })
      const worker = house.worker({ atCall, when: 'after' })
      const died = await worker.deliver(upload.id).then(
        () => false,
        (error: unknown) => error instanceof Killed,
      )
      for (let round = 0; round < 3; round += 1) {
        for (const asked of await house.sweep()) await house.worker().deliver(asked)
      }
      await expectNothingLeft(upload)
      expect((await house.uploadOf(upload.id)).status).toBe('rejected')
      if (!died) {
        expect(atCall).toBeGreaterThan(15)
        return
      }
    }
  })

  it('and was rejected by intake during its delivery leaves nothing', async () => {
    const upload = await house.handOver(SMALL)
    await transact(records.table, [
      house.uploads.reject(await house.uploadOf(upload.id), 'CONTENT_CHANGED'),
      house.deliveries.abandon(upload),
    ])
    house.staged.clear()

    await house.worker().deliver(upload.id)

    await expectNothingLeft(upload)
    expect(await house.events(upload.id)).toEqual([])
  })
})
