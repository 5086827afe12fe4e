/**
 * `upload#{id}`: a file from intent to its end.
 *
 *   pending ──taken in──▶ staged ──handed over──▶ delivering ──bound──▶ uploaded ──▶ deleted
 *      │                    │                      ▲      │
 *      ├─▶ expired          └─▶ rejected           └─ held ◀┘
 *      └─▶ deleted (cancelled)
 */
import { createHash } from 'node:crypto'
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { Account } from '../accounts/account.ts'
import type { UploadReason, UploadStatus } from '../contract/uploads.ts'
import { type Clock, isoTime, MINUTE_MS } from '../platform/clock.ts'
import {
  dueKeys,
  encodeCursor,
  INDEX,
  refusedItem,
  startKey,
  type Table,
  type TransactItem,
  timeKey,
} from '../platform/table.ts'
import type { Page } from '../portals/portal-store.ts'
import type { Upload } from './upload.ts'

export type UploadStore = ReturnType<typeof uploadStore>

/** A reservation without bytes lives this long; parts that S3 really has renew it. */
export const RESERVATION_MS = 15 * MINUTE_MS
/** After `complete` S3's own event should come in seconds; later than this it is taken for lost. */
export const EVENT_PATIENCE_MS = MINUTE_MS

const uploadIsNew = 'attribute_not_exists(pk)'
const isPending = '#status = :pending'
const isStaged = '#status = :staged'
const isHeld = '#status = :held'
const isMeantFor = 'intendedStorageAccountId = :from'
const isOnItsWay = '#status IN (:delivering, :held)'
const hasNotEnded = '#status IN (:pending, :staged, :scanning, :delivering, :held)'
const asRead = '#status = :seen'
const noSignOfLife = 'dueSk = :seen'
const neverBound = 'attribute_not_exists(storageAccountId)'
const sameObject = 'etag = :etag'
const sizeIsAsDeclared = 'fileSize = :size'
const noOtherHash = '(attribute_not_exists(contentHash) OR contentHash = :contentHash)'

const NOT_ENDED = {
  ':pending': 'pending',
  ':staged': 'staged',
  ':scanning': 'scanning',
  ':delivering': 'delivering',
  ':held': 'held',
} satisfies Record<string, UploadStatus>
const STATUS = { '#status': 'status' }
const STATUS_AND_REASON = { ...STATUS, '#reason': 'reason' }

/** The aliases that these expressions use; DynamoDB refuses spare ones and an empty set. */
function aliases(...expressions: string[]): Record<string, string> | undefined {
  const used = Object.entries(STATUS_AND_REASON).filter(([alias]) =>
    expressions.some((expression) => expression.includes(alias)),
  )
  return used.length > 0 ? Object.fromEntries(used) : undefined
}

/** By these an upload stands in its owner's, its portal's, its account's and its client's list. */
const LIST_KEYS = 'ownerPk, ownerSk, portalPk, portalSk, accountPk, accountSk, clientPk, clientSk'

/** Which list of uploads is meant; each is one index. */
export type UploadList =
  | { userId: string }
  | { portalId: string }
  | { accountId: string }
  | { userId: string; clientEmail: string }

/** Times of intent between which a list is read, both included. */
export interface Period {
  from?: string | undefined
  to?: string | undefined
}

/** Only its hash: what is known of a client lies in the submission alone. */
function clientList(userId: string, clientEmail: string): string {
  const hash = createHash('sha256').update(clientEmail.toLowerCase()).digest('hex')
  return `uploads#${userId}#${hash.slice(0, 32)}`
}

/** Ids are behind a `#` and before any `$`. */
function bounds({ from = '0', to = ':' }: Period): [lowest: string, highest: string] {
  return [from, `${to}$`]
}

export function uploadStore(table: Table, clock: Clock) {
  const key = (uploadId: string) => ({ pk: `upload#${uploadId}`, sk: 'upload' })

  /** Updates one upload. Returns it as it is now, or says as what it stood in the way. */
  async function update(
    uploadId: string,
    write: {
      expression: string
      condition: string
      values: Record<string, unknown>
    },
  ): Promise<{ upload: Upload; changed: boolean } | undefined> {
    try {
      const reply = await table.client.send(
        new UpdateCommand({
          TableName: table.name,
          Key: key(uploadId),
          UpdateExpression: write.expression,
          ConditionExpression: write.condition,
          ExpressionAttributeValues: write.values,
          ExpressionAttributeNames: aliases(write.expression, write.condition),
          ReturnValues: 'ALL_NEW',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      )
      return { upload: reply.Attributes as unknown as Upload, changed: true }
    } catch (error) {
      const old = refusedItem(error)
      if (old === undefined) throw error
      return old ? { upload: old as unknown as Upload, changed: false } : undefined
    }
  }

  return {
    key,

    /** The write of an intent; due when its reservation ends. */
    create(upload: Upload, clientEmail: string | null = null): TransactItem {
      const time = timeOf(upload)
      return {
        Put: {
          TableName: table.name,
          Item: {
            ...key(upload.id),
            ...upload,
            ownerPk: `uploads#${upload.userId}`,
            ownerSk: time,
            portalPk: `uploads#${upload.portalId}`,
            portalSk: time,
            accountPk: `uploads#${upload.intendedStorageAccountId}`,
            accountSk: time,
            ...(clientEmail === null
              ? {}
              : { clientPk: clientList(upload.userId, clientEmail), clientSk: time }),
            ...dueKeys(upload.id, 'upload', clock.now() + RESERVATION_MS),
          },
          ConditionExpression: uploadIsNew,
        },
      }
    },

    async find(uploadId: string): Promise<Upload | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(uploadId), ConsistentRead: true }),
      )
      return reply.Item as Upload | undefined
    },

    /** Uploads newest first. */
    async list(
      list: UploadList,
      limit: number,
      cursor: string | undefined,
      period: Period = {},
    ): Promise<Page<Upload>> {
      const { index, pk, sk, value } = indexOf(list)
      const [lowest, highest] = bounds(period)
      const start = startKey(cursor, { attribute: pk, value }, sk, 'upload', [lowest, highest])
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: index,
          KeyConditionExpression: `${pk} = :value AND ${sk} BETWEEN :lowest AND :highest`,
          ExpressionAttributeValues: { ':value': value, ':lowest': lowest, ':highest': highest },
          ScanIndexForward: false,
          Limit: limit,
          ...(start ? { ExclusiveStartKey: start } : {}),
        }),
      )
      return {
        records: (reply.Items ?? []) as unknown as Upload[],
        cursor: encodeCursor(reply.LastEvaluatedKey, sk),
      }
    },

    /** The cursor of a page that ends with this upload. */
    cursorAfter(upload: Upload): string {
      return encodeCursor({ sk: timeOf(upload) }, 'sk') ?? ''
    },

    /**
     * Notes that the client has sent its last byte, with the hash that the browser computed, and looks
     * for S3's event soon: never later than it would have, because whoever says so may send nothing,
     * but at another moment, because it is a sign of life.
     */
    async noteComplete(upload: Upload, contentHash: string | undefined) {
      const soonMs = clock.now() + EVENT_PATIENCE_MS
      const [dueAt = ''] = upload.dueSk?.split('#') ?? []
      const atMs = dueAt === '' ? soonMs : Math.min(soonMs, Date.parse(dueAt) - 1)
      const { dueSk } = dueKeys(upload.id, 'upload', atMs)
      return update(upload.id, {
        expression: `SET dueSk = :due${contentHash ? ', contentHash = :contentHash' : ''}`,
        condition: isPending,
        values: {
          ':due': dueSk,
          ':pending': 'pending',
          ...(contentHash ? { ':contentHash': contentHash } : {}),
        },
      })
    },

    /** The hash of a single PUT may come after S3's event; it is kept as long as nothing is proved yet. */
    async noteContentHash(uploadId: string, contentHash: string) {
      return update(uploadId, {
        expression: 'SET contentHash = :contentHash',
        condition: [hasNotEnded, noOtherHash].join(' AND '),
        values: { ...NOT_ENDED, ':contentHash': contentHash },
      })
    },

    /** Fixes the object that S3 has, if it is as large as declared. */
    async stage(uploadId: string, object: { etag: string; sizeBytes: number }) {
      return update(uploadId, {
        expression: 'SET #status = :staged, etag = :etag, receivedAt = :now, dueSk = :due',
        condition: [isPending, sizeIsAsDeclared].join(' AND '),
        values: {
          ':pending': 'pending',
          ':staged': 'staged',
          ':etag': object.etag,
          ':size': object.sizeBytes,
          ':now': isoTime(clock.now()),
          ':due': dueKeys(uploadId, 'upload', clock.now() + EVENT_PATIENCE_MS).dueSk,
        },
      })
    },

    /** The write by which a staged file is handed to delivery; from here the delivery item is what is due. */
    handOver(upload: Upload): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(upload.id),
          UpdateExpression: 'SET #status = :delivering REMOVE duePk, dueSk',
          ConditionExpression: [isStaged, sameObject].join(' AND '),
          ExpressionAttributeNames: STATUS,
          ExpressionAttributeValues: {
            ':staged': 'staged',
            ':delivering': 'delivering',
            ':etag': upload.etag,
          },
        },
      }
    },

    /** The write that ends an upload that never arrived; refused when it showed a sign of life since it was read. */
    expire(upload: Upload): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(upload.id),
          UpdateExpression: 'SET #status = :expired, #reason = :reason REMOVE duePk, dueSk',
          ConditionExpression: [isPending, noSignOfLife].join(' AND '),
          ExpressionAttributeNames: STATUS_AND_REASON,
          ExpressionAttributeValues: {
            ':pending': 'pending',
            ':expired': 'expired',
            ':reason': 'NEVER_ARRIVED',
            ':seen': upload.dueSk,
          },
        },
      }
    },

    /** The write by which intake refuses a file; refused itself when the upload has moved on since it was read. */
    reject(upload: Upload, reason: UploadReason): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(upload.id),
          UpdateExpression:
            'SET #status = :rejected, #reason = :reason REMOVE duePk, dueSk, retryAt',
          ConditionExpression: asRead,
          ExpressionAttributeNames: STATUS_AND_REASON,
          ExpressionAttributeValues: {
            ':rejected': 'rejected',
            ':reason': reason,
            ':seen': upload.status,
          },
        },
      }
    },

    /** Looks again when the reservation ends, which parts that have grown renew. */
    async renew(upload: Upload, partsSeen: number) {
      const hasGrown = partsSeen > (upload.partsSeen ?? 0)
      const sinceMs = hasGrown ? clock.now() : Date.parse(upload.createdAt)
      return update(upload.id, {
        expression: 'SET dueSk = :due, partsSeen = :parts',
        condition: isPending,
        values: {
          ':pending': 'pending',
          ':due': dueKeys(upload.id, 'upload', sinceMs + RESERVATION_MS).dueSk,
          ':parts': partsSeen,
        },
      })
    },

    /** Moves a due entry on, so that one sweep acts on it; false when another already has. */
    async postpone(uploadId: string, dueSk: string, atMs: number): Promise<boolean> {
      const result = await update(uploadId, {
        expression: 'SET dueSk = :next',
        condition: noSignOfLife,
        values: { ':seen': dueSk, ':next': dueKeys(uploadId, 'upload', atMs).dueSk },
      })
      return result?.changed === true
    },

    /** A worker has taken up a file that was held. */
    async resume(uploadId: string) {
      return update(uploadId, {
        expression: 'SET #status = :delivering REMOVE #reason, retryAt',
        condition: isHeld,
        values: { ':held': 'held', ':delivering': 'delivering' },
      })
    },

    /** The write by which its owner has a held file tried at once. */
    retryNow(uploadId: string): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(uploadId),
          UpdateExpression: 'SET retryAt = :now',
          ConditionExpression: isHeld,
          ExpressionAttributeNames: STATUS,
          ExpressionAttributeValues: { ':held': 'held', ':now': isoTime(clock.now()) },
        },
      }
    },

    /** The write by which a file that is bound to no account yet is meant for another. */
    move(
      uploadId: string,
      fromAccountId: string,
      to: Pick<Account, 'id' | 'provider'>,
    ): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(uploadId),
          UpdateExpression: [
            'SET #status = :delivering, intendedStorageAccountId = :to, storageProvider = :provider,',
            'accountPk = :accountPk REMOVE #reason, retryAt',
          ].join(' '),
          ConditionExpression: [isOnItsWay, neverBound, isMeantFor].join(' AND '),
          ExpressionAttributeNames: STATUS_AND_REASON,
          ExpressionAttributeValues: {
            ':delivering': 'delivering',
            ':held': 'held',
            ':from': fromAccountId,
            ':to': to.id,
            ':provider': to.provider,
            ':accountPk': `uploads#${to.id}`,
          },
        },
      }
    },

    /** The write by which a file waits for a cause to go away. */
    hold(uploadId: string, reason: UploadReason, retryAtMs: number): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(uploadId),
          UpdateExpression: 'SET #status = :held, #reason = :reason, retryAt = :retryAt',
          ConditionExpression: isOnItsWay,
          ExpressionAttributeNames: STATUS_AND_REASON,
          ExpressionAttributeValues: {
            ':held': 'held',
            ':delivering': 'delivering',
            ':reason': reason,
            ':retryAt': isoTime(retryAtMs),
          },
        },
      }
    },

    /** The write by which a delivery that can never succeed ends. */
    fail(uploadId: string, status: 'failed' | 'rejected', reason: UploadReason): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(uploadId),
          UpdateExpression: 'SET #status = :status, #reason = :reason REMOVE retryAt',
          ConditionExpression: isOnItsWay,
          ExpressionAttributeNames: STATUS_AND_REASON,
          ExpressionAttributeValues: {
            ':status': status,
            ':held': 'held',
            ':delivering': 'delivering',
            ':reason': reason,
          },
        },
      }
    },

    /** The only write of `storageAccountId`: a proved file is bound to the account that holds it. */
    bind(
      upload: Pick<Upload, 'id' | 'etag'>,
      proof: {
        accountId: string
        fileId: string
        path: string
        sha256: string
        contentHash: string
      },
    ): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(upload.id),
          UpdateExpression: [
            'SET #status = :uploaded, storageAccountId = :account, storageFileId = :file,',
            'storagePath = :path, sha256 = :sha256, contentHash = :contentHash, deliveredAt = :now,',
            'accountPk = :accountPk REMOVE #reason, retryAt',
          ].join(' '),
          ConditionExpression: [isOnItsWay, neverBound, sameObject, noOtherHash].join(' AND '),
          ExpressionAttributeNames: STATUS_AND_REASON,
          ExpressionAttributeValues: {
            ':uploaded': 'uploaded',
            ':delivering': 'delivering',
            ':held': 'held',
            ':etag': upload.etag,
            ':account': proof.accountId,
            ':accountPk': `uploads#${proof.accountId}`,
            ':file': proof.fileId,
            ':path': proof.path,
            ':sha256': proof.sha256,
            ':contentHash': proof.contentHash,
            ':now': isoTime(clock.now()),
          },
        },
      }
    },

    /** The write by which a client takes back what it has not finished sending. */
    cancel(uploadId: string): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(uploadId),
          UpdateExpression: `SET #status = :deleted, #reason = :cancelled REMOVE ${LIST_KEYS}, duePk, dueSk`,
          ConditionExpression: isPending,
          ExpressionAttributeNames: STATUS_AND_REASON,
          ExpressionAttributeValues: {
            ':pending': 'pending',
            ':deleted': 'deleted',
            ':cancelled': 'CANCELLED',
          },
        },
      }
    },

    /** The write by which an owner's file is gone: from every list, while its record tells that it was. */
    delete(upload: Upload): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(upload.id),
          UpdateExpression: `SET #status = :deleted REMOVE ${LIST_KEYS}, duePk, dueSk, #reason, retryAt`,
          ConditionExpression: asRead,
          ExpressionAttributeNames: STATUS_AND_REASON,
          ExpressionAttributeValues: { ':deleted': 'deleted', ':seen': upload.status },
        },
      }
    },
  }
}

function timeOf(upload: Pick<Upload, 'id' | 'createdAt'>): string {
  return timeKey(Date.parse(upload.createdAt), upload.id)
}

function indexOf(list: UploadList) {
  if ('portalId' in list) {
    return {
      index: INDEX.portal,
      pk: 'portalPk',
      sk: 'portalSk',
      value: `uploads#${list.portalId}`,
    }
  }
  if ('accountId' in list) {
    return {
      index: INDEX.account,
      pk: 'accountPk',
      sk: 'accountSk',
      value: `uploads#${list.accountId}`,
    }
  }
  if ('clientEmail' in list) {
    return {
      index: INDEX.client,
      pk: 'clientPk',
      sk: 'clientSk',
      value: clientList(list.userId, list.clientEmail),
    }
  }
  return { index: INDEX.owner, pk: 'ownerPk', sk: 'ownerSk', value: `uploads#${list.userId}` }
}
