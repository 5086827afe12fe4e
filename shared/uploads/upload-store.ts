/**
 * `upload#{id}`: a file from intent to its end.
 *
 *   pending ──taken in──▶ staged ──handed over──▶ delivering ──bound──▶ uploaded ──▶ deleted
 *      │                    │                      ▲      │
 *      ├─▶ expired          └─▶ rejected           └─ held ◀┘
 *      └─▶ deleted (cancelled)
 */
import { GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import type { Clock } from '../platform/clock.ts'
import { encodeCursor, INDEX, readItems, startKey, type Table } from '../platform/table.ts'
import type { Page } from '../portals/portal-store.ts'
import type { Upload } from './upload.ts'
import { arrivalWrites } from './upload-arrival.ts'
import { deliveryWrites } from './upload-delivery.ts'
import { clientList, timeOf, uploadKey } from './upload-record.ts'

export type UploadStore = ReturnType<typeof uploadStore>

/** Which list of uploads is meant; each is one index. */
export type UploadList =
  | { userId: string }
  | { portalId: string }
  | { accountId: string }
  | { userId: string; clientEmail: string }

/** Times of intent between which a list is read, both included. */
export interface Period {
  from?: string | undefined
  to?: string | undefined
}

/** Ids are behind a `#` and before any `$`. */
function bounds({ from = '0', to = ':' }: Period): [lowest: string, highest: string] {
  return [from, `${to}$`]
}

export function uploadStore(table: Table, clock: Clock) {
  return Object.assign(arrivalWrites(table, clock), deliveryWrites(table, clock), {
    key: uploadKey,

    async find(uploadId: string): Promise<Upload | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: uploadKey(uploadId), ConsistentRead: true }),
      )
      return reply.Item as Upload | undefined
    },

    /** Uploads newest first. */
    async list(
      list: UploadList,
      limit: number,
      cursor: string | undefined,
      period: Period = {},
    ): Promise<Page<Upload>> {
      const { index, pk, sk, value } = indexOf(list)
      const [lowest, highest] = bounds(period)
      const start = startKey(cursor, { attribute: pk, value }, sk, 'upload', [lowest, highest])
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: index,
          KeyConditionExpression: `${pk} = :value AND ${sk} BETWEEN :lowest AND :highest`,
          ExpressionAttributeValues: { ':value': value, ':lowest': lowest, ':highest': highest },
          ScanIndexForward: false,
          Limit: limit,
          ...(start ? { ExclusiveStartKey: start } : {}),
        }),
      )
      return {
        records: (reply.Items ?? []) as unknown as Upload[],
        cursor: encodeCursor(reply.LastEvaluatedKey, sk),
      }
    },

    /** Several as they are now; those that do not exist are left out. */
    async findMany(uploadIds: string[]): Promise<Upload[]> {
      const items = await readItems(table, uploadIds.map(uploadKey), { consistent: true })
      return items as unknown as Upload[]
    },

    /** The cursor of a page that ends with this upload. */
    cursorAfter(upload: Upload): string {
      return encodeCursor({ sk: timeOf(upload) }, 'sk') ?? ''
    },
  })
}

function indexOf(list: UploadList) {
  if ('portalId' in list) {
    return {
      index: INDEX.portal,
      pk: 'portalPk',
      sk: 'portalSk',
      value: `uploads#${list.portalId}`,
    }
  }
  if ('accountId' in list) {
    return {
      index: INDEX.account,
      pk: 'accountPk',
      sk: 'accountSk',
      value: `uploads#${list.accountId}`,
    }
  }
  if ('clientEmail' in list) {
    return {
      index: INDEX.client,
      pk: 'clientPk',
      sk: 'clientSk',
      value: clientList('uploads', list.userId, list.clientEmail),
    }
  }
  return { index: INDEX.owner, pk: 'ownerPk', sk: 'ownerSk', value: `uploads#${list.userId}` }
}
