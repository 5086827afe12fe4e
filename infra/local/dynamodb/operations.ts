/**
 * Which permissions each DynamoDB operation needs
 * (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html).
 * A transaction needs the single-item action of each of its items.
 */
import { type AccessRequest, type AwsCall, AwsError } from '../engine.ts'
import type { JsonObject } from './dynoxide-client.ts'
import { type ExpressionNames, equalityPlaceholders, namedAttributes } from './expression.ts'
import {
  type AttributeValue,
  type Item,
  itemIdentity,
  keyText,
  LOCAL_ARN_PREFIX,
  type TableSchemas,
  tableArn,
} from './table-schema.ts'

const TABLE_OPERATIONS = new Set([
  'CreateTable',
  'DeleteTable',
  'UpdateTable',
  'DescribeTable',
  'UpdateTimeToLive',
  'DescribeTimeToLive',
])
const RESOURCE_OPERATIONS = new Set(['TagResource', 'UntagResource', 'ListTagsOfResource'])
const ITEM_OPERATIONS = new Set(['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'])
const TRANSACTION_ACTIONS: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
  Get: 'GetItem',
}

/** Operations whose replies describe tables and streams, and hold no items. */
export const DESCRIBING_OPERATIONS: ReadonlySet<string> = new Set([
  ...TABLE_OPERATIONS,
  ...RESOURCE_OPERATIONS,
  'ListTables',
  'ListStreams',
  'DescribeStream',
])

export async function accessRequestsOf(
  call: Pick<AwsCall, 'operation'>,
  input: JsonObject,
  schemas: TableSchemas,
): Promise<AccessRequest[]> {
  const { operation } = call
  const action = `dynamodb:${operation}`
  if (ITEM_OPERATIONS.has(operation)) return [await itemAccess(operation, input, schemas)]
  if (operation === 'Query' || operation === 'Scan')
    return [await readAccess(action, input, schemas)]
  if (operation === 'BatchGetItem' || operation === 'BatchWriteItem') {
    return await batchAccess(action, input, schemas)
  }
  if (operation === 'TransactWriteItems' || operation === 'TransactGetItems') {
    return await Promise.all(
      transactItems(input).map(async ({ kind, member }) => {
        const access = await itemAccess(TRANSACTION_ACTIONS[kind] ?? '', member, schemas)
        return {
          ...access,
          context: { ...access.context, 'dynamodb:EnclosingOperation': operation },
        }
      }),
    )
  }
  if (TABLE_OPERATIONS.has(operation)) {
    return [{ action, resource: tableArn(tableNameOf(input)) }]
  }
  if (RESOURCE_OPERATIONS.has(operation)) return [{ action, resource: text(input['ResourceArn']) }]
  if (operation === 'ListTables' || operation === 'ListStreams') return [{ action, resource: '*' }]
  if (operation === 'DescribeStream' || operation === 'GetShardIterator') {
    return [{ action, resource: text(input['StreamArn']) }]
  }
  if (operation === 'GetRecords') {
    return [{ action, resource: await streamOfIterator(text(input['ShardIterator']), schemas) }]
  }
  throw new AwsError('UnknownOperationException', `DynamoDB here does not know ${operation}`)
}

/** One item of a transaction: `Put`, `Update`, `Delete`, `ConditionCheck` or `Get`. */
export function transactItems(input: JsonObject): { kind: string; member: JsonObject }[] {
  return objects(input['TransactItems']).map((entry) => {
    const [kind, ...others] = Object.keys(entry)
    const isKnown = kind !== undefined && Object.hasOwn(TRANSACTION_ACTIONS, kind)
    if (!isKnown || others.length > 0) {
      throw new AwsError(
        'ValidationException',
        'TransactItems can only contain one of Check, Put, Update or Delete',
      )
    }
    return { kind, member: object(entry[kind]) }
  })
}

/** The writes of a batch, table by table; `member` holds the `Item` or the `Key`. */
export function batchItems(
  input: JsonObject,
): { tableName: string; requests: { request: JsonObject; member: JsonObject }[] }[] {
  return Object.entries(object(input['RequestItems'])).map(([tableName, requests]) => ({
    tableName,
    requests: objects(requests).map((request) => ({
      request,
      member: object(request['PutRequest'] ?? request['DeleteRequest']),
    })),
  }))
}

/** Identity of the item that a call or a member of a transaction touches; undefined without such a table. */
export async function touchedItem(
  input: JsonObject,
  schemas: TableSchemas,
): Promise<string | undefined> {
  const schema = await schemas.find(tableNameOf(input))
  return schema && itemIdentity(schema, object(input['Key'] ?? input['Item']) as Item)
}

async function itemAccess(
  singleOperation: string,
  input: JsonObject,
  schemas: TableSchemas,
): Promise<AccessRequest> {
  const tableName = tableNameOf(input)
  const schema = await schemas.find(tableName)
  // A stray `Key` beside the `Item` of a put must not stand for it.
  const item = object(input[singleOperation === 'PutItem' ? 'Item' : 'Key']) as Item
  return {
    action: `dynamodb:${singleOperation}`,
    resource: tableArn(tableName),
    context: {
      ...leadingKeys(schema ? [keyText(item[schema.hashKey])] : []),
      ...requestFacts(input),
      'dynamodb:Attributes': attributesOf(input, [item]),
    },
  }
}

async function readAccess(
  action: string,
  input: JsonObject,
  schemas: TableSchemas,
): Promise<AccessRequest> {
  const tableName = tableNameOf(input)
  const index = input['IndexName']
  const hashKey = await hashKeyOf(input, schemas)
  return {
    action,
    resource: tableArn(tableName) + (typeof index === 'string' ? `/index/${index}` : ''),
    context: {
      ...leadingKeys(
        hashKey === undefined || action === 'dynamodb:Scan' ? [] : demandedKeys(input, hashKey),
      ),
      ...requestFacts(input),
      'dynamodb:Attributes': attributesOf(input, []),
    },
  }
}

async function batchAccess(
  action: string,
  input: JsonObject,
  schemas: TableSchemas,
): Promise<AccessRequest[]> {
  return await Promise.all(
    Object.entries(object(input['RequestItems'])).map(async ([name, requests]) => {
      const tableName = tableNameOf({ TableName: name })
      const schema = await schemas.find(tableName)
      const request = object(requests)
      const items = Array.isArray(requests)
        ? objects(requests).flatMap((it) => [
            object(object(it['PutRequest'])['Item']) as Item,
            object(object(it['DeleteRequest'])['Key']) as Item,
          ])
        : (objects(request['Keys']) as Item[])
      return {
        action,
        resource: tableArn(tableName),
        context: {
          ...leadingKeys(schema ? items.map((it) => keyText(it[schema.hashKey])) : []),
          ...requestFacts(input),
          'dynamodb:Attributes': attributesOf(request, items),
        },
      }
    }),
  )
}

/** Partition key values that a Query asks for, by an expression or by the older `KeyConditions`. */
function demandedKeys(input: JsonObject, hashKey: string): (string | undefined)[] {
  const expression = input['KeyConditionExpression']
  const values = object(input['ExpressionAttributeValues']) as Item
  const placeholders =
    typeof expression === 'string' ? equalityPlaceholders(expression, namesOf(input), hashKey) : []
  const older = objects(object(object(input['KeyConditions'])[hashKey])['AttributeValueList'])
  // Without a key there would be nothing to judge, and nothing that the database could run.
  if (placeholders.length + older.length === 0) {
    throw new AwsError(
      'ValidationException',
      `Query condition missed key schema element: ${hashKey}`,
    )
  }
  return [
    ...placeholders.map((it) => keyText(Object.hasOwn(values, it) ? values[it] : undefined)),
    ...older.map((it) => keyText(it as AttributeValue)),
  ]
}

/** A page of a query starts inside its partition: the database would serve it from the next key on. */
export async function refuseForeignStart(input: JsonObject, schemas: TableSchemas): Promise<void> {
  const start = input['ExclusiveStartKey']
  const hashKey = await hashKeyOf(input, schemas)
  if (start === undefined || hashKey === undefined) return
  const [demanded] = demandedKeys(input, hashKey)
  if (keyText((object(start) as Item)[hashKey]) === demanded) return
  throw new AwsError(
    'ValidationException',
    'The provided starting key is outside query boundaries based on provided conditions',
  )
}

async function hashKeyOf(input: JsonObject, schemas: TableSchemas): Promise<string | undefined> {
  const tableName = tableNameOf(input)
  const index = input['IndexName']
  return typeof index === 'string'
    ? await schemas.hashKeyOfIndex(tableName, index)
    : (await schemas.find(tableName))?.hashKey
}

/** "The key represents the partition key values of the items": absent when a call names none. */
function leadingKeys(values: readonly (string | undefined)[]): Record<string, string[]> {
  const known = new Set(values.filter((it) => it !== undefined))
  return known.size === 0 ? {} : { 'dynamodb:LeadingKeys': [...known] }
}

function requestFacts(input: JsonObject): Record<string, string> {
  const facts: Record<string, string> = {}
  for (const member of ['Select', 'ReturnValues', 'ReturnConsumedCapacity']) {
    const value = input[member]
    if (typeof value === 'string') facts[`dynamodb:${member}`] = value
  }
  return facts
}

const EXPRESSIONS = [
  'ProjectionExpression',
  'UpdateExpression',
  'ConditionExpression',
  'KeyConditionExpression',
  'FilterExpression',
]

function attributesOf(input: JsonObject, items: readonly Item[]): string[] {
  const names = namesOf(input)
  const attributes = new Set(items.flatMap((it) => Object.keys(it)))
  for (const member of EXPRESSIONS) {
    const expression = input[member]
    if (typeof expression !== 'string') continue
    for (const name of namedAttributes(expression, names)) attributes.add(name)
  }
  return [...attributes]
}

function namesOf(input: JsonObject): ExpressionNames {
  return object(input['ExpressionAttributeNames']) as ExpressionNames
}

/** Tables may be named by their ARN as well. */
export function tableNameOf(input: JsonObject): string {
  const name = text(input['TableName'])
  const prefix = `${LOCAL_ARN_PREFIX}table/`
  return name.startsWith(prefix) ? name.slice(prefix.length) : name
}

/** The database's iterators are JSON in base64 that names the table. */
export async function streamOfIterator(iterator: string, schemas: TableSchemas): Promise<string> {
  const position = /"table_name":"([\w.-]+)"/.exec(Buffer.from(iterator, 'base64').toString())
  const schema = position?.[1] === undefined ? undefined : await schemas.find(position[1])
  if (schema?.streamArn === undefined) {
    throw new AwsError('ValidationException', 'Invalid ShardIterator')
  }
  return schema.streamArn
}

function text(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new AwsError('ValidationException', 'A required member of the request is missing')
}

/** Members of an ill-formed request read as absent: the database refuses it in its own words. */
function object(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : {}
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map(object) : []
}
