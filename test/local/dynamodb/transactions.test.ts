import type { TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshName } from '../../support/contract-target.ts'
import { type ContractTable, startContractTable } from './contract-table.ts'

let table: ContractTable
beforeAll(async () => {
  table = await startContractTable()
}, 150_000)
afterAll(() => table.close())

type Actions = NonNullable<TransactWriteCommandInput['TransactItems']>
const put = (Item: object, over: object = {}): Actions[number] => ({
  Put: { TableName: table.TableName, Item: { ...Item }, ...over },
})
const write = (TransactItems: Actions, over: Partial<TransactWriteCommandInput> = {}) =>
  table.db.transactWrite({ TransactItems, ...over })
const read = async (Key: object) =>
  (await table.db.get({ TableName: table.TableName, Key: { ...Key }, ConsistentRead: true })).Item
const absent = { ConditionExpression: 'attribute_not_exists(pk)' }

// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
describe('TransactWriteItems', () => {
  it('puts, updates, deletes and checks all or nothing', async () => {
    const [created, updated, deleted, checked] = [0, 1, 2, 3].map(() => table.freshKey())
    for (const Item of [updated, deleted, checked]) {
      await table.db.put({ TableName: table.TableName, Item: { ...Item } })
    }
    const actions = (expression: string): Actions => [
      put({ ...created }),
      {
        Update: {
          TableName: table.TableName,
          Key: { ...updated },
          UpdateExpression: 'SET done = :true',
          ExpressionAttributeValues: { ':true': true },
        },
      },
      { Delete: { TableName: table.TableName, Key: { ...deleted } } },
      {
        ConditionCheck: {
          TableName: table.TableName,
          Key: { ...checked },
          ConditionExpression: expression,
        },
      },
    ]
    const state = async () => [
      (await read({ ...created })) !== undefined,
      (await read({ ...updated }))?.['done'] === true,
      (await read({ ...deleted })) === undefined,
    ]

    await expect(write(actions('attribute_not_exists(pk)'))).rejects.toMatchObject({
      name: 'TransactionCanceledException',
    })
    expect(await state()).toEqual([false, false, false])

    await write(actions('attribute_exists(pk)'))
    expect(await state()).toEqual([true, true, true])
  })

  it('gives one reason for each item, in the order of the request, with the items that were asked for', async () => {
    const [fresh, taken, other] = [table.freshKey(), table.freshKey(), table.freshKey()]
    await table.db.put({ TableName: table.TableName, Item: { ...taken, owner: 'first' } })
    await table.db.put({ TableName: table.TableName, Item: other })

    const failure = await write([
      put(other, absent),
      put(fresh),
      put(taken, { ...absent, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }),
    ]).catch((error: object) => error)

    expect(failure).toMatchObject({
      name: 'TransactionCanceledException',
      message:
        'Transaction cancelled, please refer cancellation reasons for specific reasons [ConditionalCheckFailed, None, ConditionalCheckFailed]',
      CancellationReasons: [
        { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed' },
        { Code: 'None' },
        {
          Code: 'ConditionalCheckFailed',
          Item: { pk: { S: taken.pk }, sk: { S: 'a' }, owner: { S: 'first' } },
        },
      ],
    })
    const { CancellationReasons: reasons } = failure as { CancellationReasons: { Item?: object }[] }
    expect(reasons.map((it) => it.Item !== undefined)).toEqual([false, false, true])
    expect(await read(fresh)).toBeUndefined()
  })

  it('takes 100 items and refuses 101', async () => {
    const items = Array.from({ length: 101 }, () => table.freshKey())
    await write(items.slice(0, 100).map((it) => put(it)))
    expect(await read(items[99] ?? {})).toEqual(items[99])

    await expect(write(items.map((it) => put(it)))).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('100'),
    })
  })

  it('refuses two actions on one item', async () => {
    const key = table.freshKey()

    await expect(
      write([
        put(key),
        {
          ConditionCheck: {
            TableName: table.TableName,
            Key: key,
            ConditionExpression: 'attribute_exists(pk)',
          },
        },
      ]),
    ).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'Transaction request cannot include multiple operations on one item',
    })
  })

  it('refuses more than 4 MB', async () => {
    const pad = 'x'.repeat(390 * 1024)
    const items = Array.from({ length: 11 }, () => ({ ...table.freshKey(), pad }))

    await expect(write(items.map((it) => put(it)))).rejects.toMatchObject({
      name: 'ValidationException',
    })
    expect(await read({ pk: items[0]?.pk, sk: 'a' })).toBeUndefined()
  })

  it('cancels for an item that is too large or ill-typed, with ValidationError as its reason', async () => {
    const [fine, grown] = [table.freshKey(), table.freshKey()]
    await table.db.put({
      TableName: table.TableName,
      Item: { ...grown, pad: 'x'.repeat(399 * 1024) },
    })

    await expect(
      write([
        put(fine),
        {
          Update: {
            TableName: table.TableName,
            Key: grown,
            UpdateExpression: 'SET more = :more',
            ExpressionAttributeValues: { ':more': 'x'.repeat(2_000) },
          },
        },
      ]),
    ).rejects.toMatchObject({
      name: 'TransactionCanceledException',
      CancellationReasons: [{ Code: 'None' }, { Code: 'ValidationError' }],
    })
    expect(await read(fine)).toBeUndefined()
  })

  it('lets one of many overlapping transactions win and leaves nothing of the others', async () => {
    const shared = table.freshKey()
    const own = Array.from({ length: 12 }, () => table.freshKey())

    const outcomes = await Promise.allSettled(
      own.map((it) => write([put(it), put(shared, absent)])),
    )

    const won = outcomes.flatMap((it, index) => (it.status === 'fulfilled' ? [index] : []))
    expect(won).toHaveLength(1)
    const written = await Promise.all(own.map(async (it) => (await read(it)) !== undefined))
    expect(written.flatMap((it, index) => (it ? [index] : []))).toEqual(won)
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue
      expect(outcome.reason).toMatchObject({ name: 'TransactionCanceledException' })
      const reasons = (outcome.reason as { CancellationReasons: { Code: string }[] })
        .CancellationReasons
      expect(reasons[0]?.Code).toBe('None')
      expect(['ConditionalCheckFailed', 'TransactionConflict']).toContain(reasons[1]?.Code)
    }
  })

  it('loses no update among transactions that try again', async () => {
    const Key = table.freshKey()
    const add = async (): Promise<void> => {
      for (;;) {
        const outcome = await write([
          {
            Update: {
              TableName: table.TableName,
              Key,
              UpdateExpression: 'ADD parts :one',
              ExpressionAttributeValues: { ':one': 1 },
            },
          },
        ]).then(
          () => 'won',
          (error: Error) => error.name,
        )
        if (outcome === 'won') return
        expect(outcome).toBe('TransactionCanceledException')
      }
    }

    await Promise.all(Array.from({ length: 8 }, add))

    expect((await read(Key))?.['parts']).toBe(8)
  })
})

// "Subsequent calls with the same client token within the next few minutes … will return success"
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-apis-txwriteitems-idempotency
describe('a ClientRequestToken', () => {
  const adding = (Key: object, parts = 1): Actions => [
    {
      Update: {
        TableName: table.TableName,
        Key: { ...Key },
        UpdateExpression: 'ADD parts :parts',
        ExpressionAttributeValues: { ':parts': parts },
      },
    },
  ]

  it('applies its transaction once, however often it is sent', async () => {
    const key = table.freshKey()
    const ClientRequestToken = freshName('token')

    for (let time = 0; time < 3; time++) await write(adding(key), { ClientRequestToken })

    expect((await read(key))?.['parts']).toBe(1)
  })

  it('charges a repeated transaction as a read', async () => {
    const key = table.freshKey()
    const over = {
      ClientRequestToken: freshName('token'),
      ReturnConsumedCapacity: 'TOTAL',
    } as const
    const first = await write(adding(key), over)
    const again = await write(adding(key), over)

    expect(first.ConsumedCapacity).toMatchObject([{ CapacityUnits: 2, WriteCapacityUnits: 2 }])
    expect(again.ConsumedCapacity).toMatchObject([{ CapacityUnits: 2, ReadCapacityUnits: 2 }])
  })

  it('is refused with another transaction', async () => {
    const key = table.freshKey()
    const ClientRequestToken = freshName('token')
    await write(adding(key), { ClientRequestToken })

    await expect(write(adding(key, 2), { ClientRequestToken })).rejects.toMatchObject({
      name: 'IdempotentParameterMismatchException',
    })
    expect((await read(key))?.['parts']).toBe(1)
  })

  it('of a cancelled transaction may be sent again', async () => {
    const key = table.freshKey()
    const ClientRequestToken = freshName('token')
    const once = { ClientRequestToken }
    const conditional = [
      put({ ...key, won: true }, { ConditionExpression: 'attribute_exists(pk)' }),
    ]
    await expect(write(conditional, once)).rejects.toMatchObject({
      name: 'TransactionCanceledException',
    })
    await table.db.put({ TableName: table.TableName, Item: key })

    await write(conditional, once)

    expect(await read(key)).toEqual({ ...key, won: true })
  })
})

// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactGetItems.html
describe('TransactGetItems', () => {
  const get = (Key: object) => ({ Get: { TableName: table.TableName, Key: { ...Key } } })

  it('gives the items in the order of the request, with a gap for what does not exist', async () => {
    const [first, missing, last] = [table.freshKey(), table.freshKey(), table.freshKey()]
    await write([put(last), put(first)])

    const { Responses } = await table.db.transactGet({
      TransactItems: [get(first), get(missing), get(last)],
    })

    expect(Responses?.map((it) => it.Item)).toEqual([first, undefined, last])
  })

  it('takes 100 keys and refuses 101', async () => {
    const all = Array.from({ length: 101 }, () => get(table.freshKey()))
    const { Responses } = await table.db.transactGet({ TransactItems: all.slice(0, 100) })
    expect(Responses).toHaveLength(100)

    await expect(table.db.transactGet({ TransactItems: all })).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('100'),
    })
  })
})
