/** The writes of an upload from its hand-over to delivery on: it waits, moves, is bound, fails, is deleted. */
import type { Account } from '../accounts/account.ts'
import type { UploadReason, UploadStatus } from '../contract/uploads.ts'
import { type Clock, isoTime } from '../platform/clock.ts'
import type { Table, TransactItem } from '../platform/table.ts'
import type { Upload } from './upload.ts'
import { LIST_KEYS, STATUS, STATUS_AND_REASON, updateUpload, uploadKey } from './upload-record.ts'

const isHeld = '#status = :held'
const isUploaded = '#status = :uploaded'
const endedElsewhere =
  '#status IN (:rejected, :quarantined, :failed, :expired, :deleted, :migrated)'
const isMeantFor = 'intendedStorageAccountId = :from'
const isOnItsWay = '#status IN (:delivering, :held)'
const asRead = '#status = :seen'
const neverBound = 'attribute_not_exists(storageAccountId)'
const sameObject = 'etag = :etag'
const noOtherHash = '(attribute_not_exists(contentHash) OR contentHash = :contentHash)'

const ENDED_ELSEWHERE = {
  ':rejected': 'rejected',
  ':quarantined': 'quarantined',
  ':failed': 'failed',
  ':expired': 'expired',
  ':deleted': 'deleted',
  ':migrated': 'migrated',
} satisfies Record<string, UploadStatus>

export function deliveryWrites(table: Table, clock: Clock) {
  return {
    /** A worker has taken up a file that was held. */
    async resume(uploadId: string) {
      return updateUpload(table, uploadId, {
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
          Key: uploadKey(uploadId),
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
          Key: uploadKey(uploadId),
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
          Key: uploadKey(uploadId),
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
          Key: uploadKey(uploadId),
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
        sha256?: string
        contentHash: string
      },
    ): TransactItem {
      const sha256Set = proof.sha256 === undefined ? '' : 'sha256 = :sha256, '
      return {
        Update: {
          TableName: table.name,
          Key: uploadKey(upload.id),
          UpdateExpression: [
            'SET #status = :uploaded, storageAccountId = :account, storageFileId = :file,',
            `storagePath = :path, contentHash = :contentHash, ${sha256Set}deliveredAt = :now,`,
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
            ...(proof.sha256 === undefined ? {} : { ':sha256': proof.sha256 }),
            ':contentHash': proof.contentHash,
            ':now': isoTime(clock.now()),
          },
        },
      }
    },

    /** The write by which an owner's file is gone: from every list, while its record tells that it was. */
    delete(upload: Upload): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: uploadKey(upload.id),
          UpdateExpression: `SET #status = :deleted REMOVE ${LIST_KEYS}, duePk, dueSk, #reason, retryAt`,
          ConditionExpression: asRead,
          ExpressionAttributeNames: STATUS_AND_REASON,
          ExpressionAttributeValues: { ':deleted': 'deleted', ':seen': upload.status },
        },
      }
    },

    /**
     * Takes from an upload what tells of its client. Where its owner has the file, it stays findable
     * there; of one that is nowhere only its end remains, and the hash by which a worker that was at
     * it knows what it has left at a provider, and takes it back.
     */
    async eraseClient({ id, status }: Pick<Upload, 'id' | 'status'>) {
      return status === 'uploaded'
        ? updateUpload(table, id, {
            expression: 'SET erased = :true REMOVE clientPk, clientSk',
            condition: isUploaded,
            values: { ':true': true, ':uploaded': 'uploaded' },
          })
        : updateUpload(table, id, {
            expression: [
              'SET erased = :true, fileName = :erased, mimeType = :empty, relativePath = :none,',
              'folders = :folders REMOVE clientPk, clientSk, sha256, storagePath',
            ].join(' '),
            condition: endedElsewhere,
            values: {
              ...ENDED_ELSEWHERE,
              ':true': true,
              ':erased': 'erased',
              ':empty': '',
              ':none': null,
              ':folders': [],
            },
          })
    },
  }
}
