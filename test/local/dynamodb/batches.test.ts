import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ContractTable, startContractTable } from './contract-table.ts'

let table: ContractTable
beforeAll(async () => {
  table = await startContractTable()
}, 150_000)
afterAll(() => table.close())

const puts = (items: object[]) => ({
  RequestItems: { [table.TableName]: items.map((Item) => ({ PutRequest: { Item } })) },
})
const keys = (count: number) => Array.from({ length: count }, () => table.freshKey())
const get = (wanted: object[], over: object = {}) =>
  table.db.batchGet({ RequestItems: { [table.TableName]: { Keys: wanted, ...over } } })

// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
describe('BatchWriteItem', () => {
  it('puts and deletes up to 25 items', async () => {
    const [gone, ...others] = keys(25)
    if (!gone) throw new Error('no keys')
    await table.db.put({ TableName: table.TableName, Item: gone })

    const { UnprocessedItems } = await table.db.batchWrite({
      RequestItems: {
        [table.TableName]: [
          { DeleteRequest: { Key: gone } },
          ...others.map((Item) => ({ PutRequest: { Item } })),
        ],
      },
    })

    expect(UnprocessedItems ?? {}).toEqual({})
    const { Responses } = await get([gone, ...others], { ConsistentRead: true })
    expect(Responses?.[table.TableName]).toHaveLength(24)
  })

  it('refuses 26 items', async () => {
    await expect(table.db.batchWrite(puts(keys(26)))).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringMatching(/25|Too many items/),
    })
  })

  it('refuses none', async () => {
    await expect(table.db.batchWrite(puts([]))).rejects.toMatchObject({
      name: 'ValidationException',
    })
  })

  it('refuses two writes of one item and writes nothing of such a batch', async () => {
    const [twice, other] = keys(2)
    if (!twice || !other) throw new Error('no keys')

    await expect(
      table.db.batchWrite({
        RequestItems: {
          [table.TableName]: [
            { PutRequest: { Item: other } },
            { PutRequest: { Item: twice } },
            { DeleteRequest: { Key: twice } },
          ],
        },
      }),
    ).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'Provided list of item keys contains duplicates',
    })
    const { Responses } = await get([twice, other], { ConsistentRead: true })
    expect(Responses?.[table.TableName]).toEqual([])
  })

  it('refuses a batch with one item that is too large', async () => {
    const [small, large] = keys(2)

    await expect(
      table.db.batchWrite(puts([{ ...small }, { ...large, pad: 'x'.repeat(400 * 1024) }])),
    ).rejects.toMatchObject({ name: 'ValidationException' })
  })
})

// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
describe('BatchGetItem', () => {
  it('gives up to 100 items, without those that do not exist', async () => {
    const wanted = keys(100)
    await table.db.batchWrite(puts(wanted.slice(0, 3)))

    const { Responses, UnprocessedKeys } = await get(wanted, { ConsistentRead: true })

    const found = Responses?.[table.TableName] ?? []
    expect(found.map((it) => it['pk']).sort()).toEqual(
      wanted
        .slice(0, 3)
        .map((it) => it.pk)
        .sort(),
    )
    expect(UnprocessedKeys ?? {}).toEqual({})
  })

  it('refuses 101 keys', async () => {
    await expect(get(keys(101))).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringMatching(/100|Too many items/),
    })
  })

  it('refuses a key that is named twice', async () => {
    const [twice] = keys(1)

    await expect(get([{ ...twice }, { ...twice }])).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'Provided list of item keys contains duplicates',
    })
  })

  it('gives 16 MB at most and names the keys that it left', async () => {
    const wanted = keys(44)
    const pad = 'x'.repeat(390 * 1024)
    await Promise.all(
      wanted.map((it) => table.db.put({ TableName: table.TableName, Item: { ...it, pad } })),
    )

    const { Responses, UnprocessedKeys } = await get(wanted)

    const found = (Responses?.[table.TableName] ?? []).map((it) => String(it['pk']))
    const left = (UnprocessedKeys?.[table.TableName]?.Keys ?? []).map((it) => String(it['pk']))
    expect(found.length * pad.length).toBeLessThanOrEqual(16 * 1024 * 1024)
    expect(left.length).toBeGreaterThan(0)
    expect([...found, ...left].sort()).toEqual(wanted.map((it) => it.pk).sort())
  })

  it('gives only what a projection names', async () => {
    const [key] = keys(1)
    await table.db.put({ TableName: table.TableName, Item: { ...key, a: 1, b: 2 } })

    const { Responses } = await get([{ ...key }], {
      ProjectionExpression: 'a',
      ConsistentRead: true,
    })

    expect(Responses?.[table.TableName]).toEqual([{ a: 1 }])
  })
})
