import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ContractTable, startContractTable } from './contract-table.ts'

let table: ContractTable
beforeAll(async () => {
  table = await startContractTable()
}, 150_000)
afterAll(() => table.close())

const refusal = (message: RegExp) => ({
  name: 'ValidationException',
  message: expect.stringMatching(message),
})

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
describe('a condition', () => {
  const item = {
    text: 'portage',
    number: 7,
    list: ['a', 'b'],
    map: { nested: { leaf: true } },
    tags: new Set(['red', 'blue']),
    empty: '',
    nothing: null,
  }
  const values = {
    ':p': 'por',
    ':text': 'portage',
    ':seven': 7,
    ':six': 6,
    ':eight': 8,
    ':two': 2,
    ':a': 'a',
    ':red': 'red',
    ':S': 'S',
    ':NULL': 'NULL',
    ':true': true,
    ':sevenText': '7',
  }
  const names = { '#text': 'text', '#number': 'number', '#list': 'list', '#map': 'map' }

  it.each<[expression: string, holds: boolean]>([
    ['attribute_exists(#text) AND attribute_not_exists(absentee)', true],
    ['attribute_exists(#map.nested.leaf)', true],
    ['attribute_exists(#map.another.leaf)', false],
    ['attribute_exists(nothing)', true],
    ['attribute_type(#text, :S)', true],
    ['attribute_type(nothing, :NULL)', true],
    ['attribute_type(#number, :S)', false],
    ['begins_with(#text, :p)', true],
    ['contains(#text, :p)', true],
    ['contains(#list, :a) AND contains(tags, :red)', true],
    ['contains(tags, :a)', false],
    ['size(#text) = :seven', true],
    ['size(#list) = :two AND size(tags) = :two', true],
    ['#number BETWEEN :six AND :eight', true],
    ['#number BETWEEN :eight AND :eight', false],
    ['#number IN (:six, :seven)', true],
    ['#number <> :seven', false],
    ['#number <> :sevenText', true],
    ['#number = :sevenText', false],
    ['#number > :sevenText', false],
    ['absentee <> :seven', true],
    ['absentee = :seven', false],
    ['NOT absentee = :seven', true],
    ['#map.nested.leaf = :true AND #list[0] = :a', true],
    ['#list[1] = :a OR #number > :six AND #text = :p', false],
    ['(#list[0] = :a OR #number > :eight) AND NOT #text = :p', true],
  ])('%s holds: %s', async (expression, holds) => {
    const Key = table.freshKey()
    await table.db.put({ TableName: table.TableName, Item: { ...Key, ...item } })
    const used = (all: object) =>
      Object.fromEntries(
        Object.entries(all).filter(([it]) => new RegExp(`${it}\\b`).test(expression)),
      )
    const given = { names: used(names), values: used(values) }

    const deletion = table.db.delete({
      TableName: table.TableName,
      Key,
      ConditionExpression: expression,
      ...(Object.keys(given.names).length > 0 && { ExpressionAttributeNames: given.names }),
      ...(Object.keys(given.values).length > 0 && { ExpressionAttributeValues: given.values }),
    })

    if (holds) await deletion
    else await expect(deletion).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' })
  })

  it('is refused when its range is upside down', async () => {
    await expect(
      table.db.delete({
        TableName: table.TableName,
        Key: table.freshKey(),
        ConditionExpression: 'sk BETWEEN :b AND :a',
        ExpressionAttributeValues: { ':a': 'a', ':b': 'b' },
      }),
    ).rejects.toMatchObject(refusal(/BETWEEN/))
  })

  it('lets one of many conditional puts win', async () => {
    const key = table.freshKey()
    const put = (writer: number) =>
      table.db.put({
        TableName: table.TableName,
        Item: { ...key, writer },
        ConditionExpression: 'attribute_not_exists(pk)',
      })

    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, it) => put(it)))

    const refusals = outcomes.filter((it) => it.status === 'rejected')
    expect(refusals).toHaveLength(19)
    for (const { reason } of refusals) {
      expect(reason).toMatchObject({ name: 'ConditionalCheckFailedException' })
    }
  })

  it('loses no update among writers that compare and set', async () => {
    const Key = table.freshKey()
    await table.db.put({ TableName: table.TableName, Item: { ...Key, version: 0 } })
    const add = async (): Promise<void> => {
      for (;;) {
        const { Item } = await table.db.get({
          TableName: table.TableName,
          Key,
          ConsistentRead: true,
        })
        const outcome = await table.db
          .update({
            TableName: table.TableName,
            Key,
            UpdateExpression: 'SET version = version + :one',
            ConditionExpression: 'version = :seen',
            ExpressionAttributeValues: { ':one': 1, ':seen': Item?.['version'] },
          })
          .then(
            () => 'won',
            (error: Error) => error.name,
          )
        if (outcome === 'won') return
        expect(outcome).toBe('ConditionalCheckFailedException')
      }
    }

    await Promise.all(Array.from({ length: 6 }, add))

    const { Item } = await table.db.get({ TableName: table.TableName, Key, ConsistentRead: true })
    expect(Item?.['version']).toBe(6)
  })

  // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
  it.each(['put', 'update', 'delete'] as const)(
    'that fails on a %s shows the item when ALL_OLD is asked for, and no item else',
    async (operation) => {
      const key = table.freshKey()
      await table.db.put({ TableName: table.TableName, Item: { ...key, status: 'uploaded' } })
      const attempt = (over: object) => {
        const input = {
          TableName: table.TableName,
          ConditionExpression: 'attribute_not_exists(pk)',
          ...over,
        }
        if (operation === 'put') return table.db.put({ ...input, Item: key })
        return operation === 'delete'
          ? table.db.delete({ ...input, Key: key })
          : table.db.update({ ...input, Key: key, UpdateExpression: 'REMOVE nothing' })
      }

      await expect(
        attempt({ ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }),
      ).rejects.toMatchObject({
        name: 'ConditionalCheckFailedException',
        Item: { pk: { S: key.pk }, status: { S: 'uploaded' } },
      })
      const plain = await attempt({}).catch((error: object) => error)
      expect(plain).toMatchObject({ name: 'ConditionalCheckFailedException' })
      expect((plain as { Item?: object }).Item).toBeUndefined()
    },
  )

  it('that fails on an absent item shows no item', async () => {
    const failure = await table.db
      .update({
        TableName: table.TableName,
        Key: table.freshKey(),
        UpdateExpression: 'REMOVE nothing',
        ConditionExpression: 'attribute_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      })
      .catch((error: object) => error)

    expect(failure).toMatchObject({ name: 'ConditionalCheckFailedException' })
    expect((failure as { Item?: object }).Item).toBeUndefined()
  })
})

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
describe('an update', () => {
  it('sets, counts, appends, adds to sets and removes in one go, from the values before it', async () => {
    const Key = table.freshKey()
    await table.db.put({
      TableName: table.TableName,
      Item: { ...Key, a: 1, b: 2, list: ['x'], tags: new Set(['red', 'blue']), old: 'gone' },
    })

    const { Attributes } = await table.db.update({
      TableName: table.TableName,
      Key,
      UpdateExpression:
        'SET a = b, b = a, #list = list_append(#list, :more), fresh = if_not_exists(fresh, :one) REMOVE #old ADD hits :one DELETE tags :red',
      ExpressionAttributeNames: { '#list': 'list', '#old': 'old' },
      ExpressionAttributeValues: { ':more': ['y'], ':one': 1, ':red': new Set(['red']) },
      ReturnValues: 'ALL_NEW',
    })

    expect(Attributes).toEqual({
      ...Key,
      a: 2,
      b: 1,
      list: ['x', 'y'],
      fresh: 1,
      hits: 1,
      tags: new Set(['blue']),
    })
  })

  it.each([
    ['NONE', undefined],
    ['ALL_OLD', { count: 1, kept: 'k' }],
    ['UPDATED_OLD', { count: 1 }],
    ['UPDATED_NEW', { count: 2 }],
    ['ALL_NEW', { count: 2, kept: 'k' }],
  ] as const)('returns with %s: %j', async (ReturnValues, expected) => {
    const Key = table.freshKey()
    await table.db.put({ TableName: table.TableName, Item: { ...Key, count: 1, kept: 'k' } })

    const { Attributes } = await table.db.update({
      TableName: table.TableName,
      Key,
      UpdateExpression: 'ADD #count :one',
      ExpressionAttributeNames: { '#count': 'count' },
      ExpressionAttributeValues: { ':one': 1 },
      ReturnValues,
    })

    const whole = ReturnValues.startsWith('ALL') ? { ...Key, ...expected } : expected
    expect(Attributes).toEqual(whole)
  })

  it.each([
    ['an unused value', 'SET a = :one', { ':one': 1, ':two': 2 }, /unused in expressions/],
    ['a value that is not given', 'SET a = :one', { ':two': 2 }, /not defined|unused/],
    ['a reserved word', 'SET status = :one', { ':one': 1 }, /reserved keyword/],
    ['a part of the key', 'SET sk = :one', { ':one': 'b' }, /part of the key/],
    ['arithmetic on text', 'SET a = sk + :one', { ':one': 1 }, /[Oo]perand/],
    ['two writes of one path', 'SET a = :one, a = :one', { ':one': 1 }, /overlap/],
    ['a set below what is not there', 'SET gone.leaf = :one', { ':one': 1 }, /document path/],
  ])('is refused for %s', async (_what, UpdateExpression, values, message) => {
    const Key = table.freshKey()
    await table.db.put({ TableName: table.TableName, Item: Key })

    await expect(
      table.db.update({
        TableName: table.TableName,
        Key,
        UpdateExpression,
        ExpressionAttributeValues: values,
      }),
    ).rejects.toMatchObject(refusal(message))
  })
})

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
describe('an item', () => {
  const LIMIT_BYTES = 400 * 1024
  /** Names and values count as their UTF-8 bytes. */
  const sized = (bytes: number) => {
    const key = table.freshKey()
    const before = Object.entries({ ...key, pad: '' })
      .flat()
      .join('').length
    return { ...key, pad: 'x'.repeat(bytes - before) }
  }

  it('may have 400 KB, names included, and not a byte more', async () => {
    await table.db.put({ TableName: table.TableName, Item: sized(LIMIT_BYTES) })

    await expect(
      table.db.put({ TableName: table.TableName, Item: sized(LIMIT_BYTES + 1) }),
    ).rejects.toMatchObject(refusal(/Item size has exceeded the maximum allowed size/))
  })

  it('may not grow beyond 400 KB by an update', async () => {
    const { pad, ...Key } = sized(LIMIT_BYTES)
    await table.db.put({ TableName: table.TableName, Item: { ...Key, pad } })

    await expect(
      table.db.update({
        TableName: table.TableName,
        Key,
        UpdateExpression: 'SET more = :more',
        ExpressionAttributeValues: { ':more': 'x' },
      }),
    ).rejects.toMatchObject(refusal(/Item size to update has exceeded the maximum allowed size/))
  })

  it.each<[what: string, over: object, message: RegExp]>([
    ['an empty partition key', { pk: '' }, /empty string value/],
    ['an empty sort key', { sk: '' }, /empty string value/],
    ['an empty key of an index', { ownerPk: '', ownerSk: 'a' }, /empty string value/],
    ['a key of another type', { pk: 7 }, /Type mismatch|type/],
    ['a key of an index of another type', { ownerPk: 7, ownerSk: 'a' }, /Type mismatch|type/],
    ['a sort key of more than 1,024 bytes', { sk: 'x'.repeat(1025) }, /1024/],
    ['a partition key of more than 2,048 bytes', { pk: 'x'.repeat(2049) }, /2048/],
  ])('is refused with %s', async (_what, over, message) => {
    await expect(
      table.db.put({ TableName: table.TableName, Item: { ...table.freshKey(), ...over } }),
    ).rejects.toMatchObject(refusal(message))
  })

  it('may have empty texts that are no keys, and numbers of 38 digits', async () => {
    const Key = table.freshKey()
    await table.db.put({ TableName: table.TableName, Item: { ...Key, text: '', list: [] } })
    await table.db.update({
      TableName: table.TableName,
      Key,
      UpdateExpression: 'SET big = :big',
      ExpressionAttributeValues: { ':big': 12345678901234567890123456789012345678n },
    })

    const { Item } = await table.db.get({ TableName: table.TableName, Key, ConsistentRead: true })
    expect(Item).toMatchObject({ text: '', list: [] })
  })

  it('of no table is ResourceNotFoundException', async () => {
    await expect(
      table.db.get({ TableName: `${table.TableName}-none`, Key: table.freshKey() }),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
  })
})
