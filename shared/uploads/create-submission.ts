/**
 * Intent: a client says what it wants to hand over. Order: what its address may announce, the
 * portal's password, what the portal asks for, then one transaction; nothing is written before it,
 * and S3 opens nothing for one that is refused.
 */
import type { FileIntent, IntentReply, SignedPart, UploadPlan } from '../contract/uploads.ts'
import { PortageError } from '../errors.ts'
import { isoTime } from '../platform/clock.ts'
import { newId } from '../platform/ids.ts'
import type { KeyReader } from '../platform/signed-token.ts'
import type { TransactItem } from '../platform/table.ts'
import { getPortalUploadAcceptance, isLate, type Portal } from '../portals/portal.ts'
import { opensPortal } from '../portals/portal-token.ts'
import { type Announcer, admit } from './admit-intent.ts'
import { authorizeClient, type ClientDeps } from './authorize-client.ts'
import {
  issueToken,
  READ_TOKEN_MS,
  verifyToken,
  WRITE_TOKEN_MS,
  WRITE_TOKEN_RENEWABLE_MS,
} from './capability.ts'
import { clientFolder, distinctFolders } from './check-files.ts'
import { type Client, checkClient, checkedFolders, type Intent } from './intent.ts'
import { openMultiparts } from './open-multiparts.ts'
import { type Placed, type ReserveDeps, reserveRoom } from './reserve-room.ts'
import { signFirstParts } from './sign-part.ts'
import { MAX_BATCHES, type Submission } from './submission-store.ts'
import { planParts, stagingKey, type Upload } from './upload.ts'

export interface CreateSubmissionDeps extends ClientDeps, ReserveDeps {
  portalKeys: KeyReader
  /** The operator's switch: false refuses new intents, and nothing else. */
  intakeOpen: () => Promise<boolean>
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
    : appendToSubmission(deps, intent, client)
}

async function beginSubmission(
  deps: CreateSubmissionDeps,
  intent: Intent,
  address: string,
): Promise<IntentReply> {
  const { portal: found, beside } = await deps.submissions.loadPortal(
    intent.portalId,
    deps.addresses.key(address),
  )
  const submissionId = newId('submission', deps.clock.now())
  const seen = deps.addresses.read(beside)
  const from = await admit(deps, { address, submissionId, begins: true, seen })
  const portal = await openPortal(deps, found, intent)
  checkClient(portal, intent)
  const folders = checkedFolders(portal, intent)
  const submission = newSubmission(deps, submissionId, {
    portal,
    intent,
    folders: distinctFolders([], folders),
  })
  return handOver(deps, { portal, intent, submission, folders, from }, (uploadIds) =>
    deps.submissions.create(submission, uploadIds),
  )
}

async function appendToSubmission(
  deps: CreateSubmissionDeps,
  intent: Intent,
  { bearer, address }: Client,
): Promise<IntentReply> {
  const claims = await verifyToken(deps.keys, deps.clock, bearer, ['write'])
  const { submission, portal, beside } = await authorizeClient(
    deps,
    claims,
    [],
    deps.addresses.key(address),
  )
  const seen = deps.addresses.read(beside)
  const from = await admit(deps, { address, submissionId: submission.id, begins: false, seen })
  if (submission.id !== intent.submissionId || portal.id !== intent.portalId) {
    throw new PortageError('SUBMISSION_NOT_FOUND', 'The token belongs to another hand-over.')
  }
  if (submission.batches >= MAX_BATCHES) {
    const message = 'belong to a hand-over that has as many files as one may have; start another'
    throw new PortageError('INVALID_REQUEST', `The files ${message}.`, {
      fields: [{ field: 'submissionId', message }],
    })
  }
  const folders = checkedFolders(portal, intent)
  const allFolders = distinctFolders(submission.folders, folders)
  return handOver(deps, { portal, intent, submission, folders, from }, (uploadIds) =>
    deps.submissions.append(submission, allFolders, uploadIds),
  )
}

interface HandOver {
  portal: Portal
  intent: Intent
  submission: Submission
  /** Of each file, as the client has them. */
  folders: string[][]
  from: Announcer
}

async function handOver(
  deps: CreateSubmissionDeps,
  { portal, intent, submission, folders, from }: HandOver,
  submissionWrites: (uploadIds: string[]) => TransactItem[],
): Promise<IntentReply> {
  mustAccept(deps, portal)
  const top = clientFolder(portal, submission)
  const drafts = intent.files.map((file, index) =>
    newUpload(deps, { file, folders: [...top, ...(folders[index] ?? [])], portal, submission }),
  )
  const uploadsIn = ({ account, reserved }: Placed): Upload[] =>
    drafts.map((draft) => ({
      ...draft,
      storageProvider: account.provider,
      intendedStorageAccountId: account.id,
      reserved: { ...reserved, bytes: draft.fileSize },
    }))
  // Keys are read while the table writes; when it refuses, nobody gets the tokens.
  const [bearers, placed] = await Promise.all([
    tokens(deps, submission, portal.passwordVersion),
    reserveRoom(deps, {
      portal,
      room: {
        files: drafts.length,
        bytes: drafts.reduce((sum, { fileSize }) => sum + fileSize, 0),
      },
      from,
      writes: (to) => [
        ...submissionWrites(drafts.map(({ id }) => id)),
        ...uploadsIn(to).map((upload) => deps.uploads.create(upload, submission.clientEmail)),
      ],
    }),
  ])
  const uploads = await openMultiparts(deps, uploadsIn(placed))
  const firstParts = await Promise.all(
    uploads.map((upload) => signFirstParts(deps.staging, upload)),
  )
  return {
    success: true,
    submissionId: submission.id,
    ...bearers,
    uploads: uploads.map((upload, index) => plan(upload, firstParts[index] ?? [])),
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
  id: string,
  { portal, intent, folders }: { portal: Portal; intent: Intent; folders: string[] },
): Submission {
  return {
    id,
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
function newUpload(
  deps: CreateSubmissionDeps,
  from: { file: FileIntent; folders: string[]; portal: Portal; submission: Submission },
): Upload {
  const { file, portal, submission } = from
  const id = newId('upload', deps.clock.now())
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
    ...planParts(file.fileSize),
    stagingKey: stagingKey(id, file.fileName, file.mimeType),
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
