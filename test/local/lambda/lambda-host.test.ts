import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { until } from '../../support/until.ts'
import { isAlive, processState } from './process-alive.ts'
import { startTestHost } from './test-host.ts'

describe('an execution', () => {
  test('runs the handler by the runtime client with event and context', async () => {
    const { host, given } = startTestHost()
    given(
      'echo',
      `exports.handler = async (event, context) => ({
        event, name: context.functionName, arn: context.invokedFunctionArn,
        memory: context.memoryLimitInMB, left: context.getRemainingTimeInMillis(), id: context.awsRequestId })`,
      { timeoutSeconds: 900 },
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
    expect(answer.left).toBeGreaterThan(600_000)
    expect(answer.left).toBeLessThanOrEqual(900_000)
  })

  test("is driven by AWS's own loop, whose native client the preload replaces", async () => {
    const { host, given } = startTestHost()
    given('callback', 'exports.handler = (event, context, callback) => callback(null, 1)')

    const { payload } = await host.invoke('callback', {})

    expect(JSON.parse(payload)).toMatchObject({ errorType: 'Runtime.CallbackHandlerDeprecated' })
  })

  test('runs .js as CommonJS whatever stands above the asset, from a copy', async () => {
    const { host, dataDir, given, answerOf } = startTestHost()
    writeFileSync(join(dataDir, 'package.json'), '{"type":"module"}')
    given('code', 'exports.handler = async () => [typeof require, __dirname]')
    rmSync(join(dataDir, 'assets', 'code'), { recursive: true })

    expect(await answerOf('code')).toEqual(['function', join(dataDir, 'code', 'code')])
    expect(host.stats().functions['code']).toMatchObject({ errors: 0 })
  })

  test('of a function registered again runs the new code', async () => {
    const { given, answerOf } = startTestHost()
    given('changed', 'exports.handler = async () => "old"')
    await answerOf('changed')

    given('changed', 'exports.handler = async () => "new"')

    expect(await answerOf('changed')).toBe('new')
  })

  test('sees the template, the reserved names and the overlay, and nothing of the developer', async () => {
    const { given, answerOf } = startTestHost()
    vi.stubEnv('DEVELOPERS_OWN', 'private')
    onTestFinished(() => void vi.unstubAllEnvs())
    given('env', 'exports.handler = async () => process.env')

    const env = await answerOf('env')

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
    const expected =
      /^(TABLE_NAME|AWS_[A-Z_]+|LAMBDA_TASK_ROOT|_X_AMZN_TRACE_ID|TZ|PATH|LANG|_HANDLER)$/
    expect(Object.keys(env).filter((name) => !expected.test(name))).toEqual([])
  })

  test('is cold once, then reuses its environment', async () => {
    const { host, given, answerOf } = startTestHost()
    given('count', 'let n = 0; exports.handler = async () => [++n, process.pid]')

    const [first, second] = [await answerOf('count'), await answerOf('count')]

    expect(second).toEqual([2, first[1]])
    expect(host.stats().functions['count']).toMatchObject({
      coldStarts: 1,
      invocations: 2,
      idle: 1,
    })
  })

  // The state of a process is read from /proc.
  test.runIf(process.platform === 'linux')('is stopped between requests', async () => {
    const { given, answerOf } = startTestHost()
    given(
      'timer',
      `let last = Date.now(); setInterval(() => { last = Date.now() }, 5)
      exports.handler = async () => [last, process.pid]`,
    )
    const [, pid] = await answerOf('timer')
    await until(() => processState(pid)?.startsWith('T'))

    const stoppedMs = Date.now()
    await sleep(300)
    expect(processState(pid)).toMatch(/^T/)
    const [lastTickMs] = await answerOf('timer')

    // Between stopping and now a running timer would have ticked sixty times; the last tick is from
    // before, or from just now, when the process was woken for the request.
    const ranMeanwhile = lastTickMs > stoppedMs && lastTickMs < stoppedMs + 250
    expect(ranMeanwhile).toBe(false)
  })

  test('obeys the moved clock in Date and in its deadline', async () => {
    const { clock, given, answerOf } = startTestHost()
    given(
      'now',
      `exports.handler = async (event, context) => [Date.now(), new Date().getTime(),
        context.getRemainingTimeInMillis(), new Date(0).getTime(), new Date() instanceof Date]`,
      { timeoutSeconds: 900 },
    )
    await answerOf('now')
    clock.advance(86_400)

    const beforeMs = clock.now()
    const [now, date, left, epoch, isDate] = await answerOf('now')
    const afterMs = clock.now()

    // The offset arrives in whole milliseconds.
    for (const time of [now, date]) {
      expect(time).toBeGreaterThanOrEqual(beforeMs - 1)
      expect(time).toBeLessThanOrEqual(afterMs + 1)
    }
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(900_001)
    expect([epoch, isDate]).toEqual([0, true])
  })

  test('hands a trace header to the SDK, which copies it into its calls', async () => {
    const { given, answerOf } = startTestHost()
    given('traced', `exports.handler = async () => process.env._X_AMZN_TRACE_ID`)

    expect(await answerOf('traced')).toMatch(
      /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=[0-9a-f]{8}:1$/,
    )
  })
})

describe('the end of waiting', () => {
  test('an aborted caller stops waiting while the function runs on', async () => {
    const { host, given, logOf } = startTestHost()
    given(
      'long',
      'exports.handler = () => new Promise((r) => setTimeout(() => { console.log("done"); r(1) }, 100))',
    )

    await expect(
      host.invoke('long', {}, { signal: AbortSignal.timeout(20) }),
    ).rejects.toMatchObject({ name: 'TimeoutError' })

    await until(() => logOf('long').includes('done'))
  })

  test('closing leaves no process', async () => {
    const { host, given, answerOf } = startTestHost()
    given('idle', 'exports.handler = async () => process.pid')
    const pid = await answerOf('idle')

    await host.close()

    expect(isAlive(pid)).toBe(false)
  })

  test('closing ends executions that are under way or about to start', async () => {
    const { host, given } = startTestHost()
    given('long', 'exports.handler = () => new Promise(() => setInterval(() => {}, 1000))')
    const invocation = host.invoke('long', {})

    await host.close()

    expect(JSON.parse((await invocation).payload).errorType).toBe('Runtime.ExitError')
    await expect(host.invoke('long', {})).rejects.toMatchObject({ code: 'ServiceException' })
  })
})

test('lines are kept by request between START and REPORT, in a file and for the listener', async () => {
  const { host, dataDir, lines, given, logOf } = startTestHost()
  given(
    'talks',
    'exports.handler = async ({ say }) => { console.log(say); process.stderr.write("plain\\n") }',
  )
  const first = await host.invoke('talks', { say: 'two\nlines' })
  const second = await host.invoke('talks', { say: 'second' })
  await until(() => logOf('talks').match(/^REPORT/gm)?.length === 2)

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
