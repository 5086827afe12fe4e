/**
 * How stores write one upload, `upload#{id}`: the conditions in words, and what is common to all
 * writes of it.
 */
import { createHash } from 'node:crypto'
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { UploadStatus } from '../contract/uploads.ts'
import { refusedItem, type Table, timeKey } from '../platform/table.ts'
import type { Upload } from './upload.ts'

export const uploadKey = (uploadId: string) => ({ pk: `upload#${uploadId}`, sk: 'upload' })

export const NOT_ENDED = {
  ':pending': 'pending',
  ':staged': 'staged',
  ':scanning': 'scanning',
  ':delivering': 'delivering',
  ':held': 'held',
} satisfies Record<string, UploadStatus>
export const STATUS = { '#status': 'status' }
export const STATUS_AND_REASON = { ...STATUS, '#reason': 'reason' }

/** The aliases that these expressions use; DynamoDB refuses spare ones and an empty set. */
function aliases(...expressions: string[]): Record<string, string> | undefined {
  const used = Object.entries(STATUS_AND_REASON).filter(([alias]) =>
    expressions.some((expression) => expression.includes(alias)),
  )
  return used.length > 0 ? Object.fromEntries(used) : undefined
}

/** By these an upload stands in its owner's, its portal's, its account's and its client's list. */
export const LIST_KEYS =
  'ownerPk, ownerSk, portalPk, portalSk, accountPk, accountSk, clientPk, clientSk'

/** Only its hash: what is known of a client lies in the submission alone. */
export function clientList(
  of: 'uploads' | 'submissions',
  userId: string,
  clientEmail: string,
): string {
  const hash = createHash('sha256').update(clientEmail.toLowerCase()).digest('hex')
  return `${of}#${userId}#${hash.slice(0, 32)}`
}

export function timeOf(upload: Pick<Upload, 'id' | 'createdAt'>): string {
  return timeKey(Date.parse(upload.createdAt), upload.id)
}

/** Updates one upload. Returns it as it is now, or says as what it stood in the way. */
export async function updateUpload(
  table: Table,
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
        Key: uploadKey(uploadId),
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
