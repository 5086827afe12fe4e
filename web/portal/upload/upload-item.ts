/** One file as the page shows it. */
import type { StorageProviderId } from '../../../shared/contract/common.ts'
import type { UploadStatus } from '../../../shared/contract/uploads.ts'

export type Phase =
  /** Chosen; its turn has not come. */
  | 'waiting'
  | 'sending'
  /** Every byte is sent; the server has not confirmed yet. */
  | 'finishing'
  | 'received'
  /** Received; its owner's cloud storage does not take it at the moment. */
  | 'held'
  | 'delivered'
  /** Received, then refused by a check: it will not be delivered. */
  | 'refused'
  | 'failed'
  /** Left unfinished by an earlier visit: it must be chosen again. */
  | 'missing'

export type FailureReason =
  | 'TOO_LARGE'
  | 'WRONG_TYPE'
  | 'BAD_NAME'
  | 'UNREADABLE'
  | 'CLOSED'
  /** The server said no, in its own words. */
  | 'REFUSED'

export interface Failure {
  reason: FailureReason
  detail?: string
}

export interface UploadItem {
  readonly key: string
  readonly name: string
  /** Path within a chosen folder, the name included; empty for a file chosen by itself. */
  readonly relativePath: string
  readonly size: number
  readonly phase: Phase
  readonly sentBytes: number
  readonly failure: Failure | undefined
  readonly destination: StorageProviderId | undefined
}

export interface ChosenFile {
  file: File
  /** Empty for a file chosen by itself. */
  relativePath: string
}

export interface ClientDetails {
  clientName?: string
  clientEmail?: string
  clientMessage?: string
}

const SAFE_ON_THE_SERVER: readonly Phase[] = ['received', 'held', 'delivered']

export function isReceived(phase: Phase): boolean {
  return SAFE_ON_THE_SERVER.includes(phase)
}

/** Still to be brought to the server by this page. */
export function isUnderWay(phase: Phase): boolean {
  return phase === 'waiting' || phase === 'sending' || phase === 'finishing'
}

/** An answer of the server may still change it. */
export function isAwaitingDelivery(phase: Phase): boolean {
  return phase === 'received' || phase === 'held' || isUnderWay(phase)
}

/** The file itself is in the way: it would be refused again. */
const FILES_OWN_FAULT: readonly FailureReason[] = ['TOO_LARGE', 'WRONG_TYPE', 'BAD_NAME']

export function canRetry(item: UploadItem): boolean {
  const reason = item.failure?.reason
  return reason !== undefined && !FILES_OWN_FAULT.includes(reason)
}

export function hasArrived(status: UploadStatus): boolean {
  const phase = phaseOf(status, 'sending')
  return phase !== undefined && isReceived(phase)
}

/** What an upload's status means for its client; undefined while nothing is new. */
export function phaseOf(status: UploadStatus, known: Phase): Phase | undefined {
  switch (status) {
    case 'pending':
      return undefined
    case 'staged':
    case 'scanning':
    case 'delivering':
      return 'received'
    case 'held':
      return 'held'
    case 'uploaded':
    case 'migrated':
      return 'delivered'
    case 'rejected':
    case 'quarantined':
    case 'failed':
      return 'refused'
    case 'expired':
    case 'deleted':
      // An owner may delete what was delivered; what never arrived may be sent again.
      if (known === 'missing') return 'missing'
      return known === 'delivered' ? undefined : 'refused'
  }
}
