/**
 * The five words in which every storage provider fails. A driver turns statuses, reasons and
 * broken connections into one of them; nobody above a driver sees anything of the provider's but
 * `diagnostics`, which is safe to log.
 */
import type { StorageProviderId } from './providers.ts'

/** What may be logged: a status and code words, never a message, a URL or a header. */
export interface Diagnostics {
  /** Absent where the grant that would say so is gone. */
  provider?: StorageProviderId
  status?: number
  /** The provider's own code word (`userRateLimitExceeded`) or the connection's (`ECONNRESET`). */
  reason?: string
}

interface FailureFacts {
  diagnostics: Diagnostics
  cause?: unknown
}

/** What the five have in common, so that one `instanceof` tells them from everything else. */
export class ProviderFailure extends Error {
  override name: string = 'ProviderFailure'
  readonly diagnostics: Diagnostics

  constructor(message: string, { diagnostics, cause }: FailureFacts) {
    super(message, cause === undefined ? undefined : { cause })
    this.diagnostics = diagnostics
  }
}

/**
 * `DAILY_LIMIT` is an allowance of hours that is used up; `NETWORK` is a connection that broke, so
 * that it is unknown what the provider has done.
 */
export type RetryLaterReason = 'RATE_LIMITED' | 'UNAVAILABLE' | 'NETWORK' | 'DAILY_LIMIT'

/** The same call may succeed later. */
export class RetryLater extends ProviderFailure {
  override name = 'RetryLater' as const
  readonly code = 'RETRY_LATER'
  readonly reason: RetryLaterReason
  /** How long the provider asks to wait; it wins over any back-off of ours. */
  readonly afterMs?: number

  constructor(facts: FailureFacts & { reason: RetryLaterReason; afterMs?: number | undefined }) {
    super(`The provider cannot do this now (${facts.reason})`, facts)
    this.reason = facts.reason
    if (facts.afterMs !== undefined) this.afterMs = facts.afterMs
  }
}

/** The grant does not carry this call. */
export class ReconnectNeeded extends ProviderFailure {
  override name = 'ReconnectNeeded' as const
  readonly code = 'RECONNECT_NEEDED'
  /** True when the access token was refused: refresh once and call again. False: only the owner can help. */
  readonly tokenRejected: boolean

  constructor(facts: FailureFacts & { tokenRejected: boolean }) {
    super(
      facts.tokenRejected
        ? 'The provider refuses the access token'
        : 'The grant does not allow this call',
      facts,
    )
    this.tokenRejected = facts.tokenRejected
  }
}

/** The owner's storage, or a folder or drive in it, is full. */
export class QuotaFull extends ProviderFailure {
  override name = 'QuotaFull' as const
  readonly code = 'QUOTA_FULL'

  constructor(facts: FailureFacts) {
    super("The owner's storage is full", facts)
  }
}

export type RejectedReason =
  /** The folder into which something should go does not exist, or not for this app. */
  | 'PARENT_GONE'
  /** `ensureFolder`: the id's folder was deleted or lies in the trash. Reserve another id. */
  | 'FOLDER_GONE'
  /** Something with this id exists already; drivers answer it by looking that up. */
  | 'ID_IN_USE'
  /** The reserved id cannot be used, or no longer. Reserve another. */
  | 'ID_UNUSABLE'
  | 'NOT_FOUND'
  | 'FORBIDDEN'
  | 'TOO_DEEP'
  | 'TOO_LARGE'
  /** The provider named a session address outside its own origin. */
  | 'FOREIGN_URL'
  /** The provider finds the request itself wrong: a fault of ours. */
  | 'INVALID'

/** The same call will never succeed. */
export class Rejected extends ProviderFailure {
  override name = 'Rejected' as const
  readonly code = 'REJECTED'
  readonly reason: RejectedReason

  constructor(facts: FailureFacts & { reason: RejectedReason }) {
    super(`The provider refuses this (${facts.reason})`, facts)
    this.reason = facts.reason
  }
}

/** The upload session is gone. Look the file up, then open another session with the same target. */
export class SessionLost extends ProviderFailure {
  override name = 'SessionLost' as const
  readonly code = 'SESSION_LOST'

  constructor(facts: FailureFacts) {
    super('The upload session no longer exists', facts)
  }
}
