/** What API Gateway makes of a function's answer, and the replies that are its own. */
import type { HttpApiResponse } from './http-api-types.ts'

/** Headers that the connection decides, whatever the function says. */
const NOT_PASSED = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
])

/** `{"message":"Not Found"}` and the like. */
export function ownReply(statusCode: number, message: string): HttpApiResponse {
  return {
    statusCode,
    headers: { 'content-type': 'application/json' },
    cookies: [],
    body: Buffer.from(JSON.stringify({ message })),
  }
}

/** Undefined when the answer breaks the format, which API Gateway turns into a 500. */
export function replyOf(payload: string): HttpApiResponse | undefined {
  const answer = parse(payload)
  if (answer === undefined) return undefined
  if (typeof answer !== 'object' || answer === null || !('statusCode' in answer)) {
    return inferredReply(answer, payload)
  }
  const {
    statusCode,
    headers = {},
    cookies = [],
    body = '',
    isBase64Encoded = false,
  } = answer as Record<string, unknown>
  const status = Number(statusCode)
  const isStatus = Number.isInteger(status) && status >= 200 && status <= 599
  const areCookies = Array.isArray(cookies) && cookies.every((cookie) => typeof cookie === 'string')
  if (!isStatus || !areCookies || typeof body !== 'string') return undefined
  const replyHeaders = headerTexts(headers ?? {})
  if (!replyHeaders) return undefined
  if (body !== '' && replyHeaders['content-type'] === undefined) {
    replyHeaders['content-type'] = 'text/plain;charset=UTF-8'
  }
  return {
    statusCode: status,
    headers: replyHeaders,
    cookies,
    body: Buffer.from(body, isBase64Encoded === true ? 'base64' : 'utf8'),
  }
}

function parse(payload: string): unknown {
  try {
    return JSON.parse(payload)
  } catch {
    // A runtime may answer anything; what is no JSON breaks the format.
    return undefined
  }
}

/** "If your Lambda function returns valid JSON and doesn't return a statusCode …": 200, JSON, the answer as body. */
function inferredReply(answer: unknown, payload: string): HttpApiResponse {
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    cookies: [],
    body: Buffer.from(typeof answer === 'string' ? answer : payload),
  }
}

function headerTexts(headers: unknown): Record<string, string> | undefined {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return undefined
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (!['string', 'number', 'boolean'].includes(typeof value)) return undefined
    if (!NOT_PASSED.has(name.toLowerCase())) texts[name.toLowerCase()] = String(value)
  }
  return texts
}
