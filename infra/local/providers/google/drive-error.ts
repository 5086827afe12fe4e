/**
 * Refusals of the Drive API: `{"error":{"code","message","errors":[{domain,reason,message}]}}`.
 * https://developers.google.com/workspace/drive/api/guides/handle-errors
 */
import { jsonReply, type Reply, textReply } from '../exchange.ts'

const USAGE_LIMIT_MESSAGES: Record<string, string> = {
  userRateLimitExceeded: 'User Rate Limit Exceeded',
  rateLimitExceeded: 'Rate Limit Exceeded',
  dailyLimitExceeded: 'Daily Limit Exceeded',
}
const MESSAGES: Record<string, string> = {
  ...USAGE_LIMIT_MESSAGES,
  authError: 'Invalid Credentials',
  storageQuotaExceeded: "The user's Drive storage quota has been exceeded.",
  insufficientFilePermissions: 'The user does not have sufficient permissions for this file.',
  numChildrenInNonRootLimitExceeded:
    "The limit for this folder's number of children (files and folders) has been exceeded.",
  teamDriveFileLimitExceeded: 'The file limit for this shared drive has been exceeded.',
  domainPolicy: 'The domain administrators have disabled Drive apps.',
  backendError: 'Backend Error',
  internalError: 'Internal Error',
  notFound: 'File not found: .',
}
/** Reasons that have a sentence of Google's own; any other is its own sentence. */
export const WORDED_REASONS: readonly string[] = Object.keys(MESSAGES)
const DEFAULT_REASONS: Record<number, string> = {
  400: 'badRequest',
  401: 'authError',
  403: 'userRateLimitExceeded',
  404: 'notFound',
  409: 'fileIdInUse',
  429: 'rateLimitExceeded',
  500: 'internalError',
}

export class DriveError extends Error {
  override name = 'DriveError' as const
  readonly status: number
  readonly reason: string
  /** Further members of `error.errors[0]`. */
  readonly where: Record<string, string>

  constructor(status: number, reason: string, message: string, where: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.reason = reason
    this.where = where
  }

  toReply(): Reply {
    return driveErrorReply(this.status, this.reason, this.message, this.where)
  }
}

/** The upload servers refuse in plain text. */
export class UploadProtocolError extends Error {
  override name = 'UploadProtocolError' as const
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }

  toReply(): Reply {
    return textReply(this.status, this.message)
  }
}

export function driveErrorReply(
  status: number,
  reason = DEFAULT_REASONS[status] ?? 'backendError',
  message = MESSAGES[reason] ?? reason,
  where: Record<string, string> = {},
): Reply {
  const domain =
    reason in USAGE_LIMIT_MESSAGES || reason === 'storageQuotaExceeded' ? 'usageLimits' : 'global'
  const error = { code: status, message, errors: [{ message, domain, reason, ...where }] }
  const extra =
    reason === 'insufficientPermissions'
      ? {
          status: 'PERMISSION_DENIED',
          details: [
            {
              '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
              reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
              domain: 'googleapis.com',
            },
          ],
        }
      : status === 401
        ? { status: 'UNAUTHENTICATED' }
        : {}
  const headers: Record<string, string> =
    status === 401
      ? { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"' }
      : {}
  return jsonReply(status, { error: { ...error, ...extra } }, headers)
}

export function fileNotFound(id: string): DriveError {
  return new DriveError(404, 'notFound', `File not found: ${id}.`, {
    location: 'fileId',
    locationType: 'parameter',
  })
}

export function invalidValue(location: string, message = 'Invalid Value'): DriveError {
  return new DriveError(400, 'invalid', message, { location, locationType: 'parameter' })
}

export function quotaExceeded(): DriveError {
  return new DriveError(403, 'storageQuotaExceeded', MESSAGES['storageQuotaExceeded'] ?? '')
}

/** "subsequent retries return a HTTP 409 error, they do not create duplicate files" https://developers.google.com/workspace/drive/api/guides/manage-uploads#use_a_pre-generated_id_to_upload_files */
export function idInUse(): DriveError {
  return new DriveError(409, 'fileIdInUse', 'A file already exists with the provided ID.')
}
