/** What no good answer of Dropbox means, to every request alike. */
import * as answers from '../answers.ts'
import type { ProviderFailure } from '../failures.ts'
import { classify } from './classify.ts'

export function classifyAnswer(answer: {
  status: number
  headers: Headers
  body: string
}): ProviderFailure {
  return classify(answer.status, answer.headers, answer.body)
}

export function unreadable(answer: { status: number }): never {
  return answers.unreadable('dropbox', answer)
}

export function connectionFailure(error: unknown, signal: AbortSignal | undefined): unknown {
  return answers.connectionFailure('dropbox', error, signal)
}
