/**
 * The stream of a table as DynamoDB shows it, made of the records that dynoxide keeps
 * (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html).
 *
 * - Sequence numbers have the form and the order of AWS's and survive restarts.
 * - A write that changed nothing has no record.
 * - A deletion by time to live carries the service's `userIdentity`.
 * - The one shard of a stream that is on has no ending sequence number: it is open.
 */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { LOCAL_REGION } from '../engine.ts'
import type { DynoxideClient, JsonObject } from './dynoxide-client.ts'
import {
  DATABASE_ARN_PREFIX,
  type Item,
  itemIdentity,
  LOCAL_ARN_PREFIX,
  type TableSchemas,
} from './table-schema.ts'
import type { TtlDeletions } from './ttl-deletions.ts'

interface StreamRecord {
  eventID: string
  eventName: 'INSERT' | 'MODIFY' | 'REMOVE'
  eventVersion: string
  eventSource: string
  awsRegion: string
  dynamodb: {
    Keys: Item
    NewImage?: Item
    OldImage?: Item
    SequenceNumber: string
    SizeBytes: number
    StreamViewType: string
    /** Seconds since the epoch. */
    ApproximateCreationDateTime: number
  }
}

/** A record as a Lambda event carries it. */
export interface StreamEventRecord extends StreamRecord {
  eventSourceARN: string
  userIdentity?: { type: 'Service'; principalId: 'dynamodb.amazonaws.com' }
}

/** How a trigger reads a stream. Positions are sequence numbers: kept ones survive restarts. */
export interface TableStream {
  readonly streamArn: string
  /** The position after everything written so far, where `LATEST` starts. */
  latest(): Promise<string>
  /**
   * The records after a position, oldest first; undefined is before the oldest. The next read goes
   * on at `position`, which also passes the writes that changed nothing.
   */
  read(
    after: string | undefined,
    limit?: number,
  ): Promise<{ records: StreamEventRecord[]; position: string | undefined }>
}

/** "The upper limit is 1000" records of one GetRecords. */
const MAX_RECORDS = 1_000
/** AWS's numbers have 21 to 40 digits; these order alike as texts and as numbers. */
const SEQUENCE_DIGITS = 20

function localSequence(number: string | number): string {
  return `1${String(number).padStart(SEQUENCE_DIGITS, '0')}`
}

/** Text that is no number of ours stays as it is, for the database to refuse. */
export function databaseSequence(number: string): string {
  return /^1\d{20}$/.test(number) ? String(BigInt(number.slice(1))) : number
}

/** The database's iterators are JSON in base64 that tells the number they come after. */
function positionOf(iterator: string): number {
  return (JSON.parse(Buffer.from(iterator, 'base64').toString()) as { position: number }).position
}

interface StreamDescription {
  Shards: { ShardId: string; SequenceNumberRange: { StartingSequenceNumber?: string } }[]
}

/** A reply of DescribeStream with the numbers of this cloud; an open shard has no ending number. */
export function localDescription(reply: JsonObject): JsonObject {
  const description = reply['StreamDescription'] as StreamDescription
  const Shards = description.Shards.map((shard) => ({
    ...shard,
    SequenceNumberRange: {
      StartingSequenceNumber: localSequence(shard.SequenceNumberRange.StartingSequenceNumber ?? 1),
    },
  }))
  return { ...reply, StreamDescription: { ...description, Shards } }
}

export class TableStreams {
  readonly #client: DynoxideClient
  readonly #schemas: TableSchemas
  readonly #deletions: TtlDeletions
  readonly #shardIds = new Map<string, string>()

  constructor(client: DynoxideClient, schemas: TableSchemas, deletions: TtlDeletions) {
    this.#client = client
    this.#schemas = schemas
    this.#deletions = deletions
  }

  /** Number of the newest record, 0 before the first; undefined for a table without a stream. */
  async newest(tableName: string): Promise<number | undefined> {
    const streamArn = (await this.#schemas.find(tableName))?.streamArn
    if (streamArn === undefined) return undefined
    return positionOf(await this.#iterator(streamArn, { ShardIteratorType: 'LATEST' }))
  }

  async open(tableName: string): Promise<TableStream> {
    const streamArn = (await this.#schemas.find(tableName))?.streamArn
    if (streamArn === undefined) throw new Error(`Table ${tableName} has no stream`)
    return {
      streamArn,
      latest: async () => localSequence((await this.newest(tableName)) ?? 0),
      read: async (after, Limit = MAX_RECORDS) => {
        const ShardIterator = await this.#iterator(streamArn, {
          ShardIteratorType: after === undefined ? 'TRIM_HORIZON' : 'AFTER_SEQUENCE_NUMBER',
          ...(after !== undefined && { SequenceNumber: databaseSequence(after) }),
        })
        const page = await this.#client.call('GetRecords', { ShardIterator, Limit })
        const all = page['Records'] as StreamRecord[]
        const last = all.at(-1)?.dynamodb.SequenceNumber
        return {
          records: (await this.#changes(streamArn, all)).map(({ record, isExpiry }) => ({
            ...record,
            eventSourceARN: streamArn,
            ...(isExpiry && {
              userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' } as const,
            }),
          })),
          position: last === undefined ? after : localSequence(last),
        }
      },
    }
  }

  async #iterator(streamArn: string, start: JsonObject): Promise<string> {
    const reply = await this.#client.call('GetShardIterator', {
      StreamArn: streamArn.replace(LOCAL_ARN_PREFIX, DATABASE_ARN_PREFIX),
      ShardId: await this.#shardId(streamArn),
      ...start,
    })
    return String(reply['ShardIterator'])
  }

  async #shardId(streamArn: string): Promise<string | undefined> {
    const known = this.#shardIds.get(streamArn)
    if (known !== undefined) return known
    const StreamArn = streamArn.replace(LOCAL_ARN_PREFIX, DATABASE_ARN_PREFIX)
    const reply = await this.#client.call('DescribeStream', { StreamArn })
    const shardId = (reply['StreamDescription'] as StreamDescription).Shards[0]?.ShardId
    if (shardId !== undefined) this.#shardIds.set(streamArn, shardId)
    return shardId
  }

  /** A reply of GetRecords for the stream, in the words of that API. */
  async localRecords(streamArn: string, reply: JsonObject): Promise<JsonObject> {
    const changes = await this.#changes(streamArn, reply['Records'] as StreamRecord[])
    const Records = changes.map(({ record, isExpiry }) => ({
      ...record,
      // https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Identity.html
      ...(isExpiry && {
        userIdentity: { Type: 'Service', PrincipalId: 'dynamodb.amazonaws.com' },
      }),
    }))
    return { ...reply, Records }
  }

  /** The records of true changes, and which of them are deletions by time to live. */
  async #changes(
    streamArn: string,
    records: readonly StreamRecord[],
  ): Promise<{ record: StreamRecord; isExpiry: boolean }[]> {
    const tableName = streamArn.split('/')[1] ?? ''
    const schema = await this.#schemas.find(tableName)
    return records.filter(isChange).map((it) => {
      const { SequenceNumber } = it.dynamodb
      const item = schema && itemIdentity(schema, it.dynamodb.Keys)
      const isExpiry =
        it.eventName === 'REMOVE' &&
        item !== undefined &&
        this.#deletions.isExpiry(item, Number(SequenceNumber))
      return { record: localRecord(streamArn, it), isExpiry }
    })
  }
}

/** "If you perform a PutItem or UpdateItem operation that does not change any data, DynamoDB Streams does not write a stream record." */
function isChange({ eventName, dynamodb: { OldImage, NewImage } }: StreamRecord): boolean {
  const isUnchanged = OldImage !== undefined && isDeepStrictEqual(OldImage, NewImage)
  return eventName !== 'MODIFY' || !isUnchanged
}

function localRecord(streamArn: string, record: StreamRecord): StreamRecord {
  const SequenceNumber = localSequence(record.dynamodb.SequenceNumber)
  return {
    ...record,
    // "A globally unique identifier for the event".
    eventID: createHash('md5').update(`${streamArn} ${SequenceNumber}`).digest('hex'),
    awsRegion: LOCAL_REGION,
    dynamodb: { ...record.dynamodb, SequenceNumber },
  }
}
