import type { QueryCommandInput } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../../support/until.ts'
import { type ContractTable, startContractTable } from './contract-table.ts'

let table: ContractTable
beforeAll(async () => {
  table = await startContractTable()
}, 150_000)
afterAll(() => table.close())

type Item = Record<string, unknown>
let nextOwner = 0
const freshOwner = () => `owner#${++nextOwner}`

async function putAll(items: Item[]): Promise<void> {
  for (let at = 0; at < items.length; at += 25) {
    await table.db.batchWrite({
      RequestItems: {
        [table.TableName]: items.slice(at, at + 25).map((Item) => ({ PutRequest: { Item } })),
      },
    })
  }
}

const query = (over: Partial<QueryCommandInput>) =>
  table.db.query({ TableName: table.TableName, ...over })
const ofOwner = (owner: string, over: Partial<QueryCommandInput> = {}) =>
  query({
    IndexName: 'owner',
    KeyConditionExpression: 'ownerPk = :owner',
    ExpressionAttributeValues: { ':owner': owner },
    ...over,
  })

/** Every page of a query, in the order of its pages. */
async function pages(
  ask: (start: Item | undefined) => ReturnType<typeof query>,
): Promise<Item[][]> {
  const all: Item[][] = []
  let start: Item | undefined
  do {
    const page = await ask(start)
    all.push((page.Items ?? []) as Item[])
    start = page.LastEvaluatedKey
  } while (start)
  return all
}

/** An index is "eventually consistent": elsewhere it may take a moment until it has every item. */
async function untilIndexed(owner: string, count: number): Promise<void> {
  await until(async () => {
    const all = await pages((start) =>
      ofOwner(owner, {
        ProjectionExpression: 'pk',
        ...(start && { ExclusiveStartKey: start }),
      }),
    )
    return all.flat().length === count
  })
}

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
describe('pages of an index', () => {
  it.each([
    [true, 1],
    [true, 3],
    [false, 3],
    [false, 7],
  ])(
    'lose and repeat nothing among equal keys: forward %s, %i at a time',
    async (ScanIndexForward, Limit) => {
      const owner = freshOwner()
      const items = Array.from({ length: 14 }, (_, at) => ({
        ...table.freshKey(),
        ownerPk: owner,
        ownerSk: at < 10 ? 'same' : `later ${at % 2}`,
      }))
      await putAll(items)
      await untilIndexed(owner, items.length)

      const all = await pages((start) =>
        ofOwner(owner, { ScanIndexForward, Limit, ...(start && { ExclusiveStartKey: start }) }),
      )

      expect(all.every((it) => it.length <= Limit)).toBe(true)
      const seen = all.flat()
      expect(seen.map((it) => it['pk']).sort()).toEqual(items.map((it) => it.pk).sort())
      const order = seen.map((it) => String(it['ownerSk']))
      expect(order).toEqual(ScanIndexForward ? order.toSorted() : order.toSorted().reverse())
    },
  )

  it('end with a key of the index and of the table, also when the limit is met by the last item', async () => {
    const owner = freshOwner()
    const item = { ...table.freshKey(), ownerPk: owner, ownerSk: '1', more: 'm' }
    await putAll([item])
    await untilIndexed(owner, 1)
    const { more: _, ...key } = item

    const full = await ofOwner(owner, { Limit: 1 })
    expect(full.LastEvaluatedKey).toEqual(key)
    const after = await ofOwner(owner, { Limit: 1, ExclusiveStartKey: key })
    expect(after).toMatchObject({ Count: 0 })
    expect(after.LastEvaluatedKey).toBeUndefined()
    expect((await ofOwner(owner, { Limit: 2 })).LastEvaluatedKey).toBeUndefined()
  })

  it('go on after a key whose item is gone', async () => {
    const owner = freshOwner()
    const items = ['1', '2', '3'].map((ownerSk) => ({
      ...table.freshKey(),
      ownerPk: owner,
      ownerSk,
    }))
    await putAll(items)
    await untilIndexed(owner, 3)
    const { LastEvaluatedKey } = await ofOwner(owner, { Limit: 2 })
    const [, second] = items
    if (!second || !LastEvaluatedKey) throw new Error('no second item')
    await table.db.delete({
      TableName: table.TableName,
      Key: { pk: second.pk, sk: second.sk },
    })

    const rest = await ofOwner(owner, { ExclusiveStartKey: LastEvaluatedKey })

    expect(rest.Items?.map((it) => it['ownerSk'])).toEqual(['3'])
  })

  it('count the limit before the filter', async () => {
    const owner = freshOwner()
    await putAll(
      ['a', 'b', 'a', 'b'].map((kind, at) => ({
        ...table.freshKey(),
        ownerPk: owner,
        ownerSk: String(at),
        kind,
      })),
    )
    await untilIndexed(owner, 4)

    const page = await ofOwner(owner, {
      Limit: 3,
      FilterExpression: 'kind = :kind',
      ExpressionAttributeValues: { ':owner': owner, ':kind': 'b' },
    })

    expect(page).toMatchObject({ Count: 1, ScannedCount: 3 })
    expect(page.LastEvaluatedKey).toMatchObject({ ownerSk: '2' })
  })

  it('are cut at 1 MB', async () => {
    const owner = freshOwner()
    await putAll(
      Array.from({ length: 6 }, (_, at) => ({
        ...table.freshKey(),
        ownerPk: owner,
        ownerSk: String(at),
        pad: 'x'.repeat(300 * 1024),
      })),
    )
    await untilIndexed(owner, 6)

    const all = await pages((start) => ofOwner(owner, start && { ExclusiveStartKey: start }))

    expect(all.length).toBeGreaterThan(1)
    expect(all.flat().map((it) => it['ownerSk'])).toEqual(['0', '1', '2', '3', '4', '5'])
  })

  it.each<[what: string, start: Item]>([
    ['of the table alone', { pk: 'key#1', sk: 'a' }],
    ['of the index alone', { ownerPk: 'owner#1', ownerSk: '1' }],
    ['of another partition', { pk: 'key#1', sk: 'a', ownerPk: 'owner#none', ownerSk: '1' }],
  ])('refuse to start at a key %s', async (_what, ExclusiveStartKey) => {
    await expect(ofOwner('owner#1', { ExclusiveStartKey })).rejects.toMatchObject({
      name: 'ValidationException',
    })
  })
})

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
describe('an index', () => {
  it('refuses consistent reads', async () => {
    await expect(ofOwner('owner#1', { ConsistentRead: true })).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'Consistent reads are not supported on global secondary indexes',
    })
  })

  it('holds only items that have its keys, with what it projects', async () => {
    const [inside, outside] = [table.freshKey(), table.freshKey()]
    const duePk = freshOwner()
    await putAll([
      { ...inside, duePk, dueSk: '1', more: 'm' },
      { ...outside, dueSk: '1', more: 'm' },
    ])
    const ask = () =>
      query({
        IndexName: 'due',
        KeyConditionExpression: 'duePk = :due',
        ExpressionAttributeValues: { ':due': duePk },
      })
    await until(async () => (await ask()).Count === 1)

    expect((await ask()).Items).toEqual([{ ...inside, duePk, dueSk: '1' }])
  })

  it('follows an item that moves, leaves and is deleted', async () => {
    const [before, after] = [freshOwner(), freshOwner()]
    const Key = table.freshKey()
    const count = async (owner: string) => (await ofOwner(owner, { Select: 'COUNT' })).Count
    await putAll([{ ...Key, ownerPk: before, ownerSk: '1' }])
    await until(async () => (await count(before)) === 1)

    const move = (UpdateExpression: string, values?: object) =>
      table.db.update({
        TableName: table.TableName,
        Key,
        UpdateExpression,
        ...(values && { ExpressionAttributeValues: { ...values } }),
      })
    await move('SET ownerPk = :after', { ':after': after })
    await until(async () => (await count(after)) === 1)
    expect(await count(before)).toBe(0)
    await move('REMOVE ownerSk')
    await until(async () => (await count(after)) === 0)
    await move('SET ownerSk = :one', { ':one': '1' })
    await until(async () => (await count(after)) === 1)
    await table.db.delete({ TableName: table.TableName, Key })
    await until(async () => (await count(after)) === 0)
  })

  it('that does not exist is named', async () => {
    await expect(
      query({
        IndexName: 'none',
        KeyConditionExpression: 'ownerPk = :owner',
        ExpressionAttributeValues: { ':owner': 'x' },
      }),
    ).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('none'),
    })
  })
})

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
describe('a key condition', () => {
  it.each<[condition: string, values: object, found: string[]]>([
    ['', {}, ['a1', 'a2', 'b1', 'c']],
    [' AND sk = :x', { ':x': 'a2' }, ['a2']],
    [' AND begins_with(sk, :x)', { ':x': 'a' }, ['a1', 'a2']],
    [' AND sk BETWEEN :x AND :y', { ':x': 'a2', ':y': 'b1' }, ['a2', 'b1']],
    [' AND sk > :x', { ':x': 'a2' }, ['b1', 'c']],
    [' AND sk >= :x', { ':x': 'b1' }, ['b1', 'c']],
    [' AND sk < :x', { ':x': 'b1' }, ['a1', 'a2']],
    [' AND sk <= :x', { ':x': 'a1' }, ['a1']],
  ])('pk = :pk%s finds with %j: %j', async (condition, values, found) => {
    const { pk } = table.freshKey()
    await putAll(['c', 'a2', 'b1', 'a1'].map((sk) => ({ pk, sk })))

    const { Items } = await query({
      KeyConditionExpression: `pk = :pk${condition}`,
      ExpressionAttributeValues: { ':pk': pk, ...values },
      ConsistentRead: true,
    })

    expect(Items?.map((it) => it['sk'])).toEqual(found)
  })

  it.each([
    ['without the partition key', 'sk = :x', /pk|missed key schema/],
    ['with a range of the partition key', 'pk > :x', /^Query (key )?condition/],
    [
      'with another attribute',
      'pk = :x AND another = :x',
      /missed key schema|not supported|another/,
    ],
    ['with OR', 'pk = :x OR sk = :x', /OR/],
  ])('is refused %s', async (_what, KeyConditionExpression, message) => {
    await expect(
      query({ KeyConditionExpression, ExpressionAttributeValues: { ':x': 'x' } }),
    ).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringMatching(message),
    })
  })

  it('does not let a filter name a key', async () => {
    await expect(
      query({
        KeyConditionExpression: 'pk = :x',
        FilterExpression: 'sk = :x',
        ExpressionAttributeValues: { ':x': 'x' },
      }),
    ).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('sk'),
    })
  })
})
