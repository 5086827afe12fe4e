import { SINGLE_PUT_MAX_BYTES } from '../../../shared/contract/limits.ts'
import { UploadEnded } from './part-sender.ts'
import type { PortalApi } from './portal-api.ts'
import { isIncomplete, isUploadOver } from './problems.ts'
import { Transfer } from './transfer.ts'

interface BrokenUpload {
  /** Absent when an earlier visit did not come to announce it. */
  uploadId: string | undefined
  size: number
  hash: Promise<string | undefined> | undefined
}

/** Asks S3, and nobody else, what it has of an upload whose end this page did not see. */
export async function resumeUpload(
  api: Pick<PortalApi, 'listParts' | 'complete'>,
  upload: BrokenUpload,
  token: string,
  signal: AbortSignal,
): Promise<Transfer | 'received'> {
  const { uploadId, size } = upload
  if (uploadId === undefined) throw new UploadEnded('It was never announced')
  const listed = await listUnlessOver(api, uploadId, token, signal)
  if (listed === undefined) {
    // Nothing more is taken for it: either it was received, or completing says that it ended.
    const contentHash = await upload.hash
    await api.complete(uploadId, contentHash === undefined ? {} : { contentHash }, token)
    return 'received'
  }
  // S3 lists no parts either once it has put them together.
  const mayBeWhole = size > SINGLE_PUT_MAX_BYTES && listed.parts.length === 0
  if (mayBeWhole && (await completes(api, uploadId, token))) return 'received'
  return Transfer.resumed(uploadId, size, listed)
}

async function listUnlessOver(
  api: Pick<PortalApi, 'listParts'>,
  uploadId: string,
  token: string,
  signal: AbortSignal,
) {
  try {
    return await api.listParts(uploadId, token, signal)
  } catch (error) {
    if (isUploadOver(error)) return undefined
    throw error
  }
}

async function completes(
  api: Pick<PortalApi, 'complete'>,
  uploadId: string,
  token: string,
): Promise<boolean> {
  try {
    await api.complete(uploadId, {}, token)
    return true
  } catch (error) {
    // Nothing has arrived yet: everything is sent.
    if (isIncomplete(error)) return false
    throw error
  }
}
