/** What an error of a call means for the upload. */
import type { FieldProblem } from '../../../shared/contract/problems.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import { NetworkError } from './http.ts'

/** No file's fault: every other file would fail alike, and later none may. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ApiProblem)) return error instanceof NetworkError
  return error.status >= 500 || isTooMuch(error) || needsPassword(error)
}

function isTooMuch(error: ApiProblem): boolean {
  return error.status === 429 && error.code !== 'TOO_MANY_SIGNINGS'
}

/** The hour that a right password gives is over, or the password was changed. */
export function needsPassword(error: unknown): boolean {
  return error instanceof ApiProblem && error.code === 'PASSWORD_REQUIRED'
}

/** The tokens of the hand-over open nothing any more. */
export function isHandOverGone(error: unknown): boolean {
  if (!(error instanceof ApiProblem) || needsPassword(error)) return false
  return error.status === 401 || error.code === 'SUBMISSION_NOT_FOUND'
}

/** Nothing new is taken, now or at all; what is announced already still is. */
export function isIntakeRefusal(error: unknown): boolean {
  return error instanceof ApiProblem && !['SERVER', 'PASSWORD'].includes(kindOf(error))
}

/** The hand-over has as many announcements as one may have: the other files need another. */
export function isHandOverFull(error: unknown): boolean {
  return error instanceof ApiProblem && error.fields.some(({ field }) => field === 'submissionId')
}

/** The server takes nothing more for this file. */
export function isUploadOver(error: unknown): boolean {
  return (
    error instanceof ApiProblem &&
    (error.code === 'UPLOAD_CLOSED' || error.code === 'UPLOAD_NOT_FOUND')
  )
}

export function isIncomplete(error: unknown): boolean {
  return error instanceof ApiProblem && error.code === 'UPLOAD_INCOMPLETE'
}

/** Why everything stands still. */
export interface Obstacle {
  kind:
    | 'NETWORK'
    | 'SERVER'
    | 'PASSWORD'
    | 'PORTAL_CLOSED'
    | 'GONE'
    | 'PAUSED'
    | 'BUSY'
    | 'ENOUGH_TODAY'
  /** What the server said. */
  detail: string
  /** When sending goes on by itself, if it asks for a wait. */
  untilMs?: number
}

const KINDS: Partial<Record<ApiProblem['code'], Obstacle['kind']>> = {
  PASSWORD_REQUIRED: 'PASSWORD',
  PORTAL_CANNOT_ACCEPT_UPLOADS: 'PORTAL_CLOSED',
  PORTAL_NOT_FOUND: 'GONE',
  INTAKE_CLOSED: 'PAUSED',
  DAILY_LIMIT_REACHED: 'ENOUGH_TODAY',
}

function kindOf(error: ApiProblem): Obstacle['kind'] {
  return KINDS[error.code] ?? (isTooMuch(error) ? 'BUSY' : 'SERVER')
}

/** A server that has too much to do and does not say for how long. */
const BUSY_MS = 60_000

/** For an error that every file shares; any other is a fault of ours and thrown. */
export function obstacleOf(error: unknown, nowMs: number): Obstacle {
  if (error instanceof NetworkError) return { kind: 'NETWORK', detail: '' }
  if (!(error instanceof ApiProblem)) throw error
  const { message: detail, retryAfterMs = BUSY_MS } = error
  const kind = kindOf(error)
  return isTooMuch(error) ? { kind, detail, untilMs: nowMs + retryAfterMs } : { kind, detail }
}

/** Problems of the client's own fields. */
export function clientProblems(error: ApiProblem): FieldProblem[] {
  return error.fields.filter(({ field }) => field.startsWith('client'))
}

/** The server's words about single files of a batch, by their place in it. */
export function fileProblems(error: ApiProblem): Map<number, string> {
  const messages = new Map<number, string>()
  for (const { field, message } of error.fields) {
    const index = /^files\.(\d+)(?:\.|$)/.exec(field)?.[1]
    if (index !== undefined) messages.set(Number(index), message)
  }
  return messages
}
