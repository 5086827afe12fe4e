import type { IncomingHttpHeaders } from 'node:http'

/** A route with its integration; `routeKey` as in the template: `GET /api/portals/{id}`, `ANY /x`, `$default`. */
export interface HttpRoute {
  routeKey: string
  functionName: string
  /** `TimeoutInMillis` of the integration; API Gateway's default is 30,000. */
  timeoutMs: number
}

export interface HttpApiRequest {
  method: string
  /** Path as sent, percent-encoded, without the query. */
  rawPath: string
  /** Without the question mark. */
  rawQueryString: string
  headers: IncomingHttpHeaders
  body: Buffer
  sourceIp: string
}

export interface HttpApiResponse {
  statusCode: number
  /** Lower-case names. */
  headers: Record<string, string>
  /** One Set-Cookie header each. */
  cookies: string[]
  body: Buffer
}

/** The API's `$default` stage. */
export interface HttpApi {
  handle(request: HttpApiRequest): Promise<HttpApiResponse>
}
