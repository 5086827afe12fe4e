/**
 * `portal#{id}` / `portal`, with `slug#{slug}` beside it; `statistics#{n}`: how many files it brought.
 * A slug that was given up stays with its user, without a portal. What is left of its limits and the
 * lists of accounts are parts of this store in files of their own.
 */
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { type Clock, isoTime } from '../platform/clock.ts'
import {
  encodeCursor,
  INDEX,
  type Item,
  ifItHolds,
  readItems,
  startKey,
  type Table,
  type TransactItem,
  timeKey,
} from '../platform/table.ts'
import type { Portal } from './portal.ts'
import { portalPlaces } from './portal-places.ts'
import { linkBackups, portalKey, portalsOfAccount } from './portals-of-account.ts'

export type PortalStore = ReturnType<typeof portalStore>

export interface Page<Record> {
  records: Record[]
  cursor: string | undefined
}

/** What a portal has delivered so far. */
export interface PortalTotals {
  files: number
  bytes: number
}

const slugIsFree = 'attribute_not_exists(pk) OR (userId = :user AND attribute_not_exists(portalId))'
const slugIsOfPortal = 'portalId = :portal'
/** A count lies in several items, because transactions on one item wait for each other. */
export const STATISTICS_PLACES = 8

const portalIsNew = 'attribute_not_exists(pk)'
const isOn = 'isActive = :true'
const unchangedSinceRead = 'version = :version'
const isOfAccount = 'storageAccountId = :account'
const hasPath = 'storageFolderPath = :path'
const wasStoppedForAccount =
  'isActive = :false AND deactivatedBy = :system AND autoDeactivatedAccountId = :account'

export function portalStore(table: Table, clock: Clock) {
  const statisticsKey = (portalId: string, place: number) => ({
    pk: `portal#${portalId}`,
    sk: `statistics#${place}`,
  })

  function takeSlug(portal: Portal): TransactItem {
    return {
      Put: {
        TableName: table.name,
        Item: {
          pk: `slug#${portal.slug}`,
          sk: 'slug',
          portalId: portal.id,
          userId: portal.userId,
        },
        ConditionExpression: slugIsFree,
        ExpressionAttributeValues: { ':user': portal.userId },
      },
    }
  }

  /** The link leads nowhere from now on, and only this user may take it again. */
  function releaseSlug(portal: Portal): TransactItem {
    return {
      Update: {
        TableName: table.name,
        Key: { pk: `slug#${portal.slug}`, sk: 'slug' },
        UpdateExpression: 'REMOVE portalId',
        ConditionExpression: slugIsOfPortal,
        ExpressionAttributeValues: { ':portal': portal.id },
      },
    }
  }

  /** The portal as it stands, with the keys of the lists in which it is. */
  function itemOf(portal: Portal): Item {
    const time = timeKey(Date.parse(portal.createdAt), portal.id)
    const { ownerPk, ownerSk, accountPk, accountSk, ...inNoList } = portal as Portal & Item
    return {
      ...inNoList,
      ...portalKey(portal.id),
      ...(portal.deletedAt === null
        ? {
            ownerPk: `portals#${portal.userId}`,
            ownerSk: time,
            accountPk: `portals#${portal.storageAccountId}`,
            accountSk: time,
          }
        : {}),
    }
  }

  return Object.assign(portalPlaces(table), portalsOfAccount(table), {
    key: portalKey,

    /** Also one that was deleted: files on their way to it still arrive. */
    async find(portalId: string): Promise<Portal | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: portalKey(portalId), ConsistentRead: true }),
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
        takeSlug(portal),
        {
          Put: {
            TableName: table.name,
            Item: itemOf(portal),
            ConditionExpression: portalIsNew,
          },
        },
        ...linkBackups(table, [], portal),
      ]
    },

    /** The writes of an owner's change: first that of the portal, refused when it changed since it was read, then those of another slug and of other backups. */
    change(before: Portal, after: Portal): [portal: TransactItem, ...others: TransactItem[]] {
      return [
        {
          Put: {
            TableName: table.name,
            Item: itemOf(after),
            ConditionExpression: unchangedSinceRead,
            ExpressionAttributeValues: { ':version': before.version },
          },
        },
        ...(before.slug === after.slug ? [] : [takeSlug(after), releaseSlug(before)]),
        ...linkBackups(table, before.backupStorageAccountIds, after),
      ]
    },

    /** The writes by which a portal is gone from every list and its link leads nowhere. */
    delete(before: Portal, after: Portal): TransactItem[] {
      return [
        {
          Put: {
            TableName: table.name,
            Item: itemOf(after),
            ConditionExpression: unchangedSinceRead,
            ExpressionAttributeValues: { ':version': before.version },
          },
        },
        releaseSlug(before),
        ...linkBackups(table, before.backupStorageAccountIds, after),
      ]
    },

    /** The condition that nobody has changed, stopped or deleted a portal since it was read. */
    mustBeAsRead(portal: Pick<Portal, 'id' | 'version'>): TransactItem {
      return {
        ConditionCheck: {
          TableName: table.name,
          Key: portalKey(portal.id),
          ConditionExpression: unchangedSinceRead,
          ExpressionAttributeValues: { ':version': portal.version },
        },
      }
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

    /** What each portal has delivered; one that has delivered nothing is left out. */
    async totalsOf(portalIds: string[]): Promise<Map<string, PortalTotals>> {
      const places = Array.from({ length: STATISTICS_PLACES }, (_, place) => place)
      const keys = portalIds.flatMap((id) => places.map((place) => statisticsKey(id, place)))
      const totals = new Map<string, PortalTotals>()
      for (const item of await readItems(table, keys, { consistent: false })) {
        const portalId = String(item['pk']).slice('portal#'.length)
        const { files, bytes } = totals.get(portalId) ?? { files: 0, bytes: 0 }
        totals.set(portalId, {
          files: files + Number(item['uploadedCount']),
          bytes: bytes + Number(item['uploadedBytes']),
        })
      }
      return totals
    },

    /** The write that counts delivered files, or with negative figures deleted ones, in one of the places; needs no condition, because the transaction's others decide. */
    addToCount(portalId: string, place: number, { files, bytes }: PortalTotals): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: statisticsKey(portalId, place),
          UpdateExpression: 'ADD uploadedCount :files, uploadedBytes :bytes',
          ExpressionAttributeValues: { ':files': files, ':bytes': bytes },
        },
      }
    },

    /**
     * Notes what the portal's folder turned out to be, unless its owner has chosen another meanwhile.
     * The version stays, because nobody changed what it counts.
     */
    async noteFolder(portal: Portal, folderId: string): Promise<void> {
      await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: portalKey(portal.id),
            UpdateExpression: 'SET storageFolderId = :folder',
            ConditionExpression: [isOfAccount, hasPath].join(' AND '),
            ExpressionAttributeValues: {
              ':folder': folderId,
              ':account': portal.storageAccountId,
              ':path': portal.storageFolderPath,
            },
          }),
        ),
      )
    },

    /** The write of an automatic stop; refused when the portal is already off or has moved to another account. */
    stopForAccount(portal: Portal, reason: string): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: portalKey(portal.id),
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
          Key: portalKey(portal.id),
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
  })
}
