/**
 * The event of payload format 2.0.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
import { LOCAL_ACCOUNT_ID } from '../engine.ts'
import { newRoot } from '../lambda/lineage.ts'
import type { HttpApiRequest } from './http-api-types.ts'
import { decodeSegment, type RouteMatch } from './route-match.ts'

export interface EventOptions {
  apiId: string
  domainName: string
  requestId: string
  nowMs: number
}

/** Headers that belong to one connection, and those that the event carries in another member. */
const NOT_PASSED = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'cookie',
])

export function buildEvent(
  request: HttpApiRequest,
  { route, pathParameters }: RouteMatch,
  { apiId, domainName, requestId, nowMs }: EventOptions,
) {
  const rawPath = decodeSegment(request.rawPath)
  const cookies = headerText(request.headers.cookie)
    ?.split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie !== '')
  const query = queryParameters(request.rawQueryString)
  const isText = isTextType(headerText(request.headers['content-type']))
  return {
    version: '2.0',
    routeKey: route.routeKey,
    // API Gateway hands the path on decoded, the query as it was sent.
    rawPath,
    rawQueryString: request.rawQueryString,
    ...(cookies && cookies.length > 0 && { cookies }),
    headers: eventHeaders(request, domainName, nowMs),
    ...(Object.keys(query).length > 0 && { queryStringParameters: query }),
    requestContext: {
      accountId: LOCAL_ACCOUNT_ID,
      apiId,
      domainName,
      domainPrefix: domainName.split('.')[0] ?? domainName,
      http: {
        method: request.method,
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: request.sourceIp,
        userAgent: headerText(request.headers['user-agent']) ?? '',
      },
      requestId,
      routeKey: route.routeKey,
      stage: '$default',
      time: requestTime(nowMs),
      timeEpoch: Math.floor(nowMs),
    },
    ...(Object.keys(pathParameters).length > 0 && { pathParameters }),
    ...(request.body.length > 0 && { body: request.body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: request.body.length > 0 && !isText,
  }
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value
}

function eventHeaders(
  request: HttpApiRequest,
  domainName: string,
  nowMs: number,
): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    const text = headerText(value)
    if (text !== undefined && !NOT_PASSED.has(name.toLowerCase()))
      headers[name.toLowerCase()] = text
  }
  const forwarded = headers['x-forwarded-for']
  return {
    ...headers,
    host: domainName,
    'content-length': String(request.body.length),
    'x-amzn-trace-id': `Root=${newRoot(nowMs)}`,
    'x-forwarded-for': forwarded ? `${forwarded}, ${request.sourceIp}` : request.sourceIp,
    'x-forwarded-port': '443',
    'x-forwarded-proto': 'https',
  }
}

/** Repeated names are joined by a comma. */
function queryParameters(rawQueryString: string): Record<string, string> {
  const parameters: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    parameters[name] = Object.hasOwn(parameters, name) ? `${parameters[name]},${value}` : value
  }
  return parameters
}

/** Everything else arrives in base64: forms, and bodies without a type, too. */
function isTextType(contentType: string | undefined): boolean {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? ''
  return type.startsWith('text/') || /^application\/(json|xml|javascript)$/.test(type)
}

/** `22/Nov/2026:14:00:00 +0000` */
function requestTime(nowMs: number): string {
  const [, day, month, year, time] = new Date(nowMs).toUTCString().split(/[ ,]+/)
  return `${day}/${month}/${year}:${time} +0000`
}
