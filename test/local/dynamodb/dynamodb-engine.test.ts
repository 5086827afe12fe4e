import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ExecuteStatementCommand,
} from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makePrincipal } from '../gateway/harness.ts'
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
function makeKey(type = 'upload'): { pk: string; sk: string } {
  return { pk: `${type}#${++nextId}`, sk: 'a' }
}

describe('behaviours that the product stands on', () => {
  it('lets one of many conditional puts win', async () => {
    const key = makeKey()
    const put = (writer: number) =>
      database.operator.put({
        TableName: TABLE,
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

  it('shows the loser of a condition the item that won', async () => {
    const key = makeKey()
    await database.operator.put({ TableName: TABLE, Item: { ...key, status: 'uploaded' } })

    await expect(
      database.operator.update({
        TableName: TABLE,
        Key: key,
        UpdateExpression: 'SET #status = :next',
        ConditionExpression: '#status = :staged',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':next': 'delivering', ':staged': 'staged' },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    ).rejects.toMatchObject({
      name: 'ConditionalCheckFailedException',
      Item: { status: { S: 'uploaded' } },
    })
  })

  it('cancels a whole transaction and gives a reason for each item', async () => {
    const [fresh, taken] = [makeKey(), makeKey()]
    await database.operator.put({ TableName: TABLE, Item: { ...taken, owner: 'first' } })

    await expect(
      database.operator.transactWrite({
        TransactItems: [
          { Put: { TableName: TABLE, Item: fresh } },
          {
            Put: {
              TableName: TABLE,
              Item: taken,
              ConditionExpression: 'attribute_not_exists(pk)',
              ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
            },
          },
        ],
      }),
    ).rejects.toMatchObject({
      name: 'TransactionCanceledException',
      CancellationReasons: [
        { Code: 'None' },
        { Code: 'ConditionalCheckFailed', Item: { owner: { S: 'first' } } },
      ],
    })
    const { Item } = await database.operator.get({ TableName: TABLE, Key: fresh })
    expect(Item).toBeUndefined()
  })

  it('pages through an index newest first without loss', async () => {
    const items = Array.from({ length: 7 }, (_, at) => ({
      ...makeKey(),
      ownerPk: 'uploads#usr_1',
      ownerSk: `2026-0${at + 1}`,
    }))
    await database.operator.batchWrite({
      RequestItems: { [TABLE]: items.map((Item) => ({ PutRequest: { Item } })) },
    })

    const seen: string[] = []
    let position: Record<string, unknown> | undefined
    do {
      const page = await database.operator.query({
        TableName: TABLE,
        IndexName: 'owner',
        KeyConditionExpression: 'ownerPk = :owner',
        ExpressionAttributeValues: { ':owner': 'uploads#usr_1' },
        ScanIndexForward: false,
        Limit: 3,
        ...(position && { ExclusiveStartKey: position }),
      })
      seen.push(...(page.Items ?? []).map((it) => String(it['ownerSk'])))
      position = page.LastEvaluatedKey
    } while (position)

    expect(seen).toEqual(items.map((it) => it.ownerSk).reverse())
  })

  it('applies a transaction once when its token is sent again', async () => {
    const key = makeKey()
    const add = () =>
      database.operator.transactWrite({
        ClientRequestToken: `token-${key.pk}`,
        TransactItems: [
          {
            Update: {
              TableName: TABLE,
              Key: key,
              UpdateExpression: 'ADD parts :one',
              ExpressionAttributeValues: { ':one': 1 },
            },
          },
        ],
      })
    await add()
    await add()

    const { Item } = await database.operator.get({ TableName: TABLE, Key: key })
    expect(Item?.['parts']).toBe(1)
  })
})

describe('TransactionConflict', () => {
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

  it('cancels a transaction that overlaps a running one, with reasons in order', async () => {
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

  it('says that a transaction is in progress to whoever sends it again', async () => {
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

  it('cancels a transactional read of such an item', async () => {
    const busy = makeKey()

    await whileTransaction(busy, () =>
      expect(
        database.operator.transactGet({
          TransactItems: [{ Get: { TableName: TABLE, Key: busy } }],
        }),
      ).rejects.toMatchObject({ CancellationReasons: [{ Code: 'TransactionConflict' }] }),
    )
  })

  it('refuses single writes of such an item and serves its plain reads', async () => {
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

  it('loses no update among transactions that try again', async () => {
    const key = makeKey()
    let conflicts = 0
    const add = async (): Promise<void> => {
      for (;;) {
        try {
          await database.operator.transactWrite({
            TransactItems: [
              {
                Update: {
                  TableName: TABLE,
                  Key: key,
                  UpdateExpression: 'ADD parts :one',
                  ExpressionAttributeValues: { ':one': 1 },
                },
              },
            ],
          })
          return
        } catch (error) {
          if ((error as Error).name !== 'TransactionCanceledException') throw error
          conflicts++
        }
      }
    }

    await Promise.all(Array.from({ length: 8 }, add))

    const { Item } = await database.operator.get({ TableName: TABLE, Key: key })
    expect(Item?.['parts']).toBe(8)
    expect(conflicts).toBeGreaterThan(0)
  })
})

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
})

describe('tables', () => {
  it('have ARNs of this cloud', async () => {
    const { Table } = await database.operator.send(new DescribeTableCommand({ TableName: TABLE }))

    expect(Table?.TableArn).toBe(TABLE_ARN)
    expect(Table?.LatestStreamArn).toMatch(new RegExp(`^${TABLE_ARN}/stream/`))
  })

  it('may be named by their ARN', async () => {
    const key = makeKey()
    await database.operator.put({ TableName: TABLE_ARN, Item: key })

    const { Responses } = await database.operator.batchGet({
      RequestItems: { [TABLE_ARN]: { Keys: [key] } },
    })

    expect(Object.values(Responses ?? {})).toEqual([[key]])
  })

  it('are kept, and gain and lose indexes, when they are created again', async () => {
    const key = makeKey()
    await database.operator.put({
      TableName: TABLE,
      Item: { ...key, portalPk: 'uploads#prt_1', portalSk: '1' },
    })
    const [owner, due] = tableProperties().GlobalSecondaryIndexes ?? []
    if (!owner || !due) throw new Error('the table has no indexes')
    const portal = {
      ...owner,
      IndexName: 'portal',
      KeySchema: [
        { AttributeName: 'portalPk', KeyType: 'HASH' as const },
        { AttributeName: 'portalSk', KeyType: 'RANGE' as const },
      ],
    }
    const definitions = ['portalPk', 'portalSk'].map((AttributeName) => ({
      AttributeName,
      AttributeType: 'S',
    }))

    const created = await database.engine.createTable(
      tableProperties({
        GlobalSecondaryIndexes: [owner, due, portal],
        AttributeDefinitions: [...tableProperties().AttributeDefinitions, ...definitions],
      }),
    )

    expect(created).toMatchObject({ tableName: TABLE, tableArn: TABLE_ARN })
    expect(created.streamArn).toMatch(`${TABLE_ARN}/stream/`)
    const { Items } = await database.operator.query({
      TableName: TABLE,
      IndexName: 'portal',
      KeyConditionExpression: 'portalPk = :portal',
      ExpressionAttributeValues: { ':portal': 'uploads#prt_1' },
    })
    expect(Items).toMatchObject([key])

    await database.engine.createTable(tableProperties())
    const { Table } = await database.operator.send(new DescribeTableCommand({ TableName: TABLE }))
    const names = Table?.GlobalSecondaryIndexes?.map((it) => it.IndexName).sort()
    expect(names).toEqual(['due', 'owner'])
  })

  it.each([
    [{ BillingMode: 'PROVISIONED' }, /PAY_PER_REQUEST/],
    [{ ResourcePolicy: { PolicyDocument: {} } }, /ResourcePolicy/],
    [{ Replicas: [{ Region: 'us-east-1' }, { Region: 'eu-west-1' }] }, /replicas/],
    [{ KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' as const }] }, /another key/],
  ])('refuse %j', async (over, message) => {
    await expect(database.engine.createTable(tableProperties(over))).rejects.toThrow(message)
  })

  it('have the time to live of their template', async () => {
    const { TimeToLiveDescription } = await database.operator.send(
      new DescribeTimeToLiveCommand({ TableName: TABLE }),
    )

    expect(TimeToLiveDescription).toMatchObject({ AttributeName: 'expiresAt' })
  })

  it('know no PartiQL', async () => {
    await expect(
      database.operator.send(
        new ExecuteStatementCommand({ Statement: `SELECT * FROM "${TABLE}"` }),
      ),
    ).rejects.toMatchObject({ name: 'UnknownOperationException' })
  })
})

describe('the database', () => {
  it('serves nobody without a permission', async () => {
    const nobody = database.as(makePrincipal({ accessKeyId: 'AKIDNOBODY', policies: [] }))

    await expect(nobody.get({ TableName: TABLE, Key: makeKey() })).rejects.toMatchObject({
      name: 'AccessDeniedException',
    })
  })
})
