import { PortageError } from '../errors.ts'
import type { Clock } from '../platform/clock.ts'
import type { Item } from '../platform/table.ts'
import type { Portal } from '../portals/portal.ts'
import type { CapabilityKeys, Claims } from './capability.ts'
import type { Submission, SubmissionStore } from './submission-store.ts'
import type { Upload } from './upload.ts'

export interface ClientDeps {
  submissions: SubmissionStore
  keys: CapabilityKeys
  clock: Clock
}

interface Authorized {
  submission: Submission
  portal: Portal
  uploads: Upload[]
  /** What was read beside them, when there is such an item. */
  beside: Item | undefined
}

/**
 * What a verified token opens, read anew at each use. An upload of another submission answers as if it did
 * not exist: an id alone never authorises.
 */
export async function authorizeClient(
  deps: ClientDeps,
  claims: Claims,
  uploadIds: string[] = [],
  besideKey?: Item,
): Promise<Authorized> {
  const { submission, portal, uploads, beside } = await deps.submissions.load(
    claims,
    uploadIds,
    besideKey,
  )
  const isGone = !submission || !portal || portal.deletedAt !== null
  if (isGone || submission.erasedAt !== undefined || submission.portalId !== portal.id) {
    throw new PortageError('SUBMISSION_NOT_FOUND', 'This hand-over no longer exists.')
  }
  if (claims.audience === 'write' && claims.passwordVersion !== portal.passwordVersion) {
    throw new PortageError(
      'PASSWORD_REQUIRED',
      'The password of this portal has changed. Enter the new one and start again.',
    )
  }
  const foreign = uploads.some((upload) => upload.submissionId !== submission.id)
  if (foreign || uploads.length < new Set(uploadIds).size) throw uploadNotFound()
  return { submission, portal, uploads, beside }
}

/** As `authorizeClient`, for a call about one upload. */
export async function authorizeUpload(
  deps: ClientDeps,
  claims: Claims,
  uploadId: string,
): Promise<Upload> {
  const { uploads } = await authorizeClient(deps, claims, [uploadId])
  const [upload] = uploads
  if (!upload) throw uploadNotFound()
  return upload
}

function uploadNotFound(): PortageError {
  return new PortageError('UPLOAD_NOT_FOUND', 'There is no such file in this hand-over.')
}
