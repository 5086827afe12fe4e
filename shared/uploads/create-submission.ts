/**
 * Intent: a client says what it wants to hand over. Order: contract, portal and account, then one
 * transaction; nothing is written before it, and what S3 opened for a refused one is aborted by
 * its lifecycle.
 */
import type * as z from 'zod'
import type { AccountStore } from '../accounts/account-store.ts'
import { FIRST_PART_URLS } from '../contract/limits.ts'
import type { FieldProblem } from '../contract/problems.ts'
import type {
  FileIntent,
  IntentReply,
  intentRequest,
  SignedPart,
  UploadPlan,
} from '../contract/uploads.ts'
import { PortageError } from '../errors.ts'
import { isoTime } from '../platform/clock.ts'
import { hashToken, newId } from '../platform/ids.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import { type Table, TransactionRefused, transact } from '../platform/table.ts'
import { accountsOf, getPortalUploadAcceptance, type Portal } from '../portals/portal.ts'
import type { PortalStore } from '../portals/portal-store.ts'
import { parseRelativePath } from '../providers/names.ts'
import { authorizeClient, type ClientDeps } from './authorize-client.ts'
import {
  issueToken,
  READ_TOKEN_MS,
  verifyToken,
  WRITE_TOKEN_MS,
  WRITE_TOKEN_RENEWABLE_MS,
} from './capability.ts'
import type { Submission } from './submission-store.ts'
import { partLength, planParts, stagingKey, type Upload } from './upload.ts'
import type { UploadStore } from './upload-store.ts'

export interface CreateSubmissionDeps extends ClientDeps {
  table: Table
  portals: PortalStore
  accounts: AccountStore
  uploads: UploadStore
  staging: StagingBucket
}

export type Intent = Pick<
  z.output<typeof intentRequest>,
  'portalId' | 'submissionId' | 'clientName' | 'clientEmail' | 'clientMessage'
> & {
  files: FileIntent[]
  /** One file whose members stand flat; problems name its fields so. */
  flat?: true
}

const MAX_FOLDERS_PER_SUBMISSION = 200
/** Password versions come with passwords; until then every token carries the first. */
const FIRST_PASSWORD_VERSION = 1

/** The files of an intent, whether they stand in `files` or one stands flat. */
export function toIntent(body: z.output<typeof intentRequest>): Intent {
  const { fileName, fileSize, mimeType, relativePath, lastModified, files, ...rest } = body
  if (files) return { ...rest, files }
  return {
    ...rest,
    flat: true,
    files: [
      {
        fileName: fileName ?? '',
        fileSize: fileSize ?? 0,
        mimeType: mimeType ?? '',
        ...(relativePath === undefined ? {} : { relativePath }),
        ...(lastModified === undefined ? {} : { lastModified }),
      },
    ],
  }
}

export async function createSubmission(
  deps: CreateSubmissionDeps,
  intent: Intent,
  bearer: string | undefined,
): Promise<IntentReply> {
  const appending = intent.submissionId !== undefined
  const earlier = appending
    ? await authorizeClient(deps, await verifyToken(deps.keys, deps.clock, bearer, ['write']))
    : undefined
  if (
    earlier &&
    (earlier.submission.id !== intent.submissionId || earlier.portal.id !== intent.portalId)
  ) {
    throw new PortageError('SUBMISSION_NOT_FOUND', 'The token belongs to another hand-over.')
  }
  const portal = earlier?.portal ?? (await openPortal(deps, intent))
  const accountId = await acceptingAccount(deps, portal)
  const folders = intent.files.map((file, index) =>
    foldersOf(file, intent.flat ? 'relativePath' : `files.${index}.relativePath`),
  )
  const allFolders = distinctFolders(earlier?.submission.folders ?? [], folders)

  const submission = earlier?.submission ?? newSubmission(deps, portal, intent, allFolders)
  const uploads = await Promise.all(
    intent.files.map((file, index) =>
      newUpload(deps, { file, folders: folders[index] ?? [], portal, submission, accountId }),
    ),
  )
  const uploadIds = uploads.map((upload) => upload.id)
  // Keys are read and requests signed while the table writes; when it refuses, nobody gets them.
  const [bearers, plans] = await Promise.all([
    tokens(deps, submission),
    Promise.all(uploads.map((upload) => plan(deps, upload))),
    write(deps, [
      ...(earlier
        ? deps.submissions.append(submission, allFolders, uploadIds)
        : deps.submissions.create(submission, uploadIds)),
      ...uploads.map((upload) => deps.uploads.create(upload)),
    ]),
  ])
  return { success: true, submissionId: submission.id, ...bearers, uploads: plans }
}

const CLIENT_FIELDS = ['clientName', 'clientEmail', 'clientMessage'] as const

async function openPortal(deps: CreateSubmissionDeps, intent: Intent): Promise<Portal> {
  const portal = await deps.portals.find(intent.portalId)
  if (!portal || portal.deletedAt !== null) {
    throw new PortageError('PORTAL_NOT_FOUND', 'This portal does not exist. Ask for a new link.')
  }
  const problems = CLIENT_FIELDS.flatMap((field): FieldProblem[] => {
    const rule = portal.fields[field]
    if (rule === 'required' && !intent[field]) {
      return [{ field, message: 'is required by this portal' }]
    }
    if (rule === 'hidden' && intent[field]) {
      return [{ field, message: 'is not asked for by this portal' }]
    }
    return []
  })
  if (problems.length > 0) {
    throw new PortageError('INVALID_REQUEST', 'This portal asks for other things about you.', {
      fields: problems,
    })
  }
  return portal
}

async function acceptingAccount(deps: CreateSubmissionDeps, portal: Portal): Promise<string> {
  const accounts = await Promise.all(accountsOf(portal).map((id) => deps.accounts.find(id)))
  const acceptance = getPortalUploadAcceptance(portal, {
    statusOf: (accountId) => accounts.find((account) => account?.id === accountId)?.status,
    nowMs: deps.clock.now(),
  })
  if (!acceptance.acceptsUploads || !acceptance.storageAccountId) {
    throw new PortageError(
      'PORTAL_CANNOT_ACCEPT_UPLOADS',
      'It is paused at the moment. Please try again later or ask its owner.',
    )
  }
  return acceptance.storageAccountId
}

const PATH_PROBLEM = {
  EMPTY: 'must name the file',
  ABSOLUTE: 'must not be absolute',
  DOT_SEGMENT: 'must not hold . or ..',
  TOO_DEEP: 'has too many levels',
} as const

function foldersOf(file: FileIntent, field: string): string[] {
  if (file.relativePath === undefined) return []
  const refuse = (message: string) =>
    new PortageError('INVALID_REQUEST', `${field} ${message}.`, { fields: [{ field, message }] })
  const path = parseRelativePath(file.relativePath)
  if (!path.ok) throw refuse(PATH_PROBLEM[path.reason])
  if (file.relativePath.split('/').at(-1) !== file.fileName)
    throw refuse('must end with the file name')
  return path.folders
}

function distinctFolders(known: string[], added: string[][]): string[] {
  const all = new Set(known)
  for (const folders of added) {
    for (let depth = 1; depth <= folders.length; depth += 1)
      // Hashed, so that two hundred long paths fit into one item.
      all.add(hashToken(folders.slice(0, depth).join('/')))
  }
  if (all.size > MAX_FOLDERS_PER_SUBMISSION) {
    const message = `may have at most ${MAX_FOLDERS_PER_SUBMISSION} different folders in one hand-over`
    throw new PortageError('INVALID_REQUEST', `The files ${message}.`, {
      fields: [{ field: 'files', message }],
    })
  }
  return [...all]
}

function newSubmission(
  deps: CreateSubmissionDeps,
  portal: Portal,
  intent: Intent,
  folders: string[],
): Submission {
  return {
    id: newId('submission', deps.clock.now()),
    userId: portal.userId,
    portalId: portal.id,
    clientName: intent.clientName ?? null,
    clientEmail: intent.clientEmail ?? null,
    clientMessage: intent.clientMessage ?? null,
    folders,
    batches: 1,
    createdAt: isoTime(deps.clock.now()),
  }
}

async function newUpload(
  deps: CreateSubmissionDeps,
  from: {
    file: FileIntent
    folders: string[]
    portal: Portal
    submission: Submission
    accountId: string
  },
): Promise<Upload> {
  const { file, portal, submission } = from
  const id = newId('upload', deps.clock.now())
  const parts = planParts(file.fileSize)
  const key = stagingKey(id, file.fileName, file.mimeType)
  return {
    id,
    userId: portal.userId,
    portalId: portal.id,
    submissionId: submission.id,
    fileName: file.fileName,
    folders: from.folders,
    relativePath: file.relativePath ?? null,
    fileSize: file.fileSize,
    mimeType: file.mimeType,
    storageProvider: portal.storageProvider,
    status: 'pending',
    ...parts,
    ...(parts.method === 'multipart'
      ? { multipartUploadId: await deps.staging.createMultipart(key) }
      : {}),
    stagingKey: key,
    intendedStorageAccountId: from.accountId,
    createdAt: isoTime(deps.clock.now()),
  }
}

async function write(
  deps: CreateSubmissionDeps,
  items: Parameters<typeof transact>[1],
): Promise<void> {
  try {
    await transact(deps.table, items)
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    throw new PortageError(
      'BUSY',
      'Another part of this hand-over was being added. Please try again.',
      {
        facts: { retryAfterSeconds: 1 },
        cause: error,
      },
    )
  }
}

async function tokens(deps: CreateSubmissionDeps, submission: Submission) {
  const base = {
    submissionId: submission.id,
    portalId: submission.portalId,
    passwordVersion: FIRST_PASSWORD_VERSION,
  }
  const createdAtMs = Date.parse(submission.createdAt)
  const [uploadToken, readToken] = await Promise.all([
    issueToken(deps.keys, {
      ...base,
      audience: 'write',
      expiresAtMs: Math.min(
        deps.clock.now() + WRITE_TOKEN_MS,
        createdAtMs + WRITE_TOKEN_RENEWABLE_MS,
      ),
    }),
    issueToken(deps.keys, { ...base, audience: 'read', expiresAtMs: createdAtMs + READ_TOKEN_MS }),
  ])
  return { uploadToken, readToken }
}

async function plan(deps: CreateSubmissionDeps, upload: Upload): Promise<UploadPlan> {
  const first = Array.from(
    { length: Math.min(upload.partCount, FIRST_PART_URLS) },
    (_, index) => index + 1,
  )
  return {
    uploadId: upload.id,
    fileName: upload.fileName,
    storageProvider: upload.storageProvider,
    status: upload.status,
    method: upload.method,
    partSize: upload.partSize,
    partCount: upload.partCount,
    partUrls: await Promise.all(first.map((part) => signPart(deps.staging, upload, part))),
  }
}

/** The presigned request for one part, or for the whole of a small file. */
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
