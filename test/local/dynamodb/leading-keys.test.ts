import type { DynamoDBDocument } from '@aws-sdk/lib-dynamodb'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PolicyDocument } from '../../../infra/local/policy-document.ts'
import { allow, makePrincipal } from '../gateway/harness.ts'
import { startDatabase, TABLE, TABLE_ARN, tableProperties } from './harness.ts'

const ITEM_ACTIONS = ['Get', 'Put', 'Update', 'Delete', 'ConditionCheck'].map(
  (it) => `dynamodb:${it}Item`,
)
const BULK_ACTIONS = ['dynamodb:Query', 'dynamodb:BatchGetItem', 'dynamodb:BatchWriteItem']

/** What a function's role looks like: its types in the table and in one index. */
function rolePolicy(actions = [...ITEM_ACTIONS, ...BULK_ACTIONS]): PolicyDocument {
  return allow(actions, [TABLE_ARN, `${TABLE_ARN}/index/owner`], {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['upload#*', 'uploads#*'] },
  })
}

let database: Awaited<ReturnType<typeof startDatabase>>
let role: DynamoDBDocument

beforeAll(async () => {
  database = await startDatabase()
  await database.engine.createTable(tableProperties())
  role = database.as(makePrincipal({ policies: [rolePolicy()] }))
  const records = ['upload#1', 'session#1'].map((pk) => ({
    PutRequest: { Item: { pk, sk: 'a', ownerPk: `${pk.split('#')[0]}s#usr_1`, ownerSk: '1' } },
  }))
  await database.operator.batchWrite({ RequestItems: { [TABLE]: records } })
})
afterAll(() => database.close())

type Call = (client: DynamoDBDocument, pk: string) => Promise<unknown>
const key = (pk: string) => ({ TableName: TABLE, Key: { pk, sk: 'a' } })
const query = (client: DynamoDBDocument, over: object) =>
  client.query({ TableName: TABLE, ...over })

const CALLS: [name: string, call: Call][] = [
  ['GetItem', (client, pk) => client.get(key(pk))],
  ['PutItem', (client, pk) => client.put({ TableName: TABLE, Item: { pk, sk: 'b' } })],
  [
    'UpdateItem',
    (client, pk) =>
      client.update({
        ...key(pk),
        UpdateExpression: 'SET seen = :true',
        ExpressionAttributeValues: { ':true': true },
      }),
  ],
  ['DeleteItem', (client, pk) => client.delete({ TableName: TABLE, Key: { pk, sk: 'b' } })],
  [
    'BatchGetItem',
    (client, pk) =>
      client.batchGet({
        RequestItems: { [TABLE]: { Keys: [key('upload#1').Key, key(`${pk}x`).Key] } },
      }),
  ],
  [
    'a put of BatchWriteItem',
    (client, pk) =>
      client.batchWrite({
        RequestItems: { [TABLE]: [{ PutRequest: { Item: { pk, sk: 'b' } } }] },
      }),
  ],
  [
    'a delete of BatchWriteItem',
    (client, pk) =>
      client.batchWrite({
        RequestItems: { [TABLE]: [{ DeleteRequest: { Key: { pk, sk: 'b' } } }] },
      }),
  ],
  [
    'a put of TransactWriteItems',
    (client, pk) =>
      client.transactWrite({
        TransactItems: [
          { Put: { TableName: TABLE, Item: { pk: 'upload#2', sk: 'a' } } },
          { Put: { TableName: TABLE, Item: { pk, sk: 'c' } } },
        ],
      }),
  ],
  [
    'an update of TransactWriteItems',
    (client, pk) =>
      client.transactWrite({
        TransactItems: [{ Update: { ...key(pk), UpdateExpression: 'REMOVE seen' } }],
      }),
  ],
  [
    'a delete of TransactWriteItems',
    (client, pk) =>
      client.transactWrite({
        TransactItems: [{ Delete: { TableName: TABLE, Key: { pk, sk: 'c' } } }],
      }),
  ],
  [
    'a check of TransactWriteItems',
    (client, pk) =>
      client.transactWrite({
        TransactItems: [
          { ConditionCheck: { ...key(pk), ConditionExpression: 'attribute_exists(pk)' } },
        ],
      }),
  ],
  ['TransactGetItems', (client, pk) => client.transactGet({ TransactItems: [{ Get: key(pk) }] })],
  [
    'Query',
    (client, pk) =>
      query(client, {
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': pk },
      }),
  ],
  [
    'Query by placeholders, parentheses and a sort condition',
    (client, pk) =>
      query(client, {
        KeyConditionExpression: '(begins_with(#sk,:a))AND(#hash=:pk)',
        ExpressionAttributeNames: { '#hash': 'pk', '#sk': 'sk' },
        ExpressionAttributeValues: { ':pk': pk, ':a': 'upload#1' },
      }),
  ],
  [
    'Query by the older parameters',
    (client, pk) =>
      query(client, {
        KeyConditions: { pk: { ComparisonOperator: 'EQ', AttributeValueList: [pk] } },
      }),
  ],
  [
    'Query of an index',
    (client, pk) =>
      query(client, {
        IndexName: 'owner',
        KeyConditionExpression: 'ownerPk = :pk AND ownerSk > :from',
        ExpressionAttributeValues: { ':pk': pk.replace('#', 's#'), ':from': '0' },
      }),
  ],
]

describe('a role limited to its own types', () => {
  it.each(CALLS)('may run %s on them and on no others', async (_name, call) => {
    await call(role, 'upload#1')

    await expect(call(role, 'session#1')).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })

  it('has changed nothing of the others', async () => {
    const { Items } = await query(database.operator, {
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': 'session#1' },
    })

    expect(Items).toEqual([{ pk: 'session#1', sk: 'a', ownerPk: 'sessions#usr_1', ownerSk: '1' }])
  })

  it('may not read an index that it does not name', async () => {
    await expect(
      query(role, {
        IndexName: 'due',
        KeyConditionExpression: 'duePk = :pk',
        ExpressionAttributeValues: { ':pk': 'uploads#usr_1' },
      }),
    ).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining(`on resource: ${TABLE_ARN}/index/due because`),
    })
  })

  it('may not Scan, nor touch another table', async () => {
    await expect(role.scan({ TableName: TABLE })).rejects.toMatchObject({
      name: 'AccessDeniedException',
    })
    await expect(role.get({ TableName: 'another', Key: { pk: 'upload#1' } })).rejects.toMatchObject(
      { name: 'AccessDeniedException' },
    )
  })

  it('needs the single permission of each item of a transaction', async () => {
    const readOnly = database.as(
      makePrincipal({
        accessKeyId: 'AKIDREADER',
        policies: [rolePolicy(['dynamodb:ConditionCheckItem', 'dynamodb:GetItem'])],
      }),
    )
    const check = { ConditionCheck: { ...key('upload#1'), ConditionExpression: 'sk = sk' } }
    const put = { Put: { TableName: TABLE, Item: { pk: 'upload#3', sk: 'a' } } }
    await readOnly.transactGet({ TransactItems: [{ Get: key('upload#1') }] })

    await expect(readOnly.transactWrite({ TransactItems: [check, put] })).rejects.toMatchObject({
      message: expect.stringContaining('dynamodb:PutItem'),
    })
    expect((await database.operator.get(key('upload#3'))).Item).toBeUndefined()
  })
})

describe('random roles and random requests', () => {
  const TYPES = ['upload', 'session', 'grant']
  const types = fc.subarray(TYPES, { minLength: 1 })
  const named = fc.uniqueArray(
    fc
      .record({ type: fc.constantFrom(...TYPES), id: fc.nat(99) })
      .map((it) => `${it.type}#${it.id}`),
    { minLength: 1, maxLength: 4 },
  )
  /** Each runs one request that names all these keys. */
  const requests: [
    name: string,
    run: (client: DynamoDBDocument, pks: string[]) => Promise<unknown>,
  ][] = [
    [
      'a batch of reads',
      (client, pks) =>
        client.batchGet({ RequestItems: { [TABLE]: { Keys: pks.map((pk) => key(pk).Key) } } }),
    ],
    [
      'a batch of writes',
      (client, pks) =>
        client.batchWrite({
          RequestItems: {
            [TABLE]: pks.map((pk, at) =>
              at % 2 === 0
                ? { PutRequest: { Item: { pk, sk: 'random' } } }
                : { DeleteRequest: { Key: { pk, sk: 'random' } } },
            ),
          },
        }),
    ],
    [
      'a transaction',
      (client, pks) =>
        client.transactWrite({
          TransactItems: pks.map((pk, at) =>
            at % 2 === 0
              ? { Put: { TableName: TABLE, Item: { pk, sk: 'random' } } }
              : { Delete: { TableName: TABLE, Key: { pk, sk: 'random' } } },
          ),
        }),
    ],
    [
      'a transaction of reads',
      (client, pks) => client.transactGet({ TransactItems: pks.map((pk) => ({ Get: key(pk) })) }),
    ],
  ]

  it.each(requests)(
    'agree for %s: it runs when the role has every type of it',
    async (_name, run) => {
      const seen = { allowed: 0, refused: 0 }
      await fc.assert(
        fc.asyncProperty(types, named, async (own, pks) => {
          const client = database.as(
            makePrincipal({
              accessKeyId: 'AKIDRANDOM',
              policies: [
                allow([...ITEM_ACTIONS, ...BULK_ACTIONS], TABLE_ARN, {
                  'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': own.map((it) => `${it}#*`) },
                }),
              ],
            }),
          )
          const isAllowed = pks.every((pk) => own.includes(pk.split('#')[0] ?? ''))
          seen[isAllowed ? 'allowed' : 'refused']++

          const outcome = await run(client, pks).then(
            () => 'ran',
            (error: Error) => error.name,
          )

          expect(outcome).toBe(isAllowed ? 'ran' : 'AccessDeniedException')
        }),
        { seed: 20_261_122, numRuns: 40 },
      )
      expect(Math.min(seen.allowed, seen.refused)).toBeGreaterThan(5)
    },
  )
})

describe('requests made to mislead', () => {
  const forge = (operation: string, body: object | string) =>
    database.send(
      makePrincipal({ policies: [rolePolicy()] }),
      `DynamoDB_20120810.${operation}`,
      typeof body === 'string' ? body : JSON.stringify(body),
    )
  const own = { pk: { S: 'upload#1' }, sk: { S: 'a' } }
  const foreign = { pk: { S: 'session#1' }, sk: { S: 'forged' } }

  it.each<[what: string, operation: string, body: object]>([
    ['a key beside the item of a put', 'PutItem', { TableName: TABLE, Key: own, Item: foreign }],
    [
      'a key beside the item of a put in a transaction',
      'TransactWriteItems',
      { TransactItems: [{ Put: { TableName: TABLE, Key: own, Item: foreign } }] },
    ],
    [
      'two requests in one entry of a batch',
      'BatchWriteItem',
      {
        RequestItems: {
          [TABLE]: [{ PutRequest: { Item: own }, DeleteRequest: { Key: foreign } }],
        },
      },
    ],
    [
      'two actions in one entry of a transaction',
      'TransactWriteItems',
      {
        TransactItems: [
          {
            Update: { TableName: TABLE, Key: own, UpdateExpression: 'REMOVE x' },
            Put: { TableName: TABLE, Item: foreign },
          },
        ],
      },
    ],
    [
      'a member of every object as an action',
      'TransactWriteItems',
      { TransactItems: [{ constructor: { TableName: TABLE, Item: foreign } }] },
    ],
    [
      'both kinds of key conditions',
      'Query',
      {
        TableName: TABLE,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': { S: 'upload#1' } },
        KeyConditions: {
          pk: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: 'session#1' }] },
        },
      },
    ],
    [
      'a second equality of the key',
      'Query',
      {
        TableName: TABLE,
        KeyConditionExpression: 'pk = :pk AND pk = :other',
        ExpressionAttributeValues: { ':pk': { S: 'upload#1' }, ':other': { S: 'session#1' } },
      },
    ],
    [
      'a key condition without the key',
      'Query',
      {
        TableName: TABLE,
        KeyConditionExpression: 'sk = :pk',
        ExpressionAttributeValues: { ':pk': { S: 'a' } },
      },
    ],
  ])('gain nothing by %s', async (_what, operation, body) => {
    const reply = await forge(operation, body)

    expect(reply.status).toBe(400)
    expect(reply.body['__type']).toMatch(/(AccessDenied|Validation)Exception$/)
    const { Item } = await database.operator.get({
      TableName: TABLE,
      Key: { pk: 'session#1', sk: 'forged' },
    })
    expect(Item).toBeUndefined()
  })

  it('run as they were judged when a member is spelled twice', async () => {
    const spelled = (first: object, second: object) =>
      `{"TableName":"${TABLE}","Key":${JSON.stringify(first)},"Key":${JSON.stringify(second)}}`
    const readable = { pk: { S: 'session#1' }, sk: { S: 'a' } }

    const last = await forge('GetItem', spelled(readable, own))
    expect(last).toMatchObject({ status: 200, body: { Item: { pk: { S: 'upload#1' } } } })
    const first = await forge('GetItem', spelled(own, readable))
    expect(first).toMatchObject({ status: 400, body: { __type: 'AccessDeniedException' } })
  })
})

describe('other conditions', () => {
  it('limit the attributes that a call names', async () => {
    const limited = database.as(
      makePrincipal({
        accessKeyId: 'AKIDLIMITED',
        policies: [
          allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], TABLE_ARN, {
            'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['pk', 'sk', 'seen'] },
          }),
        ],
      }),
    )
    await limited.get({ ...key('upload#1'), ProjectionExpression: 'pk, seen' })
    await limited
      .update({
        ...key('upload#1'),
        UpdateExpression: 'SET #seen = if_not_exists(seen, :a)',
        ConditionExpression: 'attribute_not_exists(sk)',
        ExpressionAttributeNames: { '#seen': 'seen' },
        ExpressionAttributeValues: { ':a': 1 },
      })
      .then(
        () => expect.unreachable('the condition cannot hold'),
        (error: Error) => expect(error.name).toBe('ConditionalCheckFailedException'),
      )

    await expect(
      limited.get({ ...key('upload#1'), ProjectionExpression: 'pk, ownerPk' }),
    ).rejects.toMatchObject({ name: 'AccessDeniedException' })
    await expect(
      limited.update({ ...key('upload#1'), UpdateExpression: 'REMOVE ownerPk' }),
    ).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })

  it('let a stream be read by whoever may read that stream', async () => {
    const { streamArn = '' } = await database.engine.createTable(tableProperties())
    const reader = makePrincipal({
      accessKeyId: 'AKIDSTREAM',
      policies: [
        allow(
          ['dynamodb:DescribeStream', 'dynamodb:GetShardIterator', 'dynamodb:GetRecords'],
          `${TABLE_ARN}/stream/*`,
        ),
      ],
    })
    const ask = async (operation: string, input: object, as = reader) =>
      (await database.send(as, `DynamoDBStreams_20120810.${operation}`, JSON.stringify(input))).body
    const item = { TableName: TABLE, Item: { pk: 'event#1', sk: 'a', text: TABLE_ARN } }
    await database.operator.put(item)

    const { StreamDescription: stream } = (await ask('DescribeStream', {
      StreamArn: streamArn,
    })) as { StreamDescription: { StreamArn: string; Shards: { ShardId: string }[] } }
    expect(stream.StreamArn).toBe(streamArn)
    const { ShardIterator } = await ask('GetShardIterator', {
      StreamArn: streamArn,
      ShardId: stream.Shards[0]?.ShardId,
      ShardIteratorType: 'TRIM_HORIZON',
    })
    const { Records } = (await ask('GetRecords', { ShardIterator })) as {
      Records: { eventName: string; awsRegion: string; dynamodb: { Keys: { pk: object } } }[]
    }
    const events = Records.filter((it) => JSON.stringify(it.dynamodb.Keys.pk).includes('event#1'))
    expect(events).toMatchObject([{ eventName: 'INSERT', awsRegion: 'us-east-1' }])

    const outsider = makePrincipal({
      accessKeyId: 'AKIDOUTSIDER',
      policies: [allow('dynamodb:*', TABLE_ARN)],
    })
    expect(await ask('GetRecords', { ShardIterator }, outsider)).toMatchObject({
      __type: 'AccessDeniedException',
    })
  })
})
