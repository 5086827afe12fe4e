/**
 * What S3 opens for large files, once their room is reserved: a refused intent opens nothing. An
 * intent of which S3 opens only some ends whole; what a killed function leaves is ended by the
 * sweep, and in S3 by the bucket's lifecycle.
 */
import { PortageError } from '../errors.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import { type ExpireDeps, expireUpload } from './expire-upload.ts'
import type { Upload } from './upload.ts'
import type { UploadStore } from './upload-store.ts'

export interface OpenMultipartsDeps extends ExpireDeps {
  uploads: Pick<UploadStore, 'expire' | 'find' | 'noteMultipart'>
  staging: Pick<StagingBucket, 'abortMultipart' | 'createMultipart'>
}

/** The uploads, those that need it with their multipart uploads. */
export async function openMultiparts(
  deps: OpenMultipartsDeps,
  uploads: Upload[],
): Promise<Upload[]> {
  if (uploads.every(({ method }) => method === 'put')) return uploads
  const opened = await Promise.allSettled(uploads.map((upload) => openMultipart(deps, upload)))
  const failure = opened.find((each) => each.status === 'rejected')
  if (!failure) return opened.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
  await Promise.all(uploads.map((upload) => endNow(deps, upload.id)))
  throw failure.reason
}

async function openMultipart(deps: OpenMultipartsDeps, upload: Upload): Promise<Upload> {
  if (upload.method === 'put') return upload
  const multipartUploadId = await deps.staging.createMultipart(upload.stagingKey)
  const noted = await deps.uploads.noteMultipart(upload.id, multipartUploadId)
  if (noted?.changed) return { ...upload, multipartUploadId }
  await deps.staging.abortMultipart(upload.stagingKey, multipartUploadId)
  throw new PortageError('BUSY', 'Its room was needed by others. Please try again.', {
    facts: { retryAfterSeconds: 1 },
  })
}

async function endNow(deps: OpenMultipartsDeps, uploadId: string): Promise<void> {
  const upload = await deps.uploads.find(uploadId)
  if (upload?.status === 'pending') await expireUpload(deps, upload)
}
