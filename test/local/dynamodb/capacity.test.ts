import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ContractTable, startContractTable } from './contract-table.ts'

let table: ContractTable
beforeAll(async () => {
  table = await startContractTable()
}, 150_000)
afterAll(() => table.close())

const counted = { ReturnConsumedCapacity: 'INDEXES' } as const
const kilobytes = (count: number) => 'x'.repeat(count * 1024)

/** Units of a reply: all of them, the table's and those of one index. */
function units(reply: { ConsumedCapacity?: unknown }, index = 'owner') {
  const [capacity] = [reply.ConsumedCapacity].flat() as {
    CapacityUnits?: number
    Table?: { CapacityUnits?: number }
    GlobalSecondaryIndexes?: Record<string, { CapacityUnits?: number }>
  }[]
  return {
    all: capacity?.CapacityUnits,
    table: capacity?.Table?.CapacityUnits,
    index: capacity?.GlobalSecondaryIndexes?.[index]?.CapacityUnits,
  }
}

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
describe('a write', () => {
  const put = (Item: object) =>
    table.db.put({ TableName: table.TableName, Item: { ...Item }, ...counted })

  it.each([
    [0.5, 1],
    [0.9, 1],
    [2.5, 3],
    [9.5, 10],
  ])('of %d KB costs %i units', async (size, expected) => {
    expect(units(await put({ ...table.freshKey(), pad: kilobytes(size) })).all).toBe(expected)
  })

  it('costs as much again in an index that projects everything', async () => {
    const item = { ...table.freshKey(), ownerPk: 'o', ownerSk: '1', pad: kilobytes(2.5) }

    expect(units(await put(item))).toEqual({ all: 6, table: 3, index: 3 })
  })

  it('costs one unit in an index that projects keys alone', async () => {
    const item = { ...table.freshKey(), duePk: 'd', dueSk: '1', pad: kilobytes(2.5) }

    expect(units(await put(item), 'due')).toEqual({ all: 4, table: 3, index: 1 })
  })

  it('that changes nothing of an index costs nothing there', async () => {
    const item = { ...table.freshKey(), duePk: 'd', dueSk: '1', pad: 'a' }
    await put(item)

    expect(units(await put({ ...item, pad: 'b' }), 'due')).toEqual({
      all: 1,
      table: 1,
      index: undefined,
    })
  })

  it('that moves an item in an index costs a deletion and a put there', async () => {
    const item = { ...table.freshKey(), duePk: 'd', dueSk: '1' }
    await put(item)

    expect(units(await put({ ...item, dueSk: '2' }), 'due')).toEqual({
      all: 3,
      table: 1,
      index: 2,
    })
  })

  it('costs the larger of the item before and after', async () => {
    const Key = table.freshKey()
    await put({ ...Key, pad: kilobytes(3.5) })

    expect(units(await put({ ...Key, pad: 'x' })).all).toBe(4)
    const deleted = await table.db.delete({ TableName: table.TableName, Key, ...counted })
    expect(units(deleted).all).toBe(1)
  })

  it('costs double in a transaction', async () => {
    const Put = { TableName: table.TableName, Item: { ...table.freshKey(), pad: kilobytes(1.5) } }
    const reply = await table.db.transactWrite({ TransactItems: [{ Put }], ...counted })

    expect(units(reply).all).toBe(4)
  })

  it('costs in a batch what its items cost', async () => {
    const items = [0.5, 1.5].map((size) => ({ ...table.freshKey(), pad: kilobytes(size) }))
    const reply = await table.db.batchWrite({
      RequestItems: { [table.TableName]: items.map((Item) => ({ PutRequest: { Item } })) },
      ...counted,
    })

    expect(units(reply).all).toBe(3)
  })
})

describe('a read', () => {
  it.each([
    [0.5, false, 0.5],
    [0.5, true, 1],
    [5, false, 1],
    [5, true, 2],
  ])('of %d KB, consistent %s, costs %d units', async (size, ConsistentRead, expected) => {
    const Key = table.freshKey()
    await table.db.put({
      TableName: table.TableName,
      Item: { ...Key, pad: kilobytes(size) },
    })

    const reply = await table.db.get({
      TableName: table.TableName,
      Key,
      ConsistentRead,
      ...counted,
    })

    expect(units(reply).all).toBe(expected)
  })

  it('of nothing costs half a unit', async () => {
    const nothing = table.freshKey()
    const get = await table.db.get({ TableName: table.TableName, Key: nothing, ...counted })
    const query = await table.db.query({
      TableName: table.TableName,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': nothing.pk },
      ...counted,
    })

    expect([units(get).all, units(query).all]).toEqual([0.5, 0.5])
  })

  it('costs double in a transaction', async () => {
    const Get = { TableName: table.TableName, Key: table.freshKey() }
    const reply = await table.db.transactGet({ TransactItems: [{ Get }], ...counted })

    expect(units(reply).all).toBe(2)
  })

  it('of a page costs the size of its items together, filtered or not', async () => {
    const { pk } = table.freshKey()
    await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        table.db.put({
          TableName: table.TableName,
          Item: { pk, sk: String(at), kind: at % 2, pad: kilobytes(1) },
        }),
      ),
    )
    const query = (over: object, values: object = {}) =>
      table.db.query({
        TableName: table.TableName,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': pk, ...values },
        ...counted,
        ...over,
      })

    // Ten items of a little more than 1 KB are three blocks of 4 KB, each item alone would be one.
    expect(units(await query({ ConsistentRead: true })).all).toBe(3)
    expect(units(await query({})).all).toBe(1.5)
    const filtered = await query({ FilterExpression: 'kind = :kind' }, { ':kind': 1 })
    expect(filtered.Count).toBe(5)
    expect(units(filtered).all).toBe(1.5)
  })
})
