import { UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDatabase, TABLE, TABLE_ARN, tableProperties } from './harness.ts'

let database: Awaited<ReturnType<typeof startDatabase>>
beforeAll(async () => {
  database = await startDatabase()
  await database.engine.createTable(tableProperties())
})
afterAll(() => database.close())

let nextId = 0
function makeKey(type = 'ttl'): { pk: string; sk: string } {
  return { pk: `${type}#${++nextId}`, sk: 'a' }
}

describe('time to live', () => {
  it('deletes what has expired by the local clock and nothing else', async () => {
    const nowSeconds = Math.floor(database.clock.now() / 1000)
    const items = [
      { ...makeKey('ttl'), expiresAt: nowSeconds + 60 },
      { ...makeKey('ttl'), expiresAt: nowSeconds + 7_200 },
      { ...makeKey('ttl') },
      { ...makeKey('ttl'), expiresAt: String(nowSeconds - 60) },
      { ...makeKey('ttl'), expiresAt: nowSeconds - 6 * 365 * 24 * 3600 },
    ]
    for (const Item of items) await database.operator.put({ TableName: TABLE, Item })
    const survivors = async () => {
      const found = await Promise.all(
        items.map(({ pk, sk }) => database.operator.get({ TableName: TABLE, Key: { pk, sk } })),
      )
      return found.map((it) => it.Item !== undefined)
    }
    expect(await database.engine.expireItems()).toBe(0)

    database.clock.advance(3_600)

    expect(await database.engine.expireItems()).toBe(1)
    expect(await survivors()).toEqual([false, true, true, true, true])
  })

  it('reads every page of a large table', async () => {
    const expiresAt = Math.floor(database.clock.now() / 1000) - 1
    for (let batch = 0; batch < 42; batch++) {
      await database.operator.batchWrite({
        RequestItems: {
          [TABLE]: Array.from({ length: 25 }, () => ({
            PutRequest: { Item: { ...makeKey('page'), expiresAt } },
          })),
        },
      })
    }

    expect(await database.engine.expireItems()).toBe(1_050)
  })

  it('marks its deletions in the stream, and no deletion of anybody else', async () => {
    const stream = await database.engine.openStream(TABLE_ARN)
    const position = await stream.latest()
    const expiresAt = Math.floor(database.clock.now() / 1000) - 1
    const [expired, deleted, again] = [makeKey(), makeKey(), makeKey()]
    for (const key of [expired, deleted, again]) {
      await database.operator.put({ TableName: TABLE, Item: { ...key, expiresAt } })
    }
    await database.operator.delete({ TableName: TABLE, Key: deleted })
    expect(await database.engine.expireItems()).toBe(2)
    await database.operator.put({ TableName: TABLE, Item: again })
    await database.operator.delete({ TableName: TABLE, Key: again })

    const { records } = await stream.read(position)

    const removals = records.filter((it) => it.eventName === 'REMOVE')
    const service = { type: 'Service', principalId: 'dynamodb.amazonaws.com' }
    const markOf = (key: { pk: string }) =>
      removals.filter((it) => it.dynamodb.Keys['pk']?.['S'] === key.pk).map((it) => it.userIdentity)
    expect(markOf(expired)).toEqual([service])
    expect(markOf(deleted)).toEqual([undefined])
    expect(markOf(again)).toEqual([service, undefined])
  })

  it('is turned on and off by UpdateTimeToLive', async () => {
    const expiresAt = Math.floor(database.clock.now() / 1000) - 1
    const turn = (Enabled: boolean) =>
      database.operator.send(
        new UpdateTimeToLiveCommand({
          TableName: TABLE,
          TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled },
        }),
      )
    await turn(false)
    await database.operator.put({ TableName: TABLE, Item: { ...makeKey(), expiresAt } })
    expect(await database.engine.expireItems()).toBe(0)

    await turn(true)

    expect(await database.engine.expireItems()).toBe(1)
  })
})
