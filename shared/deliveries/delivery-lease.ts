/**
 * A worker's hold on a delivery: it claims the lease, and saves under it what it may not outlive.
 * Whoever holds the lease has the highest fence; every later write is conditional on it.
 */
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { type Clock, MINUTE_MS } from '../platform/clock.ts'
import { type DueKind, dueKeys, ifItHolds, type Table } from '../platform/table.ts'
import {
  type Delivery,
  deliveryExists,
  deliveryKey,
  dueAt,
  FIRST_DUE_MS,
  LEASE_MS,
  leaseIsMine,
} from './delivery.ts'

/** No worker outlives its invocation, which has five minutes (`function-list.ts`). */
const WORKER_LIFE_MS = 5 * MINUTE_MS

const leaseIsFree = '(attribute_not_exists(leaseUntilMs) OR leaseUntilMs <= :now)'

export function deliveryLease(table: Table, clock: Clock) {
  async function update(
    delivery: Delivery,
    expression: string,
    values: Record<string, unknown>,
  ): Promise<boolean> {
    const updated = await ifItHolds(
      table.client.send(
        new UpdateCommand({
          TableName: table.name,
          Key: deliveryKey(delivery.uploadId),
          UpdateExpression: expression,
          ConditionExpression: leaseIsMine,
          ExpressionAttributeValues: { ...values, ':fence': delivery.fence },
        }),
      ),
    )
    return updated !== undefined
  }

  function lease(delivery: Delivery) {
    const untilMs = clock.now() + LEASE_MS
    return { ':until': untilMs, ':due': dueAt(delivery, untilMs).dueSk }
  }

  return {
    /** Takes the lease; undefined when there is nothing to do or another worker is at it. */
    async claim(uploadId: string, kind: DueKind): Promise<Delivery | undefined> {
      const reply = await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: deliveryKey(uploadId),
            UpdateExpression: [
              'SET leaseUntilMs = :until, dueSk = :due,',
              'soleFromMs = if_not_exists(workerUntilMs, :never), workerUntilMs = :workerUntil',
              'REMOVE accountPk, accountSk ADD fence :one, claims :one',
            ].join(' '),
            ConditionExpression: [deliveryExists, leaseIsFree].join(' AND '),
            ExpressionAttributeValues: {
              ':until': clock.now() + LEASE_MS,
              ':due': dueKeys(uploadId, kind, clock.now() + LEASE_MS).dueSk,
              ':now': clock.now(),
              ':never': 0,
              ':workerUntil': clock.now() + WORKER_LIFE_MS,
              ':one': 1,
            },
            ReturnValues: 'ALL_NEW',
          }),
        ),
      )
      return reply?.Attributes as Delivery | undefined
    },

    /** Keeps the lease while bytes flow; false when another worker has taken over. */
    async renew(delivery: Delivery): Promise<boolean> {
      return update(delivery, 'SET leaseUntilMs = :until, dueSk = :due', lease(delivery))
    },

    /** Fixes the provider's id before the first byte is sent. */
    async saveFileId(delivery: Delivery, fileId: string): Promise<boolean> {
      return update(
        delivery,
        'SET fileId = :file, leaseUntilMs = :until, dueSk = :due REMOVE sealedSession, sessionKey, offsetBytes, digests',
        { ':file': fileId, ...lease(delivery) },
      )
    },

    /** Fixes the id and the session that will make the file, before its first byte. */
    async saveSession(
      delivery: Delivery,
      session: Required<Pick<Delivery, 'fileId' | 'sealedSession' | 'sessionKey'>>,
    ): Promise<boolean> {
      return update(
        delivery,
        'SET fileId = :file, sealedSession = :session, sessionKey = :key, leaseUntilMs = :until, dueSk = :due REMOVE offsetBytes, digests',
        {
          ':file': session.fileId,
          ':session': session.sealedSession,
          ':key': session.sessionKey,
          ...lease(delivery),
        },
      )
    },

    /** Progress was made: the state of our digests, and up to where they go. */
    async saveProgress(delivery: Delivery, offsetBytes: number, digests: string): Promise<boolean> {
      return update(
        delivery,
        'SET offsetBytes = :offset, digests = :digests, failures = :zero, leaseUntilMs = :until, dueSk = :due',
        { ':offset': offsetBytes, ':digests': digests, ':zero': 0, ...lease(delivery) },
      )
    },

    /** Gives the lease back so that the next message can go on at once; the due entry repairs a lost message. */
    async release(delivery: Delivery): Promise<boolean> {
      return update(delivery, 'SET dueSk = :due REMOVE leaseUntilMs', {
        ':due': dueAt(delivery, clock.now() + FIRST_DUE_MS).dueSk,
      })
    },
  }
}
