/**
 * `delivery#{uploadId}`: the work of bringing a file to an account, from hand-over until the staged
 * object is deleted. `name#{accountId}#{portalId}` / `{path}` says which upload has a name in the
 * portal's folder, `name#{accountId}#chosen` / `{path}` in a folder that portals may share.
 *
 *   ready ──claimed (lease 60 s, fence + 1)──▶ at work ──checkpoint, renewed──▶ …
 *     ▲                                          │
 *     └── slice over, held, moved to another ◀───┘        bound ──▶ object deleted ──▶ item deleted
 *
 *   any ──file deleted or refused──▶ abandoned ──▶ object and provider's file deleted ──▶ item deleted
 *
 * Whoever holds the lease has the highest fence; every later write is conditional on it.
 */
import { DeleteCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { SINGLE_PUT_MAX_BYTES } from '../contract/limits.ts'
import type { UploadReason } from '../contract/uploads.ts'
import type { Reserved } from '../limits/reservations.ts'
import { type Clock, MINUTE_MS, SECOND_MS } from '../platform/clock.ts'
import {
  type DueKind,
  dueKeys,
  INDEX,
  type Item,
  ifItHolds,
  pathKey,
  type Table,
  type TransactItem,
  TransactionRefused,
  timeKey,
  transact,
} from '../platform/table.ts'
import type { Upload } from '../uploads/upload.ts'

export interface Delivery {
  uploadId: string
  userId: string
  portalId: string
  accountId: string
  /** As the provider will show it: the client's name, numbered when the folder has it already. */
  name: string
  folders: string[]
  /** As the upload has it. */
  storageFolderPath?: string
  sizeBytes: number
  mimeType: string
  stagingKey: string
  etag: string
  /** What the upload gives back when it cannot be delivered. */
  reserved?: Reserved
  state: 'undelivered' | 'bound' | 'abandoned'
  fence: number
  /** Claims since it last waited; a file that never ends is slowed down by it, because Lambda's own recursion guard is off. */
  claims: number
  /** Failures in a row, for the growing wait between them. */
  failures: number
  fileId?: string
  /** The session's URI is a capability, so it is kept sealed. */
  sealedSession?: string
  /** The wrapped data key of `sealedSession`: a new consent has another one, and the session goes on. */
  sessionKey?: string
  /** Bytes in `digests`. */
  offsetBytes?: number
  digests?: string
  /** Until then an earlier worker may live, though it has lost its lease, and what it has sent may arrive. */
  soleFromMs?: number
  /** Accounts that it has left since it last waited. */
  moves?: number
  held?: boolean
  /** Why it waits. */
  heldFor?: UploadReason
}

/** By what a name is taken. */
type Named = Pick<Delivery, 'accountId' | 'portalId' | 'folders' | 'name'> & {
  storageFolderPath?: string | undefined
}

export type DeliveryStore = ReturnType<typeof deliveryStore>

/** A dead worker's file goes on within two minutes: this lease, and a sweep every minute. */
export const LEASE_MS = 60 * SECOND_MS
/** No worker outlives its invocation, which has five minutes (`function-list.ts`). */
const WORKER_LIFE_MS = 5 * MINUTE_MS
/** A message that was lost between the write and the queue is repaired as early as a dead worker. */
const FIRST_DUE_MS = 60 * SECOND_MS

const deliveryIsNew = 'attribute_not_exists(pk)'
const nameIsFree = 'attribute_not_exists(pk) OR uploadId = :upload'
const exists = 'attribute_exists(pk)'
const leaseIsFree = '(attribute_not_exists(leaseUntilMs) OR leaseUntilMs <= :now)'
const leaseIsMine = 'fence = :fence'
const nameIsOurs = 'uploadId = :upload'
const stillWaits = 'accountPk = :held'

/** Reasons of `held` that a returning account takes away. */
const FOR_ACCOUNT: (UploadReason | undefined)[] = [
  'ACCOUNT_INACTIVE',
  'ACCOUNT_DISCONNECTED',
  'ACCOUNT_ERROR',
]
const RELEASED_AT_ONCE = 50
const heldList = (accountId: string) => `held#${accountId}`

export function deliveryKind(sizeBytes: number): DueKind & `${string}-delivery` {
  return sizeBytes <= SINGLE_PUT_MAX_BYTES ? 'small-delivery' : 'large-delivery'
}

export function deliveryStore(table: Table, clock: Clock) {
  const key = (uploadId: string) => ({ pk: `delivery#${uploadId}`, sk: 'delivery' })
  const nameKey = ({ accountId, portalId, storageFolderPath, folders, name }: Named) => ({
    pk: `name#${accountId}#${storageFolderPath === undefined ? portalId : 'chosen'}`,
    // Names that differ in case alone are one name on many systems and at Dropbox.
    sk: pathKey(
      [...(storageFolderPath === undefined ? [] : [storageFolderPath]), ...folders, name]
        .join('/')
        .toLowerCase(),
    ),
  })
  const due = (delivery: Pick<Delivery, 'uploadId' | 'sizeBytes'>, atMs: number) =>
    dueKeys(delivery.uploadId, deliveryKind(delivery.sizeBytes), atMs)

  async function update(
    delivery: Delivery,
    expression: string,
    values: Record<string, unknown>,
  ): Promise<boolean> {
    const updated = await ifItHolds(
      table.client.send(
        new UpdateCommand({
          TableName: table.name,
          Key: key(delivery.uploadId),
          UpdateExpression: expression,
          ConditionExpression: leaseIsMine,
          ExpressionAttributeValues: { ...values, ':fence': delivery.fence },
        }),
      ),
    )
    return updated !== undefined
  }

  return {
    key,

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
              ...key(upload.id),
              ...delivery,
              ...due(delivery, clock.now() + FIRST_DUE_MS),
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
            Key: key(delivery.uploadId),
            UpdateExpression: [
              'SET accountId = :account, #name = :name, dueSk = :due ADD moves :one',
              'REMOVE leaseUntilMs, fileId, sealedSession, sessionKey, offsetBytes, digests, held, heldFor',
            ].join(' '),
            ConditionExpression: leaseIsMine,
            ExpressionAttributeNames: { '#name': 'name' },
            ExpressionAttributeValues: {
              ':account': to.accountId,
              ':name': to.name,
              ':due': due(delivery, clock.now() + FIRST_DUE_MS).dueSk,
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
              Key: key(delivery.uploadId),
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

    /** Takes the lease; undefined when there is nothing to do or another worker is at it. */
    async claim(uploadId: string, kind: DueKind): Promise<Delivery | undefined> {
      const reply = await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: key(uploadId),
            UpdateExpression: [
              'SET leaseUntilMs = :until, dueSk = :due,',
              'soleFromMs = if_not_exists(workerUntilMs, :never), workerUntilMs = :workerUntil',
              'REMOVE accountPk, accountSk ADD fence :one, claims :one',
            ].join(' '),
            ConditionExpression: [exists, leaseIsFree].join(' AND '),
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
        ':due': due(delivery, clock.now() + FIRST_DUE_MS).dueSk,
      })
    },

    /** The write by which a delivery waits, in the list of what its account holds up. */
    wait(delivery: Delivery, reason: UploadReason, untilMs: number): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(delivery.uploadId),
          UpdateExpression: [
            'SET dueSk = :due, held = :true, heldFor = :reason, claims = :zero,',
            'accountPk = :held, accountSk = :since ADD failures :one REMOVE leaseUntilMs, moves',
          ].join(' '),
          ConditionExpression: leaseIsMine,
          ExpressionAttributeValues: {
            ':reason': reason,
            ':held': heldList(delivery.accountId),
            ':since': timeKey(clock.now(), delivery.uploadId),
            ':due': due(delivery, untilMs).dueSk,
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
          Key: key(delivery.uploadId),
          UpdateExpression:
            'SET dueSk = :due, claims = :zero ADD failures :one REMOVE leaseUntilMs',
          ConditionExpression: leaseIsMine,
          ExpressionAttributeValues: {
            ':due': due(delivery, untilMs).dueSk,
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
          Key: key(upload.id),
          UpdateExpression: 'SET dueSk = :due',
          ConditionExpression: stillWaits,
          ExpressionAttributeValues: {
            ':due': due({ uploadId: upload.id, sizeBytes: upload.fileSize }, clock.now()).dueSk,
            ':held': heldList(upload.intendedStorageAccountId),
          },
        },
      }
    },

    /** The write of the proof; what is left is to delete the staged object. */
    bound(delivery: Delivery): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(delivery.uploadId),
          UpdateExpression:
            'SET #state = :bound, dueSk = :due REMOVE leaseUntilMs, sealedSession, sessionKey, digests',
          ConditionExpression: leaseIsMine,
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: {
            ':bound': 'bound',
            ':due': due(delivery, clock.now() + FIRST_DUE_MS).dueSk,
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
          Key: key(delivery.uploadId),
          UpdateExpression: [
            'SET #state = :abandoned, dueSk = :due',
            ...(delivery.fileId === undefined ? [] : ['fileId = :file']),
          ].join(', '),
          ConditionExpression: leaseIsMine,
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: {
            ':abandoned': 'abandoned',
            ':due': due(delivery, clock.now() + LEASE_MS).dueSk,
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
          Key: key(upload.id),
          UpdateExpression:
            'SET #state = :abandoned, dueSk = :due REMOVE accountPk, accountSk ADD fence :one',
          ConditionExpression: exists,
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: {
            ':abandoned': 'abandoned',
            ':due': dueKeys(upload.id, deliveryKind(upload.fileSize), clock.now() + LEASE_MS).dueSk,
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
          Key: key(delivery.uploadId),
          ConditionExpression: leaseIsMine,
          ExpressionAttributeValues: { ':fence': delivery.fence },
        },
      }
    },

    /** Removes the item of a file whose staged object is gone; needs no condition, because nothing follows it. */
    async forget(uploadId: string): Promise<void> {
      await table.client.send(new DeleteCommand({ TableName: table.name, Key: key(uploadId) }))
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

    /** Moves a due entry on, so that one sweep acts on it; false when another already has. */
    async postpone(uploadId: string, kind: DueKind, dueSk: string, atMs: number): Promise<boolean> {
      const moved = await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: key(uploadId),
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

  function leaveName(delivery: Delivery): TransactItem {
    return {
      Delete: {
        TableName: table.name,
        Key: nameKey(delivery),
        ConditionExpression: nameIsFree,
        ExpressionAttributeValues: { ':upload': delivery.uploadId },
      },
    }
  }

  function takeName(delivery: Delivery): TransactItem {
    return {
      Put: {
        TableName: table.name,
        Item: { ...nameKey(delivery), uploadId: delivery.uploadId },
        ConditionExpression: nameIsFree,
        ExpressionAttributeValues: { ':upload': delivery.uploadId },
      },
    }
  }

  async function dueNow(delivery: Delivery): Promise<void> {
    await ifItHolds(
      table.client.send(
        new UpdateCommand({
          TableName: table.name,
          Key: key(delivery.uploadId),
          UpdateExpression: 'SET dueSk = :due',
          ConditionExpression: stillWaits,
          ExpressionAttributeValues: {
            ':due': due(delivery, clock.now()).dueSk,
            ':held': heldList(delivery.accountId),
          },
        }),
      ),
    )
  }

  function lease(delivery: Delivery) {
    const untilMs = clock.now() + LEASE_MS
    return { ':until': untilMs, ':due': due(delivery, untilMs).dueSk }
  }
}
