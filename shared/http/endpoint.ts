/**
 * The one stack under every API handler. Order matters: the distribution's header, Origin, then
 * the session, and only then is the body parsed, so that a stranger learns nothing from parsing.
 */
import { timingSafeEqual } from 'node:crypto'
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import middy from '@middy/core'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import type * as z from 'zod'
import type { FieldProblem } from '../contract/problems.ts'
import { PortageError } from '../errors.ts'
import { ORIGIN_VERIFY_HEADER } from '../platform/env-names.ts'
import { hashToken } from '../platform/ids.ts'
import { log } from '../platform/log.ts'
import type { Session } from '../users/session-store.ts'
import { readCookie } from './cookies.ts'
import { problemReply } from './problem.ts'

/** What every endpoint needs before it looks at a request. */
export interface EdgeDeps {
  origin: () => Promise<string>
  originVerify: () => Promise<string[]>
  /** Only functions that serve owners have it. */
  sessions?: { find(sessionHash: string): Promise<Session | undefined> }
}

export interface ApiRequest<Body = undefined, Query = undefined> {
  body: Body
  query: Query
  /** Decoded path parameters; the gateway guarantees those that the route names. */
  params: PathParameters
  headers: Record<string, string | undefined>
  cookies: string[]
  rawBody: Buffer
  rawQuery: string
  /** Token of `Authorization: Bearer`, if any. */
  bearer: string | undefined
  origin: string
}

type PathParameters = Record<string, string> & { id: string; slug: string }

export interface Reply {
  status: number
  body?: unknown
  headers?: Record<string, string>
  cookies?: string[]
}

/** Whose request it is; nothing in a body, query or path can change it. */
interface Owner {
  userId: string
  sessionHash: string
}

export type OwnerRequest<Body = undefined, Query = undefined> = ApiRequest<Body, Query> & Owner

interface Route {
  /** Who is let in, and what is parsed by what: the contract's table says the same. */
  caller: 'anybody' | 'owner' | 'holder'
  schemas: Schemas<z.ZodType | undefined, z.ZodType | undefined>
  run(request: ApiRequest, authenticate: () => Promise<Owner>): Promise<Reply>
}

interface Schemas<Body extends z.ZodType | undefined, Query extends z.ZodType | undefined> {
  body?: Body
  query?: Query
}

type Parsed<Schema extends z.ZodType | undefined> = Schema extends z.ZodType
  ? z.output<Schema>
  : undefined

/** A route that anybody may call. */
export function open<
  Body extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
>(
  schemas: Schemas<Body, Query>,
  run: (request: ApiRequest<Parsed<Body>, Parsed<Query>>) => Promise<Reply>,
): Route {
  return {
    caller: 'anybody',
    schemas,
    run: async (request) => run(parsed(request, schemas)),
  }
}

/** A route of a signed-in owner. */
export function owner<
  Body extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
>(
  schemas: Schemas<Body, Query>,
  run: (request: OwnerRequest<Parsed<Body>, Parsed<Query>>) => Promise<Reply>,
): Route {
  return {
    caller: 'owner',
    schemas,
    run: async (request, authenticate) => {
      const signedIn = await authenticate()
      return run({ ...parsed(request, schemas), ...signedIn })
    },
  }
}

/** A route of a client: its token is verified before anything is parsed; what it opens is the use case's to read. */
export function holder<
  Claims,
  Body extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
>(
  verify: (bearer: string | undefined) => Promise<Claims>,
  schemas: Schemas<Body, Query>,
  run: (request: ApiRequest<Parsed<Body>, Parsed<Query>> & { claims: Claims }) => Promise<Reply>,
): Route {
  return {
    caller: 'holder',
    schemas,
    run: async (request) => {
      const claims = await verify(request.bearer)
      return run({ ...parsed(request, schemas), claims })
    },
  }
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return { status, body, headers }
}

/** A page of a list; the cursor of the next one travels as a header. */
export function page(body: unknown, cursor: string | undefined): Reply {
  return json(200, body, cursor === undefined ? {} : { 'x-next-cursor': cursor })
}

/** Browsers say so themselves (https://www.w3.org/TR/fetch-metadata/); others are judged by their cookie and Origin. */
export function isCrossSite(request: Pick<ApiRequest, 'headers'>): boolean {
  return request.headers['sec-fetch-site'] === 'cross-site'
}

/** For a GET that writes or costs something, which no other site may have a browser do (security rule 4). */
export function refuseCrossSite(request: Pick<ApiRequest, 'headers'>): void {
  if (isCrossSite(request)) {
    throw new PortageError('FORBIDDEN_ORIGIN', 'Please use the app itself to do this.')
  }
}

export function redirect(location: string, cookies: string[] = []): Reply {
  return { status: 302, headers: { location }, cookies }
}

type RouteTable = Record<`${'GET' | 'POST' | 'PUT' | 'DELETE'} /api/${string}`, Route>

/** The Lambda handler of a route table, which it shows; keys are the gateway's route keys. */
export function api(edge: EdgeDeps, routes: RouteTable) {
  const table = new Map(Object.entries(routes))
  const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
    .use(injectLambdaContext(log, { logEvent: false, resetKeys: true }))
    .onError(({ error, event, response }) => {
      if (response) return
      return problemReply(error, event)
    })
    .handler(async (event) => {
      const request = await admit(edge, event)
      const route = table.get(event.routeKey)
      if (!route) throw new PortageError('NOT_FOUND', 'There is nothing at this address.')
      return toResult(await route.run(request, () => ownerOf(edge, request)))
    })
  return Object.assign(handler, { routes })
}

/** More than any id or slug has, and less than the table takes for a key. */
const MAX_PARAMETER_LENGTH = 200

async function admit(edge: EdgeDeps, event: APIGatewayProxyEventV2): Promise<ApiRequest> {
  const proof = event.headers[ORIGIN_VERIFY_HEADER] ?? ''
  const [proofs, origin] = await Promise.all([edge.originVerify(), edge.origin()])
  if (!proofs.some((value) => sameBytes(value, proof))) {
    throw new PortageError(
      'DISTRIBUTION_REQUIRED',
      'This address is not public. Please open the link that you were given.',
    )
  }
  const cookies = event.cookies ?? []
  const method = event.requestContext.http.method
  if (method !== 'GET' && cookies.length > 0 && event.headers['origin'] !== origin) {
    throw new PortageError('FORBIDDEN_ORIGIN', 'Please use the app itself to do this.')
  }
  const params = event.pathParameters ?? {}
  if (Object.values(params).some((value = '') => value.length > MAX_PARAMETER_LENGTH)) {
    throw new PortageError('NOT_FOUND', 'There is nothing at this address.')
  }
  const authorization = event.headers['authorization']
  return {
    body: undefined,
    query: undefined,
    params: { id: '', slug: '', ...params } as PathParameters,
    headers: event.headers,
    cookies,
    rawBody: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
    rawQuery: event.rawQueryString,
    bearer: /^Bearer (.*)$/i.exec(authorization ?? '')?.[1],
    origin,
  }
}

async function ownerOf(edge: EdgeDeps, request: ApiRequest): Promise<Owner> {
  const cookie = readCookie(request.cookies, 'portage_session', request.origin)
  const sessionHash = hashToken(cookie ?? '')
  const session = cookie ? await edge.sessions?.find(sessionHash) : undefined
  if (!session) {
    throw new PortageError('SESSION_REQUIRED', 'You are not signed in, or your session has ended.')
  }
  return { userId: session.userId, sessionHash }
}

function parsed<Body extends z.ZodType | undefined, Query extends z.ZodType | undefined>(
  request: ApiRequest,
  schemas: Schemas<Body, Query>,
): ApiRequest<Parsed<Body>, Parsed<Query>> {
  return {
    ...request,
    query: schemas.query ? parse(schemas.query, queryObject(request.rawQuery)) : undefined,
    body: schemas.body ? parseJson(schemas.body, request) : undefined,
  } as ApiRequest<Parsed<Body>, Parsed<Query>>
}

/** The request's JSON body by its contract. */
export function parseJson<Schema extends z.ZodType>(
  schema: Schema,
  request: Pick<ApiRequest, 'headers' | 'rawBody'>,
): z.output<Schema> {
  return parse(schema, jsonBody(request))
}

/** Parses what came from outside; a mismatch names every field. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  // With what was given, so that what is wrong is told from what is missing.
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  const fields = result.error.issues.slice(0, MAX_NAMED_FIELDS).flatMap(fieldProblems)
  const first = fields[0]
  throw new PortageError(
    'INVALID_REQUEST',
    first
      ? `${first.field || 'The body'} ${first.message}.`
      : 'Something in it is not as it must be.',
    { fields: fields.slice(0, MAX_NAMED_FIELDS) },
  )
}

/** Enough for a person to mend, and a reply that stays small whatever was sent. */
const MAX_NAMED_FIELDS = 50
const MAX_FIELD_NAME_LENGTH = 200

function fieldProblems(issue: z.core.$ZodIssue): FieldProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MAX_NAMED_FIELDS).map((key) => ({
      field: [...issue.path, key].join('.').slice(0, MAX_FIELD_NAME_LENGTH).toWellFormed(),
      message: 'is not a known field',
    }))
  }
  const message =
    issue.code === 'invalid_type' && issue.input === undefined ? 'is required' : issue.message
  return [{ field: issue.path.join('.'), message: lowerFirst(message) }]
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function queryObject(rawQuery: string): Record<string, string | string[]> {
  // Without a prototype, so that `__proto__` is a name like any other and refused like any other.
  const query: Record<string, string | string[]> = Object.create(null)
  for (const [name, value] of new URLSearchParams(rawQuery)) {
    const earlier = query[name]
    query[name] = earlier === undefined ? value : [...[earlier].flat(), value]
  }
  return query
}

/**
 * The largest body is a completion of 10,000 parts. Parsing more could take all memory: a stranger's
 * four megabytes of `{}` make a million objects, and the contract as many complaints.
 */
const MAX_JSON_BYTES = 2 * 1024 * 1024
const MAX_JSON_VALUES = 40_000

/** Half a character, which JSON can spell but UTF-8 cannot store, becomes what it would be in UTF-8. */
function jsonBody(request: Pick<ApiRequest, 'headers' | 'rawBody'>): unknown {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/json\b/i.test(type)) {
    throw new PortageError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.')
  }
  const tooLarge = new PortageError('BODY_TOO_LARGE', 'Send less in one request.')
  if (request.rawBody.length > MAX_JSON_BYTES) throw tooLarge
  let values = 0
  const countedAndWellFormed = (_name: string, value: unknown): unknown => {
    values += 1
    if (values > MAX_JSON_VALUES) throw tooLarge
    return typeof value === 'string' ? value.toWellFormed() : value
  }
  try {
    return JSON.parse(request.rawBody.toString('utf8'), countedAndWellFormed)
  } catch (error) {
    if (error === tooLarge) throw error
    throw new PortageError(
      'MALFORMED_JSON',
      'Check the body: it ends early or has a stray character.',
      {
        cause: error,
      },
    )
  }
}

function toResult(reply: Reply): APIGatewayProxyStructuredResultV2 {
  const bytes = reply.body instanceof Uint8Array ? reply.body : undefined
  return {
    statusCode: reply.status,
    headers: {
      'cache-control': 'no-store',
      ...(reply.body === undefined || bytes ? {} : { 'content-type': 'application/json' }),
      ...reply.headers,
    },
    ...(reply.cookies && reply.cookies.length > 0 ? { cookies: reply.cookies } : {}),
    ...(bytes ? { isBase64Encoded: true } : {}),
    body: bytes
      ? Buffer.from(bytes).toString('base64')
      : reply.body === undefined
        ? ''
        : JSON.stringify(reply.body),
  }
}

function sameBytes(expected: string, given: string): boolean {
  const a = Buffer.from(expected)
  const b = Buffer.from(given)
  return a.length === b.length && timingSafeEqual(a, b)
}
