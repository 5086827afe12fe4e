import { AwsError, LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import type { DynoxideClient, JsonObject } from './dynoxide-client.ts'

/** What the database calls itself in ARNs, and what this cloud calls itself. */
export const DATABASE_ARN_PREFIX = 'arn:aws:dynamodb:dynoxide:000000000000:'
export const LOCAL_ARN_PREFIX = `arn:aws:dynamodb:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:`

/** A value in DynamoDB's JSON: `{ S: 'text' }`. */
export type AttributeValue = Readonly<Record<string, unknown>>
export type Item = Readonly<Record<string, AttributeValue>>

export interface TableSchema {
  name: string
  hashKey: string
  rangeKey: string | undefined
  /** Partition key of each index. */
  indexHashKeys: ReadonlyMap<string, string>
  streamArn: string | undefined
}

export function tableArn(tableName: string): string {
  return `${LOCAL_ARN_PREFIX}table/${tableName}`
}

/** The key schemas of the tables, described once each. */
export class TableSchemas {
  readonly #client: DynoxideClient
  readonly #known = new Map<string, TableSchema>()

  constructor(client: DynoxideClient) {
    this.#client = client
  }

  /** Undefined for a table that does not exist: the database then says so itself. */
  async find(tableName: string): Promise<TableSchema | undefined> {
    return this.#known.get(tableName) ?? (await this.#describe(tableName))
  }

  async hashKeyOfIndex(tableName: string, index: string): Promise<string | undefined> {
    const known = (await this.find(tableName))?.indexHashKeys.get(index)
    return known ?? (await this.#describe(tableName))?.indexHashKeys.get(index)
  }

  forget(tableName: string): void {
    this.#known.delete(tableName)
  }

  async #describe(tableName: string): Promise<TableSchema | undefined> {
    const description = await describeTable(this.#client, tableName)
    if (!description) return undefined
    const schema = readSchema(tableName, description)
    this.#known.set(tableName, schema)
    return schema
  }
}

export interface KeyElement {
  AttributeName: string
  KeyType: 'HASH' | 'RANGE'
}

export interface IndexDescription {
  IndexName: string
  KeySchema: KeyElement[]
}

export interface TableDescription {
  TableStatus: string
  KeySchema: KeyElement[]
  GlobalSecondaryIndexes?: (IndexDescription & { IndexStatus: string })[]
  LocalSecondaryIndexes?: IndexDescription[]
  StreamSpecification?: { StreamEnabled: boolean; StreamViewType?: string }
  LatestStreamArn?: string
}

export async function describeTable(
  client: DynoxideClient,
  tableName: string,
): Promise<TableDescription | undefined> {
  try {
    const output: JsonObject = await client.call('DescribeTable', { TableName: tableName })
    return output['Table'] as TableDescription
  } catch (error) {
    // The callers say what a missing table means to them; an ill-formed name cannot be one.
    const isMissing =
      error instanceof AwsError &&
      (error.code === 'ResourceNotFoundException' || error.code === 'ValidationException')
    if (isMissing) return undefined
    throw error
  }
}

function readSchema(tableName: string, description: TableDescription): TableSchema {
  const indexes = [
    ...(description.GlobalSecondaryIndexes ?? []),
    ...(description.LocalSecondaryIndexes ?? []),
  ]
  return {
    name: tableName,
    hashKey: keyName(description.KeySchema, 'HASH') ?? '',
    rangeKey: keyName(description.KeySchema, 'RANGE'),
    indexHashKeys: new Map(
      indexes.map((it) => [it.IndexName, keyName(it.KeySchema, 'HASH') ?? '']),
    ),
    streamArn: description.LatestStreamArn?.replace(DATABASE_ARN_PREFIX, LOCAL_ARN_PREFIX),
  }
}

function keyName(schema: readonly KeyElement[], type: 'HASH' | 'RANGE'): string | undefined {
  return schema.find((it) => it.KeyType === type)?.AttributeName
}

/** The text by which policies know a key value; undefined when it is no string, number or binary. */
export function keyText(value: AttributeValue | undefined): string | undefined {
  const text = value?.['S'] ?? value?.['N'] ?? value?.['B']
  return typeof text === 'string' ? text : undefined
}

/** Identity of an item among all tables, from its key or from the whole item. */
export function itemIdentity(schema: TableSchema, item: Item | undefined): string {
  const range = schema.rangeKey === undefined ? undefined : item?.[schema.rangeKey]
  return JSON.stringify([schema.name, item?.[schema.hashKey], range])
}
