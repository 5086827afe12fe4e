/** The proof: size and hash of the provider's own must equal ours. */
import { provesContent } from '../providers/content-hash.ts'
import { type Diagnostics, Rejected, SessionLost } from '../providers/failures.ts'
import type { RemoteFile } from '../providers/provider.ts'
import { lookUp, reserveFileId, type SendDeps, type Sending, type Sent } from './send-job.ts'
import { hashStaged } from './staged-digests.ts'

/** Hashes may be filled a moment after the last byte; so often they are looked for. */
const LOOKS = 4

export type Proved = Required<Pick<Sent, 'file' | 'digests'>> & { mayBeAnothers: boolean }

/**
 * Returns the proved file with its digests. One that differs is removed, and `SessionLost` sends it
 * anew; but what was found at a path stays, because it may be another's: `ID_UNUSABLE`.
 */
export async function proveFile(deps: SendDeps, job: Sending, sent: Sent): Promise<Proved> {
  const { provider, auth, signal } = job
  const { sizeBytes } = job.delivery
  const mayBeAnothers = provider.ids === 'paths' && sent.found === true
  const diagnostics = { provider: provider.id }
  if (mayBeAnothers && sent.file.sizeBytes !== sizeBytes) throw anothers(diagnostics)
  const file = await withHash(deps, job, sent.file)
  // Google fills SHA-256 "if available", MD5 always: then the file is read once more.
  const md5 = !hasHash(file)
  const digests = sent.digests && !md5 ? sent.digests : await hashStaged(deps, job, { md5 })
  if (!provesContent(file, { sizeBytes, ...digests })) {
    if (mayBeAnothers) throw anothers(diagnostics)
    await provider.deleteFile(auth, file.id, signal)
    await reserveFileId(deps, job)
    throw new SessionLost({ diagnostics: { ...diagnostics, reason: 'contentDiffers' } })
  }
  if (file.trashed) {
    await provider.deleteFile(auth, file.id, signal)
    throw new Rejected({
      reason: 'PARENT_GONE',
      diagnostics: { ...diagnostics, reason: 'trashed' },
    })
  }
  return { file, digests, mayBeAnothers }
}

function anothers(diagnostics: Diagnostics): Rejected {
  return new Rejected({
    reason: 'ID_UNUSABLE',
    diagnostics: { ...diagnostics, reason: 'contentDiffers' },
  })
}

async function withHash(deps: SendDeps, job: Sending, sent: RemoteFile): Promise<RemoteFile> {
  let file = sent
  for (let look = 1; look < LOOKS && !hasHash(file); look += 1) {
    file = (await lookUp(deps, job, file.id)) ?? file
  }
  return file
}

function hasHash(file: RemoteFile): boolean {
  return file.sha256 !== undefined || file.contentHash !== undefined
}
