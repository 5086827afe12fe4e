import type { UploadReason, UploadReply, UploadStatus } from '../../../shared/contract/uploads.ts'
import { getStorageStatusIndicator } from '../accounts/storage-status.ts'
import type { StatusColor } from '../shell/status-label.tsx'

interface UploadState {
  color: StatusColor
  label: string
  /** Why, and what happens or is to be done next. */
  explanation?: string
}

const STATES: Record<UploadStatus, UploadState> = {
  pending: { color: 'blue', label: 'Being sent' },
  staged: { color: 'blue', label: 'Received' },
  scanning: { color: 'blue', label: 'Being checked' },
  delivering: { color: 'blue', label: 'Being delivered' },
  uploaded: { color: 'green', label: 'Delivered' },
  held: { color: 'yellow', label: 'Waiting' },
  rejected: { color: 'red', label: 'Refused' },
  quarantined: { color: 'red', label: 'In quarantine' },
  failed: { color: 'red', label: 'Failed' },
  expired: { color: 'grey', label: 'Never arrived' },
  deleted: { color: 'grey', label: 'Deleted' },
  migrated: { color: 'grey', label: 'Moved' },
}

/** To choose from; what an owner deleted is not listed. */
export const STATUS_CHOICES = Object.entries(STATES)
  .filter(([status]) => status !== 'deleted')
  .map(([value, { label }]) => ({ value, label }))

const REASONS: Record<UploadReason, string> = {
  ACCOUNT_INACTIVE: 'Its account is paused. Reactivate it and the file is delivered by itself.',
  ACCOUNT_DISCONNECTED:
    'Its account is disconnected. Reconnect it and the file is delivered by itself.',
  ACCOUNT_ERROR: 'The provider does not answer. We try again by ourselves.',
  PROVIDER_FULL: 'Your storage is full. Make room and the file is delivered by itself.',
  RATE_LIMITED: 'The provider asks us to wait. We go on by ourselves.',
  OUTCOME_UNKNOWN: 'The provider did not confirm it. We are making sure that it arrives just once.',
  SIZE_MISMATCH: 'What arrived is not as long as the file was said to be.',
  CONTENT_CHANGED: 'Its content changed after it was received.',
  EXECUTABLE_CONTENT: 'It calls itself an image but is a program.',
  DELIVERY_REFUSED: 'The provider refuses this file.',
  CANCELLED: 'The client took it back.',
  NEVER_ARRIVED: 'The client left before it was sent.',
}

export function describeUpload(upload: Pick<UploadReply, 'status' | 'reason'>): UploadState {
  const state = STATES[upload.status]
  return upload.reason === null ? state : { ...state, explanation: REASONS[upload.reason] }
}

/** How the account is that a file was or will be delivered to. */
export function describeStorage({ storageStatus }: Pick<UploadReply, 'storageStatus'>) {
  return getStorageStatusIndicator(storageStatus && { status: storageStatus, lastError: null })
}

const ON_ITS_WAY: UploadStatus[] = ['pending', 'staged', 'scanning', 'delivering']

export function isOnItsWay({ status }: Pick<UploadReply, 'status'>): boolean {
  return ON_ITS_WAY.includes(status)
}

/** What an owner deleted is gone from the list as well. */
export function isListed({ status }: Pick<UploadReply, 'status'>): boolean {
  return status !== 'deleted'
}

const FAST_POLL_MS = 2_000
const SLOW_POLL_MS = 10_000
/** A reservation lives so long: what is older and still on its way changes rarely. */
const LIVELY_MS = 15 * 60_000

/** How soon to look again. Every page that is loaded is read again, so that several are read less often. */
export function pollIntervalMs(
  uploads: Pick<UploadReply, 'status' | 'createdAt'>[],
  pageCount: number,
  nowMs: number,
): number {
  const lively = uploads.some(
    (upload) => isOnItsWay(upload) && nowMs - Date.parse(upload.createdAt) < LIVELY_MS,
  )
  return lively ? FAST_POLL_MS * Math.max(1, pageCount) : SLOW_POLL_MS
}

/** The folder in which the client had the file; null for none. */
export function clientFolder(relativePath: string | null): string | null {
  const end = relativePath?.lastIndexOf('/') ?? -1
  return end > 0 ? (relativePath?.slice(0, end) ?? null) : null
}

/** What a file is called in the storage; null when that is what its client called it. */
export function otherName({
  fileName,
  storagePath,
}: Pick<UploadReply, 'fileName' | 'storagePath'>): string | null {
  const stored = storagePath?.split('/').at(-1)
  // The same letters may be written in two ways that nobody can tell apart.
  return stored === undefined || stored === fileName.normalize('NFC') ? null : stored
}
