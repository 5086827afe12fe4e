/**
 * Runs a CloudFront Function on a viewer request, in the event shape of runtime 2.0:
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
 * Known gaps: no key value store; compute use is not measured, only stopped after a second.
 */
import { createContext, Script } from 'node:vm'
import * as z from 'zod'

interface ViewerRequest {
  method: string
  /** Percent-encoded path as the viewer sent it. */
  uri: string
  queryString: URLSearchParams
  headers: Record<string, string>
  cookies: Record<string, string>
  ip: string
}

interface ViewerFunctionContext {
  distributionId: string
  distributionDomainName: string
  requestId: string
}

/** What the function decided: another path for the origin, or a reply of its own. */
type ViewerFunctionResult =
  | { kind: 'request'; uri: string }
  | { kind: 'response'; statusCode: number; headers: Record<string, string>; body: string }

export type ViewerFunction = (
  request: ViewerRequest,
  context: ViewerFunctionContext,
) => Promise<ViewerFunctionResult>

const MAX_RUN_MS = 1000

const requestResult = z.object({ uri: z.string().startsWith('/') })
const responseResult = z.object({
  statusCode: z.int().min(200).max(599),
  headers: z.record(z.string(), z.object({ value: z.string() })).optional(),
  body: z.union([z.string(), z.object({ data: z.string() })]).optional(),
})

export function compileViewerFunction(code: string, name: string): ViewerFunction {
  // The event and the result cross as text, so that no object of ours is reachable from inside.
  const script = new Script(
    `${code}\n;Promise.resolve(handler(JSON.parse(__event))).then(JSON.stringify)`,
    { filename: name },
  )
  return async (request, context) => {
    const sandbox = createContext({ __event: JSON.stringify(eventOf(request, context)) })
    const result: unknown = JSON.parse(await script.runInContext(sandbox, { timeout: MAX_RUN_MS }))
    const response = responseResult.safeParse(result)
    if (!response.success) return { kind: 'request', uri: requestResult.parse(result).uri }
    const { statusCode, headers = {}, body = '' } = response.data
    return {
      kind: 'response',
      statusCode,
      headers: Object.fromEntries(
        Object.entries(headers).map(([header, { value }]) => [header.toLowerCase(), value]),
      ),
      body: typeof body === 'string' ? body : body.data,
    }
  }
}

function eventOf(request: ViewerRequest, context: ViewerFunctionContext): object {
  return {
    version: '1.0',
    context: {
      distributionDomainName: context.distributionDomainName,
      distributionId: context.distributionId,
      eventType: 'viewer-request',
      requestId: context.requestId,
    },
    viewer: { ip: request.ip },
    request: {
      method: request.method,
      uri: request.uri,
      querystring: queryOf(request.queryString),
      headers: valuesOf(request.headers),
      cookies: valuesOf(request.cookies),
    },
  }
}

/** Of several equal names the last is the value, and all are listed in `multiValue`. */
function queryOf(query: URLSearchParams): object {
  return Object.fromEntries(
    [...new Set(query.keys())].map((name) => {
      const all = query.getAll(name).map((value) => ({ value }))
      return [name, { value: all.at(-1)?.value, ...(all.length > 1 ? { multiValue: all } : {}) }]
    }),
  )
}

function valuesOf(fields: Record<string, string>): object {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { value }]))
}
