/**
 * An HTTP API (API Gateway v2) with Lambda integrations and payload format 2.0.
 *
 * Rules: route precedence; the function's error is 500, a throttled function 503, no route 404, all
 * in API Gateway's words; after the integration's timeout the caller gets 503 and the function runs
 * on; 10 MB of body (a function takes 6 MiB of event) and 10,240 bytes of request line and header
 * values at most. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
 *
 * Known gaps: no authorizers, no API-level CORS, no throttling of routes, the `$default` stage only;
 * the texts of 413, 431 and 503 come from reports, not from AWS's pages. Nothing on disk.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { AwsError } from '../engine.ts'
import { type FunctionInvoker, type InvokeResult, isThrottle } from '../lambda/invocation.ts'
import { buildEvent } from './http-api-event.ts'
import { ownReply, replyOf } from './http-api-reply.ts'
import type { HttpApi, HttpApiRequest, HttpApiResponse, HttpRoute } from './http-api-types.ts'
import { compileRoutes } from './route-match.ts'

const BODY_LIMIT_BYTES = 10 * 1024 * 1024
const HEADER_LIMIT_BYTES = 10_240

export interface HttpApiOptions {
  routes: HttpRoute[]
  lambda: FunctionInvoker
  clock: Clock
  apiId: string
  /** `{apiId}.execute-api.{region}.amazonaws.com`; functions see it as `host`. */
  domainName: string
}

export function createHttpApi({
  routes,
  lambda,
  clock,
  apiId,
  domainName,
}: HttpApiOptions): HttpApi {
  const findRoute = compileRoutes(routes)

  const answer = async (request: HttpApiRequest, requestId: string): Promise<HttpApiResponse> => {
    if (headBytes(request) > HEADER_LIMIT_BYTES) {
      return ownReply(431, 'Request Header Fields Too Large')
    }
    const match = findRoute(request.method, request.rawPath)
    if (!match) return ownReply(404, 'Not Found')
    if (request.body.length > BODY_LIMIT_BYTES) return ownReply(413, 'Request Entity Too Large')
    const { functionName, timeoutMs } = match.route
    const event = buildEvent(request, match, { apiId, domainName, requestId, nowMs: clock.now() })

    let result: InvokeResult
    try {
      result = await lambda.invoke(functionName, event, {
        signal: AbortSignal.timeout(timeoutMs),
        traceHeader: event.headers['x-amzn-trace-id'],
      })
    } catch (error) {
      return refusal(error)
    }
    const reply = result.functionError ? undefined : replyOf(result.payload)
    return reply ?? ownReply(500, 'Internal Server Error')
  }

  return {
    handle: async (request) => {
      const requestId = `${randomBytes(11).toString('base64url').slice(0, 15)}=`
      const response = await answer(request, requestId)
      return { ...response, headers: { ...response.headers, 'apigw-requestid': requestId } }
    },
  }
}

/** An invocation that the function never answered. */
function refusal(error: unknown): HttpApiResponse {
  const timedOut = error instanceof DOMException && error.name === 'TimeoutError'
  if (timedOut || isThrottle(error)) return ownReply(503, 'Service Unavailable')
  if (error instanceof AwsError && error.code === 'RequestEntityTooLargeException') {
    return ownReply(413, 'Request Entity Too Large')
  }
  if (error instanceof AwsError) return ownReply(500, 'Internal Server Error')
  throw error
}

/** "Total combined size of request line and header values": names do not count. */
function headBytes({ method, rawPath, rawQueryString, headers }: HttpApiRequest): number {
  const requestLine = `${method} ${rawPath}${rawQueryString && `?${rawQueryString}`} HTTP/1.1`
  const values = Object.values(headers).flatMap((value) => value ?? [])
  return [requestLine, ...values].reduce((bytes, text) => bytes + Buffer.byteLength(text), 0)
}
