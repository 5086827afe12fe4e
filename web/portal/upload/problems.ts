/** What an error of a call means for the upload. */
import type { FieldProblem } from '../../../shared/contract/problems.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import { NetworkError } from './http.ts'

/** The network's or the server's fault: every other file would fail alike, and later none may. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ApiProblem)) return error instanceof NetworkError
  return error.status >= 500 || (error.status === 429 && error.code !== 'TOO_MANY_SIGNINGS')
}

/** The tokens of the hand-over open nothing any more. */
export function isHandOverGone(error: unknown): boolean {
  return (
    error instanceof ApiProblem && (error.status === 401 || error.code === 'SUBMISSION_NOT_FOUND')
  )
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

/** Why everything stands still: the network, the portal or the server. */
export interface Obstacle {
  kind: 'NETWORK' | 'PORTAL_CLOSED' | 'SERVER'
  detail: string
}

/** For an error that every file shares; any other is a fault of ours and thrown. */
export function obstacleOf(error: unknown): Obstacle {
  if (error instanceof NetworkError) return { kind: 'NETWORK', detail: '' }
  if (!(error instanceof ApiProblem)) throw error
  const isPortalClosed =
    error.code === 'PORTAL_CANNOT_ACCEPT_UPLOADS' || error.code === 'PORTAL_NOT_FOUND'
  return { kind: isPortalClosed ? 'PORTAL_CLOSED' : 'SERVER', detail: error.message }
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
