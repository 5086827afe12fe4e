/**
 * Nothing is kept of a client that its owner erases (security rule 22): a hand-over forgets first
 * who made it, then its uploads do, and last it leaves the client's list. Whatever stops this in
 * between, the same call goes on with it. Files that were delivered are the owner's own.
 */
import type { EraseClientReply, EraseClientRequest } from '../contract/uploads.ts'
import { PortageError } from '../errors.ts'
import { isoTime } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { TransactionRefused, transact } from '../platform/table.ts'
import { deleteHere, type OwnerUploadsDeps } from './owner-uploads.ts'
import type { Submission } from './submission-store.ts'
import { isTerminal, type Upload } from './upload.ts'

/** Uploads that one call changes: with three requests each it stays well within the API's half minute. */
const MOST_UPLOADS = 400
const AT_ONCE = 10

interface Progress {
  erasedSubmissions: number
  removedFiles: number
  changedUploads: number
}

export async function eraseClient(
  deps: OwnerUploadsDeps,
  userId: string,
  { submissionId, clientEmail }: EraseClientRequest,
): Promise<EraseClientReply> {
  const progress: Progress = { erasedSubmissions: 0, removedFiles: 0, changedUploads: 0 }
  const complete =
    submissionId === undefined
      ? await eraseAllOf(deps, userId, clientEmail ?? '', progress)
      : await eraseSubmission(deps, await ownSubmission(deps, userId, submissionId), progress)
  const { erasedSubmissions, removedFiles } = progress
  return {
    success: true,
    message: 'Client erased successfully',
    erasedSubmissions,
    removedFiles,
    complete,
  }
}

async function eraseAllOf(
  deps: OwnerUploadsDeps,
  userId: string,
  clientEmail: string,
  progress: Progress,
): Promise<boolean> {
  let cursor: string | undefined
  do {
    const page = await deps.submissions.listByClient(userId, clientEmail, cursor)
    for (const submissionId of page.records) {
      const submission = await ownSubmission(deps, userId, submissionId)
      if (!(await eraseSubmission(deps, submission, progress))) return false
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  return true
}

async function ownSubmission(
  deps: OwnerUploadsDeps,
  userId: string,
  submissionId: string,
): Promise<Submission> {
  const submission = await deps.submissions.find(submissionId)
  if (submission?.userId === userId) return submission
  throw new PortageError('SUBMISSION_NOT_FOUND', 'You have no such hand-over.')
}

/** False when there is more of it than one call does. */
async function eraseSubmission(
  deps: OwnerUploadsDeps,
  submission: Submission,
  progress: Progress,
): Promise<boolean> {
  if (submission.erasedAt === undefined) {
    await forgetWho(deps, submission)
    progress.erasedSubmissions += 1
  }
  let cursor: string | undefined
  do {
    const page = await deps.submissions.listUploads(submission.id, cursor)
    const left = page.uploads.filter(({ erased }) => !erased)
    for (let first = 0; first < left.length; first += AT_ONCE) {
      if (progress.changedUploads >= MOST_UPLOADS) return false
      const some = left.slice(first, first + AT_ONCE)
      await Promise.all(some.map((upload) => eraseUpload(deps, upload)))
      progress.changedUploads += some.length
      progress.removedFiles += some.filter(({ status }) => !isTerminal(status)).length
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  await deps.submissions.leaveClientList(submission.id)
  return true
}

async function forgetWho(deps: OwnerUploadsDeps, { id, userId }: Submission): Promise<void> {
  try {
    await transact(deps.table, [
      deps.submissions.erase(id, isoTime(deps.clock.now())),
      eventPut(deps.table, deps.clock, 'client.erased', { userId, actor: userId, subjectId: id }),
    ])
  } catch (error) {
    // Another call of the owner was first.
    if (!(error instanceof TransactionRefused)) throw error
  }
}

async function eraseUpload(deps: OwnerUploadsDeps, upload: Upload): Promise<void> {
  const { id, status } = upload
  if (!isTerminal(status)) await deleteHere(deps, upload)
  const erased = await deps.uploads.eraseClient({
    id,
    status: isTerminal(status) ? status : 'deleted',
  })
  if (erased?.changed) return
  throw new PortageError('BUSY', 'A file has just changed its state. Please try again.', {
    facts: { retryAfterSeconds: 1 },
  })
}
