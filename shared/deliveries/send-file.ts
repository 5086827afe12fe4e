/** Bringing the bytes of one file to the provider, from wherever an earlier worker stopped, and proving it. */
import { createFileDigests, type Digests } from '../providers/content-hash.ts'
import { Rejected, type RejectedReason, SessionLost } from '../providers/failures.ts'
import type { RemoteFile, UploadTarget } from '../providers/provider.ts'
import type { Folder } from './folder-store.ts'
import { type Proved, proveFile } from './prove-file.ts'
import { sendChunks } from './send-chunks.ts'
import {
  lookUp,
  making,
  nextFileId,
  reserveFileId,
  retrying,
  type SendDeps,
  type Sending,
  type SendJob,
  type Sent,
  takeNextName,
} from './send-job.ts'
import { digestsFor } from './staged-digests.ts'
import { stagedFile } from './staged-file.ts'

export interface SentFile {
  file: RemoteFile
  digests: Digests
  /** As the owner reads it. */
  path: string
  /** It was found at its path: the proof holds, but nobody knows who has put it there. */
  mayBeAnothers: boolean
}

/** What stood in the way of a file: its folder, an id that was used and whose file is deleted, or another's file at its path. */
const NEEDS_NEW_ID: RejectedReason[] = ['PARENT_GONE', 'ID_UNUSABLE']

/** Another id is another chance; of files that others have at a path there may be many. */
const MOST_ROUNDS = { reserved: 2, paths: 100 } as const

export async function sendFile(deps: SendDeps, job: SendJob): Promise<SentFile> {
  const staged = stagedFile(deps.staging, job.delivery, job.signal)
  try {
    return await sendStaged(deps, { ...job, staged })
  } finally {
    staged.close()
  }
}

/**
 * What an earlier turn has left at the provider: the file, proved, which needs no more than binding;
 * or nothing, after another content was removed, or found to be another's. Sends no byte.
 */
export async function settleEarlier(deps: SendDeps, job: SendJob): Promise<SentFile | undefined> {
  const { delivery, provider, auth, signal } = job
  if (delivery.fileId === undefined) return undefined
  const staged = stagedFile(deps.staging, delivery, signal)
  try {
    const sending = { ...job, staged }
    const earlier = await lookUp(deps, job, delivery.fileId)
    const proved = earlier && (await provedOrRemoved(deps, sending, { file: earlier, found: true }))
    if (!proved) return undefined
    const folder = await retrying(deps, job, () =>
      deps.folders.ensure(provider, auth, delivery, signal),
    )
    return { ...proved, path: `${folder.displayPath}/${proved.file.name}` }
  } finally {
    staged.close()
  }
}

async function provedOrRemoved(
  deps: SendDeps,
  job: Sending,
  sent: Sent,
): Promise<Proved | undefined> {
  try {
    return await proveFile(deps, job, sent)
  } catch (error) {
    const isNotThere =
      error instanceof SessionLost ||
      (error instanceof Rejected && NEEDS_NEW_ID.includes(error.reason))
    if (isNotThere) return undefined
    throw error
  }
}

async function sendStaged(deps: SendDeps, job: Sending): Promise<SentFile> {
  const { delivery, provider, auth, signal } = job
  let mayBeThere = delivery.fileId !== undefined
  let folder = await retrying(deps, job, () =>
    deps.folders.ensure(provider, auth, delivery, signal),
  )
  for (let round = 1; ; round += 1) {
    try {
      return await sendInto(deps, job, folder, mayBeThere)
    } catch (error) {
      if (!(error instanceof Rejected && NEEDS_NEW_ID.includes(error.reason))) throw error
      if (round === MOST_ROUNDS[provider.ids]) throw error
      // The owner has deleted or trashed our folder, or the file under our id: a new file in a folder that is there.
      if (error.reason === 'PARENT_GONE') {
        folder = await retrying(deps, job, () =>
          deps.folders.recheck(provider, auth, delivery, signal),
        )
      }
      if (error.reason === 'ID_UNUSABLE' && provider.ids === 'paths') {
        await takeNextName(deps, job, ({ name }) =>
          provider.idAt({ parentId: folder.folderId, name }),
        )
      } else await reserveFileId(deps, job)
      mayBeThere = false
    }
  }
}

async function sendInto(
  deps: SendDeps,
  job: Sending,
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
    isFirst: !mayBeThere,
  }
  const send = inOneRequest ? sendWhole : sendChunks
  const earlier = mayBeThere ? await lookUp(deps, job, target.fileId) : undefined
  const sent = earlier
    ? { file: earlier, found: true }
    : await send(deps, job, target).catch((error) => standing(deps, job, target, error))
  const proved = await proveFile(deps, job, sent)
  return { ...proved, path: `${folder.displayPath}/${proved.file.name}` }
}

/** What stands at the path of a file that was refused there: with the same content it is there once. */
async function standing(
  deps: SendDeps,
  job: Sending,
  { fileId }: UploadTarget,
  error: unknown,
): Promise<Sent> {
  const isTaken = error instanceof Rejected && error.reason === 'ID_UNUSABLE'
  const file = isTaken && job.provider.ids === 'paths' ? await lookUp(deps, job, fileId) : undefined
  if (!file) throw error
  return { file, found: true }
}

async function sendWhole(deps: SendDeps, job: Sending, target: UploadTarget): Promise<Sent> {
  const pieces: Uint8Array[] = []
  const digests = await createFileDigests({ resumable: false, ...digestsFor(job) })
  for await (const piece of job.staged.read(0, target.sizeBytes)) {
    digests.update(piece)
    pieces.push(piece)
  }
  const file = await retrying(deps, job, () =>
    making(job, () => {
      const attempt = { ...target }
      target.isFirst = false
      return job.provider.uploadWhole(job.auth, attempt, each(pieces), job.signal)
    }),
  )
  return { file, digests: digests.digest() }
}

async function* each(pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces
}
