/**
 * `delivery#{uploadId}`: the work of bringing a file to an account, from hand-over until the staged
 * object is deleted.
 *
 *   ready ──claimed (lease 60 s, fence + 1)──▶ at work ──checkpoint, renewed──▶ …
 *     ▲                                          │
 *     └── slice over, held, moved to another ◀───┘        bound ──▶ object deleted ──▶ item deleted
 *
 *   any ──file deleted or refused──▶ abandoned ──▶ object and provider's file deleted ──▶ item deleted
 *
 * Whoever holds the lease has the highest fence; every later write is conditional on it.
 */
import { DeleteCommand } from '@aws-sdk/lib-dynamodb'
import type { Clock } from '../platform/clock.ts'
import { type Table, type TransactItem, TransactionRefused, transact } from '../platform/table.ts'
import type { Upload } from '../uploads/upload.ts'
import {
  type Delivery,
  deliveryExists,
  deliveryKey,
  dueAt,
  FIRST_DUE_MS,
  LEASE_MS,
  leaseIsMine,
} from './delivery.ts'
import { deliveryLease } from './delivery-lease.ts'
import { deliveryNames } from './delivery-names.ts'
import { waitingDeliveries } from './delivery-waiting.ts'

export type DeliveryStore = ReturnType<typeof deliveryStore>

const deliveryIsNew = 'attribute_not_exists(pk)'

export function deliveryStore(table: Table, clock: Clock) {
  const { takeName, leaveName, freeName } = deliveryNames(table)

  return Object.assign(deliveryLease(table, clock), waitingDeliveries(table, clock), {
    key: deliveryKey,
    freeName,

    /** The writes of a hand-over: the delivery, and its name in the folder (refused when another upload has it). */
    create(upload: Upload, name: string): TransactItem[] {
      const delivery: Delivery = {
        uploadId: upload.id,
        userId: upload.userId,
        portalId: upload.portalId,
        accountId: upload.intendedStorageAccountId,
        name,
        folders: upload.folders,
        ...(upload.storageFolderPath === undefined
          ? {}
          : { storageFolderPath: upload.storageFolderPath }),
        sizeBytes: upload.fileSize,
        mimeType: upload.mimeType,
        stagingKey: upload.stagingKey,
        etag: upload.etag ?? '',
        ...(upload.reserved ? { reserved: upload.reserved } : {}),
        state: 'undelivered',
        fence: 0,
        claims: 0,
        failures: 0,
      }
      return [
        {
          Put: {
            TableName: table.name,
            Item: {
              ...deliveryKey(upload.id),
              ...delivery,
              ...dueAt(delivery, clock.now() + FIRST_DUE_MS),
            },
            ConditionExpression: deliveryIsNew,
          },
        },
        takeName(delivery),
      ]
    },

    /**
     * The writes by which a delivery goes to another account: nothing of what it had at the first is
     * known any more, and its name is taken in the other folder (refused when another upload has it).
     */
    move(delivery: Delivery, to: Pick<Delivery, 'accountId' | 'name'>): TransactItem[] {
      return [
        {
          Update: {
            TableName: table.name,
            Key: deliveryKey(delivery.uploadId),
            UpdateExpression: [
              'SET accountId = :account, #name = :name, dueSk = :due ADD moves :one',
              'REMOVE leaseUntilMs, fileId, sealedSession, sessionKey, offsetBytes, digests, held, heldFor',
            ].join(' '),
            ConditionExpression: leaseIsMine,
            ExpressionAttributeNames: { '#name': 'name' },
            ExpressionAttributeValues: {
              ':account': to.accountId,
              ':name': to.name,
              ':due': dueAt(delivery, clock.now() + FIRST_DUE_MS).dueSk,
              ':one': 1,
              ':fence': delivery.fence,
            },
          },
        },
        takeName({ ...delivery, ...to }),
        leaveName(delivery),
      ]
    },

    /**
     * Takes another name, and with it another path at the provider, unless another upload has it. An
     * open session stays: it is bound to no path.
     */
    async rename(
      delivery: Delivery,
      to: Required<Pick<Delivery, 'name' | 'fileId'>>,
    ): Promise<'renamed' | 'taken' | 'fenced-out'> {
      try {
        await transact(table, [
          {
            Update: {
              TableName: table.name,
              Key: deliveryKey(delivery.uploadId),
              UpdateExpression: 'SET #name = :name, fileId = :file',
              ConditionExpression: leaseIsMine,
              ExpressionAttributeNames: { '#name': 'name' },
              ExpressionAttributeValues: {
                ':name': to.name,
                ':file': to.fileId,
                ':fence': delivery.fence,
              },
            },
          },
          takeName({ ...delivery, ...to }),
          leaveName(delivery),
        ])
        return 'renamed'
      } catch (error) {
        if (!(error instanceof TransactionRefused)) throw error
        return error.items[0] === undefined ? 'taken' : 'fenced-out'
      }
    },

    /** The write of the proof; what is left is to delete the staged object. */
    bound(delivery: Delivery): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: deliveryKey(delivery.uploadId),
          UpdateExpression:
            'SET #state = :bound, dueSk = :due REMOVE leaseUntilMs, sealedSession, sessionKey, digests',
          ConditionExpression: leaseIsMine,
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: {
            ':bound': 'bound',
            ':due': dueAt(delivery, clock.now() + FIRST_DUE_MS).dueSk,
            ':fence': delivery.fence,
          },
        },
      }
    },

    /** The write by which a worker gives a delivery up for good; what it has left behind is still to be removed. */
    end(delivery: Delivery): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: deliveryKey(delivery.uploadId),
          UpdateExpression: [
            'SET #state = :abandoned, dueSk = :due',
            ...(delivery.fileId === undefined ? [] : ['fileId = :file']),
          ].join(', '),
          ConditionExpression: leaseIsMine,
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: {
            ':abandoned': 'abandoned',
            ':due': dueAt(delivery, clock.now() + LEASE_MS).dueSk,
            ...(delivery.fileId === undefined ? {} : { ':file': delivery.fileId }),
            ':fence': delivery.fence,
          },
        },
      }
    },

    /**
     * The write by which a delivery is stopped from outside. Whoever is at work finds its fence gone;
     * its lease is left to run out, so that nobody cleans up while its last bytes still flow.
     */
    abandon(upload: Pick<Upload, 'id' | 'fileSize'>): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: deliveryKey(upload.id),
          UpdateExpression:
            'SET #state = :abandoned, dueSk = :due REMOVE accountPk, accountSk ADD fence :one',
          ConditionExpression: deliveryExists,
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: {
            ':abandoned': 'abandoned',
            ':due': dueAt(
              { uploadId: upload.id, sizeBytes: upload.fileSize },
              clock.now() + LEASE_MS,
            ).dueSk,
            ':one': 1,
          },
        },
      }
    },

    /** The write that removes the item of a delivered file, by the worker that cleaned up last. */
    finish(delivery: Delivery): TransactItem {
      return {
        Delete: {
          TableName: table.name,
          Key: deliveryKey(delivery.uploadId),
          ConditionExpression: leaseIsMine,
          ExpressionAttributeValues: { ':fence': delivery.fence },
        },
      }
    },

    /** Removes the item of a file whose staged object is gone; needs no condition, because nothing follows it. */
    async forget(uploadId: string): Promise<void> {
      await table.client.send(
        new DeleteCommand({ TableName: table.name, Key: deliveryKey(uploadId) }),
      )
    },
  })
}
