import type { Clock } from '../clock.ts'
import { AwsError } from '../engine.ts'
import type { DynoxideClient, JsonObject } from './dynoxide-client.ts'
import { type Item, itemIdentity, type TableSchema, type TableSchemas } from './table-schema.ts'
import type { TableStreams } from './table-stream.ts'
import type { TtlDeletions } from './ttl-deletions.ts'

const TICK_MS = 60_000
/** A tick reads this much of a table and the next goes on there: AWS too takes up to days. */
const ITEMS_PER_TICK = 5_000
const PAGE_ITEMS = 1_000
const DELETES_AT_ONCE = 10
/** "Items with TTL timestamps more than five years in the past are not deleted". */
const OLDEST_SECONDS = 5 * 365 * 24 * 3600

/** Deletes items whose time is over, by the local clock; dynoxide stores TTL settings and never acts. */
export class TtlSweeper {
  readonly #client: DynoxideClient
  readonly #schemas: TableSchemas
  readonly #streams: TableStreams
  readonly #deletions: TtlDeletions
  readonly #clock: Clock
  readonly #attributes = new Map<string, string>()
  readonly #positions = new Map<string, unknown>()
  readonly #timer: NodeJS.Timeout
  #running: Promise<unknown> = Promise.resolve()

  constructor(options: {
    client: DynoxideClient
    schemas: TableSchemas
    streams: TableStreams
    deletions: TtlDeletions
    clock: Clock
    onFailure: (failure: unknown) => void
  }) {
    this.#client = options.client
    this.#schemas = options.schemas
    this.#streams = options.streams
    this.#deletions = options.deletions
    this.#clock = options.clock
    this.#timer = setInterval(() => {
      this.#run(ITEMS_PER_TICK).catch(options.onFailure)
    }, TICK_MS)
    this.#timer.unref()
  }

  watch(tableName: string, attribute: string): void {
    this.#attributes.set(tableName, attribute)
  }

  forget(tableName: string): void {
    this.#attributes.delete(tableName)
    this.#positions.delete(tableName)
  }

  /** Deletes everything that has expired by now; answers how many items. */
  async expireItems(): Promise<number> {
    return await this.#run(Number.POSITIVE_INFINITY)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#attributes.clear()
    await this.#running
  }

  /** One sweep at a time: a second one waits for the first. */
  #run(maxItems: number): Promise<number> {
    const sweep = this.#running.then(async () => {
      let deleted = 0
      for (const [table, attribute] of [...this.#attributes]) {
        deleted += await this.#sweepTable(table, attribute, maxItems)
      }
      return deleted
    })
    // Whoever asked for a sweep hears of its failure; the next sweep starts all the same.
    this.#running = sweep.catch(() => undefined)
    return sweep
  }

  async #sweepTable(table: string, attribute: string, maxItems: number): Promise<number> {
    const isWhole = maxItems === Number.POSITIVE_INFINITY
    let position = isWhole ? undefined : this.#positions.get(table)
    let deleted = 0
    let read = 0
    do {
      const page = await this.#client.call('Scan', {
        TableName: table,
        Limit: PAGE_ITEMS,
        ...(position !== undefined && { ExclusiveStartKey: position }),
        FilterExpression: '#ttl <= :now AND #ttl > :oldest',
        ...this.#expiry(attribute),
      })
      deleted += await this.#deleteAll(table, attribute, page['Items'] as Item[])
      read += Number(page['ScannedCount'])
      position = page['LastEvaluatedKey']
    } while (position !== undefined && read < maxItems && this.#attributes.has(table))
    if (!isWhole) this.#positions.set(table, position)
    return deleted
  }

  async #deleteAll(table: string, attribute: string, items: readonly Item[]): Promise<number> {
    const schema = await this.#schemas.find(table)
    if (!schema) return 0
    let deleted = 0
    for (let at = 0; at < items.length; at += DELETES_AT_ONCE) {
      deleted += await this.#deleteBatch(schema, attribute, items.slice(at, at + DELETES_AT_ONCE))
    }
    return deleted
  }

  async #deleteBatch(
    schema: TableSchema,
    attribute: string,
    batch: readonly Item[],
  ): Promise<number> {
    const before = await this.#streams.newest(schema.name)
    const identities = batch.map((it) => itemIdentity(schema, it))
    if (before !== undefined) this.#deletions.intend(identities, before, this.#clock.now())
    const outcomes = await Promise.all(
      batch.map((item) => {
        const key: JsonObject = { [schema.hashKey]: item[schema.hashKey] }
        if (schema.rangeKey !== undefined) key[schema.rangeKey] = item[schema.rangeKey]
        return this.#deleteExpired(schema.name, attribute, key)
      }),
    )
    if (before !== undefined) {
      const newest = await this.#streams.newest(schema.name)
      for (const [index, identity] of identities.entries()) {
        this.#deletions.settle(identity, before, outcomes[index] ? newest : undefined)
      }
    }
    return outcomes.filter(Boolean).length
  }

  async #deleteExpired(table: string, attribute: string, key: JsonObject): Promise<boolean> {
    try {
      await this.#client.call('DeleteItem', {
        TableName: table,
        Key: key,
        ConditionExpression: '#ttl <= :now AND #ttl > :oldest',
        ...this.#expiry(attribute),
      })
      return true
    } catch (error) {
      // Its life was prolonged, or it is gone, since the page was read.
      if (error instanceof AwsError && error.code === 'ConditionalCheckFailedException')
        return false
      throw error
    }
  }

  /** Items whose attribute is no number never match: comparisons hold between equal types only. */
  #expiry(attribute: string): JsonObject {
    const nowSeconds = Math.floor(this.#clock.now() / 1000)
    return {
      ExpressionAttributeNames: { '#ttl': attribute },
      ExpressionAttributeValues: {
        ':now': { N: String(nowSeconds) },
        ':oldest': { N: String(nowSeconds - OLDEST_SECONDS) },
      },
    }
  }
}
