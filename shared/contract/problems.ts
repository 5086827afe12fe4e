/**
 * Every problem that the API can answer: stable code, HTTP status, title.
 * The sentence that says what to do comes as `detail` from where the problem is found.
 */
export const PROBLEMS = {
  INVALID_REQUEST: { status: 400, title: 'The request is not valid' },
  MALFORMED_JSON: { status: 400, title: 'The body is not valid JSON' },
  OAUTH_CALLBACK_INVALID: { status: 400, title: 'This sign-in did not start here or is too old' },
  PART_OUT_OF_RANGE: { status: 400, title: 'The part number is out of range' },
  SESSION_REQUIRED: { status: 401, title: 'Please sign in' },
  TOKEN_REQUIRED: { status: 401, title: 'An upload token is required' },
  PASSWORD_REQUIRED: { status: 401, title: 'This portal asks for a password' },
  TOKEN_INVALID: { status: 401, title: 'The upload token is not valid' },
  TOKEN_EXPIRED: { status: 401, title: 'The upload token has expired' },
  WRONG_PASSWORD: { status: 403, title: 'The password is not right' },
  FORBIDDEN_ORIGIN: { status: 403, title: 'The request came from another site' },
  DISTRIBUTION_REQUIRED: { status: 403, title: 'Please use the public address' },
  SIGNUP_CLOSED: { status: 403, title: 'Sign-up is closed' },
  SIGN_IN_DENIED: { status: 403, title: 'Sign-in was cancelled' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  ACCOUNT_NOT_FOUND: { status: 404, title: 'Storage account not found' },
  PORTAL_NOT_FOUND: { status: 404, title: 'Portal not found' },
  SUBMISSION_NOT_FOUND: { status: 404, title: 'Submission not found' },
  UPLOAD_NOT_FOUND: { status: 404, title: 'File not found' },
  AMBIGUOUS_ACCOUNT: { status: 409, title: 'More than one storage account matches' },
  ACCOUNT_NOT_ACTIVE: { status: 409, title: 'No active storage account available' },
  INVALID_TRANSITION: {
    status: 409,
    title: 'The storage account is not in a state that allows this',
  },
  RECONNECT_REQUIRED: { status: 409, title: 'Please reconnect the storage account' },
  SLUG_TAKEN: { status: 409, title: 'This link is already taken' },
  PORTAL_CANNOT_ACCEPT_UPLOADS: { status: 409, title: 'Portal cannot accept uploads' },
  INTAKE_CLOSED: { status: 409, title: 'No files are taken at the moment' },
  UPLOAD_INCOMPLETE: { status: 409, title: 'The file has not arrived completely' },
  UPLOAD_CLOSED: { status: 409, title: 'This upload has ended' },
  NOT_RETRYABLE: { status: 409, title: 'The file is not waiting' },
  FILE_UNAVAILABLE: { status: 409, title: 'File unavailable' },
  VERSION_STALE: { status: 412, title: 'Somebody changed it meanwhile' },
  BODY_TOO_LARGE: { status: 413, title: 'The request is too large' },
  FILE_TOO_LARGE: { status: 413, title: 'The file is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'This kind of body is not supported' },
  VERSION_REQUIRED: { status: 428, title: 'Say which version you change' },
  TOO_MANY_ATTEMPTS: { status: 429, title: 'Too many attempts' },
  TOO_MANY_SIGNINGS: { status: 429, title: 'This part was signed too often' },
  TOO_MANY_SUBMISSIONS: { status: 429, title: 'Too many hand-overs are open' },
  DAILY_LIMIT_REACHED: { status: 429, title: 'Enough for today' },
  BUSY: { status: 429, title: 'Please try again in a moment' },
  PROVIDER_UNAVAILABLE: { status: 503, title: 'The storage provider does not answer' },
  INTERNAL: { status: 500, title: 'Something went wrong' },
} as const satisfies Record<string, { status: number; title: string }>

export type ProblemCode = keyof typeof PROBLEMS

/** One field of a body, query or path that is not as it must be; `field` is a dotted path. */
export interface FieldProblem {
  field: string
  message: string
}

/** Body of every error reply, `application/problem+json` (https://www.rfc-editor.org/rfc/rfc9457). */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  code: ProblemCode
  requestId: string
  errors?: FieldProblem[]
  /** Accounts to choose from, with `AMBIGUOUS_ACCOUNT`. */
  candidates?: { storageAccountId: string; email: string | null; name: string }[]
  /** Where to reconnect, with `RECONNECT_REQUIRED`. */
  connectUrl?: string
}
