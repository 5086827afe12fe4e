import type { StorageProviderId } from '../contract/common.ts'
import {
  CONTENT_HASH_BLOCK_BYTES,
  partSizeBytes,
  SINGLE_PUT_MAX_BYTES,
} from '../contract/limits.ts'
import type { UploadReason, UploadStatus } from '../contract/uploads.ts'
import type { Reserved } from '../limits/reservations.ts'
import { SAFE_PREFIX, SCAN_PREFIX } from '../platform/env-names.ts'

/** A file on its way. What is not known yet is absent. */
export interface Upload {
  id: string
  userId: string
  portalId: string
  submissionId: string
  /** As the client calls it. */
  fileName: string
  /** Folders below the portal's own, each one safe segment. */
  folders: string[]
  relativePath: string | null
  /** The folder that its owner had chosen for the portal; absent is the portal's own. */
  storageFolderPath?: string
  fileSize: number
  mimeType: string
  storageProvider: StorageProviderId
  status: UploadStatus
  reason?: UploadReason
  retryAt?: string
  method: 'put' | 'multipart'
  partSize: number
  partCount: number
  multipartUploadId?: string
  stagingKey: string
  /** Dropbox content hash as the browser computed it. */
  contentHash?: string
  /** Fixed when the object is taken in; everything after must be of this very object. */
  etag?: string
  intendedStorageAccountId: string
  /** Written once, by the write that also sets `uploaded`. */
  storageAccountId?: string
  storageFileId?: string
  storagePath?: string
  sha256?: string
  /** Room that it holds until it is delivered or ends. */
  reserved?: Reserved
  /** It was announced after the portal's deadline, within the time of grace. */
  late?: boolean
  /** Parts that S3 had when the reservation was last renewed. */
  partsSeen?: number
  /** When it is looked at next; every sign of life moves it. */
  dueSk?: string
  /** Nothing of it tells of its client any more. */
  erased?: true
  createdAt: string
  receivedAt?: string
  deliveredAt?: string
}

const TERMINAL: UploadStatus[] = [
  'uploaded',
  'rejected',
  'quarantined',
  'failed',
  'expired',
  'deleted',
  'migrated',
]

export function isTerminal(status: UploadStatus): boolean {
  return TERMINAL.includes(status)
}

/** Raster images by declared type and extension skip the malware scan; what they hold is sniffed all the same. */
const SAFE_TYPES = new Map([
  ['image/jpeg', ['jpg', 'jpeg']],
  ['image/png', ['png']],
  ['image/gif', ['gif']],
  ['image/webp', ['webp']],
])

export function stagingKey(uploadId: string, fileName: string, mimeType: string): string {
  const extension = fileName.toLowerCase().split('.').at(-1) ?? ''
  const safe = SAFE_TYPES.get(mimeType.toLowerCase())?.includes(extension) === true
  return `${safe ? SAFE_PREFIX : SCAN_PREFIX}${uploadId}`
}

/**
 * Parts by which a client shows that it sends. The last one is none: it may be a single byte, and who
 * sends nothing else would keep the room of a file of any size for it.
 */
export function wholeParts<Part extends { size: number }>(
  { partSize }: Pick<Upload, 'partSize'>,
  parts: Part[] = [],
): Part[] {
  return parts.filter(({ size }) => size >= partSize)
}

/** The upload whose bytes lie at a key of the staging bucket. */
export function uploadIdOfKey(key: string): string | undefined {
  return /^staging\/(?:safe|scan)\/(upl_[0-9a-z]+)$/.exec(key)?.[1]
}

export interface PartPlan {
  method: 'put' | 'multipart'
  partSize: number
  partCount: number
}

export function planParts(fileSizeBytes: number): PartPlan {
  if (fileSizeBytes <= SINGLE_PUT_MAX_BYTES) {
    return {
      method: 'put',
      partSize: Math.max(fileSizeBytes, CONTENT_HASH_BLOCK_BYTES),
      partCount: 1,
    }
  }
  const partSize = partSizeBytes(fileSizeBytes)
  return { method: 'multipart', partSize, partCount: Math.ceil(fileSizeBytes / partSize) }
}

/** Exact length of a part; the last one takes what is left. */
export function partLength(
  upload: Pick<Upload, 'fileSize' | 'partSize' | 'partCount'>,
  partNumber: number,
): number {
  if (partNumber < upload.partCount) return upload.partSize
  return upload.fileSize - upload.partSize * (upload.partCount - 1)
}
