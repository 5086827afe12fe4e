/**
 * `portal#{id}` / `portal`, with `slug#{slug}` beside it; `statistics#{n}`: how many files it brought;
 * `backup#{accountId}`: puts it into the list of an account that stands in for its own.
 * A slug that was given up stays with its user, without a portal.
 */
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { placesKey } from '../limits/reservations.ts'
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
import type { Portal, RemainingLimits } from './portal.ts'

export type PortalStore = ReturnType<typeof portalStore>

export interface Page<Record> {
  records: Record[]
  cursor: string | undefined
}

/** By limit: what is left is set anew, or moved together with the limit. */
export type LimitAdjustments = Partial<
  Record<keyof RemainingLimits, { set: number } | { moveBy: number }>
>

/** What a portal has delivered so far. */
export interface PortalTotals {
  files: number
  bytes: number
}

const slugIsFree = 'attribute_not_exists(pk) OR (userId = :user AND attribute_not_exists(portalId))'
const slugIsOfPortal = 'portalId = :portal'
/** A count lies in several items, because transactions on one item wait for each other. */
export const STATISTICS_PLACES = 8

/** In an account's list the links stand behind its own portals. */
const BACKUP_LINK = 'backup#'

const portalIsNew = 'attribute_not_exists(pk)'
const isOn = 'isActive = :true'
const unchangedSinceRead = 'version = :version'
const isOfAccount = 'storageAccountId = :account'
const hasPath = 'storageFolderPath = :path'
const wasStoppedForAccount =
  'isActive = :false AND deactivatedBy = :system AND autoDeactivatedAccountId = :account'

export function portalStore(table: Table, clock: Clock) {
  const key = (portalId: string) => ({ pk: `portal#${portalId}`, sk: 'portal' })
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
      ...key(portal.id),
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

  /** The writes by which backup accounts list a portal, or no longer do; the write of the portal itself decides. */
  function linkBackups(before: string[], portal: Portal): TransactItem[] {
    const after = portal.deletedAt === null ? portal.backupStorageAccountIds : []
    const linkKey = (accountId: string) => ({
      pk: `portal#${portal.id}`,
      sk: `backup#${accountId}`,
    })
    return [
      ...after
        .filter((accountId) => !before.includes(accountId))
        .map((accountId) => ({
          Put: {
            TableName: table.name,
            Item: {
              ...linkKey(accountId),
              portalId: portal.id,
              accountPk: `portals#${accountId}`,
              accountSk: `${BACKUP_LINK}${timeKey(Date.parse(portal.createdAt), portal.id)}`,
            },
          },
        })),
      ...before
        .filter((accountId) => !after.includes(accountId))
        .map((accountId) => ({ Delete: { TableName: table.name, Key: linkKey(accountId) } })),
    ]
  }

  async function* listedAt(accountId: string, prefix: string): AsyncGenerator<Item[]> {
    let start: Item | undefined
    do {
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: INDEX.account,
          KeyConditionExpression: `accountPk = :account${prefix === '' ? '' : ' AND begins_with(accountSk, :prefix)'}`,
          ExpressionAttributeValues: {
            ':account': `portals#${accountId}`,
            ...(prefix === '' ? {} : { ':prefix': prefix }),
          },
          ...(start ? { ExclusiveStartKey: start } : {}),
        }),
      )
      yield reply.Items ?? []
      start = reply.LastEvaluatedKey
    } while (start)
  }

  /** These portals as they are now; those that are gone are left out. */
  async function findMany(portalIds: string[]): Promise<Portal[]> {
    const items = await readItems(table, portalIds.map(key), { consistent: true })
    return items as unknown as Portal[]
  }

  /** The portals behind links, unless they have ceased to name the account meanwhile. */
  async function behind(links: Item[], accountId: string): Promise<Portal[]> {
    const portals = await findMany(links.map((link) => String(link['portalId'])))
    return portals.filter(
      ({ deletedAt, backupStorageAccountIds }) =>
        deletedAt === null && backupStorageAccountIds.includes(accountId),
    )
  }

  return {
    key,
    findMany,

    /** Also one that was deleted: files on their way to it still arrive. */
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
        takeSlug(portal),
        {
          Put: {
            TableName: table.name,
            Item: itemOf(portal),
            ConditionExpression: portalIsNew,
          },
        },
        ...linkBackups([], portal),
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
        ...linkBackups(before.backupStorageAccountIds, after),
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
        ...linkBackups(before.backupStorageAccountIds, after),
      ]
    },

    /** The condition that nobody has changed, stopped or deleted a portal since it was read. */
    mustBeAsRead(portal: Pick<Portal, 'id' | 'version'>): TransactItem {
      return {
        ConditionCheck: {
          TableName: table.name,
          Key: key(portal.id),
          ConditionExpression: unchangedSinceRead,
          ExpressionAttributeValues: { ':version': portal.version },
        },
      }
    },

    /** What is left of the limits of these portals; those without limits are left out. */
    async remainingOf(portalIds: string[]): Promise<Map<string, RemainingLimits>> {
      const items = await readItems(table, portalIds.map(placesKey), { consistent: true })
      return new Map(
        items.map((item) => [String(item['pk']).slice('places#'.length), item as RemainingLimits]),
      )
    },

    /** The write that sets or moves what is left of a portal's limits; undefined when nothing changes. It stands beside the change of the portal, whose condition decides. */
    adjustRemaining(portalId: string, adjust: LimitAdjustments): TransactItem | undefined {
      const clauses: Record<'SET' | 'ADD', string[]> = { SET: [], ADD: [] }
      const values: Record<string, number> = {}
      for (const [name, adjustment] of Object.entries(adjust)) {
        values[`:${name}`] = 'set' in adjustment ? adjustment.set : adjustment.moveBy
        if ('set' in adjustment) clauses.SET.push(`${name} = :${name}`)
        else clauses.ADD.push(`${name} :${name}`)
      }
      const expression = Object.entries(clauses)
        .filter(([, parts]) => parts.length > 0)
        .map(([verb, parts]) => `${verb} ${parts.join(', ')}`)
      if (expression.length === 0) return undefined
      return {
        Update: {
          TableName: table.name,
          Key: placesKey(portalId),
          UpdateExpression: expression.join(' '),
          ExpressionAttributeValues: values,
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

    /** Portals that may deliver to an account, as their own or as a backup, page by page as the index knows them, which may be behind. */
    async *pagesByAccount(accountId: string): AsyncGenerator<Portal[]> {
      for await (const items of listedAt(accountId, '')) {
        const own = items.filter((item) => item['portalId'] === undefined)
        const links = items.filter((item) => item['portalId'] !== undefined)
        yield [...(own as unknown as Portal[]), ...(await behind(links, accountId))]
      }
    },

    /** Those of them for which the account is a backup. */
    async *pagesByBackup(accountId: string): AsyncGenerator<Portal[]> {
      for await (const links of listedAt(accountId, BACKUP_LINK)) {
        yield await behind(links, accountId)
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
            Key: key(portal.id),
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
