import { DescribeTableCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../../support/until.ts'
import { type ContractTable, startContractTable } from './contract-table.ts'

interface Shard {
  ShardId: string
  SequenceNumberRange: { StartingSequenceNumber: string; EndingSequenceNumber?: string }
}
interface Record {
  eventID: string
  eventName: string
  eventSource: string
  userIdentity?: object
  dynamodb: {
    Keys: { pk: { S: string } }
    NewImage?: object
    OldImage?: object
    SequenceNumber: string
    StreamViewType: string
    SizeBytes: number
  }
}

let table: ContractTable
let streamArn = ''
beforeAll(async () => {
  table = await startContractTable()
  const { Table } = await table.db.send(new DescribeTableCommand({ TableName: table.TableName }))
  streamArn = Table?.LatestStreamArn ?? ''
}, 150_000)
afterAll(() => table.close())

async function shards(): Promise<Shard[]> {
  const reply = await table.streams('DescribeStream', { StreamArn: streamArn })
  return (reply['StreamDescription'] as { Shards: Shard[] }).Shards
}

async function iterator(ShardId: string, start: object): Promise<string> {
  const reply = await table.streams('GetShardIterator', {
    StreamArn: streamArn,
    ShardId,
    ...start,
  })
  return String(reply['ShardIterator'])
}

/** Every record that the stream has for a partition key, over all shards and pages. */
async function recordsOf(pk: string): Promise<Record[]> {
  const found: Record[] = []
  for (const { ShardId } of await shards()) {
    let next: string | undefined = await iterator(ShardId, { ShardIteratorType: 'TRIM_HORIZON' })
    while (next !== undefined) {
      const page: { Records?: Record[]; NextShardIterator?: string } = await table.streams(
        'GetRecords',
        { ShardIterator: next },
      )
      found.push(...(page.Records ?? []).filter((it) => it.dynamodb.Keys.pk.S === pk))
      next = page.Records?.length ? page.NextShardIterator : undefined
    }
  }
  return found
}

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
describe('a stream', () => {
  it('is on, open and of its table', async () => {
    const reply = await table.streams('DescribeStream', { StreamArn: streamArn })

    expect(streamArn).toMatch(
      new RegExp(`^arn:aws:dynamodb:[\\w-]+:\\d{12}:table/${table.TableName}/stream/`),
    )
    expect(reply['StreamDescription']).toMatchObject({
      StreamArn: streamArn,
      StreamStatus: 'ENABLED',
      StreamViewType: 'NEW_AND_OLD_IMAGES',
      TableName: table.TableName,
    })
    const open = (await shards()).filter(
      (it) => it.SequenceNumberRange.EndingSequenceNumber === undefined,
    )
    expect(open.length).toBeGreaterThan(0)
  })

  it('tells of each change of an item once and in order, with the images before and after', async () => {
    const key = table.freshKey()
    const TableName = table.TableName
    await table.db.put({ TableName, Item: { ...key, step: 1 } })
    await table.db.update({
      TableName,
      Key: key,
      UpdateExpression: 'SET step = :two',
      ExpressionAttributeValues: { ':two': 2 },
    })
    await table.db.transactWrite({
      TransactItems: [{ Put: { TableName, Item: { ...key, step: 3 } } }],
    })
    await table.db.batchWrite({
      RequestItems: { [TableName]: [{ DeleteRequest: { Key: key } }] },
    })

    const records = await until(async () => {
      const found = await recordsOf(key.pk)
      return found.length >= 4 && found
    })

    const keys = { pk: { S: key.pk }, sk: { S: key.sk } }
    const image = (step: number) => ({ ...keys, step: { N: String(step) } })
    expect(records).toMatchObject([
      { eventName: 'INSERT', dynamodb: { Keys: keys, NewImage: image(1) } },
      { eventName: 'MODIFY', dynamodb: { Keys: keys, OldImage: image(1), NewImage: image(2) } },
      { eventName: 'MODIFY', dynamodb: { Keys: keys, OldImage: image(2), NewImage: image(3) } },
      { eventName: 'REMOVE', dynamodb: { Keys: keys, OldImage: image(3) } },
    ])
    expect(records[0]?.dynamodb.OldImage).toBeUndefined()
    expect(records[3]?.dynamodb.NewImage).toBeUndefined()
    expect(records[3]?.userIdentity).toBeUndefined()
    const numbers = records.map((it) => it.dynamodb.SequenceNumber)
    expect(numbers.every((it) => /^\d{21,40}$/.test(it))).toBe(true)
    expect(numbers.map(BigInt)).toEqual(numbers.map(BigInt).toSorted((a, b) => (a < b ? -1 : 1)))
    expect(new Set(records.map((it) => it.eventID)).size).toBe(4)
    expect(records.every((it) => it.eventSource === 'aws:dynamodb')).toBe(true)
  })

  // "If you perform a PutItem or UpdateItem operation that does not change any data in an item,
  // DynamoDB Streams does not write a stream record for that operation."
  it('does not tell of writes that change nothing', async () => {
    const key = table.freshKey()
    const TableName = table.TableName
    await table.db.put({ TableName, Item: { ...key, step: 1 } })
    await table.db.put({ TableName, Item: { ...key, step: 1 } })
    await table.db.update({
      TableName,
      Key: key,
      UpdateExpression: 'SET step = :one',
      ExpressionAttributeValues: { ':one': 1 },
    })
    await table.db.delete({ TableName, Key: key })
    await table.db.delete({ TableName, Key: key })

    const records = await until(async () => {
      const found = await recordsOf(key.pk)
      return found.some((it) => it.eventName === 'REMOVE') && found
    })

    expect(records.map((it) => it.eventName)).toEqual(['INSERT', 'REMOVE'])
  })

  it('is read on from a sequence number, at it and after it', async () => {
    const keys = [table.freshKey(), table.freshKey(), table.freshKey()]
    for (const key of keys) await table.db.put({ TableName: table.TableName, Item: key })
    const [first, second] = keys
    const numbers = await until(async () => {
      const found = await Promise.all(keys.map((it) => recordsOf(it.pk)))
      return (
        found.every((it) => it.length === 1) && found.map((it) => it[0]?.dynamodb.SequenceNumber)
      )
    })
    const [shard] = await shards()
    if (!shard || !first || !second) throw new Error('nothing to read')

    const read = async (ShardIteratorType: string) => {
      const ShardIterator = await iterator(shard.ShardId, {
        ShardIteratorType,
        SequenceNumber: numbers[1],
      })
      const page = await table.streams('GetRecords', { ShardIterator, Limit: 1 })
      return (page['Records'] as Record[]).map((it) => it.dynamodb.Keys.pk.S)
    }

    expect(await read('AT_SEQUENCE_NUMBER')).toEqual([second.pk])
    expect(await read('AFTER_SEQUENCE_NUMBER')).toEqual([keys[2]?.pk])
  })

  it('has nothing before what comes next for whoever starts at LATEST', async () => {
    await table.db.put({ TableName: table.TableName, Item: table.freshKey() })
    const [shard] = await shards()
    if (!shard) throw new Error('no shard')
    let next = await iterator(shard.ShardId, { ShardIteratorType: 'LATEST' })
    const key = table.freshKey()
    await table.db.put({ TableName: table.TableName, Item: key })

    const seen = await until(async () => {
      const page = await table.streams('GetRecords', { ShardIterator: next })
      next = String(page['NextShardIterator'])
      const records = page['Records'] as Record[]
      return records.length > 0 && records
    })

    expect(seen.map((it) => it.dynamodb.Keys.pk.S)).toEqual([key.pk])
  })
})
