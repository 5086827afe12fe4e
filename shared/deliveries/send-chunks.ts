/**
 * Sending a file through an upload session. Two offsets matter: how far our digests are, and how
 * far the provider says it is. One rule joins them: bytes are sent from the provider's offset, and
 * each is hashed once. When the provider is ahead of the digests, these catch up first; when it is
 * behind them, bytes are read again that are hashed already.
 */
import type { FileDigests } from '../providers/content-hash.ts'
import { RetryLater, SessionLost } from '../providers/failures.ts'
import type { Progress, UploadTarget } from '../providers/provider.ts'
import {
  lookUp,
  making,
  mustBeMine,
  retrying,
  type SendDeps,
  type Sending,
  type Sent,
  SliceOver,
} from './send-job.ts'
import { digestsToSend, hashToEnd, hashUpTo, saveIfResumable } from './staged-digests.ts'

/** Rounds in a row in which the provider took nothing; then the file waits. Eight is what Drive's clients allow. */
const MAX_STALLS = 8

/** A session under way; `progress` is what the provider has said last, if it is still to be trusted. */
interface Session {
  uri: string
  progress?: Progress
}

export async function sendChunks(
  deps: SendDeps,
  job: Sending,
  target: UploadTarget,
): Promise<Sent> {
  const digests = await digestsToSend(deps, job)
  let session = await keptSession(deps, job, target)
  let reachedBytes = -1
  let stalls = 0
  let chunks = 0
  for (;;) {
    if ('file' in session) {
      return { ...session, digests: await hashToEnd(deps, job, digests) }
    }
    const progress = await where(deps, job, session, target)
    if (progress === 'lost') {
      const earlier = await lookUp(deps, job, target.fileId)
      session = earlier ? { file: earlier, found: true } : await newSession(deps, job, target)
      reachedBytes = 0
      continue
    }
    if (progress.state === 'complete') {
      session = { file: progress.file }
      continue
    }
    job.outcome.isOpen = false
    if (chunks > 0 && deps.clock.now() >= job.sliceEndsMs) throw new SliceOver()
    const { offsetBytes } = progress
    stalls = offsetBytes > reachedBytes ? 0 : stalls + 1
    if (stalls > MAX_STALLS) {
      throw new RetryLater({
        reason: 'UNAVAILABLE',
        diagnostics: { provider: job.provider.id, reason: 'noProgress' },
      })
    }
    reachedBytes = Math.max(reachedBytes, offsetBytes)
    await hashUpTo(deps, job, digests, offsetBytes)
    const next = await sendChunk(deps, job, session.uri, target, offsetBytes, digests)
    chunks += 1
    session = { uri: session.uri, ...(next && { progress: next }) }
    if (next?.state === 'partial' && next.offsetBytes > offsetBytes) {
      await saveIfResumable(deps, job, digests)
    }
  }
}

async function keptSession(
  deps: SendDeps,
  job: Sending,
  target: UploadTarget,
): Promise<Session | Sent> {
  const { sealedSession, sessionKey } = job.delivery
  if (sealedSession === undefined || sessionKey === undefined) return newSession(deps, job, target)
  const ref = { userId: job.grant.userId, grantId: job.grant.id }
  return { uri: await deps.vault.unseal(ref, sessionKey, sealedSession) }
}

/** Opens a session; its URI, sealed, and the file's id are saved before the first byte. */
async function newSession(
  deps: SendDeps,
  job: Sending,
  target: UploadTarget,
): Promise<Session | Sent> {
  const opened = await retrying(deps, job, () =>
    job.provider.openSession(job.auth, target, job.signal),
  )
  if ('file' in opened) return { ...opened, found: true }
  const ref = { userId: job.grant.userId, grantId: job.grant.id }
  const sessionKey = job.grant.wrappedKey
  const sealedSession = await deps.vault.seal(ref, sessionKey, opened.sessionUri)
  const session = { fileId: target.fileId, sealedSession, sessionKey }
  mustBeMine(await deps.deliveries.saveSession(job.delivery, session))
  Object.assign(job.delivery, session)
  return { uri: opened.sessionUri, progress: { state: 'partial', offsetBytes: 0 } }
}

/** How far the provider is: what it has just said, or asked anew after any doubt. */
async function where(
  deps: SendDeps,
  job: Sending,
  { uri, progress }: Session,
  target: UploadTarget,
): Promise<Progress | 'lost'> {
  if (progress) return progress
  try {
    return await retrying(deps, job, () =>
      job.provider.sessionProgress(job.auth, uri, target, job.signal),
    )
  } catch (error) {
    if (!(error instanceof SessionLost)) throw error
    return 'lost'
  }
}

/** Sends one chunk. Undefined when it is unknown how much of it the provider has. */
async function sendChunk(
  deps: SendDeps,
  job: Sending,
  sessionUri: string,
  target: UploadTarget,
  offsetBytes: number,
  digests: FileDigests,
): Promise<Progress | undefined> {
  const endBytes = Math.min(offsetBytes + job.provider.chunkBytes, target.sizeBytes)
  const body = hashed(job, digests, offsetBytes, endBytes)
  const attempt = { ...target }
  // With the last one the file is made, whatever is heard of it.
  if (endBytes === target.sizeBytes) target.isFirst = false
  try {
    return await making(job, () =>
      job.provider.sendChunk(
        job.auth,
        sessionUri,
        attempt,
        { offsetBytes, sizeBytes: endBytes - offsetBytes, body },
        job.signal,
      ),
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

/** The bytes of a chunk, which pass the digests on their way. */
async function* hashed(
  job: Sending,
  digests: FileDigests,
  fromBytes: number,
  endBytes: number,
): AsyncGenerator<Uint8Array> {
  let atBytes = fromBytes
  for await (const piece of job.staged.read(fromBytes, endBytes)) {
    digests.update(piece, atBytes)
    atBytes += piece.length
    yield piece
  }
}
