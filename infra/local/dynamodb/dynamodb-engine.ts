/**
 * DynamoDB: dynoxide as a child process does the work; this engine adds what it lacks.
 *
 * - Names the permissions of each call with `dynamodb:LeadingKeys` and `dynamodb:Attributes`.
 * - ARNs in replies carry this cloud's region and account.
 * - TransactionConflict: while a TransactWriteItems runs, another transaction on one of its items is
 *   cancelled and a single write refused
 *   (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html).
 * - Items whose TTL is over are deleted by the local clock.
 * - GetRecords drops writes that changed nothing, which DynamoDB does not put into the stream.
 *
 * Gaps: reads and indexes are never stale; BatchWriteItem waits for a running transaction instead
 * of reporting unprocessed items; a TTL delete has no `userIdentity` in the stream; no PartiQL,
 * backups or capacity limits.
 *
 * On disk: `<dataDir>/dynamodb.db` with its `-wal` and `-shm`; every commit is synced.
 */
import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'
import type { Clock } from '../clock.ts'
import { type AwsCall, type AwsEngine, AwsError, LOCAL_REGION } from '../engine.ts'
import { DynoxideClient, type DynoxideReply, type JsonObject } from './dynoxide-client.ts'
import { type ProcessWarden, startDynoxide } from './dynoxide-process.ts'
import { ItemLocks } from './item-locks.ts'
import {
  accessRequestsOf,
  DESCRIBING_OPERATIONS,
  tableNameOf,
  touchedItem,
  transactItems,
} from './operations.ts'
import {
  checkTableProperties,
  createTableInput,
  type TableProperties,
  updateTableInputs,
} from './table-properties.ts'
import {
  DATABASE_ARN_PREFIX,
  describeTable,
  LOCAL_ARN_PREFIX,
  type TableDescription,
  TableSchemas,
  tableArn,
} from './table-schema.ts'
import { TtlSweeper } from './ttl-sweeper.ts'

const SINGLE_WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem'])
/** Tables and indexes are ready at once but for the filling of an index. */
const ACTIVE_POLL_MS = 20
const ACTIVE_ATTEMPTS = 1_500

interface CreatedTable {
  tableName: string
  tableArn: string
  streamArn: string | undefined
}

export interface DynamoDbEngine extends AwsEngine {
  /** Process id of the database. */
  readonly pid: number
  /** Creates a table from its CloudFormation properties, or brings an existing one to them. */
  createTable(properties: TableProperties): Promise<CreatedTable>
  /** Deletes every item whose TTL is over by the clock; answers how many. */
  expireItems(): Promise<number>
}

export interface DynamoDbEngineOptions {
  /** Folder of the database file; without it the database is in memory. */
  dataDir?: string | undefined
  clock: Clock
  warden: ProcessWarden
  /** Fault hook: runs while the items of a transaction are held and before it is committed. */
  beforeCommit?: (input: JsonObject) => Promise<void>
  /** Receives failures of the TTL sweep. */
  onFailure?: (failure: unknown) => void
}

export async function createDynamoDbEngine(
  options: DynamoDbEngineOptions,
): Promise<DynamoDbEngine> {
  const dynoxide = await startDynoxide({ dataDir: options.dataDir, warden: options.warden })
  const client = new DynoxideClient(dynoxide.port)
  const schemas = new TableSchemas(client)
  const locks = new ItemLocks()
  const tokensInFlight = new Set<string>()
  const sweeper = new TtlSweeper({
    client,
    schemas,
    clock: options.clock,
    onFailure: options.onFailure ?? reportFailure,
  })

  /** Runs a call in the database. What was judged is what is sent: the parsed input, not its bytes. */
  async function forward(call: AwsCall, input: JsonObject): Promise<DynoxideReply> {
    if (!dynoxide.alive()) {
      throw new AwsError('InternalServerError', 'The database has stopped', 500)
    }
    const target = String(call.request.headers['x-amz-target'])
    return await client.send(target, JSON.stringify(databaseInput(input)))
  }

  async function transactWrite(call: AwsCall, input: JsonObject): Promise<DynoxideReply> {
    const items = await transactionItems(input, schemas)
    const token = input['ClientRequestToken']
    if (typeof token === 'string' && tokensInFlight.has(token)) {
      throw new AwsError(
        'TransactionInProgressException',
        'The transaction with the given request token is already in progress.',
      )
    }
    refuseConflicts(items, locks)
    const release = locks.hold(items)
    if (typeof token === 'string') tokensInFlight.add(token)
    try {
      await options.beforeCommit?.(input)
      return await forward(call, input)
    } finally {
      release()
      if (typeof token === 'string') tokensInFlight.delete(token)
    }
  }

  async function run(call: AwsCall, input: JsonObject): Promise<DynoxideReply> {
    const { operation } = call
    if (operation === 'TransactWriteItems') return await transactWrite(call, input)
    if (operation === 'TransactGetItems') {
      refuseConflicts(await transactionItems(input, schemas), locks)
    }
    if (SINGLE_WRITES.has(operation) && locks.isHeld(await touchedItem(input, schemas))) {
      throw new AwsError('TransactionConflictException', 'Transaction is ongoing for the item')
    }
    const reply = await forward(call, input)
    if (operation === 'UpdateTable' || operation === 'DeleteTable') {
      schemas.forget(tableNameOf(input))
      if (operation === 'DeleteTable') sweeper.forget(tableNameOf(input))
    }
    return reply
  }

  return {
    pid: dynoxide.pid,
    accessRequests: (call) => accessRequestsOf(call, call.input ?? {}, schemas),
    async handle(call, response) {
      const reply = await run(call, call.input ?? {})
      writeReply(response, call.operation, reply)
    },
    async createTable(properties) {
      checkTableProperties(properties)
      const { TableName, TimeToLiveSpecification: ttl } = properties
      const existing = await describeTable(client, TableName)
      const updates = existing ? updateTableInputs(properties, existing) : []
      if (!existing) await client.call('CreateTable', createTableInput(properties))
      await untilActive(client, TableName)
      for (const update of updates) {
        await client.call('UpdateTable', update)
        await untilActive(client, TableName)
      }
      sweeper.forget(TableName)
      if (ttl?.Enabled && ttl.AttributeName !== undefined) {
        await client.call('UpdateTimeToLive', { TableName, TimeToLiveSpecification: ttl })
        sweeper.watch(TableName, ttl.AttributeName)
      }
      schemas.forget(TableName)
      const streamArn = (await schemas.find(TableName))?.streamArn
      return { tableName: TableName, tableArn: tableArn(TableName), streamArn }
    },
    expireItems: () => sweeper.expireItems(),
    async close() {
      await sweeper.close()
      client.close()
      await dynoxide.close()
    },
  }
}

function reportFailure(failure: unknown): void {
  process.stderr.write(`dynamodb: expired items stay for now: ${String(failure)}\n`)
}

async function transactionItems(
  input: JsonObject,
  schemas: TableSchemas,
): Promise<(string | undefined)[]> {
  return await Promise.all(transactItems(input).map((it) => touchedItem(it.member, schemas)))
}

/** Cancels a transaction that touches an item of a running one, with a reason for each of its items. */
function refuseConflicts(items: readonly (string | undefined)[], locks: ItemLocks): void {
  const reasons = items.map((it) =>
    locks.isHeld(it)
      ? { Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' }
      : { Code: 'None' },
  )
  if (reasons.every((it) => it.Code === 'None')) return
  throw new AwsError(
    'TransactionCanceledException',
    `Transaction cancelled, please refer cancellation reasons for specific reasons [${reasons.map((it) => it.Code).join(', ')}]`,
    400,
    { CancellationReasons: reasons },
  )
}

/** The request as the database wants it: tables by name and its own ARNs. */
function databaseInput(input: JsonObject): JsonObject {
  const translated: JsonObject = { ...input }
  for (const member of ['ResourceArn', 'StreamArn']) {
    const arn = input[member]
    if (typeof arn === 'string') {
      translated[member] = arn.replace(LOCAL_ARN_PREFIX, DATABASE_ARN_PREFIX)
    }
  }
  if (typeof input['TableName'] === 'string') translated['TableName'] = tableNameOf(input)
  const requests = input['RequestItems']
  if (typeof requests === 'object' && requests !== null) {
    translated['RequestItems'] = Object.fromEntries(
      Object.entries(requests).map(([name, value]) => [tableNameOf({ TableName: name }), value]),
    )
  }
  if (Array.isArray(input['TransactItems'])) {
    translated['TransactItems'] = transactItems(input).map(({ kind, member }) => ({
      [kind]: { ...member, TableName: tableNameOf(member) },
    }))
  }
  return translated
}

function writeReply(response: ServerResponse, operation: string, reply: DynoxideReply): void {
  const body = localReply(operation, reply)
  response.writeHead(reply.status, {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': body.length,
    // The SDK can be told to verify this checksum.
    'x-amz-crc32': crc32(body),
  })
  response.end(body)
}

function localReply(operation: string, reply: DynoxideReply): Buffer {
  if (reply.status !== 200) return reply.body
  if (DESCRIBING_OPERATIONS.has(operation)) {
    return Buffer.from(reply.body.toString().replaceAll(DATABASE_ARN_PREFIX, LOCAL_ARN_PREFIX))
  }
  return operation === 'GetRecords' ? localRecords(reply.body) : reply.body
}

interface StreamRecord {
  awsRegion: string
  eventName: string
  dynamodb: { OldImage?: unknown; NewImage?: unknown }
}

function localRecords(body: Buffer): Buffer {
  const page = JSON.parse(body.toString()) as { Records: StreamRecord[] }
  const records = page.Records.filter(({ eventName, dynamodb: { OldImage, NewImage } }) => {
    const isUnchanged = OldImage !== undefined && isDeepStrictEqual(OldImage, NewImage)
    return eventName !== 'MODIFY' || !isUnchanged
  })
  return Buffer.from(
    JSON.stringify({
      ...page,
      Records: records.map((it) => ({ ...it, awsRegion: LOCAL_REGION })),
    }),
  )
}

async function untilActive(client: DynoxideClient, tableName: string): Promise<void> {
  for (let attempt = 0; attempt < ACTIVE_ATTEMPTS; attempt++) {
    const table = await describeTable(client, tableName)
    if (table && isActive(table)) return
    await delay(ACTIVE_POLL_MS)
  }
  throw new Error(`Table ${tableName} does not become active`)
}

function isActive(table: TableDescription): boolean {
  const indexes = table.GlobalSecondaryIndexes ?? []
  return table.TableStatus === 'ACTIVE' && indexes.every((it) => it.IndexStatus === 'ACTIVE')
}
