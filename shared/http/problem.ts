import { PROBLEMS, type Problem } from '../contract/problems.ts'
import { PortageError } from '../errors.ts'

/** The only place that turns an error into a status and a body; anything unexpected exposes nothing. */
export function toProblem(error: unknown, requestId: string): Problem {
  const known =
    error instanceof PortageError && PROBLEMS[error.code].status < 500 ? error : undefined
  const code = known?.code ?? (error instanceof PortageError ? error.code : 'INTERNAL')
  const { status, title } = PROBLEMS[code]
  return {
    type: `urn:portage:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail: known?.message ?? 'Please try again. If it goes on, tell us the request id.',
    code,
    requestId,
    ...(known && known.fields.length > 0 ? { errors: known.fields } : {}),
    ...(known?.facts.candidates ? { candidates: known.facts.candidates } : {}),
    ...(known?.facts.connectUrl ? { connectUrl: known.facts.connectUrl } : {}),
  }
}
