/**
 * `folder#{accountId}` / `root/{portalId}/{folders}`, `chosen/{path}`: the provider's id of each of
 * our folders. The id is reserved and stored before the folder is created, so that a repeated create
 * finds its own. `at/{path}`, where ids are paths: which of our folders has this one.
 */
import { GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { ifItHolds, pathKey, refusedItem, type Table } from '../platform/table.ts'

export interface Folder {
  folderId: string
  /** As the owner reads it: `Portage/Tax 2026/receipts`. */
  displayPath: string
  /** False until the provider has confirmed it. */
  created: boolean
}

export type FolderStore = ReturnType<typeof folderStore>

const folderIsNew = 'attribute_not_exists(pk)'
const sameFolder = 'folderId = :folder'
const pathIsFree = 'attribute_not_exists(pk) OR folder = :folder'

export function folderStore(table: Table) {
  const key = (accountId: string, path: string) => ({
    pk: `folder#${accountId}`,
    sk: pathKey(path),
  })

  /** Puts the folder when the condition holds; returns the one that stands. */
  async function put(
    accountId: string,
    path: string,
    folder: Folder,
    condition: string,
    values?: Record<string, unknown>,
  ): Promise<Folder> {
    try {
      await table.client.send(
        new PutCommand({
          TableName: table.name,
          Item: { ...key(accountId, path), ...folder },
          ConditionExpression: condition,
          ...(values ? { ExpressionAttributeValues: values } : {}),
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      )
      return folder
    } catch (error) {
      const standing = refusedItem(error)
      if (!standing) throw error
      return standing as unknown as Folder
    }
  }

  return {
    async find(accountId: string, path: string): Promise<Folder | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(accountId, path), ConsistentRead: true }),
      )
      return reply.Item as Folder | undefined
    },

    /** Stores a reserved id; when another was first, returns the other's folder. */
    async reserve(
      accountId: string,
      path: string,
      folder: Pick<Folder, 'folderId' | 'displayPath'>,
    ): Promise<Folder> {
      return put(accountId, path, { ...folder, created: false }, folderIsNew)
    },

    /** Takes a path for a folder of ours; false when another of ours has it. Paths and names in them differ by more than case. */
    async claim(accountId: string, folderId: string, path: string): Promise<boolean> {
      const claimed = await ifItHolds(
        table.client.send(
          new PutCommand({
            TableName: table.name,
            Item: { ...key(accountId, `at${folderId.toLowerCase()}`), folder: path.toLowerCase() },
            ConditionExpression: pathIsFree,
            ExpressionAttributeValues: { ':folder': path.toLowerCase() },
          }),
        ),
      )
      return claimed !== undefined
    },

    /** Puts a newly reserved id in the place of a folder that the provider no longer has; returns the one that stands. */
    async replace(
      accountId: string,
      path: string,
      lostId: string,
      folder: Pick<Folder, 'folderId' | 'displayPath'>,
    ): Promise<Folder> {
      return put(accountId, path, { ...folder, created: false }, sameFolder, { ':folder': lostId })
    },

    /** Refused when it was replaced meanwhile because the provider had lost it; the newer one is confirmed by its own maker. */
    async confirm(accountId: string, path: string, folderId: string): Promise<void> {
      await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: key(accountId, path),
            UpdateExpression: 'SET created = :true',
            ConditionExpression: sameFolder,
            ExpressionAttributeValues: { ':true': true, ':folder': folderId },
          }),
        ),
      )
    },
  }
}
