/**
 * What DynamoDB refuses while a transaction runs
 * (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling).
 */
import { AwsError } from '../engine.ts'
import type { JsonObject } from './dynoxide-client.ts'
import { batchItems, touchedItem, transactItems } from './operations.ts'
import type { TableSchemas } from './table-schema.ts'

const MESSAGE = 'Transaction is ongoing for the item'

/** The items that running transactions write, by their identity. */
export class Conflicts {
  readonly #held = new Set<string>()
  readonly #tokens = new Set<string>()
  readonly #schemas: TableSchemas

  constructor(schemas: TableSchemas) {
    this.#schemas = schemas
  }

  /** Runs a transaction with its items held; cancels it when another one holds one of them. */
  async transact<T>(input: JsonObject, run: () => Promise<T>): Promise<T> {
    const token = input['ClientRequestToken']
    const items = await this.#itemsOf(input)
    if (typeof token === 'string' && this.#tokens.has(token)) {
      throw new AwsError(
        'TransactionInProgressException',
        'The transaction with the given request token is already in progress.',
      )
    }
    this.#cancelOverlap(items)
    const held = items.filter((it) => it !== undefined)
    for (const item of held) this.#held.add(item)
    if (typeof token === 'string') this.#tokens.add(token)
    try {
      return await run()
    } finally {
      for (const item of held) this.#held.delete(item)
      if (typeof token === 'string') this.#tokens.delete(token)
    }
  }

  /** Cancels a transaction that reads an item of a running one. */
  async refuseTransactionalRead(input: JsonObject): Promise<void> {
    this.#cancelOverlap(await this.#itemsOf(input))
  }

  async refuseSingleWrite(input: JsonObject): Promise<void> {
    if (this.#isHeld(await touchedItem(input, this.#schemas))) {
      throw new AwsError('TransactionConflictException', MESSAGE)
    }
  }

  /** A batch without the writes that have to wait, and those writes by their tables. */
  async splitBatch(input: JsonObject): Promise<{ free: JsonObject; held: JsonObject }> {
    const free: JsonObject = {}
    const held: JsonObject = {}
    for (const { tableName, requests } of batchItems(input)) {
      for (const { request, member } of requests) {
        const touched = await touchedItem({ ...member, TableName: tableName }, this.#schemas)
        const side = this.#isHeld(touched) ? held : free
        side[tableName] = [...((side[tableName] ?? []) as JsonObject[]), request]
      }
    }
    return { free, held }
  }

  #isHeld(item: string | undefined): boolean {
    return item !== undefined && this.#held.has(item)
  }

  async #itemsOf(input: JsonObject): Promise<(string | undefined)[]> {
    return await Promise.all(
      transactItems(input).map(({ member }) => touchedItem(member, this.#schemas)),
    )
  }

  /** One reason for each item, in the order of the request. */
  #cancelOverlap(items: readonly (string | undefined)[]): void {
    const reasons = items.map((it) =>
      this.#isHeld(it) ? { Code: 'TransactionConflict', Message: MESSAGE } : { Code: 'None' },
    )
    if (reasons.every((it) => it.Code === 'None')) return
    throw new AwsError(
      'TransactionCanceledException',
      `Transaction cancelled, please refer cancellation reasons for specific reasons [${reasons.map((it) => it.Code).join(', ')}]`,
      400,
      { CancellationReasons: reasons },
    )
  }
}
