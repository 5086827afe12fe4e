/**
 * Deliveries that wait: each is due again at some time, and stands in the list of what its account
 * holds up, so that it is due at once when the cause is gone.
 */
import { QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { UploadReason } from '../contract/uploads.ts'
import type { Clock } from '../platform/clock.ts'
import {
  type DueKind,
  dueKeys,
  INDEX,
  type Item,
  ifItHolds,
  type Table,
  type TransactItem,
  timeKey,
} from '../platform/table.ts'
import type { Upload } from '../uploads/upload.ts'
import { type Delivery, deliveryKey, dueAt, leaseIsMine } from './delivery.ts'

const stillWaits = 'accountPk = :held'

/** Reasons of `held` that a returning account takes away. */
const FOR_ACCOUNT: (UploadReason | undefined)[] = [
  'ACCOUNT_INACTIVE',
  'ACCOUNT_DISCONNECTED',
  'ACCOUNT_ERROR',
]
const RELEASED_AT_ONCE = 50
const heldList = (accountId: string) => `held#${accountId}`

export function waitingDeliveries(table: Table, clock: Clock) {
  async function dueNow(delivery: Delivery): Promise<void> {
    await ifItHolds(
      table.client.send(
        new UpdateCommand({
          TableName: table.name,
          Key: deliveryKey(delivery.uploadId),
          UpdateExpression: 'SET dueSk = :due',
          ConditionExpression: stillWaits,
          ExpressionAttributeValues: {
            ':due': dueAt(delivery, clock.now()).dueSk,
            ':held': heldList(delivery.accountId),
          },
        }),
      ),
    )
  }

  return {
    /** The write by which a delivery waits, in the list of what its account holds up. */
    wait(delivery: Delivery, reason: UploadReason, untilMs: number): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: deliveryKey(delivery.uploadId),
          UpdateExpression: [
            'SET dueSk = :due, held = :true, heldFor = :reason, claims = :zero,',
            'accountPk = :held, accountSk = :since ADD failures :one REMOVE leaseUntilMs, moves',
          ].join(' '),
          ConditionExpression: leaseIsMine,
          ExpressionAttributeValues: {
            ':reason': reason,
            ':held': heldList(delivery.accountId),
            ':since': timeKey(clock.now(), delivery.uploadId),
            ':due': dueAt(delivery, untilMs).dueSk,
            ':true': true,
            ':zero': 0,
            ':one': 1,
            ':fence': delivery.fence,
          },
        },
      }
    },

    /** The write by which the removal of what a given-up delivery left behind waits. */
    waitToUndo(delivery: Delivery, untilMs: number): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: deliveryKey(delivery.uploadId),
          UpdateExpression:
            'SET dueSk = :due, claims = :zero ADD failures :one REMOVE leaseUntilMs',
          ConditionExpression: leaseIsMine,
          ExpressionAttributeValues: {
            ':due': dueAt(delivery, untilMs).dueSk,
            ':zero': 0,
            ':one': 1,
            ':fence': delivery.fence,
          },
        },
      }
    },

    /**
     * Makes due what waits for this account, and what waits for room when there is some again, of all
     * portals or of those given. Reads only what waits. Returns false when time was over first.
     */
    async releaseHeld(
      accountId: string,
      release: { untilMs: number; roomAgain: boolean; ofPortals?: ReadonlySet<string> },
    ): Promise<boolean> {
      let start: Item | undefined
      do {
        if (clock.now() >= release.untilMs) return false
        const reply = await table.client.send(
          new QueryCommand({
            TableName: table.name,
            IndexName: INDEX.account,
            KeyConditionExpression: 'accountPk = :held',
            ExpressionAttributeValues: { ':held': heldList(accountId) },
            Limit: RELEASED_AT_ONCE,
            ...(start ? { ExclusiveStartKey: start } : {}),
          }),
        )
        const waiting = (reply.Items ?? []) as unknown as Delivery[]
        await Promise.all(
          waiting
            .filter(
              ({ heldFor, portalId }) =>
                (FOR_ACCOUNT.includes(heldFor) ||
                  (release.roomAgain && heldFor === 'PROVIDER_FULL')) &&
                (release.ofPortals?.has(portalId) ?? true),
            )
            .map((delivery) => dueNow(delivery)),
        )
        start = reply.LastEvaluatedKey
      } while (start)
      return true
    },

    /** The write that makes a waiting delivery due at once; refused when a worker is at it. */
    retryNow(upload: Pick<Upload, 'id' | 'fileSize' | 'intendedStorageAccountId'>): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: deliveryKey(upload.id),
          UpdateExpression: 'SET dueSk = :due',
          ConditionExpression: stillWaits,
          ExpressionAttributeValues: {
            ':due': dueAt({ uploadId: upload.id, sizeBytes: upload.fileSize }, clock.now()).dueSk,
            ':held': heldList(upload.intendedStorageAccountId),
          },
        },
      }
    },

    /** Moves a due entry on, so that one sweep acts on it; false when another already has. */
    async postpone(uploadId: string, kind: DueKind, dueSk: string, atMs: number): Promise<boolean> {
      const moved = await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: deliveryKey(uploadId),
            UpdateExpression: 'SET dueSk = :next',
            ConditionExpression: 'dueSk = :seen',
            ExpressionAttributeValues: {
              ':seen': dueSk,
              ':next': dueKeys(uploadId, kind, atMs).dueSk,
            },
          }),
        ),
      )
      return moved !== undefined
    },
  }
}
