/** What a client of the API sees of each way in which a function can end. */
import { expect, test } from 'vitest'
import { createHttpApi } from '../../../infra/local/http-api/http-api.ts'
import { until } from '../../support/until.ts'
import { startTestHost } from '../lambda/test-host.ts'

const SLEEP = 'const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));'

/** The function `f` behind an API; far more time than anything here needs unless a test says so. */
function givenFunction(
  source: string,
  properties: Parameters<ReturnType<typeof startTestHost>['given']>[2] = {},
  timeoutMs = 30_000,
) {
  const test = startTestHost()
  test.given('f', source, properties)
  const api = createHttpApi({
    routes: [{ routeKey: '$default', functionName: 'f', timeoutMs }],
    lambda: test.host,
    clock: test.clock,
    apiId: 'abc123',
    domainName: 'abc123.execute-api.us-east-1.amazonaws.com',
  })
  const call = async (body = Buffer.alloc(0)) => {
    const response = await api.handle({
      method: 'POST',
      rawPath: '/',
      rawQueryString: '',
      headers: { 'content-type': 'application/octet-stream' },
      body,
      sourceIp: '127.0.0.1',
    })
    return [response.statusCode, response.body.toString()]
  }
  return { ...test, call }
}

const INTERNAL = [500, '{"message":"Internal Server Error"}']
const UNAVAILABLE = [503, '{"message":"Service Unavailable"}']

test.each([
  ['throws', 'exports.handler = async () => { throw new Error("secret") }', {}],
  ['ends its process', 'exports.handler = async () => process.exit(1)', {}],
  ['does not load', 'throw new Error("no table")', {}],
  [
    'takes longer than its timeout',
    'exports.handler = () => new Promise(() => setInterval(() => {}, 1000))',
    { timeoutSeconds: 0.25 },
  ],
  [
    'answers more than 6 MiB',
    'exports.handler = async () => ({ statusCode: 200, body: "x".repeat(6.5 * 2 ** 20) })',
    {},
  ],
  [
    'answers more than 6 MiB in base64',
    'exports.handler = async () => ({ statusCode: 200, body: Buffer.alloc(5 << 20).toString("base64"), isBase64Encoded: true })',
    {},
  ],
])('a function that %s is 500, and says nothing of why', async (_what, source, properties) => {
  const { call } = givenFunction(source, properties)

  expect(await call()).toEqual(INTERNAL)
})

// Memory is enforced where /proc tells of it.
test.runIf(process.platform === 'linux')('a function that runs out of memory is 500', async () => {
  const { call, logOf } = givenFunction(
    `${SLEEP} exports.handler = async () => { const kept = []; for (;;) { kept.push(Buffer.alloc(8 << 20, 1)); await sleep(5) } }`,
    { memoryMb: 128 },
  )

  expect(await call()).toEqual(INTERNAL)
  await until(() => logOf('f').includes('Runtime.OutOfMemory'))
})

test('a function without concurrency to run in is 503', async () => {
  const { call } = givenFunction('exports.handler = async () => "never"', {
    reservedConcurrency: 0,
  })

  expect(await call()).toEqual(UNAVAILABLE)
})

test('after the integration timeout the client has its 503 while the function runs on', async () => {
  const { call, logOf, host } = givenFunction(
    `${SLEEP} exports.handler = async () => { await sleep(500); console.log("ran on"); return "late" }`,
    {},
    50,
  )

  expect(await call()).toEqual(UNAVAILABLE)

  await until(() => logOf('f').includes('ran on'))
  await until(() => host.stats().running === 0)
  expect(host.stats().functions['f']).toMatchObject({ invocations: 1, errors: 0 })
})

test('a body that API Gateway takes and Lambda does not is 413', async () => {
  const { call, host } = givenFunction('exports.handler = async ({ body }) => body.length')

  // In base64 a third larger: 4.4 MiB fit into an event of 6 MiB, 4.6 MiB do not.
  expect(await call(Buffer.alloc(4.4 * 1024 * 1024))).toEqual([200, expect.stringMatching(/^\d+$/)])
  expect(await call(Buffer.alloc(4.6 * 1024 * 1024))).toEqual([
    413,
    '{"message":"Request Entity Too Large"}',
  ])
  expect(host.stats().functions['f']).toMatchObject({ invocations: 1 })
})

test('the trace of a request goes on in the calls of its function', async () => {
  const { call } = givenFunction(
    `exports.handler = async ({ headers }) => ({ statusCode: 200, body: [headers['x-amzn-trace-id'], process.env._X_AMZN_TRACE_ID].join(' ') })`,
  )

  const [, body] = await call()

  const [sent, own] = String(body).split(' ')
  expect(sent).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/)
  expect(own?.startsWith(`${sent};`)).toBe(true)
})
