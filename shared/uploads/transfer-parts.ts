/** Signing and listing the parts of an upload under way. */
import type { ListPartsReply, SignPartsReply } from '../contract/uploads.ts'
import { PortageError } from '../errors.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import { authorizeUpload, type ClientDeps } from './authorize-client.ts'
import type { Claims } from './capability.ts'
import { signPart } from './sign-part.ts'
import type { SigningStore } from './signing-store.ts'
import type { Upload } from './upload.ts'

export interface PartsDeps extends ClientDeps {
  staging: StagingBucket
  signings: SigningStore
}

export async function signParts(
  deps: PartsDeps,
  claims: Claims,
  uploadId: string,
  partNumbers: number[],
): Promise<SignPartsReply> {
  const upload = mustBePending(await authorizeUpload(deps, claims, uploadId))
  const outside = partNumbers.findIndex((part) => part < 1 || part > upload.partCount)
  if (outside >= 0) {
    const message = `must be between 1 and ${upload.partCount}`
    throw new PortageError('PART_OUT_OF_RANGE', `Part numbers of this file ${message}.`, {
      fields: [{ field: `partNumbers.${outside}`, message }],
    })
  }
  if (!(await deps.signings.count(upload.id, partNumbers))) {
    throw new PortageError(
      'TOO_MANY_SIGNINGS',
      'Start this file again; the connection may be too unstable.',
    )
  }
  return {
    parts: await Promise.all(
      [...new Set(partNumbers)].map((part) => signPart(deps.staging, upload, part)),
    ),
  }
}

/** What S3 really has, so that a reloaded page goes on where it stopped. */
export async function listUploadParts(
  deps: PartsDeps,
  claims: Claims,
  uploadId: string,
): Promise<ListPartsReply> {
  const upload = mustBePending(await authorizeUpload(deps, claims, uploadId))
  const { partSize, partCount } = upload
  if (upload.multipartUploadId === undefined) {
    const object = await deps.staging.head(upload.stagingKey)
    const parts = object ? [{ partNumber: 1, size: object.sizeBytes, etag: object.etag }] : []
    return { partSize, partCount, parts }
  }
  const parts = await deps.staging.listParts(upload.stagingKey, upload.multipartUploadId)
  return { partSize, partCount, parts: parts ?? [] }
}

function mustBePending(upload: Upload): Upload {
  if (upload.status !== 'pending') {
    throw new PortageError('UPLOAD_CLOSED', 'Nothing more can be sent for it.')
  }
  return upload
}
