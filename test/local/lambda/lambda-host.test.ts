import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LocalClock } from '../../../infra/local/clock.ts'
import type { LambdaLogLine, LocalFunction } from '../../../infra/local/lambda/invocation.ts'
import {
  createLambdaHost,
  type LambdaHost,
  type LambdaHostOptions,
} from '../../../infra/local/lambda/lambda-host.ts'
import { startWarden, type Warden } from '../../../infra/local/lambda/warden.ts'
import { isAlive, processState } from './process-alive.ts'

let dataDir: string
let clock: LocalClock
let warden: Warden
let host: LambdaHost
let lines: LambdaLogLine[]

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lambda-host-'))
  clock = new LocalClock()
  warden = startWarden()
  lines = []
  host = startHost()
})

afterEach(async () => {
  await host.close()
  await warden.close()
  rmSync(dataDir, { recursive: true })
})

function startHost(options: Partial<LambdaHostOptions> = {}): LambdaHost {
  return createLambdaHost({
    clock,
    warden,
    dataDir,
    overlayEnv: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
    onLog: (line) => lines.push(line),
    ...options,
  })
}

/** Registers a function whose module body is `source`. */
function given(name: string, source: string, properties: Partial<LocalFunction> = {}): void {
  const codeDir = join(dataDir, 'code', name)
  mkdirSync(codeDir, { recursive: true })
  writeFileSync(join(codeDir, 'index.js'), source)
  host.register({
    name,
    codeDir,
    handler: 'index.handler',
    memoryMb: 256,
    timeoutSeconds: 5,
    environment: { TABLE_NAME: 'table' },
    credentials: { accessKeyId: 'AKIDLOCAL', secretAccessKey: 'secret', sessionToken: 'token' },
    ...properties,
  })
}

const answerOf = async (name: string, payload: unknown = {}) =>
  JSON.parse((await host.invoke(name, payload)).payload)

const logOf = (name: string): string =>
  lines
    .filter(({ functionName }) => functionName === name)
    .map(({ line }) => line)
    .join('\n')

describe('an execution', () => {
  test('runs the handler by the runtime client with event and context', async () => {
    given(
      'echo',
      `exports.handler = async (event, context) => ({
        event, name: context.functionName, arn: context.invokedFunctionArn,
        memory: context.memoryLimitInMB, left: context.getRemainingTimeInMillis(), id: context.awsRequestId })`,
    )

    const { payload, requestId, functionError } = await host.invoke('echo', { a: 'ü' })

    const answer = JSON.parse(payload)
    expect(functionError).toBeUndefined()
    expect(answer).toMatchObject({
      event: { a: 'ü' },
      name: 'echo',
      arn: 'arn:aws:lambda:us-east-1:111122223333:function:echo',
      memory: '256',
      id: requestId,
    })
    expect(answer.left).toBeGreaterThan(4000)
    expect(answer.left).toBeLessThanOrEqual(5000)
  })

  test("is driven by AWS's own loop, whose native client the preload replaces", async () => {
    given('callback', 'exports.handler = (event, context, callback) => callback(null, 1)')

    const { payload } = await host.invoke('callback', {})

    expect(JSON.parse(payload)).toMatchObject({ errorType: 'Runtime.CallbackHandlerDeprecated' })
  })

  test('sees the template, the reserved names and the overlay, and nothing of the developer', async () => {
    process.env['DEVELOPERS_OWN'] = 'private'
    given('env', 'exports.handler = async () => process.env')

    const env = await answerOf('env')

    delete process.env['DEVELOPERS_OWN']
    expect(env).toMatchObject({
      TABLE_NAME: 'table',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'AKIDLOCAL',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SESSION_TOKEN: 'token',
      AWS_LAMBDA_FUNCTION_NAME: 'env',
      TZ: ':UTC',
    })
    const expected = /^(TABLE_NAME|AWS_[A-Z_]+|LAMBDA_TASK_ROOT|TZ|PATH|LANG|_HANDLER)$/
    expect(Object.keys(env).filter((name) => !expected.test(name))).toEqual([])
  })

  test('is cold once, then reuses its environment', async () => {
    given('count', 'let n = 0; exports.handler = async () => [++n, process.pid]')

    const [first, second] = [await answerOf('count'), await answerOf('count')]

    expect(second).toEqual([2, first[1]])
    expect(host.stats().functions['count']).toMatchObject({
      coldStarts: 1,
      invocations: 2,
      idle: 1,
    })
  })

  test('is stopped between requests', async () => {
    given(
      'timer',
      `let ticks = 0; setInterval(() => ticks++, 5)
      exports.handler = async () => { const seen = ticks; ticks = 0; return [seen, process.pid] }`,
    )
    const [, pid] = await answerOf('timer')
    await vi.waitFor(() => expect(processState(pid)).toMatch(/^T/))

    await new Promise((resolve) => setTimeout(resolve, 150))

    const [ticks] = await answerOf('timer')
    expect(ticks).toBeLessThan(10)
  })

  test('obeys the moved clock in Date and in its deadline', async () => {
    given(
      'now',
      `exports.handler = async (event, context) => [Date.now(), new Date().getTime(),
        context.getRemainingTimeInMillis(), new Date(0).getTime(), new Date() instanceof Date]`,
    )
    await answerOf('now')
    clock.advance(86_400)

    const [now, date, left, epoch, isDate] = await answerOf('now')

    expect(Math.abs(now - clock.now())).toBeLessThan(2000)
    expect(Math.abs(date - clock.now())).toBeLessThan(2000)
    expect(left).toBeLessThanOrEqual(5000)
    expect([epoch, isDate]).toEqual([0, true])
  })

  test('starts cold in under a second and warm in milliseconds', async () => {
    given('fast', `${'// a bundle has some size\n'.repeat(16_000)}exports.handler = async () => 1`)
    const startedMs = performance.now()
    await answerOf('fast')
    const coldMs = performance.now() - startedMs

    const warmStartedMs = performance.now()
    await answerOf('fast')
    const warmMs = performance.now() - warmStartedMs

    // The targets are 200 ms and 2 ms; the bounds leave room for a busy machine.
    expect(coldMs).toBeLessThan(1000)
    expect(warmMs).toBeLessThan(200)
  })
})

describe('what ends badly', () => {
  test('an exception is a function error and keeps the environment', async () => {
    given('throws', 'exports.handler = async () => { throw new TypeError("no such portal") }')

    const { functionError, payload } = await host.invoke('throws', {})
    await host.invoke('throws', {})

    expect(functionError).toBe('Unhandled')
    expect(JSON.parse(payload)).toMatchObject({
      errorType: 'TypeError',
      errorMessage: 'no such portal',
    })
    expect(host.stats().functions['throws']).toMatchObject({ coldStarts: 1, errors: 2 })
  })

  test('a function is killed at its timeout', async () => {
    given('slow', 'exports.handler = async () => { for (;;) {} }', { timeoutSeconds: 0.25 })

    const { functionError, payload, requestId } = await host.invoke('slow', {})

    expect(functionError).toBe('Unhandled')
    expect(JSON.parse(payload)).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${requestId} Error: Task timed out after 0.25 seconds`,
    })
    expect(host.stats()).toMatchObject({ running: 0, functions: { slow: { idle: 0 } } })
    await vi.waitFor(() => expect(logOf('slow')).toMatch(/REPORT.*Status: timeout/))
  })

  test('a process that exits is Runtime.ExitError and the next request gets a new one', async () => {
    given('exits', 'exports.handler = async (event) => event.exit ? process.exit(3) : "fine"')

    const { functionError, payload, requestId } = await host.invoke('exits', { exit: true })

    expect(functionError).toBe('Unhandled')
    expect(JSON.parse(payload)).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: exit status 3`,
    })
    expect(await answerOf('exits')).toBe('fine')
  })

  test('a killed environment fails the request that it handles', async () => {
    given(
      'hangs',
      'exports.handler = () => { console.log("begun"); return new Promise(() => setInterval(() => {}, 1000)) }',
    )
    expect(host.killEnvironment('hangs')).toBe(false)
    const invocation = host.invoke('hangs', {})
    await vi.waitFor(() => expect(logOf('hangs')).toContain('begun'))

    expect(host.killEnvironment('hangs')).toBe(true)

    const { payload } = await invocation
    expect(JSON.parse(payload).errorType).toBe('Runtime.ExitError')
    expect(JSON.parse(payload).errorMessage).toContain('signal: killed')
  })

  test.runIf(process.platform === 'linux')(
    'memory above MemorySize is Runtime.OutOfMemory',
    async () => {
      given(
        'hungry',
        `exports.handler = async () => { const kept = []
        for (;;) { kept.push(Buffer.alloc(8 << 20, 1)); await new Promise((r) => setTimeout(r, 5)) } }`,
        { memoryMb: 128 },
      )

      const { payload, functionError } = await host.invoke('hungry', {})

      expect(functionError).toBe('Unhandled')
      expect(JSON.parse(payload).errorType).toBe('Runtime.OutOfMemory')
      await vi.waitFor(() => expect(logOf('hungry')).toContain('Error Type: Runtime.OutOfMemory'))
    },
  )

  test('a module that throws while loading is an init error', async () => {
    given('broken', 'throw new Error("TABLE_NAME is missing")')

    const { functionError, payload } = await host.invoke('broken', {})

    expect(functionError).toBe('Unhandled')
    expect(JSON.parse(payload)).toMatchObject({ errorMessage: 'TABLE_NAME is missing' })
  })

  test('an init beyond its limit is started again within the timeout of the function', async () => {
    await host.close()
    host = startHost({ initLimitMs: 150 })
    given(
      'late',
      'const end = Date.now() + 300; while (Date.now() < end); exports.handler = async () => "late"',
    )

    expect(await answerOf('late')).toBe('late')
    expect(host.stats().functions['late']).toMatchObject({ coldStarts: 2 })
  })
})

describe('limits', () => {
  test('executions above the concurrency of the account are throttled', async () => {
    await host.close()
    host = startHost({ maxConcurrency: 2 })
    given('slowish', 'exports.handler = () => new Promise((r) => setTimeout(r, 100, process.pid))')

    const outcomes = await Promise.allSettled([1, 2, 3].map(() => host.invoke('slowish', {})))

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(outcomes[2]).toMatchObject({ reason: { code: 'TooManyRequestsException', status: 429 } })
    expect(host.stats()).toMatchObject({
      running: 0,
      functions: { slowish: { throttles: 1, coldStarts: 2 } },
    })
  })

  test('a reserved concurrency of 0 switches a function off', async () => {
    given('off', 'exports.handler = async () => 1', { reservedConcurrency: 0 })

    await expect(host.invoke('off', {})).rejects.toMatchObject({ code: 'TooManyRequestsException' })
  })

  test('payloads have limits in both directions', async () => {
    given('sized', 'exports.handler = async ({ bytes }) => "x".repeat(bytes - 2)')
    const limit = 6 * 1024 * 1024

    const largest = await host.invoke('sized', { bytes: limit + 100 })
    const tooLarge = await host.invoke('sized', { bytes: limit + 101 })

    expect(largest.payload).toHaveLength(limit + 100)
    expect(JSON.parse(tooLarge.payload).errorType).toBe('Function.ResponseSizeTooLarge')
    await expect(host.invoke('sized', 'x'.repeat(limit - 1))).rejects.toMatchObject({
      code: 'RequestEntityTooLargeException',
      status: 413,
    })
    expect(() => host.invokeAsync('sized', 'x'.repeat(1024 * 1024))).toThrow(/1048576 bytes/)
  })

  test('an unknown function is not found', async () => {
    await expect(host.invoke('nobody', {})).rejects.toMatchObject({
      code: 'ResourceNotFoundException',
      status: 404,
    })
  })

  test('an idle environment is recycled', async () => {
    await host.close()
    host = startHost({ idleLimitMs: 50 })
    given('idle', 'exports.handler = async () => process.pid')
    const pid = await answerOf('idle')

    await vi.waitFor(() => expect(isAlive(pid)).toBe(false))
    await vi.waitFor(() => expect(host.stats().functions['idle']).toMatchObject({ idle: 0 }))
    expect(await answerOf('idle')).not.toBe(pid)
  })
})

describe('the end of waiting', () => {
  test('an aborted caller stops waiting while the function runs on', async () => {
    given(
      'long',
      'exports.handler = () => new Promise((r) => setTimeout(() => { console.log("done"); r(1) }, 100))',
    )

    await expect(
      host.invoke('long', {}, { signal: AbortSignal.timeout(20) }),
    ).rejects.toMatchObject({ name: 'TimeoutError' })

    await vi.waitFor(() => expect(logOf('long')).toContain('done'))
  })

  test('closing leaves no process', async () => {
    given('idle', 'exports.handler = async () => process.pid')
    const pid = await answerOf('idle')

    await host.close()

    expect(isAlive(pid)).toBe(false)
  })
})

test('lines are kept by request between START and REPORT, in a file and for the listener', async () => {
  given(
    'talks',
    'exports.handler = async ({ say }) => { console.log(say); process.stderr.write("plain\\n") }',
  )
  const first = await host.invoke('talks', { say: 'two\nlines' })
  const second = await host.invoke('talks', { say: 'second' })
  await vi.waitFor(() => expect(logOf('talks').match(/^REPORT/gm)).toHaveLength(2))

  const text = lines
    .filter(({ requestId }) => requestId === first.requestId)
    .map(({ line }) => line)
  expect(text[0]).toBe(`START RequestId: ${first.requestId} Version: $LATEST`)
  expect(text.join('\n')).toContain('two\nlines')
  expect(text).toContain('plain')
  expect(text.at(-2)).toBe(`END RequestId: ${first.requestId}`)
  expect(text.at(-1)).toMatch(
    /^REPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms$/,
  )
  const secondReport = lines.filter(({ requestId }) => requestId === second.requestId).at(-1)
  expect(secondReport?.line).not.toContain('Init Duration')
  expect(readFileSync(join(dataDir, 'logs', 'talks.log'), 'utf8')).toBe(`${logOf('talks')}\n`)
})
