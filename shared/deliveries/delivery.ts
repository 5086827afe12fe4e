/** The work of bringing a file to an account, as its item `delivery#{uploadId}` records it. */
import { SINGLE_PUT_MAX_BYTES } from '../contract/limits.ts'
import type { UploadReason } from '../contract/uploads.ts'
import type { Reserved } from '../limits/reservations.ts'
import { SECOND_MS } from '../platform/clock.ts'
import { type DueKind, dueKeys } from '../platform/table.ts'

export interface Delivery {
  uploadId: string
  userId: string
  portalId: string
  accountId: string
  /** As the provider will show it: the client's name, numbered when the folder has it already. */
  name: string
  folders: string[]
  /** As the upload has it. */
  storageFolderPath?: string
  sizeBytes: number
  mimeType: string
  stagingKey: string
  etag: string
  /** What the upload gives back when it cannot be delivered. */
  reserved?: Reserved
  state: 'undelivered' | 'bound' | 'abandoned'
  fence: number
  /** Claims since it last waited; a file that never ends is slowed down by it, because Lambda's own recursion guard is off. */
  claims: number
  /** Failures in a row, for the growing wait between them. */
  failures: number
  fileId?: string
  /** The session's URI is a capability, so it is kept sealed. */
  sealedSession?: string
  /** The wrapped data key of `sealedSession`: a new consent has another one, and the session goes on. */
  sessionKey?: string
  /** Bytes in `digests`. */
  offsetBytes?: number
  digests?: string
  /** Until then an earlier worker may live, though it has lost its lease, and what it has sent may arrive. */
  soleFromMs?: number
  /** Accounts that it has left since it last waited. */
  moves?: number
  held?: boolean
  /** Why it waits. */
  heldFor?: UploadReason
}

/** A dead worker's file goes on within two minutes: this lease, and a sweep every minute. */
export const LEASE_MS = 60 * SECOND_MS
/** A message that was lost between the write and the queue is repaired as early as a dead worker. */
export const FIRST_DUE_MS = 60 * SECOND_MS

export const deliveryExists = 'attribute_exists(pk)'
/** Of values `:fence`. */
export const leaseIsMine = 'fence = :fence'

export function deliveryKey(uploadId: string) {
  return { pk: `delivery#${uploadId}`, sk: 'delivery' }
}

export function deliveryKind(sizeBytes: number): DueKind & `${string}-delivery` {
  return sizeBytes <= SINGLE_PUT_MAX_BYTES ? 'small-delivery' : 'large-delivery'
}

/** Where a delivery stands in the due index. */
export function dueAt(delivery: Pick<Delivery, 'uploadId' | 'sizeBytes'>, atMs: number) {
  return dueKeys(delivery.uploadId, deliveryKind(delivery.sizeBytes), atMs)
}
