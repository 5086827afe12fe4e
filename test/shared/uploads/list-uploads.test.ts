import { BatchWriteCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountStore } from '../../../shared/accounts/account-store.ts'
import { uploadsQuery } from '../../../shared/contract/uploads.ts'
import { isoTime, MINUTE_MS } from '../../../shared/platform/clock.ts'
import { newId } from '../../../shared/platform/ids.ts'
import { type Table, transact } from '../../../shared/platform/table.ts'
import { portalStore } from '../../../shared/portals/portal-store.ts'
import { listUploads } from '../../../shared/uploads/list-uploads.ts'
import { submissionStore } from '../../../shared/uploads/submission-store.ts'
import { planParts, type Upload } from '../../../shared/uploads/upload.ts'
import { uploadStore } from '../../../shared/uploads/upload-store.ts'
import { newAccount, newPortal } from '../../support/make.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { steeredClock } from '../../support/steered-clock.ts'

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

/** What the table has counted for the queries of one call. */
interface Meter {
  units: number
  items: number
}

/** The table, with the queries that go through it counted. */
function metered({ name, client }: Table, meter: Meter): Table {
  const send = async (command: object) => {
    if (!(command instanceof QueryCommand)) return client.send(command as never)
    const reply = await client.send(
      new QueryCommand({ ...command.input, ReturnConsumedCapacity: 'TOTAL' }),
    )
    meter.units += reply.ConsumedCapacity?.CapacityUnits ?? Number.NaN
    meter.items += reply.ScannedCount ?? Number.NaN
    return reply
  }
  return { name, client: { send } as unknown as Table['client'] }
}

async function openLists() {
  const clock = steeredClock()
  const meter: Meter = { units: 0, items: 0 }
  const { table } = records
  const counted = metered(table, meter)
  const account = newAccount(clock.now())
  const portal = newPortal(account, clock.now())
  const accounts = accountStore(table, clock)
  const portals = portalStore(table, clock)
  const uploads = uploadStore(table, clock)
  await transact(table, [accounts.create(account), ...portals.create(portal)])
  const deps = {
    uploads: uploadStore(counted, clock),
    submissions: submissionStore(table),
    accounts,
    portals,
  }

  /** A minute after the one before it. */
  function next(over: Partial<Upload> = {}): Upload {
    clock.advance(MINUTE_MS)
    const id = newId('upload', clock.now())
    return {
      id,
      userId: account.userId,
      portalId: portal.id,
      submissionId: newId('submission', clock.now()),
      fileName: 'letter.pdf',
      folders: [],
      relativePath: null,
      fileSize: 10,
      mimeType: 'application/pdf',
      storageProvider: account.provider,
      status: 'uploaded',
      ...planParts(10),
      stagingKey: `staging/scan/${id}`,
      intendedStorageAccountId: account.id,
      createdAt: isoTime(clock.now()),
      ...over,
    }
  }

  return {
    account,
    portal,
    uploads,
    meter,

    async add(over: Partial<Upload> = {}, clientEmail: string | null = null): Promise<Upload> {
      const upload = next(over)
      await transact(table, [uploads.create(upload, clientEmail)])
      return upload
    },

    /** Fills the lists with as many files, all of one client. */
    async fill(count: number, clientEmail: string): Promise<void> {
      const items = Array.from(
        { length: count },
        () => uploads.create(next(), clientEmail).Put?.Item ?? {},
      )
      const batches = Array.from({ length: Math.ceil(count / 25) }, (_, batch) =>
        items.slice(25 * batch, 25 * (batch + 1)),
      )
      for (let first = 0; first < batches.length; first += 8) {
        await Promise.all(
          batches.slice(first, first + 8).map((batch) =>
            table.client.send(
              new BatchWriteCommand({
                RequestItems: { [table.name]: batch.map((Item) => ({ PutRequest: { Item } })) },
              }),
            ),
          ),
        )
      }
    },

    /** A page, asked for as HTTP does. */
    async list(query: Record<string, string> = {}, userId = account.userId) {
      const { uploads: page, cursor } = await listUploads(deps, userId, uploadsQuery.parse(query))
      return { names: page.map(({ fileName }) => fileName), ids: page.map(({ id }) => id), cursor }
    },

    /** All pages, with how many there were. */
    async listAll(query: Record<string, string>) {
      const ids: string[] = []
      let pages = 0
      let cursor: string | undefined
      do {
        const page = await this.list({ ...query, ...(cursor ? { cursor } : {}) })
        ids.push(...page.ids)
        cursor = page.cursor
        pages += 1
      } while (cursor && pages < 50)
      return { ids, pages }
    },
  }
}

describe('the list of one client (A16)', () => {
  it('has the files of an address however it is spelled, and of no other', async () => {
    const lists = await openLists()
    const first = await lists.add({}, 'Client@Example.com')
    await lists.add({}, 'other@example.com')
    await lists.add()
    const last = await lists.add({}, 'client@example.com')

    const { ids } = await lists.list({ clientEmail: 'CLIENT@example.com' })

    expect(ids).toEqual([last.id, first.id])
  })

  it('is of one owner: another who has the same client sees none of it', async () => {
    const lists = await openLists()
    await lists.add({}, 'client@example.com')

    const { ids } = await lists.list({ clientEmail: 'client@example.com' }, 'usr_stranger')

    expect(ids).toEqual([])
  })

  it('holds no address', async () => {
    const lists = await openLists()
    const upload = lists.uploads.create(await lists.add(), 'client@example.com')

    expect(JSON.stringify(upload)).not.toContain('example.com')
  })

  it('loses what its owner deletes, and so do all other lists', async () => {
    const lists = await openLists()
    const upload = await lists.add({}, 'client@example.com')
    const chosen = [
      {},
      { portalId: lists.portal.id },
      { storageAccountId: lists.account.id },
      { clientEmail: 'client@example.com' },
    ]
    for (const query of chosen) expect((await lists.list(query)).ids).toEqual([upload.id])

    await transact(records.table, [lists.uploads.delete(upload)])

    for (const query of chosen) expect((await lists.list(query)).ids).toEqual([])
  })
})

describe('a list of some time', () => {
  it('includes the moments at both of its ends, and pages within them', async () => {
    const lists = await openLists()
    const made: Upload[] = []
    for (let n = 0; n < 6; n += 1) made.push(await lists.add())
    const [, second, third, , fifth] = made
    if (!second || !third || !fifth) throw new Error('not made')
    const idsOf = (...uploads: Upload[]) => uploads.map(({ id }) => id)

    const between = { from: second.createdAt, to: fifth.createdAt }
    expect((await lists.list(between)).ids).toEqual(idsOf(...made.slice(1, 5)).reverse())
    expect((await lists.listAll({ ...between, limit: '1' })).ids).toEqual(
      idsOf(...made.slice(1, 5)).reverse(),
    )
    expect((await lists.list({ from: fifth.createdAt })).ids).toEqual(
      idsOf(...made.slice(4)).reverse(),
    )
    expect((await lists.list({ to: second.createdAt, portalId: lists.portal.id })).ids).toEqual(
      idsOf(...made.slice(0, 2)).reverse(),
    )
  })

  it.each([
    ['2026-03-01', '2026-03-01', ['last', 'noon', 'first']],
    ['2026-03-01', '2026-02-28', undefined],
    ['2026-03-01T12:00:00+02:00', '2026-03-01T23:00:00Z', ['noon']],
    ['2026-02-28T23:59:59.999Z', '2026-03-01T00:00:00Z', ['first', 'before']],
  ])('from %s to %s', async (from, to, names) => {
    const lists = await openLists()
    for (const [fileName, createdAt] of [
      ['before', '2026-02-28T23:59:59.999Z'],
      ['first', '2026-03-01T00:00:00.000Z'],
      ['noon', '2026-03-01T12:00:00.000Z'],
      ['last', '2026-03-01T23:59:59.999Z'],
      ['after', '2026-03-02T00:00:00.000Z'],
    ] as const) {
      await lists.add({ fileName, createdAt })
    }

    if (names) expect((await lists.list({ from, to })).names).toEqual(names)
    else await expect(lists.list({ from, to })).rejects.toThrow(/before from/)
  })

  it.each([
    ['from', '9999-12-31T23:59:59-01:00'],
    ['to', '0000-01-01T00:00:00+01:00'],
    ['from', '2026-02-30'],
    ['to', 'yesterday'],
  ])('has no %s as %s', async (name, value) => {
    const lists = await openLists()
    await expect(lists.list({ [name]: value })).rejects.toThrow()
  })

  it('does not go on by the cursor of another time', async () => {
    const lists = await openLists()
    const [first, , third] = [await lists.add(), await lists.add(), await lists.add()]
    const { cursor = '' } = await lists.list({ limit: '1' })

    await expect(lists.list({ to: first.createdAt, cursor })).rejects.toThrow(/cursor/)
    expect((await lists.list({ to: third.createdAt, cursor })).ids).toHaveLength(2)
  })
})

describe('files of one state or name', () => {
  it('are found by how their name begins, whatever its case and its accents are made of', async () => {
    const lists = await openLists()
    for (const fileName of ['Étude.pdf', 'etude.pdf', 'E\u0301TUDE 2.pdf', 'my étude.pdf']) {
      await lists.add({ fileName })
    }

    expect((await lists.list({ q: 'étu' })).names).toEqual(['E\u0301TUDE 2.pdf', 'Étude.pdf'])
    expect((await lists.list({ q: '.*' })).names).toEqual([])
  })

  it('are shown and found by names that cannot look like others, whatever a client calls them', async () => {
    const lists = await openLists()
    await lists.add({ fileName: 'annual\u202Efdp.exe' })
    await lists.add({ fileName: 'an\u0000\r\nother.txt' })
    await lists.add({ fileName: '\u202E' })

    const names = ['unnamed', 'another.txt', 'annualfdp.exe']
    expect((await lists.list({})).names).toEqual(names)
    expect((await lists.list({ q: 'annualfdp' })).names).toEqual(names.slice(2))
  })

  it('are found by their state, in one list as in all', async () => {
    const lists = await openLists()
    const held = await lists.add({ status: 'held' })
    await lists.add({ fileName: 'other.txt', status: 'held' })
    await lists.add()

    expect((await lists.list({ status: 'held' })).ids).toHaveLength(2)
    expect((await lists.list({ status: 'held', q: 'LETTER' })).ids).toEqual([held.id])
    expect((await lists.list({ status: 'failed', portalId: lists.portal.id })).ids).toEqual([])
  })

  it('read at most 200 for a page, which may be short, and lose and repeat none', async () => {
    const lists = await openLists()
    const early = [await lists.add({ fileName: 'x1' }), await lists.add({ fileName: 'x2' })]
    await lists.fill(250, 'client@example.com')
    const late = [await lists.add({ fileName: 'X3' }), await lists.add({ fileName: 'x4' })]
    const all = [...early, ...late].map(({ id }) => id).reverse()

    const first = await lists.list({ q: 'x', limit: '100' })
    expect(first.ids).toEqual(all.slice(0, 2))
    expect(first.cursor).toBeDefined()
    expect(lists.meter.items).toBe(200)
    expect(await lists.listAll({ q: 'x', limit: '100' })).toEqual({ ids: all, pages: 2 })
    expect((await lists.listAll({ q: 'x', limit: '1' })).ids).toEqual(all)
  })
})

describe('what a page of fifty costs', () => {
  const CLIENT = 'client@example.com'

  it('is the same of 100 and of 5,000 files, in every list', { timeout: 180_000 }, async () => {
    const lists = await openLists()
    const unitsOf = async (query: Record<string, string>) => {
      lists.meter.units = 0
      expect((await lists.list(query)).ids).toHaveLength(50)
      return lists.meter.units
    }
    const queries = [
      {},
      { portalId: lists.portal.id },
      { storageAccountId: lists.account.id },
      { clientEmail: CLIENT },
      { clientEmail: CLIENT, from: '2020-01-01' },
    ]
    const unitsOfAll = async () => {
      const units: number[] = []
      for (const query of queries) units.push(await unitsOf(query))
      return units
    }
    await lists.fill(100, CLIENT)
    const few = await unitsOfAll()
    await lists.fill(4900, CLIENT)

    expect(await unitsOfAll()).toEqual(few)
    expect(few.every((units) => units > 0 && units < 20)).toBe(true)
  })
})
