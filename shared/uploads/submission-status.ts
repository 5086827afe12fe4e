import type { SubmissionReply } from '../contract/uploads.ts'
import { PortageError } from '../errors.ts'
import { authorizeClient, type ClientDeps } from './authorize-client.ts'
import type { Claims } from './capability.ts'

/** What a client may see of its hand-over; why a file is held is the owner's business alone. */
export async function getSubmissionStatus(
  deps: ClientDeps,
  claims: Claims,
  submissionId: string,
  cursor: string | undefined,
): Promise<{ reply: SubmissionReply; cursor: string | undefined }> {
  const { submission, portal } = await authorizeClient(deps, claims)
  if (submission.id !== submissionId) {
    throw new PortageError('SUBMISSION_NOT_FOUND', 'The token belongs to another hand-over.')
  }
  const page = await deps.submissions.listUploads(submissionId, cursor)
  return {
    cursor: page.cursor,
    reply: {
      submissionId,
      uploads: page.uploads.map((upload) => ({
        uploadId: upload.id,
        fileName: upload.fileName,
        fileSize: upload.fileSize,
        status: upload.status,
        ...(upload.status === 'uploaded'
          ? { destination: { storageProvider: upload.storageProvider, name: portal.name } }
          : {}),
      })),
    },
  }
}
