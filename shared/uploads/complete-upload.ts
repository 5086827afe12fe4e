/** A client says that its last byte is sent, or that it changed its mind. */
import type { CompleteReply, CompleteRequest } from '../contract/uploads.ts'
import { PortageError } from '../errors.ts'
import { giveBack } from '../limits/reservations.ts'
import { eventPut } from '../platform/events.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import { type Table, TransactionRefused, transact } from '../platform/table.ts'
import { authorizeClient, authorizeUpload, type ClientDeps } from './authorize-client.ts'
import type { Claims } from './capability.ts'
import { isTerminal, type Upload } from './upload.ts'
import type { UploadStore } from './upload-store.ts'

export interface CompleteDeps extends ClientDeps {
  table: Table
  uploads: UploadStore
  staging: StagingBucket
}

/** Answers the same however often it is called; S3's own event is what takes the file in. */
export async function completeUpload(
  deps: CompleteDeps,
  claims: Claims,
  uploadId: string,
  request: CompleteRequest,
): Promise<CompleteReply> {
  return complete(deps, await authorizeUpload(deps, claims, uploadId), request)
}

/** Completes several files of one hand-over in one call. */
export async function completeSubmission(
  deps: CompleteDeps,
  claims: Claims,
  submissionId: string,
  requests: (CompleteRequest & { uploadId: string })[],
): Promise<{ uploads: CompleteReply[] }> {
  const { submission, uploads } = await authorizeClient(
    deps,
    claims,
    requests.map((request) => request.uploadId),
  )
  if (submission.id !== submissionId) {
    throw new PortageError('SUBMISSION_NOT_FOUND', 'The token belongs to another hand-over.')
  }
  return {
    uploads: await Promise.all(
      uploads.map((upload, index) => complete(deps, upload, requests[index] ?? {})),
    ),
  }
}

async function complete(
  deps: CompleteDeps,
  upload: Upload,
  request: CompleteRequest,
): Promise<CompleteReply> {
  if (upload.status !== 'pending') return alreadyEnded(deps, upload, request)
  const parts = await readyParts(deps, upload, request)
  if (parts === 'missing') return takenInMeanwhile(deps, upload, request)
  const noted = await deps.uploads.noteComplete(upload, request.contentHash)
  if (noted && !noted.changed) return alreadyEnded(deps, noted.upload, request)
  if (upload.multipartUploadId !== undefined && parts !== 'whole') {
    const outcome = await deps.staging.completeMultipart(
      upload.stagingKey,
      upload.multipartUploadId,
      parts,
      upload.fileSize,
    )
    const arrived =
      outcome === 'completed' ||
      (outcome === 'gone' && (await deps.staging.head(upload.stagingKey)) !== undefined)
    if (!arrived) return takenInMeanwhile(deps, upload, request)
  }
  return { uploadId: upload.id, status: noted?.upload.status ?? upload.status }
}

/**
 * The parts to put together, or `whole` when S3 has the object. `missing` while it has neither, so
 * that nobody is told *received* too early.
 */
async function readyParts(
  deps: CompleteDeps,
  upload: Upload,
  request: CompleteRequest,
): Promise<{ partNumber: number; etag: string }[] | 'whole' | 'missing'> {
  const whole = async () =>
    (await deps.staging.head(upload.stagingKey)) === undefined ? 'missing' : 'whole'
  if (upload.multipartUploadId === undefined) return whole()
  if (request.parts) {
    const numbers = new Set(request.parts.map((part) => part.partNumber))
    return numbers.size === upload.partCount && numbers.size === request.parts.length
      ? request.parts.toSorted((a, b) => a.partNumber - b.partNumber)
      : 'missing'
  }
  const parts = await deps.staging.listParts(upload.stagingKey, upload.multipartUploadId)
  // No multipart upload: S3 has either the whole object, by an earlier call, or nothing.
  if (!parts) return whole()
  return parts.length === upload.partCount ? parts : 'missing'
}

/** What S3 no longer has may have been taken in, even delivered, since the upload was read. */
async function takenInMeanwhile(
  deps: CompleteDeps,
  upload: Upload,
  request: CompleteRequest,
): Promise<CompleteReply> {
  const now = await deps.uploads.find(upload.id)
  if (now && now.status !== 'pending') return alreadyEnded(deps, now, request)
  throw new PortageError('UPLOAD_INCOMPLETE', 'Send the missing parts, then complete it again.')
}

async function alreadyEnded(
  deps: CompleteDeps,
  upload: Upload,
  request: CompleteRequest,
): Promise<CompleteReply> {
  if (isTerminal(upload.status) && upload.storageAccountId === undefined) {
    throw new PortageError('UPLOAD_CLOSED', 'This file was cancelled or refused. Start it again.')
  }
  if (request.contentHash !== undefined && upload.contentHash === undefined) {
    await deps.uploads.noteContentHash(upload.id, request.contentHash)
  }
  return { uploadId: upload.id, status: upload.status }
}

/**
 * Takes back a file that is not received yet; taking it back twice is taking it back. An object
 * that is there already, or comes later, is cleared by intake: this role may not delete.
 */
export async function cancelUpload(
  deps: CompleteDeps,
  claims: Claims,
  uploadId: string,
): Promise<void> {
  const upload = await authorizeUpload(deps, claims, uploadId)
  try {
    await transact(deps.table, [
      deps.uploads.cancel(upload.id),
      ...giveBack(deps.table, upload),
      eventPut(deps.table, deps.clock, 'upload.cancelled', {
        userId: upload.userId,
        actor: 'client',
        subjectId: upload.id,
        before: 'pending',
        after: 'deleted',
        reason: 'CANCELLED',
      }),
    ])
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    if (error.items[0]?.['status'] !== 'deleted') {
      throw new PortageError(
        'UPLOAD_CLOSED',
        'The file is received already. Ask the owner to delete it.',
        { cause: error },
      )
    }
  }
  if (upload.multipartUploadId !== undefined) {
    await deps.staging.abortMultipart(upload.stagingKey, upload.multipartUploadId)
  }
}
