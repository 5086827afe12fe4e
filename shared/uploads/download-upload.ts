/** Giving a delivered file back to its owner: small ones at once, large ones by the provider's own link or by way of the bucket. */
import type { Account } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import { type FreshToken, withToken } from '../accounts/fresh-token.ts'
import type { Clock } from '../platform/clock.ts'
import { DOWNLOADS_PREFIX } from '../platform/env-names.ts'
import type { UploadQueue } from '../platform/queues.ts'
import type { OwnersStaging, StagingBucket } from '../platform/staging-bucket.ts'
import { Rejected, RetryLater } from '../providers/failures.ts'
import { safeSegment } from '../providers/names.ts'
import type { AccessRegistry } from '../providers/registry.ts'
import { withRetry } from '../providers/retry.ts'
import type { Download, DownloadStore } from './download-store.ts'
import { accountIdOf, ownUpload } from './list-uploads.ts'
import { explaining, goneAtProvider, mustBeReachable } from './owner-uploads.ts'
import type { Upload } from './upload.ts'
import type { UploadStore } from './upload-store.ts'

const MIB = 1024 * 1024
/** What fits into Lambda's reply of 6 MiB as base64, with room for headers. */
const INLINE_MAX_BYTES = 4 * MIB
const PREPARING_SECONDS = 2

interface ProviderDeps {
  freshToken: FreshToken
  provider: AccessRegistry
}

export interface DownloadDeps extends ProviderDeps {
  uploads: UploadStore
  accounts: AccountStore
  downloads: DownloadStore
  staging: OwnersStaging
  queue: UploadQueue
}

export type DownloadReply =
  | { kind: 'inline'; bytes: Uint8Array; headers: Record<string, string> }
  | { kind: 'redirect'; url: string }
  | { kind: 'preparing'; retryAfterSeconds: number }

export async function downloadUpload(
  deps: DownloadDeps,
  userId: string,
  uploadId: string,
): Promise<DownloadReply> {
  const upload = await ownUpload(deps, userId, uploadId)
  const account = mustBeReachable(await deps.accounts.find(accountIdOf(upload)), upload)
  if (upload.fileSize <= INLINE_MAX_BYTES) {
    const bytes = await explaining(() => readAll(deps, account, upload))
    return { kind: 'inline', bytes, headers: attachmentHeaders(upload.fileName) }
  }
  const { downloadLink } = deps.provider(account.provider)
  if (downloadLink) {
    const url = await explaining(() =>
      withToken(deps, account, (accessToken) =>
        downloadLink({ accessToken }, upload.storageFileId ?? ''),
      ),
    )
    return { kind: 'redirect', url }
  }
  const download = await deps.downloads.find(uploadId)
  if (download?.state === 'ready') {
    const url = await deps.staging.signDownload(downloadKey(uploadId), attachment(upload.fileName))
    return { kind: 'redirect', url }
  }
  if (download?.state === 'gone') throw goneAtProvider()
  const unattended = download
    ? await deps.downloads.askAgain(uploadId)
    : await deps.downloads.begin(uploadId)
  if (unattended) await deps.queue.send([{ uploadId, userId }])
  return { kind: 'preparing', retryAfterSeconds: PREPARING_SECONDS }
}

/** Never inline and never a type that a browser would run (security rule 14). */
function attachmentHeaders(fileName: string): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'content-disposition': attachment(fileName),
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
  }
}

/** RFC 6266 with an ASCII name for old clients and the real one beside it, safe for any disk as at the provider. */
function attachment(clientsName: string): string {
  const fileName = safeSegment(clientsName)
  const ascii = fileName.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(fileName).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

function downloadKey(uploadId: string): string {
  return `${DOWNLOADS_PREFIX}${uploadId}`
}

async function readAll(deps: ProviderDeps, account: Account, upload: Upload): Promise<Uint8Array> {
  const download = await withToken(deps, account, (accessToken) =>
    deps.provider(account.provider).download({ accessToken }, upload.storageFileId ?? ''),
  )
  const bytes = await new Response(download.body).arrayBuffer().catch((cause: unknown) => {
    throw new RetryLater({
      reason: 'NETWORK',
      diagnostics: { provider: account.provider, reason: 'brokenBody' },
      cause,
    })
  })
  return Buffer.from(bytes)
}

export interface RestageDeps extends ProviderDeps {
  uploads: UploadStore
  accounts: AccountStore
  downloads: DownloadStore
  staging: StagingBucket
  queue: UploadQueue
  clock: Clock
  workSliceMs: number
}

/** Large enough that 5 TB stay below S3's 10,000 parts, small enough that one takes seconds. */
const PART_BYTES = 64 * MIB
const MAX_PARTS = 9000
/** No part begins when less than this is left of the invocation. */
const RESERVE_MS = 60_000

/** Brings one large file back to the bucket, part by part, and goes on in another invocation when the slice is over. */
export async function restageDownload(
  deps: RestageDeps,
  uploadId: string,
  deadlineMs: number,
): Promise<void> {
  const download = await deps.downloads.claim(uploadId)
  const upload = download && (await deps.uploads.find(uploadId))
  if (!download || upload?.status !== 'uploaded') return
  try {
    await restage(deps, download, upload, deadlineMs)
  } catch (error) {
    if (!isGone(error)) throw error
    await deps.downloads.gone(download)
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Rejected && error.reason === 'NOT_FOUND'
}

async function restage(
  deps: RestageDeps,
  download: Download,
  upload: Upload,
  deadlineMs: number,
): Promise<void> {
  const uploadId = upload.id
  const account = mustBeReachable(await deps.accounts.find(accountIdOf(upload)), upload)
  const key = downloadKey(uploadId)
  const multipartUploadId = download.multipartUploadId ?? (await deps.staging.createMultipart(key))
  if (download.multipartUploadId === undefined) {
    if (!(await deps.downloads.saveMultipart(download, multipartUploadId))) return
  }
  const partBytes = Math.max(PART_BYTES, Math.ceil(upload.fileSize / MAX_PARTS / MIB) * MIB)
  const partCount = Math.ceil(upload.fileSize / partBytes)
  const present = await deps.staging.listParts(key, multipartUploadId)
  // Nobody aborts it: a worker put it together and died before it could say so.
  if (!present) return deps.downloads.ready(download)
  const stored = new Set(present.map((part) => part.partNumber))
  const sliceEndsMs = Math.min(deps.clock.now() + deps.workSliceMs, deadlineMs - RESERVE_MS)
  for (let part = 1; part <= partCount; part += 1) {
    if (stored.has(part)) continue
    if (deps.clock.now() >= sliceEndsMs) {
      await deps.downloads.release(download)
      await deps.queue.send([{ uploadId, userId: upload.userId }])
      return
    }
    const offsetBytes = (part - 1) * partBytes
    const sizeBytes = Math.min(partBytes, upload.fileSize - offsetBytes)
    await withRetry(() =>
      withToken(deps, account, async (accessToken) => {
        const { body } = await deps
          .provider(account.provider)
          .download({ accessToken }, upload.storageFileId ?? '', { offsetBytes, sizeBytes })
        await deps.staging.putPart(key, multipartUploadId, part, body, sizeBytes)
      }),
    )
  }
  const parts = (await deps.staging.listParts(key, multipartUploadId)) ?? []
  const outcome = await deps.staging.completeMultipart(
    key,
    multipartUploadId,
    parts,
    upload.fileSize,
  )
  if (outcome === 'incomplete') throw new Error('A restaged download lacks parts')
  await deps.downloads.ready(download)
}
