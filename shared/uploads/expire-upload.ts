/** An upload that never arrived ends, and the room that it held is free again. */
import { giveBack } from '../limits/reservations.ts'
import type { Clock } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import { type Table, TransactionRefused, transact } from '../platform/table.ts'
import type { Upload } from './upload.ts'
import type { UploadStore } from './upload-store.ts'

export interface ExpireDeps {
  table: Table
  uploads: Pick<UploadStore, 'expire'>
  staging: Pick<StagingBucket, 'abortMultipart'>
  clock: Clock
}

/** True when it ended now; false when it showed a sign of life since it was read, or ended otherwise. */
export async function expireUpload(deps: ExpireDeps, upload: Upload): Promise<boolean> {
  try {
    await transact(deps.table, [
      deps.uploads.expire(upload),
      ...giveBack(deps.table, upload),
      eventPut(deps.table, deps.clock, 'upload.expired', {
        userId: upload.userId,
        actor: 'intake',
        subjectId: upload.id,
        before: 'pending',
        after: 'expired',
        reason: 'NEVER_ARRIVED',
      }),
    ])
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    return false
  }
  if (upload.multipartUploadId !== undefined) {
    await deps.staging.abortMultipart(upload.stagingKey, upload.multipartUploadId)
  }
  return true
}
