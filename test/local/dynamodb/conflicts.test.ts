import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDatabase, TABLE, TABLE_ARN, tableProperties } from './harness.ts'

let held: Promise<void> | undefined
let entered: (() => void) | undefined
let database: Awaited<ReturnType<typeof startDatabase>>

beforeAll(async () => {
  database = await startDatabase({
    beforeCommit: async () => {
      entered?.()
      await held
    },
  })
  await database.engine.createTable(tableProperties())
})
afterAll(() => database.close())

let nextId = 0
function makeKey(): { pk: string; sk: string } {
  return { pk: `upload#${++nextId}`, sk: 'a' }
}

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
describe('a running transaction', () => {
  /** Runs `during` while a transaction on `key` is held before its commit. */
  async function whileTransaction<T>(
    key: object,
    during: () => Promise<T>,
    token?: string,
  ): Promise<T> {
    const { promise, resolve: release } = Promise.withResolvers<void>()
    const started = new Promise<void>((resolve) => {
      entered = resolve
    })
    held = promise
    const transaction = database.operator.transactWrite({
      ...(token !== undefined && { ClientRequestToken: token }),
      TransactItems: [
        {
          Update: {
            TableName: TABLE,
            Key: key,
            UpdateExpression: 'SET won = :true',
            ExpressionAttributeValues: { ':true': true },
          },
        },
      ],
    })
    await started
    held = undefined
    entered = undefined
    try {
      return await during()
    } finally {
      release()
      await transaction
    }
  }

  it('cancels a transaction that overlaps it, with reasons in order', async () => {
    const [free, busy] = [makeKey(), makeKey()]

    await whileTransaction(busy, () =>
      expect(
        database.operator.transactWrite({
          TransactItems: [
            { Put: { TableName: TABLE, Item: free } },
            { Put: { TableName: TABLE_ARN, Item: busy } },
          ],
        }),
      ).rejects.toMatchObject({
        name: 'TransactionCanceledException',
        message: expect.stringContaining('[None, TransactionConflict]'),
        CancellationReasons: [{ Code: 'None' }, { Code: 'TransactionConflict' }],
      }),
    )

    expect((await database.operator.get({ TableName: TABLE, Key: free })).Item).toBeUndefined()
    const { Item } = await database.operator.get({ TableName: TABLE, Key: busy })
    expect(Item).toEqual({ ...busy, won: true })
  })

  it('is in progress for whoever sends its token again', async () => {
    const busy = makeKey()
    const token = `token-${busy.pk}`

    await whileTransaction(
      busy,
      () =>
        expect(
          database.operator.transactWrite({
            ClientRequestToken: token,
            TransactItems: [{ Put: { TableName: TABLE, Item: busy } }],
          }),
        ).rejects.toMatchObject({ name: 'TransactionInProgressException' }),
      token,
    )
  })

  it('cancels a transactional read of its item', async () => {
    const busy = makeKey()

    await whileTransaction(busy, () =>
      expect(
        database.operator.transactGet({
          TransactItems: [{ Get: { TableName: TABLE, Key: busy } }],
        }),
      ).rejects.toMatchObject({ CancellationReasons: [{ Code: 'TransactionConflict' }] }),
    )
  })

  it('refuses single writes of its item and serves plain reads', async () => {
    const busy = makeKey()
    await whileTransaction(busy, async () => {
      const conflict = { name: 'TransactionConflictException' }
      await expect(
        database.operator.put({ TableName: TABLE, Item: { ...busy, own: 1 } }),
      ).rejects.toMatchObject(conflict)
      await expect(database.operator.delete({ TableName: TABLE, Key: busy })).rejects.toMatchObject(
        conflict,
      )
      await expect(
        database.operator.update({ TableName: TABLE, Key: busy, UpdateExpression: 'REMOVE own' }),
      ).rejects.toMatchObject(conflict)
      await database.operator.get({ TableName: TABLE, Key: busy })
      await database.operator.put({ TableName: TABLE, Item: makeKey() })
    })

    await database.operator.put({ TableName: TABLE, Item: { ...busy, own: 1 } })
  })

  it('leaves its items unprocessed in a batch, which writes the others', async () => {
    const [busy, free] = [makeKey(), makeKey()]
    const put = (Item: object) => ({ PutRequest: { Item: { ...Item, batch: true } } })

    await whileTransaction(busy, async () => {
      const mixed = await database.operator.batchWrite({
        RequestItems: { [TABLE]: [put(free), put(busy)] },
      })
      expect(mixed.UnprocessedItems).toEqual({ [TABLE]: [put(busy)] })
      const whole = await database.operator.batchWrite({
        RequestItems: { [TABLE_ARN]: [{ DeleteRequest: { Key: busy } }] },
      })
      expect(whole.UnprocessedItems).toEqual({ [TABLE_ARN]: [{ DeleteRequest: { Key: busy } }] })
    })

    const { Item: written } = await database.operator.get({ TableName: TABLE, Key: free })
    expect(written).toEqual({ ...free, batch: true })
    const { Item: left } = await database.operator.get({ TableName: TABLE, Key: busy })
    expect(left).toEqual({ ...busy, won: true })
  })

  it('is over when the transaction is cancelled', async () => {
    const key = makeKey()
    const failing = {
      TransactItems: [
        { Put: { TableName: TABLE, Item: key, ConditionExpression: 'attribute_exists(pk)' } },
      ],
    }
    for (let time = 0; time < 2; time++) {
      await expect(database.operator.transactWrite(failing)).rejects.toMatchObject({
        CancellationReasons: [{ Code: 'ConditionalCheckFailed' }],
      })
    }

    await database.operator.put({ TableName: TABLE, Item: key })
  })
})
