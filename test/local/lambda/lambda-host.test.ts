import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
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
    const expected = /^(TABLE_NAME|AWS_[A-Z_]+|LAMBDA_TASK_ROOT|TZ|PATH|LANG|_HANDLER)$/
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
    const { clock, given, answerOf } = startTestHost()
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
    const { given, answerOf } = startTestHost()
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

    await vi.waitFor(() => expect(logOf('long')).toContain('done'))
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
