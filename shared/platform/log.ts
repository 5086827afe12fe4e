import { Logger } from '@aws-lambda-powertools/logger'

/** One logger per environment; ids are members of an entry, never part of its message. */
export const log = new Logger({ serviceName: 'portage' })

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
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(error.cause === undefined || depth === MAX_CAUSES
      ? {}
      : { cause: loggable(error.cause, depth + 1) }),
  }
}
