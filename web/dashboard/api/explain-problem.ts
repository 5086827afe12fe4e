import type { FieldProblem } from '../../../shared/contract/problems.ts'
import { ApiProblem } from '../../common/api-problem.ts'

/** The API could not be reached at all. */
export class Unreachable extends Error {
  override name = 'Unreachable' as const
}

interface Explanation {
  title: string
  detail: string
}

/** What a person is told: a sentence, and for failures of ours the id by which they can be looked up. */
export function explainProblem(error: unknown): Explanation {
  if (error instanceof Unreachable) {
    return { title: 'Portage cannot be reached', detail: 'Check your connection and try again.' }
  }
  if (!(error instanceof ApiProblem)) {
    return { title: 'Something went wrong', detail: 'Please reload the page and try again.' }
  }
  const { code, title, message, status, requestId } = error
  const detail =
    code === 'UNREADABLE'
      ? `Please try again in a moment. The reply had status ${status}.`
      : message
  return {
    title,
    detail: status >= 500 && requestId ? `${detail} Request id: ${requestId}` : detail,
  }
}

/** Messages by form field; `rest` is what belongs to none of the fields shown. */
export function fieldErrors<Field extends string>(
  problem: Pick<ApiProblem, 'code' | 'fields'>,
  shown: readonly Field[],
): { byField: Partial<Record<Field, string>>; rest: FieldProblem[] } {
  const byField: Partial<Record<Field, string>> = {}
  const rest: FieldProblem[] = []
  for (const problemOfField of problem.fields) {
    const field = shown.find((name) => name === problemOfField.field)
    if (field === undefined) rest.push(problemOfField)
    else byField[field] ??= sentence(problemOfField.message)
  }
  const slug = shown.find((name) => name === 'slug')
  if (problem.code === 'SLUG_TAKEN' && slug) {
    byField[slug] = 'This link is already taken. Choose another one.'
  }
  return { byField, rest }
}

/** `must not be empty` reads as a sentence beside its field. */
function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1)
  return /[.!?]$/.test(text) ? text : `${text}.`
}
