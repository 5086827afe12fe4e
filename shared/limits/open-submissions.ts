/**
 * `address#{hash of the address}`: hand-overs that one address has begun and not finished, and how
 * often it has announced files lately (security rule 8). An entry ends with its reservation; the
 * item is read with each intent and changed in the transaction of the intent, on condition that
 * nobody has changed it since.
 */
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type Clock, HOUR_MS, MINUTE_MS, SECOND_MS } from '../platform/clock.ts'
import { hashToken } from '../platform/ids.ts'
import type { Item, Table, TransactItem } from '../platform/table.ts'

export interface OpenSubmissions {
  version: number
  /** Submission ids with the end of their last reservation. */
  open: Record<string, number>
  /** Intents of the quarter of an hour that began with the first of them. */
  intents: { times: number; windowEndsAtMs: number }
}

export type AddressStore = ReturnType<typeof addressStore>

const WINDOW_MS = 15 * MINUTE_MS

const isNew = 'attribute_not_exists(pk)'
const unchangedSinceRead = 'version = :version'

export function addressStore(table: Table, clock: Clock) {
  // An address is about a person: what lies in the table is its hash.
  const key = (address: string) => ({ pk: `address#${hashToken(address)}`, sk: 'address' })

  /** What an item of this store says now; there may be none. */
  function read(item: Item | undefined): OpenSubmissions {
    const { version = 0, open = {}, intents } = (item ?? {}) as Partial<OpenSubmissions>
    const nowMs = clock.now()
    return {
      version,
      open: Object.fromEntries(Object.entries(open).filter(([, untilMs]) => untilMs > nowMs)),
      intents:
        intents && intents.windowEndsAtMs > nowMs
          ? intents
          : { times: 0, windowEndsAtMs: nowMs + WINDOW_MS },
    }
  }

  return {
    key,
    read,

    async find(address: string): Promise<OpenSubmissions> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(address), ConsistentRead: true }),
      )
      return read(reply.Item)
    },

    /** The write that counts an intent and notes what is open from now on; refused when another intent of this address came first. */
    save(address: string, seen: OpenSubmissions, open: OpenSubmissions['open']): TransactItem {
      const { times, windowEndsAtMs } = seen.intents
      return {
        Put: {
          TableName: table.name,
          Item: {
            ...key(address),
            open,
            intents: { times: times + 1, windowEndsAtMs },
            version: seen.version + 1,
            expiresAt: Math.ceil((clock.now() + HOUR_MS) / SECOND_MS),
          },
          ...(seen.version === 0
            ? { ConditionExpression: isNew }
            : {
                ConditionExpression: unchangedSinceRead,
                ExpressionAttributeValues: { ':version': seen.version },
              }),
        },
      }
    },
  }
}
