/**
 * Cross-origin rules of a bucket, by
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html: the first rule that allows
 * origin, method and every asked header decides; replies to refusals carry the headers too.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BucketRegistry, CorsRule } from './bucket-registry.ts'
import { bucketAndKey } from './s3-request.ts'
import { sendXml } from './xml.ts'

const VARY = 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method'

/** Answers a preflight, which is never signed; false when the request is none. */
export function answerPreflight(
  buckets: BucketRegistry,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (request.method !== 'OPTIONS') return false
  const origin = request.headers.origin
  const method = request.headers['access-control-request-method']
  if (origin === undefined) {
    refuse(response, 400, 'Insufficient information. Origin request header needed.', 'BadRequest')
    return true
  }
  if (method === undefined) {
    const message = 'Invalid Access-Control-Request-Method: null'
    refuse(response, 400, message, 'BadRequest')
    return true
  }
  const rules = rulesOf(buckets, request)
  if (rules.length === 0) {
    refuse(response, 403, 'CORSResponse: CORS is not enabled for this bucket.', 'AccessForbidden')
    return true
  }
  const headers = headerNames(request.headers['access-control-request-headers'])
  const rule = rules.find((candidate) => allows(candidate, origin, method, headers))
  if (!rule) {
    const message =
      "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
    refuse(response, 403, message, 'AccessForbidden')
    return true
  }
  setHeaders(response, rule, origin)
  if (headers.length > 0) response.setHeader('access-control-allow-headers', headers.join(', '))
  response.writeHead(200, { 'content-length': 0 })
  response.end()
  return true
}

/** Adds what lets a page read the reply; call it before anything is written, errors included. */
export function addCorsHeadersTo(
  buckets: BucketRegistry,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { origin } = request.headers
  if (origin === undefined) return
  const method = request.method ?? 'GET'
  const rule = rulesOf(buckets, request).find((candidate) => allows(candidate, origin, method, []))
  if (rule) setHeaders(response, rule, origin)
}

function rulesOf(buckets: BucketRegistry, { url }: IncomingMessage): CorsRule[] {
  return buckets.find(bucketAndKey(url ?? '/').bucket)?.corsRules ?? []
}

function allows(rule: CorsRule, origin: string, method: string, headers: string[]): boolean {
  const allowedHeaders = rule.AllowedHeaders ?? []
  return (
    rule.AllowedMethods.includes(method) &&
    rule.AllowedOrigins.some((pattern) => matches(pattern, origin)) &&
    headers.every((name) =>
      allowedHeaders.some((pattern) => matches(pattern.toLowerCase(), name.toLowerCase())),
    )
  )
}

/** A pattern has at most one `*`. */
function matches(pattern: string, text: string): boolean {
  const [before = '', after] = pattern.split('*')
  if (after === undefined) return pattern === text
  return (
    text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after)
  )
}

function headerNames(list: string | undefined): string[] {
  return (list ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

function setHeaders(response: ServerResponse, rule: CorsRule, origin: string): void {
  const isForAll = rule.AllowedOrigins.includes('*')
  response.setHeader('access-control-allow-origin', isForAll ? '*' : origin)
  response.setHeader('access-control-allow-methods', rule.AllowedMethods.join(', '))
  if (!isForAll) response.setHeader('access-control-allow-credentials', 'true')
  if (rule.ExposedHeaders?.length) {
    response.setHeader('access-control-expose-headers', rule.ExposedHeaders.join(', '))
  }
  if (rule.MaxAge !== undefined) response.setHeader('access-control-max-age', rule.MaxAge)
  response.setHeader('vary', VARY)
}

function refuse(response: ServerResponse, status: number, message: string, code: string): void {
  sendXml(response, 'Error', { Code: code, Message: message }, status)
}
