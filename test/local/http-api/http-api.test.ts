import { describe, expect, test } from 'vitest'
import { AwsError } from '../../../infra/local/engine.ts'
import { createHttpApi } from '../../../infra/local/http-api/http-api.ts'
import type {
  HttpApiRequest,
  HttpApiResponse,
} from '../../../infra/local/http-api/http-api-types.ts'
import type {
  FunctionInvoker,
  InvokeOptions,
  InvokeResult,
} from '../../../infra/local/lambda/invocation.ts'

const NOW_MS = Date.UTC(2026, 10, 22, 14, 5, 9, 250)
const ROUTE_KEYS = [
  '$default',
  'ANY /{proxy+}',
  'GET /api/{proxy+}',
  'ANY /api/portals',
  'GET /api/portals',
  'GET /api/portals/{id}',
  'GET /api/portals/public',
  'POST /api/upload/{id}/parts',
]

interface Invoked {
  functionName: string
  // biome-ignore lint/suspicious/noExplicitAny: the event is what these tests look into.
  event: any
}

type Answer = (event: unknown, options: InvokeOptions) => unknown

/** An API whose functions are named after their route keys and answer by `answer`. */
function givenApi(answer: Answer = () => ({ statusCode: 200 }), routeKeys = ROUTE_KEYS) {
  const invoked: Invoked[] = []
  const lambda: FunctionInvoker = {
    invoke: async (functionName, event, options = {}) => {
      invoked.push({ functionName, event })
      const value = await answer(event, options)
      if (isResult(value)) return value
      return { requestId: 'r', payload: JSON.stringify(value ?? null) }
    },
    invokeAsync: () => {
      throw new Error('an HTTP API waits for its functions')
    },
  }
  const api = createHttpApi({
    routes: routeKeys.map((routeKey) => ({ routeKey, functionName: routeKey, timeoutMs: 50 })),
    lambda,
    clock: { now: () => NOW_MS },
    apiId: 'abc123',
    domainName: 'abc123.execute-api.us-east-1.amazonaws.com',
  })
  const call = (request: Partial<HttpApiRequest> = {}): Promise<HttpApiResponse> =>
    api.handle({
      method: 'GET',
      rawPath: '/api/portals',
      rawQueryString: '',
      headers: {},
      body: Buffer.alloc(0),
      sourceIp: '127.0.0.1',
      ...request,
    })
  return { call, invoked }
}

const isResult = (value: unknown): value is InvokeResult =>
  typeof value === 'object' && value !== null && 'payload' in value

const textOf = ({ body }: HttpApiResponse): string => body.toString()

describe('route precedence', () => {
  test.each([
    ['GET', '/api/portals', 'GET /api/portals'],
    ['PUT', '/api/portals', 'ANY /api/portals'],
    ['GET', '/api/portals/public', 'GET /api/portals/public'],
    ['GET', '/api/portals/prt_1', 'GET /api/portals/{id}'],
    ['GET', '/api/portals/prt_1/files', 'GET /api/{proxy+}'],
    ['POST', '/api/upload/upl_1/parts', 'POST /api/upload/{id}/parts'],
    ['POST', '/api/upload//parts', 'ANY /{proxy+}'],
    ['DELETE', '/api/portals/prt_1', 'ANY /{proxy+}'],
    ['GET', '/', '$default'],
  ])('%s %s goes to %s', async (method, rawPath, routeKey) => {
    const { call, invoked } = givenApi()

    await call({ method, rawPath })

    expect(invoked.map(({ functionName }) => functionName)).toEqual([routeKey])
    expect(invoked[0]?.event.routeKey).toBe(routeKey)
  })

  test('without a route and a default the answer is 404', async () => {
    const { call, invoked } = givenApi(undefined, ['GET /api/portals'])

    const response = await call({ method: 'POST' })

    expect([response.statusCode, textOf(response)]).toEqual([404, '{"message":"Not Found"}'])
    expect(invoked).toEqual([])
  })

  test('a route key it does not know is refused when the template is loaded', () => {
    expect(() => givenApi(undefined, ['$connect'])).toThrow('Unsupported route key: $connect')
    expect(() => givenApi(undefined, ['GET /{all+}/x'])).toThrow(/must come last/)
  })
})

describe('the event', () => {
  test('of a plain GET has no empty members', async () => {
    const { call, invoked } = givenApi()

    await call({ headers: { 'user-agent': 'curl/8' } })

    expect(invoked[0]?.event).toEqual({
      version: '2.0',
      routeKey: 'GET /api/portals',
      rawPath: '/api/portals',
      rawQueryString: '',
      headers: {
        'user-agent': 'curl/8',
        host: 'abc123.execute-api.us-east-1.amazonaws.com',
        'content-length': '0',
        'x-amzn-trace-id': expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/),
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-port': '443',
        'x-forwarded-proto': 'https',
      },
      requestContext: {
        accountId: '111122223333',
        apiId: 'abc123',
        domainName: 'abc123.execute-api.us-east-1.amazonaws.com',
        domainPrefix: 'abc123',
        http: {
          method: 'GET',
          path: '/api/portals',
          protocol: 'HTTP/1.1',
          sourceIp: '127.0.0.1',
          userAgent: 'curl/8',
        },
        requestId: expect.any(String),
        routeKey: 'GET /api/portals',
        stage: '$default',
        time: '22/Nov/2026:14:05:09 +0000',
        timeEpoch: NOW_MS,
      },
      isBase64Encoded: false,
    })
  })

  test('takes cookies out of the headers and joins what is repeated', async () => {
    const { call, invoked } = givenApi()

    await call({
      headers: {
        cookie: '__Host-session=a=b; theme=dark',
        Accept: ['a', 'b'] as unknown as string,
      },
      rawQueryString: 'tag=x&tag=y%20z&empty=',
    })

    const { event } = invoked[0] as Invoked
    expect(event.cookies).toEqual(['__Host-session=a=b', 'theme=dark'])
    expect(event.headers.cookie).toBeUndefined()
    expect(event.headers.accept).toBe('a,b')
    expect(event.queryStringParameters).toEqual({ tag: 'x,y z', empty: '' })
    expect(event.rawQueryString).toBe('tag=x&tag=y%20z&empty=')
  })

  test('decodes the path and its parameters', async () => {
    const { call, invoked } = givenApi()

    await call({ rawPath: '/api/portals/R%C3%A9sum%C3%A9%2F1' })
    await call({ rawPath: '/api/portals/100%' })

    expect(invoked.map(({ event }) => event.pathParameters)).toEqual([
      { id: 'Résumé/1' },
      { id: '100%' },
    ])
    expect(invoked[0]?.event.rawPath).toBe('/api/portals/Résumé/1')
  })

  test.each([
    ['application/json; charset=utf-8', false],
    ['text/csv', false],
    ['application/xml', false],
    ['application/javascript', false],
    ['application/problem+json', true],
    ['application/x-www-form-urlencoded', true],
    ['multipart/form-data; boundary=x', true],
    [undefined, true],
  ])('with a body of type %s is in base64: %s', async (contentType, isBase64Encoded) => {
    const { call, invoked } = givenApi()

    await call({
      method: 'PUT',
      headers: contentType ? { 'content-type': contentType } : {},
      body: Buffer.from('{"ü":1}'),
    })

    const { event } = invoked[0] as Invoked
    expect(event.isBase64Encoded).toBe(isBase64Encoded)
    expect(Buffer.from(event.body, isBase64Encoded ? 'base64' : 'utf8').toString()).toBe('{"ü":1}')
  })
})

describe('the answer', () => {
  test('carries status, headers, several cookies and text', async () => {
    const { call } = givenApi(() => ({
      statusCode: 201,
      headers: { 'Content-Type': 'text/html', 'X-Count': 3, 'Content-Length': '99' },
      cookies: ['a=1; Path=/', 'b=2'],
      body: 'ü',
    }))

    const response = await call()

    expect(response).toEqual({
      statusCode: 201,
      headers: {
        'content-type': 'text/html',
        'x-count': '3',
        'apigw-requestid': expect.stringMatching(/^[\w-]{15}=$/),
      },
      cookies: ['a=1; Path=/', 'b=2'],
      body: Buffer.from('ü'),
    })
  })

  test('decodes base64 and calls a body without a type plain text', async () => {
    const { call } = givenApi(() => ({ statusCode: 200, body: 'AAEC/w==', isBase64Encoded: true }))

    const response = await call()

    expect([...response.body]).toEqual([0, 1, 2, 255])
    expect(response.headers['content-type']).toBe('text/plain;charset=UTF-8')
  })

  test.each([
    [{ hello: 'world' }, '{"hello":"world"}'],
    ['plain', 'plain'],
    [[1, 2], '[1,2]'],
    [null, 'null'],
  ])('without a status code is 200 and JSON: %j', async (answer, body) => {
    const { call } = givenApi(() => answer)

    const response = await call()

    expect([response.statusCode, response.headers['content-type'], textOf(response)]).toEqual([
      200,
      'application/json',
      body,
    ])
  })

  test.each([
    [{ statusCode: 200, body: { not: 'text' } }],
    [{ statusCode: 'many' }],
    [{ statusCode: 200, headers: { a: ['1'] } }],
    [{ statusCode: 200, cookies: 'a=1' }],
  ])('that breaks the format is 500: %j', async (answer) => {
    const { call } = givenApi(() => answer)

    const response = await call()

    expect([response.statusCode, textOf(response)]).toEqual([
      500,
      '{"message":"Internal Server Error"}',
    ])
  })
})

describe('what goes wrong', () => {
  test("a function's error is 500 and exposes nothing", async () => {
    const { call } = givenApi(() => ({
      requestId: 'r',
      functionError: 'Unhandled',
      payload: '{"errorMessage":"secret","statusCode":200}',
    }))

    const response = await call()

    expect([response.statusCode, textOf(response)]).toEqual([
      500,
      '{"message":"Internal Server Error"}',
    ])
  })

  test('an answer that is no JSON at all is 500', async () => {
    const { call } = givenApi(() => ({ requestId: 'r', payload: '<html>' }))

    expect((await call()).statusCode).toBe(500)
  })

  test('after the integration timeout the caller gets 503', async () => {
    const { call } = givenApi(
      (_event, { signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason))
        }),
    )

    const response = await call()

    expect([response.statusCode, textOf(response)]).toEqual([
      503,
      '{"message":"Service Unavailable"}',
    ])
  })

  test.each([
    ['TooManyRequestsException', 503, 'Service Unavailable'],
    ['RequestEntityTooLargeException', 413, 'Request Entity Too Large'],
    ['ResourceNotFoundException', 500, 'Internal Server Error'],
  ])('an invocation refused with %s is %i', async (code, statusCode, message) => {
    const { call } = givenApi(() => {
      throw new AwsError(code, 'refused')
    })

    const response = await call()

    expect([response.statusCode, textOf(response)]).toEqual([
      statusCode,
      JSON.stringify({ message }),
    ])
  })

  test('a body above 10 MB and headers above 10,240 bytes never reach the function', async () => {
    const { call, invoked } = givenApi()

    const tooLarge = await call({ method: 'PUT', body: Buffer.alloc(10 * 1024 * 1024 + 1) })
    const tooLong = await call({ headers: { 'x-long': 'x'.repeat(10_240) } })

    expect([tooLarge.statusCode, tooLong.statusCode]).toEqual([413, 431])
    expect(invoked).toEqual([])
    const largest = await call({ method: 'PUT', body: Buffer.alloc(10 * 1024 * 1024) })
    expect(largest.statusCode).toBe(200)
  })

  // https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
  test('request line and header values count for the limit, header names do not', async () => {
    const { call } = givenApi()
    const room = 10_240 - 'GET /api/portals?q=1 HTTP/1.1'.length
    const withValues = (bytes: number) =>
      call({ rawQueryString: 'q=1', headers: { 'x-a': 'x'.repeat(bytes - 5), 'x-b': '12345' } })

    expect((await withValues(room)).statusCode).toBe(200)
    expect((await withValues(room + 1)).statusCode).toBe(431)
  })
})
