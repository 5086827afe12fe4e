/**
 * The distribution of the site stack on one port of this machine, and the control routes beside it.
 *
 * Rules: behaviours by precedence on the normalised path, the origin gets the path as sent; methods
 * by behaviour; a GET with a body is 403; the viewer-request function runs before the origin; S3
 * origins answer only what the bucket policy lets this distribution read; API origins get
 * CloudFront's headers and never a viewer's copy of them; response headers policies apply to every
 * reply of their behaviour. Host must be this machine's (421 otherwise).
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehavior.html
 *
 * Known gaps: no cache; viewers speak plain HTTP/1.1, so viewer protocol policies have no effect;
 * one range per request.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { HttpApi } from '../http-api/http-api-types.ts'
import { compress, encodingFor } from './compression.ts'
import { handleControlCall, isControlPath, type LocalControl } from './control-routes.ts'
import {
  behaviorFor,
  type EdgeBehavior,
  type EdgeDistribution,
  type EdgeOrigin,
} from './distribution.ts'
import { originRequestHeaders } from './origin-request.ts'
import { compileViewerFunction, type ViewerFunction } from './viewer-function.ts'

/** What an origin answered. */
export interface EdgeReply {
  statusCode: number
  /** Lower-case names. */
  headers: Record<string, string>
  cookies: string[]
  body: Buffer
}

/** Reads objects with the rights that bucket policies give to the distribution. */
export interface BucketOrigin {
  /** `conditions` are the viewer's `range`, `if-none-match` and the like. */
  get(bucketName: string, key: string, conditions: Record<string, string>): Promise<EdgeReply>
}

interface EdgeOrigins {
  bucket: BucketOrigin
  /** The API with that id. */
  api(apiId: string): HttpApi | undefined
}

export interface EdgeServer {
  listen(port: number): Promise<{ port: number }>
  /** From now on the distribution answers; until then everything but the status is 503. */
  serve(distribution: EdgeDistribution, origins: EdgeOrigins): void
  close(): Promise<void>
}

/** API Gateway takes 10 MB; a little more is read, so that it and not the edge says no. */
const MAX_BODY_BYTES = 10 * 1024 * 1024 + 1
const MAX_CONTROL_BODY_BYTES = 64 * 1024

/** API Gateway sees an address of CloudFront, never the viewer's. */
const EDGE_ADDRESS = '130.176.0.1'

const CONDITIONAL_HEADERS = ['range', 'if-none-match', 'if-match', 'if-modified-since', 'if-range']

interface Serving {
  distribution: EdgeDistribution
  origins: EdgeOrigins
  functions: Map<string, ViewerFunction>
}

export function createEdgeServer(control: LocalControl): EdgeServer {
  let serving: Serving | undefined
  const running = new Set<Promise<void>>()
  const server = createServer((request, response) => {
    const done = answer(serving, control, request, response).catch((error: unknown) => {
      // A bug here must neither look like an answer of the app nor end the runner.
      process.stderr.write(`edge: ${request.method} failed: ${String(error)}\n`)
      if (!response.headersSent) writeReply(response, generated(502, 'Bad gateway'), false)
      else response.destroy()
    })
    running.add(done)
    void done.finally(() => running.delete(done))
  })
  server.keepAliveTimeout = 65_000
  return {
    listen: (port) => listen(server, port),
    serve(distribution, origins) {
      const functions = new Map(
        [...distribution.functions].map(([arn, code]) => [arn, compileViewerFunction(code, arn)]),
      )
      serving = { distribution, origins, functions }
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      await Promise.race([Promise.all(running), graceEnds()])
      server.closeAllConnections()
      await closed
    },
  }
}

/** Requests in flight get this long to finish when the edge closes. */
const CLOSE_GRACE_MS = 2000

function graceEnds(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, CLOSE_GRACE_MS).unref()
  })
}

function listen(server: Server, port: number): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve({ port: typeof address === 'object' && address !== null ? address.port : port })
    })
  })
}

async function answer(
  serving: Serving | undefined,
  control: LocalControl,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const isHead = request.method === 'HEAD'
  const ownHost = `127.0.0.1:${request.socket.localPort}`
  const target = request.url ?? ''
  const refusal = refuseMisdirected(request, ownHost, target)
  if (refusal !== undefined) return writeReply(response, refusal, isHead)

  // Not resolved against the origin: `//host/p/` is a path here, as it is for CloudFront.
  const url = new URL(`http://${ownHost}${target}`)
  if (isControlPath(url.pathname)) {
    return writeReply(response, await controlReply(control, request, url, ownHost), isHead)
  }
  if (serving === undefined) {
    const reply = generated(503, 'The local cloud is starting')
    return writeReply(
      response,
      { ...reply, headers: { ...reply.headers, 'retry-after': '1' } },
      isHead,
    )
  }
  writeReply(response, await serveViewer(serving, request, url), isHead)
}

/** A page elsewhere whose name resolves to this machine must not reach the app under that name. */
function refuseMisdirected(
  request: IncomingMessage,
  ownHost: string,
  target: string,
): EdgeReply | undefined {
  const host = request.headers.host?.toLowerCase()
  if (host === ownHost) {
    return target.startsWith('/') ? undefined : generated(400, 'Bad request')
  }
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  if (host === `localhost:${request.socket.localPort}` && isRead && target.startsWith('/')) {
    // Cookies and redirect URIs belong to one origin, so the other name of this machine leads to it.
    const reply = generated(307, 'Moved')
    return { ...reply, headers: { ...reply.headers, location: `http://${ownHost}${target}` } }
  }
  return generated(421, `Misdirected request: this is http://${ownHost}`)
}

async function controlReply(
  control: LocalControl,
  request: IncomingMessage,
  url: URL,
  ownHost: string,
): Promise<EdgeReply> {
  const body = await readBody(request, MAX_CONTROL_BODY_BYTES)
  if (body === undefined) return generated(413, 'Request entity too large')
  const reply = await handleControlCall(control, {
    method: request.method ?? 'GET',
    path: url.pathname,
    contentType: request.headers['content-type'],
    origin: request.headers.origin,
    ownOrigin: `http://${ownHost}`,
    body,
  })
  return {
    statusCode: reply.statusCode,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(reply.allow === undefined ? {} : { allow: reply.allow }),
    },
    cookies: [],
    body: Buffer.from(JSON.stringify(reply.body)),
  }
}

async function serveViewer(
  serving: Serving,
  request: IncomingMessage,
  url: URL,
): Promise<EdgeReply> {
  const behavior = behaviorFor(serving.distribution, url.pathname)
  const reply = await replyOf(serving, behavior, request, url)
  const withPolicy = applyResponseHeaders(reply, behavior)
  return behavior.compress ? compressed(withPolicy, request) : withPolicy
}

async function replyOf(
  serving: Serving,
  behavior: EdgeBehavior,
  request: IncomingMessage,
  url: URL,
): Promise<EdgeReply> {
  const method = request.method ?? 'GET'
  if (!behavior.allowedMethods.includes(method)) return generated(403, 'Method not allowed here')
  const body = await readBody(request, MAX_BODY_BYTES)
  if (body === undefined) return generated(413, 'Request entity too large')
  if (method === 'GET' && body.length > 0) return generated(403, 'A GET has no body')

  const rawPath = (request.url ?? '/').split('?')[0] ?? '/'
  const rewritten = await runViewerFunction(serving, behavior, request, url, rawPath)
  if (typeof rewritten !== 'string') return rewritten

  const origin = serving.distribution.origins.get(behavior.originId)
  if (origin === undefined) throw new Error(`unknown origin ${behavior.originId}`)
  return origin.kind === 'bucket'
    ? fromBucket(serving, origin, request, rewritten)
    : fromApi(serving, origin, behavior, request, rewritten, url, body)
}

/** The path for the origin, or the reply that the function made itself. */
async function runViewerFunction(
  serving: Serving,
  behavior: EdgeBehavior,
  request: IncomingMessage,
  url: URL,
  rawPath: string,
): Promise<string | EdgeReply> {
  const run = serving.functions.get(behavior.viewerRequestFunction ?? '')
  if (run === undefined) return rawPath
  const { cookie, ...headers } = request.headers
  const result = await run(
    {
      method: request.method ?? 'GET',
      uri: rawPath,
      queryString: url.searchParams,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, String(value)]),
      ),
      cookies: parseCookies(cookie),
      ip: request.socket.remoteAddress ?? '',
    },
    {
      distributionId: serving.distribution.id,
      distributionDomainName: serving.distribution.domainName,
      requestId: randomUUID(),
    },
  )
  if (result.kind === 'request') return result.uri
  const { statusCode, headers: own, body } = result
  return { statusCode, headers: own, cookies: [], body: Buffer.from(body) }
}

async function fromBucket(
  serving: Serving,
  origin: EdgeOrigin & { kind: 'bucket' },
  request: IncomingMessage,
  path: string,
): Promise<EdgeReply> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return generated(403, 'The site is read only')
  }
  const rooted = path === '/' ? `/${serving.distribution.defaultRootObject}` : path
  const key = decodeKey(`${origin.originPath}${rooted}`.slice(1))
  if (key === undefined) return generated(400, 'Bad request')
  const conditions: Record<string, string> = {}
  for (const name of CONDITIONAL_HEADERS) {
    const value = request.headers[name]
    if (typeof value === 'string') conditions[name] = value
  }
  return serving.origins.bucket.get(origin.bucketName, key, conditions)
}

async function fromApi(
  serving: Serving,
  origin: EdgeOrigin & { kind: 'api' },
  behavior: EdgeBehavior,
  request: IncomingMessage,
  path: string,
  url: URL,
  body: Buffer,
): Promise<EdgeReply> {
  const api = serving.origins.api(origin.apiId)
  if (api === undefined) throw new Error(`origin names the unknown API ${origin.apiId}`)
  const { socket } = request
  const headers = originRequestHeaders(
    request.headers,
    { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    behavior,
    origin,
  )
  // API Gateway knows its APIs by their host names and refuses any other.
  if (headers['host'] !== origin.domainName) {
    return {
      statusCode: 403,
      headers: { 'content-type': 'application/json' },
      cookies: [],
      body: Buffer.from('{"message":"Forbidden"}'),
    }
  }
  const queryStrings = behavior.cacheKey.queryStrings || behavior.originRequest?.queryStrings
  return api.handle({
    method: request.method ?? 'GET',
    rawPath: path,
    rawQueryString: queryStrings === true ? url.search.slice(1) : '',
    headers,
    body,
    sourceIp: EDGE_ADDRESS,
  })
}

function applyResponseHeaders(reply: EdgeReply, behavior: EdgeBehavior): EdgeReply {
  const rule = behavior.responseHeaders
  if (rule === undefined) return reply
  const headers = { ...reply.headers }
  for (const name of rule.remove) delete headers[name]
  for (const { name, value, override } of rule.set) {
    if (override || headers[name] === undefined) headers[name] = value
  }
  return { ...reply, headers }
}

async function compressed(reply: EdgeReply, request: IncomingMessage): Promise<EdgeReply> {
  if (reply.statusCode !== 200) return reply
  const acceptEncoding = request.headers['accept-encoding']
  const encoding = encodingFor(
    typeof acceptEncoding === 'string' ? acceptEncoding : undefined,
    reply.headers,
    reply.body.length,
  )
  if (encoding === undefined) return reply
  const { 'content-length': _, etag, ...headers } = reply.headers
  return {
    ...reply,
    headers: {
      ...headers,
      'content-encoding': encoding,
      vary:
        headers['vary'] === undefined ? 'accept-encoding' : `${headers['vary']}, accept-encoding`,
      // "CloudFront converts strong ETags to weak ones when it compresses."
      ...(etag === undefined ? {} : { etag: etag.startsWith('W/') ? etag : `W/${etag}` }),
    },
    body: await compress(reply.body, encoding),
  }
}

/** The whole body, or undefined when it is larger than the limit. */
async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    // Read on to the end: a client that still sends does not see the refusal.
    if (size <= limitBytes) chunks.push(chunk)
  }
  return size <= limitBytes ? Buffer.concat(chunks) : undefined
}

function writeReply(response: ServerResponse, reply: EdgeReply, isHead: boolean): void {
  if (reply.cookies.length > 0) response.setHeader('set-cookie', reply.cookies)
  const headers: Record<string, string> = { ...reply.headers }
  const hasBody = reply.statusCode !== 204 && reply.statusCode !== 304
  if (hasBody && !(isHead && headers['content-length'] !== undefined)) {
    headers['content-length'] = String(reply.body.length)
  }
  response.writeHead(reply.statusCode, headers)
  response.end(isHead || !hasBody ? undefined : reply.body)
}

/** An error that CloudFront itself answers. */
function generated(statusCode: number, text: string): EdgeReply {
  return {
    statusCode,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
    cookies: [],
    body: Buffer.from(`${text}\n`),
  }
}

function parseCookies(header: string | undefined): Record<string, string> {
  const pairs = (header ?? '').split(';').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=')
    return at < 0 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()]]
  })
  return Object.fromEntries(pairs)
}

function decodeKey(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}
