/**
 * Bringing the bytes of one file to the provider, from wherever an earlier worker stopped.
 *
 * Two offsets matter: how far our digests are, and how far the provider says it is. One rule joins
 * them: bytes are read from the digests' offset and sent from the provider's. When the provider is
 * behind the digests, these go back to the last state that was saved.
 */
import type { Grant } from '../accounts/grant.ts'
import type { TokenVault } from '../accounts/token-vault.ts'
import type { Clock } from '../platform/clock.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import {
  createFileDigests,
  DigestStateError,
  type Digests,
  provesContent,
  type ResumableFileDigests,
} from '../providers/content-hash.ts'
import { Rejected, type RejectedReason, RetryLater, SessionLost } from '../providers/failures.ts'
import type {
  Progress,
  ProviderAuth,
  RemoteFile,
  StorageProvider,
  UploadTarget,
} from '../providers/provider.ts'
import { withRetry } from '../providers/retry.ts'
import type { Delivery, DeliveryStore } from './delivery-store.ts'
import type { Folder } from './folder-store.ts'
import type { PortalFolders } from './portal-folders.ts'

export interface SendDeps {
  deliveries: DeliveryStore
  vault: TokenVault
  folders: PortalFolders
  staging: Pick<StagingBucket, 'read'>
  clock: Clock
  random: () => number
}

export interface SendJob {
  delivery: Delivery
  grant: Grant
  provider: StorageProvider
  auth: ProviderAuth
  /** By the injected clock: no chunk begins after it, but one does in every invocation. */
  sliceEndsMs: number
  signal: AbortSignal
}

export interface SentFile {
  file: RemoteFile
  digests: Digests
  /** As the owner reads it. */
  path: string
}

/** Another worker has the lease: whatever this one still does is not to be saved. */
export class FencedOut extends Error {
  override name = 'FencedOut' as const
}

/** The slice is over; another message goes on. */
export class SliceOver extends Error {
  override name = 'SliceOver' as const
}

/** The staged object is gone, or another one lies in its place. */
export class ContentChanged extends Error {
  override name = 'ContentChanged' as const
}

/** Rounds in a row in which the provider took nothing; then the file waits. Eight is what Drive's clients allow. */
const MAX_STALLS = 8
/** What stood in the way of a file: its folder, or an id that was used and whose file is deleted. */
const NEEDS_NEW_ID: RejectedReason[] = ['PARENT_GONE', 'ID_UNUSABLE']
/** Checksums may be filled a moment after the last byte. */
const PROOF_LOOKS = 4

type Sent = { file: RemoteFile; digests?: Digests }

export async function sendFile(deps: SendDeps, job: SendJob): Promise<SentFile> {
  const { delivery, provider, auth, signal } = job
  const mayBeThere = delivery.fileId !== undefined
  const folder = await retrying(deps, job, () =>
    deps.folders.ensure(provider, auth, delivery, signal),
  )
  try {
    return await sendInto(deps, job, folder, mayBeThere)
  } catch (error) {
    if (!(error instanceof Rejected && NEEDS_NEW_ID.includes(error.reason))) throw error
    // The owner has deleted or trashed our folder, or the file under our id: a new file in a folder that is there.
    const standing =
      error.reason === 'PARENT_GONE'
        ? await retrying(deps, job, () => deps.folders.recheck(provider, auth, delivery, signal))
        : folder
    await reserveFileId(deps, job)
    return sendInto(deps, job, standing, false)
  }
}

async function sendInto(
  deps: SendDeps,
  job: SendJob,
  folder: Folder,
  mayBeThere: boolean,
): Promise<SentFile> {
  const { delivery, provider } = job
  const inOneRequest = delivery.sizeBytes <= provider.singleRequestBytes
  // A session is saved together with its id: opening one creates no file.
  const reserve = inOneRequest ? reserveFileId : nextFileId
  const target: UploadTarget = {
    fileId: delivery.fileId ?? (await reserve(deps, job)),
    folderId: folder.folderId,
    name: delivery.name,
    sizeBytes: delivery.sizeBytes,
    mimeType: delivery.mimeType || 'application/octet-stream',
  }
  const earlier = mayBeThere ? await lookUp(deps, job, target.fileId) : undefined
  const sent: Sent = earlier
    ? { file: earlier }
    : inOneRequest
      ? await sendWhole(deps, job, target)
      : await sendChunks(deps, job, target)
  return prove(deps, job, folder, sent)
}

/** Fixes an id before the first byte, so that a repeated create finds its own file. */
async function reserveFileId(deps: SendDeps, job: SendJob): Promise<string> {
  const { delivery } = job
  const fileId = await nextFileId(deps, job)
  mustBeMine(await deps.deliveries.saveFileId(delivery, fileId))
  delivery.fileId = fileId
  delete delivery.sealedSession
  delete delivery.sessionKey
  delete delivery.digests
  delete delivery.offsetBytes
  return fileId
}

async function nextFileId(deps: SendDeps, job: SendJob): Promise<string> {
  const { provider, auth, signal } = job
  const [fileId] = await retrying(deps, job, () => provider.reserveIds(auth, 1, signal))
  if (fileId === undefined) throw new Error('The provider reserved no id')
  return fileId
}

function lookUp(deps: SendDeps, job: SendJob, fileId: string): Promise<RemoteFile | undefined> {
  return retrying(deps, job, () => job.provider.findFile(job.auth, fileId, job.signal))
}

async function sendWhole(deps: SendDeps, job: SendJob, target: UploadTarget): Promise<Sent> {
  const pieces: Uint8Array[] = []
  const digests = await createFileDigests({ resumable: false })
  for await (const piece of staged(deps, job, 0, target.sizeBytes)) {
    digests.update(piece)
    pieces.push(piece)
  }
  const file = await retrying(deps, job, () =>
    job.provider.uploadWhole(job.auth, target, Buffer.concat(pieces), job.signal),
  )
  return { file, digests: digests.digest() }
}

async function sendChunks(deps: SendDeps, job: SendJob, target: UploadTarget): Promise<Sent> {
  const { delivery } = job
  let digests = await savedDigests(delivery)
  let session = await keptSession(deps, job, target)
  let stalls = 0
  let chunks = 0
  for (;;) {
    if ('file' in session) return { file: session.file, digests: await rest(deps, job, digests) }
    const { progress, sessionLost } = await where(deps, job, session, target)
    if (sessionLost) {
      const earlier = await lookUp(deps, job, target.fileId)
      session = earlier ? { file: earlier } : await newSession(deps, job, target)
      continue
    }
    if (progress.state === 'complete') {
      return { file: progress.file, digests: await rest(deps, job, digests) }
    }
    if (chunks > 0 && deps.clock.now() >= job.sliceEndsMs) throw new SliceOver()
    const offsetBytes = progress.offsetBytes
    if (offsetBytes < digests.offsetBytes) digests = await savedDigests(delivery, offsetBytes)
    const next = await sendChunk(deps, job, session.uri, target, offsetBytes, digests)
    chunks += 1
    session = { uri: session.uri, ...(next ? { progress: next } : {}) }
    const advanced = next?.state === 'complete' || (next?.offsetBytes ?? 0) > offsetBytes
    stalls = advanced ? 0 : stalls + 1
    if (stalls > MAX_STALLS) {
      throw new RetryLater({
        reason: 'UNAVAILABLE',
        diagnostics: { provider: job.provider.id, reason: 'noProgress' },
      })
    }
    if (next?.state === 'partial' && next.offsetBytes === digests.offsetBytes) {
      await saveProgress(deps, delivery, digests)
    }
  }
}

/** A session under way; `progress` is what the provider has said last, if it is still to be trusted. */
type Session = { uri: string; progress?: Progress } | { file: RemoteFile }

async function keptSession(deps: SendDeps, job: SendJob, target: UploadTarget): Promise<Session> {
  const { sealedSession, sessionKey } = job.delivery
  if (sealedSession === undefined || sessionKey === undefined) return newSession(deps, job, target)
  const ref = { userId: job.grant.userId, grantId: job.grant.id }
  return { uri: await deps.vault.unseal(ref, sessionKey, sealedSession) }
}

/** Opens a session; its URI, sealed, and the file's id are saved before the first byte. */
async function newSession(deps: SendDeps, job: SendJob, target: UploadTarget): Promise<Session> {
  const opened = await retrying(deps, job, () =>
    job.provider.openSession(job.auth, target, job.signal),
  )
  if ('file' in opened) return opened
  const ref = { userId: job.grant.userId, grantId: job.grant.id }
  const sessionKey = job.grant.wrappedKey
  const sealedSession = await deps.vault.seal(ref, sessionKey, opened.sessionUri)
  const session = { fileId: target.fileId, sealedSession, sessionKey }
  mustBeMine(await deps.deliveries.saveSession(job.delivery, session))
  Object.assign(job.delivery, session)
  delete job.delivery.digests
  delete job.delivery.offsetBytes
  return { uri: opened.sessionUri, progress: { state: 'partial', offsetBytes: 0 } }
}

/** How far the provider is: what it has just said, or asked anew after any doubt. */
async function where(
  deps: SendDeps,
  job: SendJob,
  session: { uri: string; progress?: Progress },
  target: UploadTarget,
): Promise<{ progress: Progress; sessionLost?: never } | { progress?: never; sessionLost: true }> {
  if (session.progress) return { progress: session.progress }
  try {
    const progress = await retrying(deps, job, () =>
      job.provider.sessionProgress(job.auth, session.uri, target, job.signal),
    )
    return { progress }
  } catch (error) {
    if (!(error instanceof SessionLost)) throw error
    return { sessionLost: true }
  }
}

/** Sends one chunk. Undefined when it is unknown how much of it the provider has. */
async function sendChunk(
  deps: SendDeps,
  job: SendJob,
  sessionUri: string,
  target: UploadTarget,
  offsetBytes: number,
  digests: ResumableFileDigests,
): Promise<Progress | undefined> {
  const endBytes = Math.min(offsetBytes + job.provider.chunkBytes, target.sizeBytes)
  const body = hashed(staged(deps, job, digests.offsetBytes, endBytes), digests, offsetBytes)
  try {
    return await job.provider.sendChunk(
      job.auth,
      sessionUri,
      target,
      { offsetBytes, sizeBytes: endBytes - offsetBytes, body },
      job.signal,
    )
  } catch (error) {
    if (error instanceof SessionLost) return undefined
    if (!(error instanceof RetryLater) || error.reason === 'DAILY_LIMIT') throw error
    // Some of it may have arrived: the provider is asked, after the pause that it wants.
    await retrying(deps, job, pauseOnce(error))
    return undefined
  }
}

/** An operation that fails once, so that the one retry policy decides how long to wait. */
function pauseOnce(error: RetryLater): () => Promise<void> {
  let failed = false
  return async () => {
    if (failed) return
    failed = true
    throw error
  }
}

/** Feeds the digests with all bytes and yields those from `sendFromBytes` on. */
async function* hashed(
  bytes: AsyncIterable<Buffer>,
  digests: ResumableFileDigests,
  sendFromBytes: number,
): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    const startBytes = digests.offsetBytes
    digests.update(piece)
    const skip = Math.max(0, sendFromBytes - startBytes)
    if (skip < piece.length) yield skip === 0 ? piece : piece.subarray(skip)
  }
}

/** Bytes of the staged object, of the very ETag that was taken in. */
async function* staged(
  deps: SendDeps,
  job: SendJob,
  fromBytes: number,
  endBytes: number,
): AsyncGenerator<Buffer> {
  if (fromBytes >= endBytes) return
  const { stagingKey, etag } = job.delivery
  const body = await deps.staging.read(
    stagingKey,
    etag,
    { offsetBytes: fromBytes, sizeBytes: endBytes - fromBytes },
    job.signal,
  )
  if (!body) throw new ContentChanged()
  yield* body
}

async function savedDigests(
  delivery: Delivery,
  notBeyondBytes = Infinity,
): Promise<ResumableFileDigests> {
  const usable = delivery.digests !== undefined && (delivery.offsetBytes ?? 0) <= notBeyondBytes
  try {
    return await createFileDigests({ resumable: true, ...(usable && { state: delivery.digests }) })
  } catch (error) {
    if (!(error instanceof DigestStateError)) throw error
    // Saved by another version of the code: the file is hashed from its first byte.
    return createFileDigests({ resumable: true })
  }
}

async function saveProgress(
  deps: SendDeps,
  delivery: Delivery,
  digests: ResumableFileDigests,
): Promise<void> {
  const state = digests.save()
  mustBeMine(await deps.deliveries.saveProgress(delivery, digests.offsetBytes, state))
  delivery.offsetBytes = digests.offsetBytes
  delivery.digests = state
}

/** The digests of the whole file, when the provider had more of it than they. */
async function rest(deps: SendDeps, job: SendJob, digests: ResumableFileDigests): Promise<Digests> {
  for await (const piece of staged(deps, job, digests.offsetBytes, job.delivery.sizeBytes)) {
    digests.update(piece)
  }
  return digests.digest()
}

/** Size and hash of the provider's own must equal ours; a file that differs is taken back and sent anew. */
async function prove(deps: SendDeps, job: SendJob, folder: Folder, sent: Sent): Promise<SentFile> {
  const { delivery } = job
  const sizeBytes = delivery.sizeBytes
  const digests = sent.digests ?? (await hashFromStaging(deps, job))
  let file = sent.file
  for (
    let look = 1;
    look < PROOF_LOOKS && file.sha256 === undefined && file.contentHash === undefined;
    look += 1
  ) {
    file = (await lookUp(deps, job, file.id)) ?? file
  }
  // Google fills SHA-256 "if available", MD5 always: then the file is read once more.
  const needsMd5 = file.sha256 === undefined && file.contentHash === undefined
  const expected = needsMd5 ? await hashWhole(deps, job, true) : digests
  if (!provesContent(file, { sizeBytes, ...expected })) {
    await job.provider.deleteFile(job.auth, file.id, job.signal)
    await reserveFileId(deps, job)
    throw new SessionLost({ diagnostics: { provider: job.provider.id, reason: 'contentDiffers' } })
  }
  if (file.trashed) {
    await job.provider.deleteFile(job.auth, file.id, job.signal)
    throw new Rejected({
      reason: 'PARENT_GONE',
      diagnostics: { provider: job.provider.id, reason: 'trashed' },
    })
  }
  return { file, digests, path: `${folder.displayPath}/${file.name}` }
}

/** The digests of a file that an earlier worker has sent, from where it saved them. */
async function hashFromStaging(deps: SendDeps, job: SendJob): Promise<Digests> {
  return job.delivery.digests === undefined
    ? hashWhole(deps, job, false)
    : rest(deps, job, await savedDigests(job.delivery))
}

async function hashWhole(deps: SendDeps, job: SendJob, md5: boolean): Promise<Digests> {
  const digests = await createFileDigests({ resumable: false, md5 })
  for await (const piece of staged(deps, job, 0, job.delivery.sizeBytes)) digests.update(piece)
  return digests.digest()
}

function retrying<Value>(
  deps: SendDeps,
  job: SendJob,
  operation: () => Promise<Value>,
): Promise<Value> {
  return withRetry(operation, { signal: job.signal, random: deps.random })
}

function mustBeMine(mine: boolean): void {
  if (!mine) throw new FencedOut()
}
