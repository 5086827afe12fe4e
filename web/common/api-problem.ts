import type { FieldProblem, Problem, ProblemCode } from '../../shared/contract/problems.ts'

/** An error reply of the API; `UNREADABLE` when something else answered in its place. */
export class ApiProblem extends Error {
  override name = 'ApiProblem' as const
  readonly status: number
  readonly code: ProblemCode | 'UNREADABLE'
  readonly title: string
  readonly fields: FieldProblem[]
  readonly requestId: string | undefined
  /** Where to reconnect, with `RECONNECT_REQUIRED`. */
  readonly connectUrl: string | undefined
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined

  constructor(status: number, problem: Partial<Problem>, retryAfterMs?: number) {
    super(problem.detail ?? problem.title ?? `The server answered ${status}`)
    this.status = status
    this.code = problem.code ?? 'UNREADABLE'
    this.title = problem.title ?? 'Something went wrong'
    this.fields = problem.errors ?? []
    this.requestId = problem.requestId
    this.connectUrl = problem.connectUrl
    this.retryAfterMs = retryAfterMs
  }
}

/** The problem in the body of an error reply. */
export function parseProblem(status: number, body: string, retryAfterMs?: number): ApiProblem {
  try {
    return new ApiProblem(status, JSON.parse(body) as Partial<Problem>, retryAfterMs)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    // A proxy or the distribution itself answered, in HTML: the status is all there is.
    return new ApiProblem(status, {}, retryAfterMs)
  }
}
