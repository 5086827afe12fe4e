/**
 * DynamoDB: dynoxide as a child process does the work; this engine adds what it lacks.
 *
 * - Names the permissions of each call with `dynamodb:LeadingKeys` and `dynamodb:Attributes`.
 * - While a TransactWriteItems runs, what touches its items is cancelled, refused or left
 *   unprocessed (`conflicts.ts`), as the transaction chapter of the developer guide says.
 * - Items whose TTL is over are deleted by the local clock, marked so in the stream.
 * - Streams with lasting sequence numbers, without writes that changed nothing (`table-stream.ts`).
 * - A database that dies is started again on its file; calls in flight get a retryable 500.
 *
 * Gaps: reads and indexes are never stale; a stream has one shard and the machine's time; no
 * PartiQL, backups, replicas or capacity limits; a transaction whose reply a dying database took
 * along may be applied again when its token is sent again.
 *
 * On disk: `<dataDir>/dynamodb.db` (every commit is synced) and `ttl-deletions.db`, with their
 * journals. In memory a dead database stays dead.
 */
import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import type { Clock } from '../clock.ts'
import type { AwsCall, AwsEngine } from '../engine.ts'
import { Conflicts } from './conflicts.ts'
import { DynoxideClient, type JsonObject } from './dynoxide-client.ts'
import type { DynoxideReply } from './dynoxide-connection.ts'
import type { ProcessWarden } from './dynoxide-process.ts'
import { DynoxideSupervisor } from './dynoxide-supervisor.ts'
import {
  accessRequestsOf,
  DESCRIBING_OPERATIONS,
  refuseForeignStart,
  streamOfIterator,
  tableNameOf,
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
import {
  databaseSequence,
  localDescription,
  type TableStream,
  TableStreams,
} from './table-stream.ts'
import { TtlDeletions } from './ttl-deletions.ts'
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
  /** The stream of a table, named by the table's ARN or the stream's own. */
  openStream(arn: string): Promise<TableStream>
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
  const { dataDir, warden, clock } = options
  const dynoxide = await DynoxideSupervisor.start({ dataDir, warden })
  const client = new DynoxideClient(() => dynoxide.port())
  const schemas = new TableSchemas(client)
  const conflicts = new Conflicts(schemas)
  const deletions = new TtlDeletions(dataDir)
  const streams = new TableStreams(client, schemas, deletions)
  const sweeper = new TtlSweeper({
    client,
    schemas,
    streams,
    deletions,
    clock,
    onFailure: options.onFailure ?? reportFailure,
  })

  /** Runs a call in the database. What was judged is what is sent: the parsed input, not its bytes. */
  async function forward(call: AwsCall, input: JsonObject): Promise<DynoxideReply> {
    const target = String(call.request.headers['x-amz-target'])
    return await client.send(target, JSON.stringify(databaseInput(input)))
  }

  async function batchWrite(call: AwsCall, input: JsonObject): Promise<DynoxideReply> {
    const { free, held } = await conflicts.splitBatch(input)
    if (Object.keys(held).length === 0) return await forward(call, input)
    const reply: DynoxideReply =
      Object.keys(free).length === 0
        ? { status: 200, body: Buffer.from('{}') }
        : await forward(call, { ...input, RequestItems: free })
    return edited(reply, (output) => ({ ...output, UnprocessedItems: held }))
  }

  async function run(call: AwsCall, input: JsonObject): Promise<DynoxideReply> {
    const { operation } = call
    if (operation === 'TransactWriteItems') {
      return await conflicts.transact(input, async () => {
        await options.beforeCommit?.(input)
        return await forward(call, input)
      })
    }
    if (operation === 'BatchWriteItem') return await batchWrite(call, input)
    if (operation === 'Query') await refuseForeignStart(input, schemas)
    if (operation === 'TransactGetItems') await conflicts.refuseTransactionalRead(input)
    if (SINGLE_WRITES.has(operation)) await conflicts.refuseSingleWrite(input)
    const reply = await forward(call, input)
    if (reply.status === 200) noteChange(operation, input)
    return reply
  }

  function noteChange(operation: string, input: JsonObject): void {
    const tableName = input['TableName'] === undefined ? '' : tableNameOf(input)
    if (operation === 'UpdateTable' || operation === 'DeleteTable') schemas.forget(tableName)
    if (operation === 'DeleteTable') sweeper.forget(tableName)
    if (operation === 'UpdateTimeToLive') {
      const ttl = input['TimeToLiveSpecification'] as { AttributeName: string; Enabled: boolean }
      if (ttl.Enabled) sweeper.watch(tableName, ttl.AttributeName)
      else sweeper.forget(tableName)
    }
  }

  /** The reply as this cloud words it. */
  async function localReply(
    { operation }: AwsCall,
    input: JsonObject,
    reply: DynoxideReply,
  ): Promise<DynoxideReply> {
    if (reply.status !== 200) return reply
    if (operation === 'GetRecords') {
      const streamArn = await streamOfIterator(String(input['ShardIterator']), schemas)
      const output = JSON.parse(reply.body.toString()) as JsonObject
      const local = await streams.localRecords(streamArn, output)
      return { ...reply, body: Buffer.from(JSON.stringify(local)) }
    }
    if (!DESCRIBING_OPERATIONS.has(operation)) return reply
    const body = reply.body.toString().replaceAll(DATABASE_ARN_PREFIX, LOCAL_ARN_PREFIX)
    const local = { ...reply, body: Buffer.from(body) }
    return operation === 'DescribeStream' ? edited(local, localDescription) : local
  }

  return {
    get pid() {
      return dynoxide.pid
    },
    accessRequests: (call) => accessRequestsOf(call, call.input ?? {}, schemas),
    async handle(call, response) {
      const input = call.input ?? {}
      writeReply(response, await localReply(call, input, await run(call, input)))
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
    openStream: (arn) => streams.open(arn.split('/')[1] ?? arn),
    expireItems: () => sweeper.expireItems(),
    async close() {
      await sweeper.close()
      client.close()
      await dynoxide.close()
      deletions.close()
    },
  }
}

function reportFailure(failure: unknown): void {
  process.stderr.write(`dynamodb: expired items stay for now: ${String(failure)}\n`)
}

/** The reply with another output. */
function edited(reply: DynoxideReply, edit: (output: JsonObject) => JsonObject): DynoxideReply {
  if (reply.status !== 200) return reply
  const output = JSON.parse(reply.body.toString()) as JsonObject
  return { ...reply, body: Buffer.from(JSON.stringify(edit(output))) }
}

/** The request as the database wants it: tables by name and its own ARNs. */
function databaseInput(input: JsonObject): JsonObject {
  const translated: JsonObject = { ...input }
  for (const member of ['ResourceArn', 'StreamArn', 'ExclusiveStartStreamArn']) {
    const arn = input[member]
    if (typeof arn === 'string') {
      translated[member] = arn.replace(LOCAL_ARN_PREFIX, DATABASE_ARN_PREFIX)
    }
  }
  if (typeof input['SequenceNumber'] === 'string') {
    translated['SequenceNumber'] = databaseSequence(input['SequenceNumber'])
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

function writeReply(response: ServerResponse, { status, body }: DynoxideReply): void {
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': body.length,
    // The SDK can be told to verify this checksum.
    'x-amz-crc32': crc32(body),
  })
  // As text it leaves in one piece with its headers; each character is one of its bytes.
  response.end(body.toString('latin1'), 'latin1')
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
