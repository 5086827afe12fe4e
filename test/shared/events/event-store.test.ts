import { TransactWriteCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventEntry } from '../../../shared/contract/events.ts'
import { type EventStore, eventStore } from '../../../shared/events/event-store.ts'
import { eventPut } from '../../../shared/platform/events.ts'
import { newId } from '../../../shared/platform/ids.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { steeredClock } from '../../support/steered-clock.ts'

const clock = steeredClock()
const BATCH = 100

let records: RecordTable
let store: EventStore

beforeAll(async () => {
  records = await startRecordTable()
  store = eventStore(records.table)
})
afterAll(() => records.close())

/** An owner with `count` events a second apart, the nth about the subject that `subjectOf` names. */
async function ownerWith(count: number, subjectOf: (n: number) => string): Promise<string> {
  const userId = newId('user', clock.now())
  const items = Array.from({ length: count }, (_, n) => {
    clock.advance(1000)
    return eventPut(records.table, clock, 'portal.updated', {
      userId,
      actor: userId,
      subjectId: subjectOf(n),
      before: String(n),
    })
  })
  for (let at = 0; at < items.length; at += BATCH) {
    await records.table.client.send(
      new TransactWriteCommand({ TransactItems: items.slice(at, at + BATCH) }),
    )
  }
  return userId
}

/** All pages, and how many entries each had. */
async function readAll(userId: string, limit: number, subjectId?: string) {
  const pages: number[] = []
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await store.list(userId, { limit, cursor, subjectId })
    pages.push(page.events.length)
    seen.push(...page.events.map(({ before }) => before ?? ''))
    cursor = page.cursor
  } while (cursor !== undefined)
  return { pages, seen }
}

const newestFirst = (count: number) =>
  Array.from({ length: count }, (_, n) => String(count - 1 - n))

describe('the events of an owner', () => {
  test('come newest first, page by page, each once', async () => {
    const userId = await ownerWith(25, () => 'prt_0000000000')

    const { pages, seen } = await readAll(userId, 10)

    expect(seen).toEqual(newestFirst(25))
    expect(pages.slice(0, 2)).toEqual([10, 10])
  })

  test('show who, what, why, before and after, and nothing of how they are stored', async () => {
    const userId = await ownerWith(1, () => 'prt_0000000000')

    const [event] = (await store.list(userId, { limit: 1 })).events

    expect(eventEntry.strict().parse(event)).toEqual({
      id: expect.stringMatching(/^evt_/),
      type: 'portal.updated',
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      actor: userId,
      subjectId: 'prt_0000000000',
      before: '0',
      after: null,
      reason: null,
    })
  })

  test('are nobody else’s', async () => {
    await ownerWith(3, () => 'prt_0000000000')
    const stranger = newId('user', clock.now())

    expect(await store.list(stranger, { limit: 10 })).toEqual({ events: [], cursor: undefined })
    expect(await store.list(stranger, { limit: 10, subjectId: 'prt_0000000000' })).toEqual({
      events: [],
      cursor: undefined,
    })
  })

  test('about one subject are found wherever they stand, at most 200 being read for a page', async () => {
    const rare = 'acc_0000000000'
    // The subject's own stand at 0, 150, 300 and 450 of 460.
    const userId = await ownerWith(460, (n) => (n % 150 === 0 ? rare : 'prt_0000000000'))

    const { pages, seen } = await readAll(userId, 50, rare)

    expect(seen).toEqual(['450', '300', '150', '0'])
    expect(pages.length).toBeGreaterThanOrEqual(3)
  })

  test('about one subject fill a page and go on exactly after it', async () => {
    const userId = await ownerWith(60, (n) => (n % 2 === 0 ? 'acc_0000000000' : 'prt_0000000000'))

    const { pages, seen } = await readAll(userId, 7, 'acc_0000000000')

    expect(seen).toEqual(newestFirst(60).filter((n) => Number(n) % 2 === 0))
    expect(pages.slice(0, 4)).toEqual([7, 7, 7, 7])
  })

  test('a cursor of no list is refused with its name', async () => {
    await expect(
      store.list(newId('user', clock.now()), { limit: 1, cursor: 'x' }),
    ).rejects.toMatchObject({ code: 'INVALID_REQUEST', fields: [{ field: 'cursor' }] })
  })
})
