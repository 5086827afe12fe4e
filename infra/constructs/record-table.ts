/**
 * The one table. Partition keys begin with their record type, and each role lists the types it may
 * touch in `dynamodb:LeadingKeys`: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
 */
import { Lazy, RemovalPolicy } from 'aws-cdk-lib'
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb'
import { Construct } from 'constructs'
import { ENV } from '../../shared/platform/env-names.ts'
import type { Stage } from '../stages.ts'
import type { ServiceFunction } from './service-function.ts'

type RecordType =
  | 'user'
  | 'login'
  | 'session'
  | 'state'
  | 'account'
  | 'grant'
  | 'event'
  | 'portal'
  | 'slug'
  | 'submission'
  | 'upload'
  | 'delivery'
  | 'name'
  | 'folder'
  | 'signing'
  | 'download'
  | 'identity'
  | 'rate'
  | 'places'
  | 'cap'
  | 'address'

/** Each index and the types of list that its partition keys begin with. */
const INDEXES = {
  byOwner: { partition: 'ownerPk', sort: 'ownerSk', projection: dynamodb.ProjectionType.ALL },
  byPortal: { partition: 'portalPk', sort: 'portalSk', projection: dynamodb.ProjectionType.ALL },
  byAccount: { partition: 'accountPk', sort: 'accountSk', projection: dynamodb.ProjectionType.ALL },
  byClient: { partition: 'clientPk', sort: 'clientSk', projection: dynamodb.ProjectionType.ALL },
  byDue: { partition: 'duePk', sort: 'dueSk', projection: dynamodb.ProjectionType.KEYS_ONLY },
} as const

type IndexName = keyof typeof INDEXES

/** A list kept in an index: `portals#usr_…` in byOwner, `uploads#prt_…` in byPortal, `held#acc_…` in byAccount, `due#3` in byDue. */
type ListType =
  | 'portals'
  | 'uploads'
  | 'submissions'
  | 'accounts'
  | 'events'
  | 'logins'
  | 'due'
  | 'held'
  | 'grants'

export class RecordTable extends Construct {
  private readonly table: dynamodb.TableV2
  private readonly readTypes = new Map<ServiceFunction, Set<RecordType>>()

  constructor(scope: Construct, id: string, { stage }: { stage: Stage }) {
    super(scope, id)
    this.table = new dynamodb.TableV2(this, 'Table', {
      partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'sk', type: dynamodb.AttributeType.STRING },
      globalSecondaryIndexes: Object.entries(INDEXES).map(([indexName, index]) => ({
        indexName,
        partitionKey: { name: index.partition, type: dynamodb.AttributeType.STRING },
        sortKey: { name: index.sort, type: dynamodb.AttributeType.STRING },
        projectionType: index.projection,
      })),
      billing: dynamodb.Billing.onDemand(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      dynamoStream: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
      timeToLiveAttribute: 'expiresAt',
      deletionProtection: stage.keepsData,
      removalPolicy: stage.keepsData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    })
  }

  /**
   * Reads records of these types, also as the condition of a transaction. One statement names all
   * types that a function may read: a batch is allowed only when one statement covers all its keys.
   */
  letRead(fn: ServiceFunction, types: readonly RecordType[]): void {
    const known = this.readTypes.get(fn)
    const all = known ?? new Set<RecordType>()
    for (const type of types) all.add(type)
    if (known !== undefined) return
    this.readTypes.set(fn, all)
    this.allow(fn, this.table.tableArn, Lazy.list({ produce: () => keyPatterns([...all]) }), [
      'dynamodb:GetItem',
      'dynamodb:BatchGetItem',
      'dynamodb:Query',
      'dynamodb:ConditionCheckItem',
    ])
  }

  /** Reads and changes records of these types. */
  letChange(fn: ServiceFunction, types: readonly RecordType[]): void {
    this.letRead(fn, types)
    this.allow(fn, this.table.tableArn, keyPatterns(types), [
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
      'dynamodb:DeleteItem',
    ])
  }

  /** Adds records of these types, and can read none of them. */
  letAdd(fn: ServiceFunction, types: readonly RecordType[]): void {
    this.allow(fn, this.table.tableArn, keyPatterns(types), ['dynamodb:PutItem'])
  }

  /** Reads these lists of one index. */
  letList(fn: ServiceFunction, index: IndexName, lists: readonly ListType[]): void {
    this.allow(fn, `${this.table.tableArn}/index/${index}`, keyPatterns(lists), ['dynamodb:Query'])
  }

  private allow(
    fn: ServiceFunction,
    resource: string,
    leadingKeys: string[],
    actions: string[],
  ): void {
    fn.setEnv(ENV.table, this.table.tableName)
    fn.allow({
      actions,
      resources: [resource],
      conditions: {
        'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': leadingKeys },
      },
    })
  }
}

function keyPatterns(types: readonly (RecordType | ListType)[]): string[] {
  return types.map((type) => `${type}#*`)
}
