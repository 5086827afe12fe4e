import type { JsonObject } from './dynoxide-client.ts'
import type { IndexDescription, KeyElement, TableDescription } from './table-schema.ts'

interface IndexProperties extends IndexDescription {
  Projection: JsonObject
}

/** Properties of `AWS::DynamoDB::GlobalTable` and `AWS::DynamoDB::Table` that mean something here. */
export interface TableProperties {
  TableName: string
  AttributeDefinitions: { AttributeName: string; AttributeType: string }[]
  KeySchema: KeyElement[]
  BillingMode?: string
  GlobalSecondaryIndexes?: IndexProperties[]
  LocalSecondaryIndexes?: IndexProperties[]
  StreamSpecification?: { StreamViewType: string }
  TimeToLiveSpecification?: { AttributeName?: string; Enabled: boolean }
  [further: string]: unknown
}

/** What has no meaning on one machine: backups, encryption at rest, capacity, replicas, tags. */
const WITHOUT_MEANING = new Set([
  'SSESpecification',
  'WarmThroughput',
  'OnDemandThroughput',
  'WriteOnDemandThroughputSettings',
  'PointInTimeRecoverySpecification',
  'DeletionProtectionEnabled',
  'ContributorInsightsSpecification',
  'TableClass',
  'Tags',
  'Replicas',
])
const WITH_MEANING = new Set([
  'TableName',
  'AttributeDefinitions',
  'KeySchema',
  'BillingMode',
  'GlobalSecondaryIndexes',
  'LocalSecondaryIndexes',
  'StreamSpecification',
  'TimeToLiveSpecification',
])

/** Refuses properties that would be ignored although they change what the table does. */
export function checkTableProperties(properties: TableProperties): void {
  const unknown = Object.keys(properties).find(
    (it) => !WITH_MEANING.has(it) && !WITHOUT_MEANING.has(it),
  )
  const table = `Table ${properties.TableName}`
  if (unknown !== undefined) throw new Error(`${table}: property ${unknown} is not supported here`)
  if (properties.BillingMode !== 'PAY_PER_REQUEST') {
    throw new Error(`${table}: only the billing mode PAY_PER_REQUEST is supported here`)
  }
  const replicas = properties['Replicas']
  if (Array.isArray(replicas) && replicas.length > 1) {
    throw new Error(`${table}: replicas in further regions are not supported here`)
  }
}

export function createTableInput(properties: TableProperties): JsonObject {
  const { GlobalSecondaryIndexes, LocalSecondaryIndexes, StreamSpecification } = properties
  return {
    TableName: properties.TableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: properties.AttributeDefinitions,
    KeySchema: properties.KeySchema,
    ...(GlobalSecondaryIndexes?.length && {
      GlobalSecondaryIndexes: GlobalSecondaryIndexes.map(indexInput),
    }),
    ...(LocalSecondaryIndexes?.length && {
      LocalSecondaryIndexes: LocalSecondaryIndexes.map(indexInput),
    }),
    ...(StreamSpecification && { StreamSpecification: streamInput(StreamSpecification) }),
  }
}

/** Updates that bring an existing table to its properties, one index at a time as DynamoDB demands. */
export function updateTableInputs(
  properties: TableProperties,
  existing: TableDescription,
): JsonObject[] {
  const table = properties.TableName
  const wanted = properties.GlobalSecondaryIndexes ?? []
  const present = existing.GlobalSecondaryIndexes ?? []
  if (!sameKeys(properties.KeySchema, existing.KeySchema)) {
    throw new Error(`Table ${table} exists with another key; start with an empty data folder`)
  }
  const changed = wanted.find((it) => {
    const index = present.find((other) => other.IndexName === it.IndexName)
    return index && !sameKeys(it.KeySchema, index.KeySchema)
  })
  if (changed) {
    throw new Error(`Index ${changed.IndexName} of table ${table} exists with another key`)
  }
  const names = new Set(wanted.map((it) => it.IndexName))
  const removed = present.filter((it) => !names.has(it.IndexName))
  const added = wanted.filter((it) => !present.some((other) => other.IndexName === it.IndexName))
  const streamIsOn = existing.StreamSpecification?.StreamEnabled === true
  const stream = streamIsOn ? undefined : properties.StreamSpecification
  return [
    ...removed.map((it) => ({
      TableName: table,
      GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: it.IndexName } }],
    })),
    ...added.map((it) => ({
      TableName: table,
      AttributeDefinitions: properties.AttributeDefinitions,
      GlobalSecondaryIndexUpdates: [{ Create: indexInput(it) }],
    })),
    ...(stream ? [{ TableName: table, StreamSpecification: streamInput(stream) }] : []),
  ]
}

function indexInput(index: IndexProperties): JsonObject {
  return {
    IndexName: index.IndexName,
    KeySchema: index.KeySchema,
    Projection: index.Projection,
  }
}

function streamInput(stream: { StreamViewType: string }): JsonObject {
  return { StreamEnabled: true, StreamViewType: stream.StreamViewType }
}

function sameKeys(a: readonly KeyElement[], b: readonly KeyElement[]): boolean {
  const spelled = (keys: readonly KeyElement[]): string =>
    keys
      .map((it) => `${it.KeyType} ${it.AttributeName}`)
      .sort()
      .join()
  return spelled(a) === spelled(b)
}
