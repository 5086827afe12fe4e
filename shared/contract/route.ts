/** What a row of the route table says, and what follows from it. No function loads it. */
import type * as z from 'zod'
import type { ProblemCode } from './problems.ts'

export type RouteKey = `${'GET' | 'POST' | 'PUT' | 'DELETE'} /api/${string}`

/** Who may call: anybody, a signed-in owner, or who holds a hand-over's write token, or either of its tokens. */
export type Caller = 'anybody' | 'owner' | 'write' | 'read'

/** Values by what they show; each must parse by its schema and hold nothing beside it. */
export type Examples = Readonly<Record<string, unknown>>

export interface JsonBody {
  schema: z.ZodType
  examples: Examples
}

export type ReplyHeader = 'ETag' | 'Location' | 'Retry-After' | 'Set-Cookie' | 'X-Next-Cursor'

export interface ReplyContract {
  summary: string
  /** Absent where the reply has no body. */
  json?: JsonBody
  /** The reply is the bytes of a file. */
  isFile?: true
  headers?: readonly ReplyHeader[]
}

export interface RouteContract {
  /** Name of the operation, unique. */
  id: string
  tag: string
  summary: string
  description?: string
  caller: Caller
  /** A token that is not required, but changes what the call may do. */
  optionalToken?: 'write' | 'portal'
  params?: Readonly<Record<string, z.ZodType>>
  query?: z.ZodObject
  /** The version that is changed, as `If-Match`. */
  ifMatch?: true
  body?: JsonBody
  /** Fields of the form that may be sent in place of the body, beside `file`. */
  form?: z.ZodType
  replies: Readonly<Record<number, ReplyContract>>
  /** What it answers beside the problems that follow from the rest of the row. */
  problems?: readonly ProblemCode[]
}

export function methodOf(key: RouteKey): string {
  return key.slice(0, key.indexOf(' '))
}

export function pathOf(key: RouteKey): string {
  return key.slice(key.indexOf(' ') + 1)
}

const OF_CALLER: Record<Caller, readonly ProblemCode[]> = {
  anybody: [],
  owner: ['SESSION_REQUIRED'],
  write: [
    'TOKEN_REQUIRED',
    'TOKEN_INVALID',
    'TOKEN_EXPIRED',
    'PASSWORD_REQUIRED',
    'SUBMISSION_NOT_FOUND',
  ],
  read: ['TOKEN_REQUIRED', 'TOKEN_INVALID', 'TOKEN_EXPIRED', 'SUBMISSION_NOT_FOUND'],
}

/** Every problem that a route can answer, each once. */
export function problemsOf(key: RouteKey, route: RouteContract): ProblemCode[] {
  const codes: (readonly ProblemCode[])[] = [
    ['DISTRIBUTION_REQUIRED', 'INTERNAL'],
    OF_CALLER[route.caller],
    methodOf(key) === 'GET' ? [] : ['FORBIDDEN_ORIGIN', 'BUSY'],
    route.params ? ['NOT_FOUND'] : [],
    route.query ? ['INVALID_REQUEST'] : [],
    route.ifMatch ? ['VERSION_REQUIRED', 'VERSION_STALE'] : [],
    route.body
      ? ['INVALID_REQUEST', 'MALFORMED_JSON', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']
      : [],
    route.problems ?? [],
  ]
  return [...new Set(codes.flat())]
}
