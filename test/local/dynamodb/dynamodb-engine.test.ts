import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ExecuteStatementCommand,
} from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makePrincipal } from '../gateway/harness.ts'
import { startDatabase, TABLE, TABLE_ARN, tableProperties } from './harness.ts'

let database: Awaited<ReturnType<typeof startDatabase>>

beforeAll(async () => {
  database = await startDatabase()
  await database.engine.createTable(tableProperties())
})
afterAll(() => database.close())

let nextId = 0
function makeKey(type = 'upload'): { pk: string; sk: string } {
  return { pk: `${type}#${++nextId}`, sk: 'a' }
}

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
