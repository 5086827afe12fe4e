/** `download#{uploadId}`: a large file being brought back to the bucket for its owner, kept a day. */
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { type Clock, HOUR_MS, MINUTE_MS } from '../platform/clock.ts'
import { ifItHolds, type Table } from '../platform/table.ts'

export interface Download {
  uploadId: string
  /** `gone`: the provider no longer has the file; asked again after a while, because it may come back from the trash. */
  state: 'preparing' | 'ready' | 'gone'
  multipartUploadId?: string
  fence: number
  validUntilMs: number
}

export type DownloadStore = ReturnType<typeof downloadStore>

/** The bucket deletes after a day; a link is given only while an hour of it is left. */
const KEPT_MS = 23 * HOUR_MS
/** As long as a worker lives, and less than its message stays hidden, so that the message that comes again finds it free. */
const LEASE_MS = 5 * MINUTE_MS
/** A message that was lost, or given up by the queue, is sent again when the owner asks after this time. */
const ASK_AGAIN_MS = MINUTE_MS

/** How long the provider's word that a file is gone is believed. */
const GONE_MS = 2 * MINUTE_MS

const nothingLive = '(attribute_not_exists(pk) OR validUntilMs <= :now)'
const isWaitingLong = 'askAgainAtMs <= :now'
const leaseIsFree = '(attribute_not_exists(leaseUntilMs) OR leaseUntilMs <= :now)'
const isPreparing = '#state = :preparing'
const leaseIsMine = 'fence = :fence'

export function downloadStore(table: Table, clock: Clock) {
  const key = (uploadId: string) => ({ pk: `download#${uploadId}`, sk: 'download' })

  async function update(
    uploadId: string,
    expression: string,
    condition: string,
    values: Record<string, unknown>,
  ): Promise<Download | undefined> {
    const reply = await ifItHolds(
      table.client.send(
        new UpdateCommand({
          TableName: table.name,
          Key: key(uploadId),
          UpdateExpression: expression,
          ConditionExpression: condition,
          ExpressionAttributeValues: values,
          ...(`${expression}${condition}`.includes('#state')
            ? { ExpressionAttributeNames: { '#state': 'state' } }
            : {}),
          ReturnValues: 'ALL_NEW',
        }),
      ),
    )
    return reply?.Attributes as Download | undefined
  }

  return {
    async find(uploadId: string): Promise<Download | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(uploadId), ConsistentRead: true }),
      )
      const download = reply.Item as Download | undefined
      return download && clock.now() < download.validUntilMs ? download : undefined
    },

    /** Begins preparing; false when it is under way or ready already. */
    async begin(uploadId: string): Promise<boolean> {
      const validUntilMs = clock.now() + KEPT_MS
      const begun = await update(
        uploadId,
        'SET uploadId = :upload, #state = :preparing, validUntilMs = :until, expiresAt = :expires, askAgainAtMs = :again, fence = :zero REMOVE multipartUploadId, leaseUntilMs',
        nothingLive,
        {
          ':upload': uploadId,
          ':preparing': 'preparing',
          ':until': validUntilMs,
          ':expires': Math.ceil(validUntilMs / 1000),
          ':again': clock.now() + ASK_AGAIN_MS,
          ':zero': 0,
          ':now': clock.now(),
        },
      )
      return begun !== undefined
    },

    /** True, once a minute, while it is under way and no worker is at it. */
    async askAgain(uploadId: string): Promise<boolean> {
      const asked = await update(
        uploadId,
        'SET askAgainAtMs = :again',
        [isPreparing, leaseIsFree, isWaitingLong].join(' AND '),
        {
          ':again': clock.now() + ASK_AGAIN_MS,
          ':now': clock.now(),
          ':preparing': 'preparing',
        },
      )
      return asked !== undefined
    },

    async claim(uploadId: string): Promise<Download | undefined> {
      return update(
        uploadId,
        'SET leaseUntilMs = :until ADD fence :one',
        [isPreparing, leaseIsFree].join(' AND '),
        {
          ':until': clock.now() + LEASE_MS,
          ':now': clock.now(),
          ':one': 1,
          ':preparing': 'preparing',
        },
      )
    },

    async saveMultipart(download: Download, multipartUploadId: string): Promise<boolean> {
      const saved = await update(download.uploadId, 'SET multipartUploadId = :id', leaseIsMine, {
        ':id': multipartUploadId,
        ':fence': download.fence,
      })
      return saved !== undefined
    },

    async release(download: Download): Promise<void> {
      await update(download.uploadId, 'REMOVE leaseUntilMs', leaseIsMine, {
        ':fence': download.fence,
      })
    },

    async gone(download: Download): Promise<void> {
      await update(
        download.uploadId,
        'SET #state = :gone, validUntilMs = :until REMOVE leaseUntilMs',
        leaseIsMine,
        { ':gone': 'gone', ':until': clock.now() + GONE_MS, ':fence': download.fence },
      )
    },

    async ready(download: Download): Promise<void> {
      await update(download.uploadId, 'SET #state = :ready REMOVE leaseUntilMs', leaseIsMine, {
        ':ready': 'ready',
        ':fence': download.fence,
      })
    },
  }
}
