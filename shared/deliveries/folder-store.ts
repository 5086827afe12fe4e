/**
 * `folder#{accountId}` / `{path}`: the provider's id of each of our folders. The id is reserved and
 * stored before the folder is created, so that a repeated create finds its own folder.
 */
import { GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { refusedItem, type Table } from '../platform/table.ts'

export type FolderStore = ReturnType<typeof folderStore>

export interface Folder {
  folderId: string
  /** False until the provider has confirmed it. */
  created: boolean
}

const folderIsNew = 'attribute_not_exists(pk)'
const sameFolder = 'folderId = :folder'

export function folderStore(table: Table) {
  const key = (accountId: string, path: string) => ({ pk: `folder#${accountId}`, sk: path })

  return {
    async find(accountId: string, path: string): Promise<Folder | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(accountId, path), ConsistentRead: true }),
      )
      return reply.Item as Folder | undefined
    },

    /** Stores a reserved id; when another was first, returns the other's. */
    async reserve(accountId: string, path: string, folderId: string): Promise<Folder> {
      try {
        const folder = { folderId, created: false }
        await table.client.send(
          new PutCommand({
            TableName: table.name,
            Item: { ...key(accountId, path), ...folder },
            ConditionExpression: folderIsNew,
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        )
        return folder
      } catch (error) {
        const existing = refusedItem(error)
        if (!existing) throw error
        return existing as unknown as Folder
      }
    },

    async confirm(accountId: string, path: string, folderId: string): Promise<void> {
      try {
        await table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: key(accountId, path),
            UpdateExpression: 'SET created = :true',
            ConditionExpression: sameFolder,
            ExpressionAttributeValues: { ':true': true, ':folder': folderId },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        )
      } catch (error) {
        // Replaced meanwhile because the provider had lost it: the newer folder is confirmed by its own maker.
        if (refusedItem(error) === undefined) throw error
      }
    },

    /** Puts a new reserved id in the place of a folder that the provider no longer has; returns the one that stands. */
    async replace(
      accountId: string,
      path: string,
      lostId: string,
      folderId: string,
    ): Promise<Folder> {
      try {
        const folder = { folderId, created: false }
        await table.client.send(
          new PutCommand({
            TableName: table.name,
            Item: { ...key(accountId, path), ...folder },
            ConditionExpression: sameFolder,
            ExpressionAttributeValues: { ':folder': lostId },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        )
        return folder
      } catch (error) {
        const existing = refusedItem(error)
        if (!existing) throw error
        return existing as unknown as Folder
      }
    },
  }
}
