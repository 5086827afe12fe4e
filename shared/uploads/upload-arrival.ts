/** The writes of an upload until it is handed to delivery, or ends before that. */
import type { UploadReason } from '../contract/uploads.ts'
import { type Clock, isoTime, MINUTE_MS } from '../platform/clock.ts'
import { dueKeys, type Table, type TransactItem } from '../platform/table.ts'
import type { Upload } from './upload.ts'
import {
  clientList,
  LIST_KEYS,
  NOT_ENDED,
  STATUS,
  STATUS_AND_REASON,
  timeOf,
  updateUpload,
  uploadKey,
} from './upload-record.ts'

/** A reservation without bytes lives this long; parts that S3 really has renew it. */
export const RESERVATION_MS = 15 * MINUTE_MS
/** After `complete` S3's own event should come in seconds; later than this it is taken for lost. */
export const EVENT_PATIENCE_MS = MINUTE_MS

const uploadIsNew = 'attribute_not_exists(pk)'
const isPending = '#status = :pending'
const isStaged = '#status = :staged'
const hasNotEnded = '#status IN (:pending, :staged, :scanning, :delivering, :held)'
const asRead = '#status = :seen'
const noSignOfLife = 'dueSk = :seen'
const sameObject = 'etag = :etag'
const sizeIsAsDeclared = 'fileSize = :size'
const noOtherHash = '(attribute_not_exists(contentHash) OR contentHash = :contentHash)'

export function arrivalWrites(table: Table, clock: Clock) {
  return {
    /** The write of an intent; due when its reservation ends. */
    create(upload: Upload, clientEmail: string | null = null): TransactItem {
      const time = timeOf(upload)
      return {
        Put: {
          TableName: table.name,
          Item: {
            ...uploadKey(upload.id),
            ...upload,
            ownerPk: `uploads#${upload.userId}`,
            ownerSk: time,
            portalPk: `uploads#${upload.portalId}`,
            portalSk: time,
            accountPk: `uploads#${upload.intendedStorageAccountId}`,
            accountSk: time,
            ...(clientEmail === null
              ? {}
              : { clientPk: clientList('uploads', upload.userId, clientEmail), clientSk: time }),
            ...dueKeys(upload.id, 'upload', clock.now() + RESERVATION_MS),
          },
          ConditionExpression: uploadIsNew,
        },
      }
    },

    /** Notes what S3 opened for its parts; refused when it has ended since its room was reserved. */
    async noteMultipart(uploadId: string, multipartUploadId: string) {
      return updateUpload(table, uploadId, {
        expression: 'SET multipartUploadId = :multipart',
        condition: isPending,
        values: { ':pending': 'pending', ':multipart': multipartUploadId },
      })
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
      return updateUpload(table, upload.id, {
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
      return updateUpload(table, uploadId, {
        expression: 'SET contentHash = :contentHash',
        condition: [hasNotEnded, noOtherHash].join(' AND '),
        values: { ...NOT_ENDED, ':contentHash': contentHash },
      })
    },

    /** Fixes the object that S3 has, if it is as large as declared. */
    async stage(uploadId: string, object: { etag: string; sizeBytes: number }) {
      return updateUpload(table, uploadId, {
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
          Key: uploadKey(upload.id),
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
          Key: uploadKey(upload.id),
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
          Key: uploadKey(upload.id),
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
      return updateUpload(table, upload.id, {
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
      const result = await updateUpload(table, uploadId, {
        expression: 'SET dueSk = :next',
        condition: noSignOfLife,
        values: { ':seen': dueSk, ':next': dueKeys(uploadId, 'upload', atMs).dueSk },
      })
      return result?.changed === true
    },

    /** The write by which a client takes back what it has not finished sending. */
    cancel(uploadId: string): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: uploadKey(uploadId),
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
  }
}
