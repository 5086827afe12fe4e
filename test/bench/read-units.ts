/** What lists and schedules read of the database, with few and with many uploads in it. */
import {
  type AttributeValue,
  BatchWriteItemCommand,
  GetItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb'
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import { isoTime } from '../../shared/platform/clock.ts'
import { DUE_PARTITIONS, dueKeys, INDEX, timeKey } from '../../shared/platform/table.ts'
import { type DatabaseCall, meterDatabase } from './aws-usage.ts'
import { announce, type BenchCloud, eachOf, withBenchCloud } from './bench-cloud.ts'
import type { Figure } from './figure.ts'
import { fastTempDir } from './temp-dir.ts'

const FEW = 100
const MANY = 100_000
const PAGE = 50
const DUE = 7
const NOT_DUE = 5000
/** Within it none of the uploads that were made for the count becomes due. */
const LATER_MS = 86_400_000
const BATCH = 25
const BATCHES_AT_ONCE = 8

type Item = Record<string, AttributeValue>
type Change = (index: number, id: string) => Record<string, string>

export async function measureLists(stage: BuiltStage): Promise<Figure[]> {
  return withBenchCloud(
    stage,
    async (bench) => {
      const lists = listsOf(bench)
      const fill = await filler(bench)
      await fill(FEW - 1, notDue)
      const few = await unitsOf(bench, lists)
      await fill(MANY - FEW, notDue)
      const many = await unitsOf(bench, lists)
      return lists.map(({ name }, place): Figure => {
        const [before, after] = [few[place], many[place]]
        if (!before || !after) throw new Error(`${name} was not read`)
        return {
          name: `read units of ${name}, ${MANY.toLocaleString('en')} uploads`,
          value: after.query,
          unit: 'RRU',
          atMost: before.query,
          terms: `${before.query} RRU with ${FEW}; the whole page ${before.page} and ${after.page} RRU`,
        }
      })
    },
    { parent: fastTempDir() },
  )
}

interface List {
  name: string
  path: string
}

function listsOf({ portalId, accountId }: BenchCloud): List[] {
  const files = `/api/v1/uploads?limit=${PAGE}`
  return [
    { name: `${PAGE} files of the owner`, path: files },
    { name: `${PAGE} files of a portal`, path: `${files}&portalId=${portalId}` },
    { name: `${PAGE} files of an account`, path: `${files}&storageAccountId=${accountId}` },
    { name: 'the list of portals', path: '/api/portals' },
  ]
}

/** Of each list the units of its query and of the whole page. */
async function unitsOf(
  bench: BenchCloud,
  lists: List[],
): Promise<{ query: number; page: number }[]> {
  const units: { query: number; page: number }[] = []
  for (const { path } of lists) {
    const calls = await databaseCalls(bench, async () => {
      await bench.owner.call('GET', path)
    })
    const queries = calls.filter(({ operation }) => operation === 'Query')
    if (queries.length === 0) throw new Error(`${path} asks no index`)
    units.push({ query: sumOf(queries), page: sumOf(calls) })
  }
  return units
}

export async function measureSchedules(stage: BuiltStage): Promise<Figure[]> {
  return withBenchCloud(
    stage,
    async (bench) => {
      const fill = await filler(bench)
      await fill(NOT_DUE, notDue)
      await fill(DUE, (index, id) => dueKeys(id, 'upload', bench.cloud.clock.now() - 1000 - index))
      const figures: Figure[] = []
      for (const { name } of bench.cloud.schedules.list()) {
        const due = await countDue(bench)
        const calls = await databaseCalls(bench, async () => {
          await bench.cloud.schedules.run(name)
        })
        const items = calls
          .filter(({ index }) => index === INDEX.due)
          .reduce((sum, call) => sum + call.items, 0)
        figures.push({
          name: `items that ${name} reads`,
          value: items,
          unit: '',
          atMost: due,
          atLeast: due,
          terms: `${due} are due among ${NOT_DUE.toLocaleString('en')}`,
        })
      }
      return figures
    },
    { parent: fastTempDir() },
  )
}

/** Entries of the due index whose time has come, as the operator. */
async function countDue(bench: BenchCloud): Promise<number> {
  const { client, tableName } = bench.records
  const counts = await Promise.all(
    Array.from({ length: DUE_PARTITIONS }, async (_, partition) => {
      const reply = await client.send(
        new QueryCommand({
          TableName: tableName,
          IndexName: INDEX.due,
          KeyConditionExpression: 'duePk = :partition AND dueSk < :now',
          ExpressionAttributeValues: {
            ':partition': { S: `due#${partition}` },
            ':now': { S: isoTime(bench.cloud.clock.now()) },
          },
        }),
      )
      return reply.Count ?? 0
    }),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

function notDue(_index: number, id: string): Record<string, string> {
  return dueKeys(id, 'upload', Date.now() + LATER_MS)
}

async function databaseCalls(
  bench: BenchCloud,
  steps: () => Promise<void>,
): Promise<DatabaseCall[]> {
  const meter = meterDatabase(bench)
  try {
    await steps()
  } finally {
    meter.stop()
  }
  return meter.calls
}

function sumOf(calls: DatabaseCall[]): number {
  return calls.reduce((sum, { units }) => sum + units, 0)
}

/** Writes copies of a real upload, each with an id and a time of its own, straight into the table. */
async function filler(
  bench: BenchCloud,
): Promise<(count: number, change: Change) => Promise<void>> {
  const { client, tableName } = bench.records
  const [intent] = await announce(bench, 1000, 1)
  const uploadId = intent?.uploads[0]?.uploadId
  const model = await client.send(
    new GetItemCommand({
      TableName: tableName,
      Key: { pk: { S: `upload#${uploadId}` }, sk: { S: 'upload' } },
    }),
  )
  const item = model.Item
  if (!item) throw new Error('the upload that was announced is not in the table')
  let written = 0
  return async (count, change) => {
    const first = written
    written += count
    const batches = Array.from(
      { length: Math.ceil(count / BATCH) },
      (_, batch) => first + batch * BATCH,
    )
    await eachOf(batches, BATCHES_AT_ONCE, async (start) => {
      const size = Math.min(BATCH, first + count - start)
      const copies = Array.from({ length: size }, (_, index) => copyOf(item, start + index, change))
      const { UnprocessedItems: left = {} } = await client.send(
        new BatchWriteItemCommand({
          RequestItems: { [tableName]: copies.map((Item) => ({ PutRequest: { Item } })) },
        }),
      )
      if (Object.keys(left).length > 0) throw new Error('the database left items unwritten')
    })
  }
}

/** Older than the one before, so that lists begin with what was there first. */
function copyOf(item: Item, index: number, change: Change): Item {
  const id = `upl_${String(index).padStart(26, '0')}`
  const atMs = Date.now() - index * 1000
  const time = timeKey(atMs, id)
  const changed: Record<string, string> = {
    id,
    pk: `upload#${id}`,
    ownerSk: time,
    portalSk: time,
    accountSk: time,
    createdAt: isoTime(atMs),
    ...change(index, id),
  }
  return {
    ...item,
    ...Object.fromEntries(Object.entries(changed).map(([name, value]) => [name, { S: value }])),
  }
}
