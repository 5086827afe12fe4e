/**
 * `address#{hash of the address}`: hand-overs that one address has begun and not finished (security
 * rule 8). An entry ends with its reservation; the item is read before each intent and changed in
 * the transaction of the intent, on condition that nobody has changed it since.
 */
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type Clock, HOUR_MS, SECOND_MS } from '../platform/clock.ts'
import { hashToken } from '../platform/ids.ts'
import type { Table, TransactItem } from '../platform/table.ts'

export interface OpenSubmissions {
  version: number
  /** Submission ids with the end of their first reservation. */
  open: Record<string, number>
}

export type AddressStore = ReturnType<typeof addressStore>

const isNew = 'attribute_not_exists(pk)'
const unchangedSinceRead = 'version = :version'

export function addressStore(table: Table, clock: Clock) {
  // An address is about a person: what lies in the table is its hash.
  const key = (address: string) => ({ pk: `address#${hashToken(address)}`, sk: 'address' })

  return {
    /** What is open from this address now. */
    async find(address: string): Promise<OpenSubmissions> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(address), ConsistentRead: true }),
      )
      const item = reply.Item as OpenSubmissions | undefined
      const open = Object.entries(item?.open ?? {}).filter(([, untilMs]) => untilMs > clock.now())
      return { version: item?.version ?? 0, open: Object.fromEntries(open) }
    },

    /** The write that notes what is open from now on; refused when another intent of this address came first. */
    save(address: string, seen: OpenSubmissions, open: OpenSubmissions['open']): TransactItem {
      return {
        Put: {
          TableName: table.name,
          Item: {
            ...key(address),
            open,
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
