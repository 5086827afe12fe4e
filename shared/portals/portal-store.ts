/** `portal#{id}` with `slug#{slug}` beside it, and `portal#{id}` / `statistics#{n}`: how many files it brought. */
import { GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { type Clock, isoTime } from '../platform/clock.ts'
import {
  encodeCursor,
  INDEX,
  type Item,
  readItems,
  startKey,
  type Table,
  type TransactItem,
  timeKey,
} from '../platform/table.ts'
import type { Portal } from './portal.ts'

export type PortalStore = ReturnType<typeof portalStore>

export interface Page<Record> {
  records: Record[]
  cursor: string | undefined
}

const slugIsFree = 'attribute_not_exists(pk)'
/** A count lies in several items, because transactions on one item wait for each other. */
export const STATISTICS_PLACES = 8

const portalIsNew = 'attribute_not_exists(pk)'
const isOn = 'isActive = :true'
const isOfAccount = 'storageAccountId = :account'
const wasStoppedForAccount =
  'isActive = :false AND deactivatedBy = :system AND autoDeactivatedAccountId = :account'

export function portalStore(table: Table, clock: Clock) {
  const key = (portalId: string) => ({ pk: `portal#${portalId}`, sk: 'portal' })
  const statisticsKey = (portalId: string, place: number) => ({
    pk: `portal#${portalId}`,
    sk: `statistics#${place}`,
  })

  return {
    key,

    async find(portalId: string): Promise<Portal | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(portalId), ConsistentRead: true }),
      )
      return reply.Item as Portal | undefined
    },

    async findBySlug(slug: string): Promise<Portal | undefined> {
      const reply = await table.client.send(
        new GetCommand({
          TableName: table.name,
          Key: { pk: `slug#${slug}`, sk: 'slug' },
          // An owner opens the link right after creating the portal.
          ConsistentRead: true,
        }),
      )
      const portalId = reply.Item?.['portalId']
      return typeof portalId === 'string' ? this.find(portalId) : undefined
    },

    /** The writes of a new portal: the slug first, so that its refusal is the transaction's first. */
    create(portal: Portal): TransactItem[] {
      return [
        {
          Put: {
            TableName: table.name,
            Item: {
              pk: `slug#${portal.slug}`,
              sk: 'slug',
              portalId: portal.id,
              userId: portal.userId,
            },
            ConditionExpression: slugIsFree,
          },
        },
        {
          Put: {
            TableName: table.name,
            Item: {
              ...key(portal.id),
              ...portal,
              ownerPk: `portals#${portal.userId}`,
              ownerSk: timeKey(Date.parse(portal.createdAt), portal.id),
              accountPk: `portals#${portal.storageAccountId}`,
              accountSk: timeKey(Date.parse(portal.createdAt), portal.id),
            },
            ConditionExpression: portalIsNew,
          },
        },
      ]
    },

    /** A user's portals, newest first. */
    async list(userId: string, limit: number, cursor: string | undefined): Promise<Page<Portal>> {
      const partition = { attribute: 'ownerPk', value: `portals#${userId}` }
      const start = startKey(cursor, partition, 'ownerSk', 'portal')
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: INDEX.owner,
          KeyConditionExpression: 'ownerPk = :owner',
          ExpressionAttributeValues: { ':owner': partition.value },
          ScanIndexForward: false,
          Limit: limit,
          ...(start ? { ExclusiveStartKey: start } : {}),
        }),
      )
      return {
        records: (reply.Items ?? []) as Portal[],
        cursor: encodeCursor(reply.LastEvaluatedKey, 'ownerSk'),
      }
    },

    /** Portals that are bound to an account, page by page as the index knows them, which may be behind. */
    async *pagesByAccount(accountId: string): AsyncGenerator<Portal[]> {
      let start: Item | undefined
      do {
        const reply = await table.client.send(
          new QueryCommand({
            TableName: table.name,
            IndexName: INDEX.account,
            KeyConditionExpression: 'accountPk = :account',
            ExpressionAttributeValues: { ':account': `portals#${accountId}` },
            ...(start ? { ExclusiveStartKey: start } : {}),
          }),
        )
        yield (reply.Items ?? []) as Portal[]
        start = reply.LastEvaluatedKey
      } while (start)
    },

    /** These portals as they are now; those that are gone are left out. */
    async findMany(portalIds: string[]): Promise<Portal[]> {
      const items = await readItems(table, portalIds.map(key), { consistent: true })
      return items as unknown as Portal[]
    },

    /** How many files each portal has delivered. */
    async countUploads(portalIds: string[]): Promise<Map<string, number>> {
      const places = Array.from({ length: STATISTICS_PLACES }, (_, place) => place)
      const keys = portalIds.flatMap((id) => places.map((place) => statisticsKey(id, place)))
      const counts = new Map<string, number>()
      for (const item of await readItems(table, keys, { consistent: false })) {
        const portalId = String(item['pk']).slice('portal#'.length)
        counts.set(portalId, (counts.get(portalId) ?? 0) + Number(item['uploadedCount']))
      }
      return counts
    },

    /** The write that counts delivered files, or fewer than none for deleted ones, in one of the places; needs no condition, because the transaction's others decide. */
    addToCount(portalId: string, place: number, files: number): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: statisticsKey(portalId, place),
          UpdateExpression: 'ADD uploadedCount :files',
          ExpressionAttributeValues: { ':files': files },
        },
      }
    },

    /** The write of an automatic stop; refused when the portal is already off or has moved to another account. */
    stopForAccount(portal: Portal, reason: string): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(portal.id),
          UpdateExpression:
            'SET isActive = :false, deactivatedBy = :system, deactivatedAt = :now, updatedAt = :now, deactivationReason = :reason, autoDeactivatedAccountId = :account ADD version :one',
          ConditionExpression: [isOn, isOfAccount].join(' AND '),
          ExpressionAttributeValues: {
            ':true': true,
            ':false': false,
            ':system': 'SYSTEM',
            ':now': isoTime(clock.now()),
            ':reason': reason,
            ':account': portal.storageAccountId,
            ':one': 1,
          },
        },
      }
    },

    /** The write that undoes an automatic stop; a manual one stays. */
    startForAccount(portal: Portal): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(portal.id),
          UpdateExpression:
            'SET isActive = :true, deactivatedBy = :none, deactivatedAt = :none, deactivationReason = :none, autoDeactivatedAccountId = :none, updatedAt = :now ADD version :one',
          ConditionExpression: wasStoppedForAccount,
          ExpressionAttributeValues: {
            ':true': true,
            ':false': false,
            ':system': 'SYSTEM',
            ':account': portal.storageAccountId,
            ':none': null,
            ':now': isoTime(clock.now()),
            ':one': 1,
          },
        },
      }
    },
  }
}
