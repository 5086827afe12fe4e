/** Presigned requests: for each part of a file, or for the whole of a small one. */
import { FIRST_PART_URLS } from '../contract/limits.ts'
import type { SignedPart } from '../contract/uploads.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import { partLength, type Upload } from './upload.ts'

export async function signPart(
  staging: StagingBucket,
  upload: Upload,
  partNumber: number,
): Promise<SignedPart> {
  return upload.multipartUploadId === undefined
    ? staging.signPut(upload.stagingKey, upload.fileSize)
    : staging.signPart(
        upload.stagingKey,
        upload.multipartUploadId,
        partNumber,
        partLength(upload, partNumber),
      )
}

/** Those that travel with the reply to an intent, so that the browser starts at once. */
export function signFirstParts(staging: StagingBucket, upload: Upload): Promise<SignedPart[]> {
  const first = Array.from(
    { length: Math.min(upload.partCount, FIRST_PART_URLS) },
    (_, index) => index + 1,
  )
  return Promise.all(first.map((part) => signPart(staging, upload, part)))
}
