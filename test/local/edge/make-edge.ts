import { request as httpRequest } from 'node:http'
import type { LocalControl } from '../../../infra/local/edge/control-routes.ts'
import type { EdgeBehavior, EdgeDistribution } from '../../../infra/local/edge/distribution.ts'
import { createEdgeServer, type EdgeReply } from '../../../infra/local/edge/edge-server.ts'
import type { HttpApiRequest } from '../../../infra/local/http-api/http-api-types.ts'
import { ofEach } from '../../../infra/local/provider-emulators.ts'

export const VERIFY_HEADER = 'x-portage-origin-verify'

export function makeBehavior(behavior: Partial<EdgeBehavior> = {}): EdgeBehavior {
  return {
    pathPattern: '*',
    originId: 'site',
    allowedMethods: ['GET', 'HEAD'],
    compress: false,
    viewerRequestFunction: undefined,
    cacheKey: { headers: [], cookies: false, queryStrings: false },
    originRequest: undefined,
    responseHeaders: undefined,
    ...behavior,
  }
}

export const apiBehavior = makeBehavior({
  pathPattern: '/api/*',
  originId: 'api',
  allowedMethods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'POST', 'DELETE'],
  originRequest: {
    headerBehavior: 'allExcept',
    headers: ['host'],
    cookies: true,
    queryStrings: true,
  },
})

export function makeDistribution(distribution: Partial<EdgeDistribution> = {}): EdgeDistribution {
  return {
    id: 'E1',
    domainName: '127.0.0.1:4400',
    defaultRootObject: 'index.html',
    origins: new Map([
      ['site', { kind: 'bucket', bucketName: 'site', originPath: '' }],
      [
        'api',
        {
          kind: 'api',
          apiId: 'a1',
          domainName: 'a1.execute-api.us-east-1.amazonaws.com',
          customHeaders: { [VERIFY_HEADER]: 'the secret' },
        },
      ],
    ]),
    behaviors: [apiBehavior, makeBehavior()],
    functions: new Map(),
    ...distribution,
  }
}

export interface RawReply {
  statusCode: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

export interface Edge {
  port: number
  /** Requests that reached the API origin. */
  apiRequests: HttpApiRequest[]
  /** `bucket/key` that reached the bucket origin. */
  bucketReads: string[]
  control: RecordedControl
  send(method: string, path: string, options?: SendOptions): Promise<RawReply>
  close(): Promise<void>
}

export interface RecordedControl extends LocalControl {
  calls: string[]
  ready: boolean
}

export interface SendOptions {
  headers?: Record<string, string>
  body?: string | Buffer
}

export const CONTROL_URLS = { app: 'http://a', aws: 'http://b', ...ofEach((id) => `http://${id}`) }

/** A control that writes down what it was told. */
export function makeControl(): RecordedControl {
  const control: RecordedControl = {
    calls: [],
    ready: true,
    status: () => ({
      ready: control.ready,
      urls: CONTROL_URLS,
      versions: { node: '24' },
    }),
    queues: () => [{ name: 'intake', visible: 1, inFlight: 0, delayed: 0 }],
    schedules: () => ['sweep'],
    runSchedule: async (name: string) => {
      control.calls.push(`run ${name}`)
      return name === 'sweep'
    },
    advanceClock: async (seconds: number) => {
      control.calls.push(`advance ${seconds}`)
      return Date.UTC(2030, 0, 1)
    },
  }
  return control
}

/** An edge on a free port with a bucket of the given files and an API that answers `{"ok":true}`. */
export async function startEdge(
  distribution = makeDistribution(),
  files: Record<string, EdgeReply> = {},
): Promise<Edge> {
  const apiRequests: HttpApiRequest[] = []
  const bucketReads: string[] = []
  const control = makeControl()
  const server = createEdgeServer(control)
  const { port } = await server.listen(0)
  server.serve(distribution, {
    bucket: {
      get: async (bucketName, key) => {
        bucketReads.push(`${bucketName}/${key}`)
        return files[key] ?? makeReply('<Code>AccessDenied</Code>', { statusCode: 403 })
      },
    },
    api: (apiId) =>
      apiId === 'a1'
        ? {
            handle: async (request) => {
              apiRequests.push(request)
              return {
                statusCode: 200,
                headers: { 'content-type': 'application/json' },
                cookies: ['a=1', 'b=2'],
                body: Buffer.from('{"ok":true}'),
              }
            },
          }
        : undefined,
  })
  return {
    port,
    apiRequests,
    bucketReads,
    control,
    send: (method, path, options) => sendRaw(port, method, path, options),
    close: () => server.close(),
  }
}

export function makeReply(body: string, reply: Partial<EdgeReply> = {}): EdgeReply {
  return {
    statusCode: 200,
    headers: { 'content-type': 'text/html' },
    cookies: [],
    ...reply,
    body: Buffer.from(body),
  }
}

/** Unlike `fetch`, sends any Host and any path, and does not decompress. */
function sendRaw(
  port: number,
  method: string,
  path: string,
  { headers = {}, body }: SendOptions = {},
): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            statusCode: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}
