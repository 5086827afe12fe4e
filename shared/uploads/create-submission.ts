/**
 * Intent: a client says what it wants to hand over. Order: what is open from its address, the
 * portal's password, what the portal asks for, then one transaction; nothing is written before it,
 * and what S3 opened for a refused one is aborted by its lifecycle.
 */
import type * as z from 'zod'
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
import { newId } from '../platform/ids.ts'
import type { KeyReader } from '../platform/signed-token.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import type { TransactItem } from '../platform/table.ts'
import { getPortalUploadAcceptance, isLate, type Portal } from '../portals/portal.ts'
import type { PortalStore } from '../portals/portal-store.ts'
import { opensPortal } from '../portals/portal-token.ts'
import { authorizeClient, type ClientDeps } from './authorize-client.ts'
import {
  issueToken,
  READ_TOKEN_MS,
  verifyToken,
  WRITE_TOKEN_MS,
  WRITE_TOKEN_RENEWABLE_MS,
} from './capability.ts'
import { checkFiles, clientFolder, distinctFolders, foldersOf } from './check-files.ts'
import {
  mayOpen,
  type Placed,
  type ReserveDeps,
  type RoomIntent,
  reserveRoom,
} from './reserve-room.ts'
import { MAX_BATCHES, type Submission } from './submission-store.ts'
import { partLength, planParts, stagingKey, type Upload } from './upload.ts'

export interface CreateSubmissionDeps extends ClientDeps, ReserveDeps {
  portals: PortalStore
  portalKeys: KeyReader
  /** The operator's switch: false refuses new intents, and nothing else. */
  intakeOpen: () => Promise<boolean>
}

export type Intent = Pick<
  z.output<typeof intentRequest>,
  'portalId' | 'submissionId' | 'token' | 'clientName' | 'clientEmail' | 'clientMessage'
> & {
  files: FileIntent[]
  /** One file whose members stand flat; problems name its fields so. */
  flat?: true
}

/** Who asks: a token of an earlier intent, if any, and where the distribution saw the client. */
export interface Client {
  bearer: string | undefined
  address: string
}

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
  client: Client,
): Promise<IntentReply> {
  if (!(await deps.intakeOpen())) {
    throw new PortageError('INTAKE_CLOSED', 'Please try again later.')
  }
  return intent.submissionId === undefined
    ? beginSubmission(deps, intent, client.address)
    : appendToSubmission(deps, intent, client.bearer)
}

async function beginSubmission(
  deps: CreateSubmissionDeps,
  intent: Intent,
  address: string,
): Promise<IntentReply> {
  const [seen, found] = await Promise.all([
    mayOpen(deps, address),
    deps.portals.find(intent.portalId),
  ])
  const portal = await openPortal(deps, found, intent)
  checkClient(portal, intent)
  const files = placedFiles(portal, intent)
  const submission = newSubmission(deps, portal, intent, distinctFolders([], files.folders))
  return handOver(
    deps,
    { portal, intent, submission, folders: files.folders },
    (uploadIds) => deps.submissions.create(submission, uploadIds),
    { submissionId: submission.id, address, seen },
  )
}

async function appendToSubmission(
  deps: CreateSubmissionDeps,
  intent: Intent,
  bearer: string | undefined,
): Promise<IntentReply> {
  const claims = await verifyToken(deps.keys, deps.clock, bearer, ['write'])
  const { submission, portal } = await authorizeClient(deps, claims)
  if (submission.id !== intent.submissionId || portal.id !== intent.portalId) {
    throw new PortageError('SUBMISSION_NOT_FOUND', 'The token belongs to another hand-over.')
  }
  if (submission.batches >= MAX_BATCHES) {
    const message = 'belong to a hand-over that has as many files as one may have; start another'
    throw new PortageError('INVALID_REQUEST', `The files ${message}.`, {
      fields: [{ field: 'submissionId', message }],
    })
  }
  const files = placedFiles(portal, intent)
  const allFolders = distinctFolders(submission.folders, files.folders)
  return handOver(deps, { portal, intent, submission, folders: files.folders }, (uploadIds) =>
    deps.submissions.append(submission, allFolders, uploadIds),
  )
}

interface HandOver {
  portal: Portal
  intent: Intent
  submission: Submission
  folders: string[][]
}

async function handOver(
  deps: CreateSubmissionDeps,
  { portal, intent, submission, folders }: HandOver,
  submissionWrites: (uploadIds: string[]) => TransactItem[],
  opening?: RoomIntent['opening'],
): Promise<IntentReply> {
  mustAccept(deps, portal)
  const top = clientFolder(portal, submission)
  const drafts = await Promise.all(
    intent.files.map((file, index) =>
      newUpload(deps, { file, folders: [...top, ...(folders[index] ?? [])], portal, submission }),
    ),
  )
  const uploadsIn = ({ account, reserved }: Placed): Upload[] =>
    drafts.map((draft) => ({
      ...draft,
      storageProvider: account.provider,
      intendedStorageAccountId: account.id,
      reserved: { ...reserved, bytes: draft.fileSize },
    }))
  // Keys are read and requests signed while the table writes; when it refuses, nobody gets them.
  const [bearers, firstParts, placed] = await Promise.all([
    tokens(deps, submission, portal.passwordVersion),
    Promise.all(drafts.map((draft) => signFirstParts(deps.staging, draft))),
    reserveRoom(deps, {
      portal,
      room: {
        files: drafts.length,
        bytes: drafts.reduce((sum, { fileSize }) => sum + fileSize, 0),
      },
      ...(opening ? { opening } : {}),
      writes: (to) => [
        ...submissionWrites(drafts.map(({ id }) => id)),
        ...uploadsIn(to).map((upload) => deps.uploads.create(upload, submission.clientEmail)),
      ],
    }),
  ])
  return {
    success: true,
    submissionId: submission.id,
    ...bearers,
    uploads: uploadsIn(placed).map((upload, index) => plan(upload, firstParts[index] ?? [])),
  }
}

async function openPortal(
  deps: CreateSubmissionDeps,
  portal: Portal | undefined,
  intent: Intent,
): Promise<Portal> {
  if (!portal || portal.deletedAt !== null) {
    throw new PortageError('PORTAL_NOT_FOUND', 'This portal does not exist. Ask for a new link.')
  }
  if (await opensPortal(deps, portal, intent.token)) return portal
  throw new PortageError('PASSWORD_REQUIRED', 'Enter the password that came with the link.')
}

const CLIENT_FIELDS = ['clientName', 'clientEmail', 'clientMessage'] as const

function checkClient(portal: Portal, intent: Intent): void {
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
}

/** The files, as far as the portal takes them, with the folders in which the client has them. */
function placedFiles(portal: Portal, intent: Intent): { folders: string[][] } {
  const fieldOf = (index: number, member: keyof FileIntent) =>
    intent.flat ? member : `files.${index}.${member}`
  checkFiles(portal, intent.files, fieldOf)
  return {
    folders: intent.files.map((file, index) => foldersOf(file, fieldOf(index, 'relativePath'))),
  }
}

const CLOSED = {
  PORTAL_CLOSED: 'Its owner has closed it. Ask for a new link.',
  DEADLINE_PASSED: 'Its deadline has passed. Ask its owner.',
} as const

/** What the portal itself says; whether its account takes files is a condition of the transaction. */
function mustAccept(deps: CreateSubmissionDeps, portal: Portal): void {
  const { reason } = getPortalUploadAcceptance(portal, {
    statusOf: () => 'ACTIVE',
    nowMs: deps.clock.now(),
  })
  if (reason === 'PORTAL_CLOSED' || reason === 'DEADLINE_PASSED') {
    throw new PortageError('PORTAL_CANNOT_ACCEPT_UPLOADS', CLOSED[reason])
  }
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

/** An upload as it is announced; where it goes is decided by the transaction. */
async function newUpload(
  deps: CreateSubmissionDeps,
  from: { file: FileIntent; folders: string[]; portal: Portal; submission: Submission },
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
    ...(portal.storageFolderPath === null ? {} : { storageFolderPath: portal.storageFolderPath }),
    fileSize: file.fileSize,
    mimeType: file.mimeType,
    storageProvider: portal.storageProvider,
    status: 'pending',
    ...(isLate(portal, deps.clock.now()) ? { late: true } : {}),
    ...parts,
    ...(parts.method === 'multipart'
      ? { multipartUploadId: await deps.staging.createMultipart(key) }
      : {}),
    stagingKey: key,
    intendedStorageAccountId: portal.storageAccountId,
    createdAt: isoTime(deps.clock.now()),
  }
}

async function tokens(deps: CreateSubmissionDeps, submission: Submission, passwordVersion: number) {
  const base = {
    submissionId: submission.id,
    portalId: submission.portalId,
    passwordVersion,
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

function signFirstParts(staging: StagingBucket, upload: Upload): Promise<SignedPart[]> {
  const first = Array.from(
    { length: Math.min(upload.partCount, FIRST_PART_URLS) },
    (_, index) => index + 1,
  )
  return Promise.all(first.map((part) => signPart(staging, upload, part)))
}

function plan(upload: Upload, partUrls: SignedPart[]): UploadPlan {
  return {
    uploadId: upload.id,
    fileName: upload.fileName,
    storageProvider: upload.storageProvider,
    status: upload.status,
    method: upload.method,
    partSize: upload.partSize,
    partCount: upload.partCount,
    partUrls,
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
