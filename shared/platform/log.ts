import { Logger } from '@aws-lambda-powertools/logger'

/** One logger per environment; ids are members of an entry, never part of its message. */
export const log = new Logger({
  serviceName: 'portage',
  // Also where somebody forgets to ask for it.
  jsonReplacerFn: (_key, value) => (value instanceof Error ? loggable(value) : value),
})

export interface LoggedError {
  name: string
  message: string
  code?: string
  stack?: string
  cause?: LoggedError
}

const MAX_CAUSES = 5

/**
 * What of an error may be logged: what happened and where. Libraries hang whole requests on their
 * errors, authorization headers included, so no other member is ever written (security rule 21).
 */
export function loggable(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { name: typeof error, message: 'not an error' }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return {
    name: error.name,
    message: wordsOf(error),
    ...(code === undefined ? {} : { code }),
    ...(error.stack === undefined ? {} : { stack: framesOf(error.stack) }),
    ...(error.cause === undefined || depth === MAX_CAUSES
      ? {}
      : { cause: loggable(error.cause, depth + 1) }),
  }
}

/** A parser quotes what it could not read, and the query of an address may be a capability. */
function wordsOf(error: Error): string {
  return error instanceof SyntaxError
    ? 'could not be parsed'
    : error.message.replaceAll(/\?\S+/g, '?…')
}

/** Where it was thrown, without the message, which stands before it. */
function framesOf(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n')
}
