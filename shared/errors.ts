import type { FieldProblem, Problem, ProblemCode } from './contract/problems.ts'

type ProblemFacts = Pick<Problem, 'candidates' | 'connectUrl'> & { retryAfterSeconds?: number }

/**
 * A refusal that a person will read: `code` names the row of the problem table, `message` says
 * what happened and what to do.
 */
export class PortageError extends Error {
  override name = 'PortageError' as const
  readonly code: ProblemCode
  readonly fields: FieldProblem[]
  readonly facts: ProblemFacts

  constructor(
    code: ProblemCode,
    message: string,
    options: { fields?: FieldProblem[]; facts?: ProblemFacts; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.fields = options.fields ?? []
    this.facts = options.facts ?? {}
  }
}
