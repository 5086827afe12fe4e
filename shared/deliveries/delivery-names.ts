/**
 * `name#{accountId}#{portalId}` / `{path}` says which upload has a name in the portal's folder,
 * `name#{accountId}#chosen` / `{path}` in a folder that portals may share.
 */
import { DeleteCommand } from '@aws-sdk/lib-dynamodb'
import { ifItHolds, pathKey, type Table, type TransactItem } from '../platform/table.ts'
import type { Delivery } from './delivery.ts'

/** By what a name is taken. */
type Named = Pick<Delivery, 'accountId' | 'portalId' | 'folders' | 'name'> & {
  storageFolderPath?: string | undefined
}

const nameIsFree = 'attribute_not_exists(pk) OR uploadId = :upload'
const nameIsOurs = 'uploadId = :upload'

export function deliveryNames(table: Table) {
  const nameKey = ({ accountId, portalId, storageFolderPath, folders, name }: Named) => ({
    pk: `name#${accountId}#${storageFolderPath === undefined ? portalId : 'chosen'}`,
    // Names that differ in case alone are one name on many systems and at Dropbox.
    sk: pathKey(
      [...(storageFolderPath === undefined ? [] : [storageFolderPath]), ...folders, name]
        .join('/')
        .toLowerCase(),
    ),
  })

  return {
    /** The write that takes the delivery's name; refused when another upload has it. */
    takeName(delivery: Delivery): TransactItem {
      return {
        Put: {
          TableName: table.name,
          Item: { ...nameKey(delivery), uploadId: delivery.uploadId },
          ConditionExpression: nameIsFree,
          ExpressionAttributeValues: { ':upload': delivery.uploadId },
        },
      }
    },

    /** The write that frees the delivery's name. */
    leaveName(delivery: Delivery): TransactItem {
      return {
        Delete: {
          TableName: table.name,
          Key: nameKey(delivery),
          ConditionExpression: nameIsFree,
          ExpressionAttributeValues: { ':upload': delivery.uploadId },
        },
      }
    },

    /** Frees the name of a deleted file, if it is still this file's. */
    async freeName(delivery: Named & Pick<Delivery, 'uploadId'>): Promise<void> {
      await ifItHolds(
        table.client.send(
          new DeleteCommand({
            TableName: table.name,
            Key: nameKey(delivery),
            ConditionExpression: nameIsOurs,
            ExpressionAttributeValues: { ':upload': delivery.uploadId },
          }),
        ),
      )
    },
  }
}
