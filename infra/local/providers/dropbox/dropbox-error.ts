/**
 * Refusals of API v2: `{"error_summary","error":{".tag",…}}` for what a function documents, plain
 * text for what no function was reached with.
 * https://www.dropbox.com/developers/documentation/http/documentation#error-handling
 */
import { randomInt } from 'node:crypto'
import { jsonReply, type Reply, textReply } from '../exchange.ts'

/** A member of a union: its tag, and what it carries. */
export interface Tagged {
  '.tag': string
  [member: string]: unknown
}

/** An error that the reference of the function lists, or one that every function has. */
export class DropboxError extends Error {
  override name = 'DropboxError' as const
  readonly status: number
  readonly error: Tagged

  constructor(error: Tagged, status = 409) {
    super(error['.tag'])
    this.error = error
    this.status = status
  }

  toReply(): Reply {
    return jsonReply(this.status, { error_summary: summary(this.error), error: this.error })
  }
}

/** "400: Bad input parameter. The response body is a plaintext message with more information." */
export class BadInputError extends Error {
  override name = 'BadInputError' as const

  constructor(functionName: string, sentence: string) {
    super(`Error in call to API function "${functionName}": ${sentence}`)
  }

  toReply(): Reply {
    return textReply(400, this.message)
  }
}

/** `tagged('path', 'conflict', 'file')`: each tag carries the next. */
export function tagged(tag: string, ...rest: string[]): Tagged {
  const [next, ...further] = rest
  return next === undefined ? { '.tag': tag } : { '.tag': tag, [tag]: tagged(next, ...further) }
}

/** 429 with the wait in body and header. */
export function rateLimitReply(reason: string, retryAfterSeconds: number, message?: string): Reply {
  const error = { reason: { '.tag': reason }, retry_after: retryAfterSeconds }
  const error_summary = message ?? `${reason}/${dots()}`
  return jsonReply(429, { error_summary, error }, { 'retry-after': String(retryAfterSeconds) })
}

/** The tags from the outside in, and dots: "the summary is not meant to be parsed". */
function summary(error: Tagged): string {
  const tags: string[] = []
  for (let at: unknown = error; isTagged(at); at = at[at['.tag']] ?? at['reason']) {
    tags.push(at['.tag'])
  }
  return `${tags.join('/')}/${dots()}`
}

function dots(): string {
  return '.'.repeat(randomInt(4))
}

function isTagged(value: unknown): value is Tagged {
  return typeof value === 'object' && value !== null && '.tag' in value
}
