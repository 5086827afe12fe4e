/**
 * The list of an account: portals whose own it is, and behind them `portal#{id}` / `backup#{accountId}`,
 * links to those for which it stands in.
 */
import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import {
  INDEX,
  type Item,
  readItems,
  type Table,
  type TransactItem,
  timeKey,
} from '../platform/table.ts'
import type { Portal } from './portal.ts'

/** With it a link's own key begins, and its place in the list: links stand behind portals. */
const BACKUP_LINK = 'backup#'

export const portalKey = (portalId: string) => ({ pk: `portal#${portalId}`, sk: 'portal' })

/** The writes by which backup accounts list a portal, or no longer do; the write of the portal itself decides. */
export function linkBackups(table: Table, before: string[], portal: Portal): TransactItem[] {
  const after = portal.deletedAt === null ? portal.backupStorageAccountIds : []
  const linkKey = (accountId: string) => ({
    pk: `portal#${portal.id}`,
    sk: `${BACKUP_LINK}${accountId}`,
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

export function portalsOfAccount(table: Table) {
  async function* listedAt(accountId: string, prefix?: string): AsyncGenerator<Item[]> {
    let start: Item | undefined
    do {
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: INDEX.account,
          KeyConditionExpression: `accountPk = :account${prefix === undefined ? '' : ' AND begins_with(accountSk, :prefix)'}`,
          ExpressionAttributeValues: {
            ':account': `portals#${accountId}`,
            ...(prefix === undefined ? {} : { ':prefix': prefix }),
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
    const items = await readItems(table, portalIds.map(portalKey), { consistent: true })
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
    findMany,

    /** Portals that may deliver to an account, as their own or as a backup, page by page as the index knows them, which may be behind. */
    async *pagesByAccount(accountId: string): AsyncGenerator<Portal[]> {
      for await (const items of listedAt(accountId)) {
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
  }
}
