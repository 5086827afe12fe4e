/**
 * The one table, as stores use it. Partition keys begin with their type, so that each function's
 * role can be limited with `dynamodb:LeadingKeys`.
 *
 * | pk | sk | is |
 * |---|---|---|
 * | `user#usr_…` | `user` | an owner |
 * | `login#{provider}#{hash of subject}` | `login` | which user signs in so |
 * | `session#{hash}` | `session` | a signed-in browser, TTL |
 * | `state#{hash}` | `state` | an OAuth flow under way, TTL |
 * | `account#acc_…` | `account` | a storage account |
 * | `grant#grt_…` | `grant` | encrypted tokens and their refresh lease |
 * | `identity#{provider}#{hash of subject}` | `grt_…` | the grants that one identity has given |
 * | `portal#prt_…` | `portal`, `statistics#{n}` | a portal; how many files it brought |
 * | `places#prt_…` | `places` | how many it still takes, when its owner limits that |
 * | `cap#prt_…#{day}`, `cap#all#{day}#{n}` | `cap` | what a portal and the deployment still take today, TTL |
 * | `address#{hash}` | `address` | hand-overs that one address has begun and not finished, TTL |
 * | `slug#{slug}` | `slug` | whose link this is |
 * | `submission#sub_…` | `submission`, `batch#{n}` | one hand-over; the uploads of each intent |
 * | `upload#upl_…` | `upload` | a file |
 * | `signing#upl_…` | `block#{n}` | how often each part was signed |
 * | `delivery#upl_…` | `delivery` | the work of bringing it to an account |
 * | `name#{accountId}#{portalId}`, `name#{accountId}#chosen` | `{path}/{name}` | which upload has this name in the folder |
 * | `folder#{accountId}` | `root/{portalId}/{path}`, `chosen/{path}` | the folder's id at the provider |
 * | `download#upl_…` | `download` | a large file being staged for its owner |
 * | `event#evt_…` | `event` | an audit entry |
 * | `rate#{purpose}#{hash of who}` | `rate` | how often somebody has done something lately, TTL |
 */
import { createHash } from 'node:crypto'
import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
} from '@aws-sdk/client-dynamodb'
import {
  BatchGetCommand,
  type DynamoDBDocumentClient,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from '@aws-sdk/lib-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { PortageError } from '../errors.ts'
import { isoTime, sleep } from './clock.ts'

export interface Table {
  name: string
  client: DynamoDBDocumentClient
}

export type Item = Record<string, unknown>
export type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number]

export const INDEX = {
  owner: 'byOwner',
  portal: 'byPortal',
  account: 'byAccount',
  client: 'byClient',
  due: 'byDue',
} as const

/** Partitions of the due index: enough that a thousand writes a second spread. */
export const DUE_PARTITIONS = 8

/** Kinds of due entries, and what the sweep does with each. */
export type DueKind = 'upload' | 'small-delivery' | 'large-delivery' | 'account'

/** The next time at which something has to be looked at; an entry is a hint, whoever acts re-checks by condition. */
export function dueKeys(id: string, kind: DueKind, atMs: number): { duePk: string; dueSk: string } {
  return { duePk: `due#${spread(id, DUE_PARTITIONS)}`, dueSk: `${isoTime(atMs)}#${kind}#${id}` }
}

/** A number from 0 to below `places` that an id always gets, even over all ids. */
export function spread(id: string, places: number): number {
  return createHash('md5').update(id).digest().readUInt8(0) % places
}

/** The item as it stood when a single conditional write was refused, `null` when there was none; undefined for other errors. */
export function refusedItem(error: unknown): Item | null | undefined {
  if (!(error instanceof ConditionalCheckFailedException)) return undefined
  return error.Item ? unmarshall(error.Item) : null
}

/** What a single conditional write answers; undefined when its condition does not hold. */
export async function ifItHolds<Reply>(write: Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await write
  } catch (error) {
    if (refusedItem(error) === undefined) throw error
    return undefined
  }
}

/** A transaction whose conditions did not hold; `items[n]` is what stood in the way of the nth write. */
export class TransactionRefused extends Error {
  override name = 'TransactionRefused' as const
  /** Per write: undefined where its condition held, `null` where no item exists, else the item. */
  readonly items: (Item | null | undefined)[]

  constructor(items: (Item | null | undefined)[], cause: unknown) {
    super('A condition of the transaction did not hold', { cause })
    this.items = items
  }
}

/** Reasons of a cancelled transaction that pass by themselves; the SDK repeats none of them. */
const PASSING = ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']
const CONFLICT_ATTEMPTS = 8
const CONFLICT_BASE_MS = 10
const CONFLICT_CAP_MS = 400

/**
 * Writes all items or none. A conflict with another write, or throttling, is retried with full jitter
 * (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
 * Throws `TransactionRefused` when a condition does not hold, `BUSY` when conflicts go on.
 */
export async function transact(
  table: Table,
  items: TransactItem[],
  random = Math.random,
): Promise<void> {
  const command = new TransactWriteCommand({ TransactItems: items.map(withOldItem) })
  for (let attempt = 1; ; attempt += 1) {
    try {
      await table.client.send(command)
      return
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error
      const reasons = error.CancellationReasons ?? []
      if (reasons.some((reason) => reason.Code === 'ConditionalCheckFailed')) {
        throw new TransactionRefused(
          reasons.map((reason) => {
            if (reason.Code !== 'ConditionalCheckFailed') return undefined
            return reason.Item ? unmarshall(reason.Item) : null
          }),
          error,
        )
      }
      if (!reasons.some((reason) => PASSING.includes(reason.Code ?? ''))) throw error
      await afterConflict(attempt, error, random)
    }
  }
}

/**
 * Lets a client repeat single writes that meet a transaction under way, which the SDK does not
 * (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling).
 */
export function retryConflicts(
  client: DynamoDBDocumentClient,
  random = Math.random,
): DynamoDBDocumentClient {
  client.middlewareStack.add(
    (next) => async (args) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await next(args)
        } catch (error) {
          if (!(error instanceof TransactionConflictException)) throw error
          await afterConflict(attempt, error, random)
        }
      }
    },
    { step: 'build', priority: 'low', name: 'retryConflicts' },
  )
  return client
}

/** Waits with full jitter, or throws `BUSY` when that was the last attempt. */
async function afterConflict(attempt: number, error: unknown, random: () => number): Promise<void> {
  if (attempt === CONFLICT_ATTEMPTS) {
    throw new PortageError('BUSY', 'Too much is happening at once. Please try again in a moment.', {
      facts: { retryAfterSeconds: 2 },
      cause: error,
    })
  }
  await sleep(random() * Math.min(CONFLICT_CAP_MS, CONFLICT_BASE_MS * 2 ** attempt))
}

function withOldItem(item: TransactItem): TransactItem {
  const old = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const
  if (item.Put) return { Put: { ...old, ...item.Put } }
  if (item.Update) return { Update: { ...old, ...item.Update } }
  if (item.Delete) return { Delete: { ...old, ...item.Delete } }
  if (item.ConditionCheck) return { ConditionCheck: { ...old, ...item.ConditionCheck } }
  return item
}

/** Sort value of every list: newest last, unique by its id. */
export function timeKey(atMs: number, id: string): string {
  return `${isoTime(atMs)}#${id}`
}

/** Keys that one BatchGetItem takes (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html). */
const BATCH_GET_KEYS = 100

/** The items of these different keys, in no order; those that do not exist are left out. */
export async function readItems(
  table: Table,
  keys: Item[],
  options: { consistent: boolean },
): Promise<Item[]> {
  const items: Item[] = []
  let left = keys
  while (left.length > 0) {
    const reply = await table.client.send(
      new BatchGetCommand({
        RequestItems: {
          [table.name]: {
            Keys: left.slice(0, BATCH_GET_KEYS),
            ConsistentRead: options.consistent,
          },
        },
      }),
    )
    items.push(...(reply.Responses?.[table.name] ?? []))
    const unprocessed = reply.UnprocessedKeys?.[table.name]?.Keys ?? []
    left = [...unprocessed, ...left.slice(BATCH_GET_KEYS)]
  }
  return items
}

/** DynamoDB's longest sort key (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html). */
const SORT_KEY_MAX_BYTES = 1024

/** A client's path as sort key; of one too long its hash says as well whether it is the same. */
export function pathKey(path: string): string {
  if (Buffer.byteLength(path) <= SORT_KEY_MAX_BYTES) return path
  return `sha256#${createHash('sha256').update(path).digest('hex')}`
}

/** Where a list goes on: the sort key alone, so a cursor opens nothing that the caller does not own. */
export function encodeCursor(lastKey: Item | undefined, sortAttribute: string): string | undefined {
  const sort = lastKey?.[sortAttribute]
  return typeof sort === 'string' ? Buffer.from(sort).toString('base64url') : undefined
}

const CURSOR_FORM = /^\d{4}-\d\d-\d\dT[\d:.]+Z#([a-z]{3}_[0-9a-z]+)$/

/**
 * The start key of the next page within the caller's own partition, and between the sort values that
 * are asked for: DynamoDB refuses one outside of them.
 */
export function startKey(
  cursor: string | undefined,
  partition: { attribute: string; value: string },
  sortAttribute: string,
  type: string,
  [lowest, highest] = ['0', ':'],
): Item | undefined {
  if (cursor === undefined) return undefined
  const sort = Buffer.from(cursor, 'base64url').toString('utf8')
  const id = CURSOR_FORM.exec(sort)?.[1]
  if (id === undefined || sort < lowest || sort > highest) {
    throw new PortageError('INVALID_REQUEST', 'The cursor is not one that this list gave out.', {
      fields: [{ field: 'cursor', message: 'is not a cursor of this list' }],
    })
  }
  return {
    [partition.attribute]: partition.value,
    [sortAttribute]: sort,
    pk: `${type}#${id}`,
    sk: type,
  }
}
