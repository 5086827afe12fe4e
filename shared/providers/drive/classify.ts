/**
 * What an answer of Google Drive means in the five words. Pure. The reason decides, not the
 * status: rate limits, full storage and missing permission share 403
 * (https://developers.google.com/workspace/drive/api/guides/handle-errors).
 */
import * as z from 'zod'
import { parseJson, retryAfterMs } from '../answers.ts'
import {
  type Diagnostics,
  type ProviderFailure,
  QuotaFull,
  ReconnectNeeded,
  Rejected,
  type RejectedReason,
  RetryLater,
  SessionLost,
} from '../failures.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Of a refusal we need the code words; upload servers also answer with text or HTML. */
const refusal = z.object({
  error: z.object({
    message: z.string().optional(),
    status: z.string().optional(),
    errors: z.array(z.object({ reason: z.string().optional() })).optional(),
    details: z.array(z.object({ reason: z.string().optional() })).optional(),
  }),
})

const RATE_LIMIT_REASONS = new Set([
  'rateLimitExceeded',
  'userRateLimitExceeded',
  'sharingRateLimitExceeded',
])

/** 750 GB a day say it in these very words, the limit per minute with capitals; the reason is the same. */
const DAILY_UPLOAD_LIMIT_MESSAGE = 'User rate limit exceeded.'

const FULL_REASONS = new Set([
  'storageQuotaExceeded',
  'teamDriveFileLimitExceeded',
  'numChildrenInNonRootLimitExceeded',
  'activeItemCreationLimitExceeded',
  'quotaExceeded',
])

const MISSING_SCOPE_REASONS = new Set([
  'insufficientPermissions',
  'insufficientScopes',
  'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
])

/** The operator has not enabled the API: nobody's files are at fault, so they wait. */
const API_DISABLED_REASONS = new Set(['accessNotConfigured', 'SERVICE_DISABLED'])

const TOO_DEEP_REASONS = new Set([
  'myDriveHierarchyDepthLimitExceeded',
  'teamDriveHierarchyTooDeep',
])

/** Any answer but the one that was hoped for. */
export function classify(status: number, headers: Headers, body: string): ProviderFailure {
  const { reasons, message } = readRefusal(body)
  const diagnostics = diagnosticsOf(status, reasons)
  const afterMs = retryAfterMs(headers)
  const has = (words: Set<string>) => reasons.some((reason) => words.has(reason))
  const rejected = (reason: RejectedReason) => new Rejected({ reason, diagnostics })
  const unavailable = () => new RetryLater({ reason: 'UNAVAILABLE', afterMs, diagnostics })

  switch (status) {
    case 400:
      // "The provided file ID is not usable." carries no reason of its own.
      return rejected(/file id is not usable/i.test(message) ? 'ID_UNUSABLE' : 'INVALID')
    case 401:
      return new ReconnectNeeded({ tokenRejected: true, diagnostics })
    case 403:
      if (message === DAILY_UPLOAD_LIMIT_MESSAGE || reasons.includes('dailyLimitExceeded')) {
        return new RetryLater({ reason: 'DAILY_LIMIT', afterMs: afterMs ?? HOUR_MS, diagnostics })
      }
      if (has(RATE_LIMIT_REASONS)) {
        return new RetryLater({ reason: 'RATE_LIMITED', afterMs, diagnostics })
      }
      if (has(FULL_REASONS)) return new QuotaFull({ diagnostics })
      if (has(API_DISABLED_REASONS)) {
        return new RetryLater({
          reason: 'UNAVAILABLE',
          afterMs: afterMs ?? 10 * MINUTE_MS,
          diagnostics,
        })
      }
      if (has(MISSING_SCOPE_REASONS)) {
        return new ReconnectNeeded({ tokenRejected: false, diagnostics })
      }
      if (has(TOO_DEEP_REASONS)) return rejected('TOO_DEEP')
      // Without a reason it comes from a server in front of Drive, not from Drive.
      return reasons.length === 0 ? unavailable() : rejected('FORBIDDEN')
    case 404:
      return rejected('NOT_FOUND')
    case 409:
      return rejected('ID_IN_USE')
    case 413:
      return rejected('TOO_LARGE')
    case 408:
      return unavailable()
    case 429:
      return new RetryLater({ reason: 'RATE_LIMITED', afterMs, diagnostics })
    default:
      return status >= 400 && status < 500 ? rejected('INVALID') : unavailable()
  }
}

/**
 * The same for a request to an upload session. 404 is an expired session and 410 one that died;
 * "for any 4xx error during a resumable upload, restart the upload", but for those that a new
 * session would meet as well (https://developers.google.com/workspace/drive/api/guides/manage-uploads).
 */
export function classifyInSession(status: number, headers: Headers, body: string): ProviderFailure {
  const failure = classify(status, headers, body)
  const isLost =
    failure instanceof Rejected && (failure.reason === 'NOT_FOUND' || failure.reason === 'INVALID')
  return isLost ? new SessionLost({ diagnostics: failure.diagnostics }) : failure
}

function readRefusal(body: string): { reasons: string[]; message: string } {
  const parsed = refusal.safeParse(parseJson(body))
  if (!parsed.success) return { reasons: [], message: '' }
  const { errors = [], details = [], status, message = '' } = parsed.data.error
  const words = [...errors, ...details].map(({ reason }) => reason)
  const reasons = words.filter((word) => word !== undefined)
  // `status` is an all too general word (`PERMISSION_DENIED`), of use only where nothing else is said.
  return { reasons: reasons.length > 0 || status === undefined ? reasons : [status], message }
}

/** A code word is logged; anything that does not look like one might be somebody's text. */
function diagnosticsOf(status: number, reasons: string[]): Diagnostics {
  const reason = reasons.find((word) => /^[A-Za-z_]{1,60}$/.test(word))
  return { provider: 'google_drive', status, ...(reason !== undefined && { reason }) }
}
