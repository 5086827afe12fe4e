import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { continueChain } from '../../../infra/local/lambda/lineage.ts'
import { until } from '../../support/until.ts'
import { isAlive } from './process-alive.ts'
import { startTestHost } from './test-host.ts'

describe('what ends badly', () => {
  test('an exception is a function error and keeps the environment', async () => {
    const { host, given } = startTestHost()
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
    const { host, given, logOf } = startTestHost()
    given('slow', 'exports.handler = async () => { for (;;) {} }', { timeoutSeconds: 0.25 })

    const { functionError, payload, requestId } = await host.invoke('slow', {})

    expect(functionError).toBe('Unhandled')
    expect(JSON.parse(payload)).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${requestId} Error: Task timed out after 0.25 seconds`,
    })
    expect(host.stats()).toMatchObject({ running: 0, functions: { slow: { idle: 0 } } })
    await until(() => /REPORT.*Status: timeout/.test(logOf('slow')))
    expect(logOf('slow')).toContain(`${requestId} Task timed out after 0.25 seconds`)
  })

  test('a process that exits is Runtime.ExitError and the next request gets a new one', async () => {
    const { host, given, answerOf } = startTestHost()
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
    const { host, given, logOf } = startTestHost()
    given(
      'hangs',
      'exports.handler = () => { console.log("begun"); return new Promise(() => setInterval(() => {}, 1000)) }',
    )
    expect(host.killEnvironment('hangs')).toBe(false)
    const invocation = host.invoke('hangs', {})
    await until(() => logOf('hangs').includes('begun'))

    expect(host.killEnvironment('hangs')).toBe(true)

    const { payload } = await invocation
    expect(JSON.parse(payload).errorType).toBe('Runtime.ExitError')
    expect(JSON.parse(payload).errorMessage).toContain('signal: killed')
  })

  test.runIf(process.platform === 'linux')(
    'memory above MemorySize is Runtime.OutOfMemory',
    async () => {
      const { host, given, logOf } = startTestHost()
      given(
        'hungry',
        `exports.handler = async () => { const kept = []
        for (;;) { kept.push(Buffer.alloc(8 << 20, 1)); await new Promise((r) => setTimeout(r, 5)) } }`,
        { memoryMb: 128 },
      )

      const { payload, functionError } = await host.invoke('hungry', {})

      expect(functionError).toBe('Unhandled')
      expect(JSON.parse(payload).errorType).toBe('Runtime.OutOfMemory')
      await until(() => logOf('hungry').includes('Error Type: Runtime.OutOfMemory'))
    },
  )

  test('a module that throws while loading is an init error', async () => {
    const { host, given } = startTestHost()
    given('broken', 'throw new Error("TABLE_NAME is missing")')

    const { functionError, payload } = await host.invoke('broken', {})

    expect(functionError).toBe('Unhandled')
    expect(JSON.parse(payload)).toMatchObject({ errorMessage: 'TABLE_NAME is missing' })
  })

  test('a process that cannot be started fails its request and holds up nobody', async () => {
    const { host, dataDir, given } = startTestHost()
    given('gone', 'exports.handler = async () => 1')
    rmSync(join(dataDir, 'code', 'gone'), { recursive: true })
    given('odd', 'exports.handler = async () => 1', { environment: { ODD: 'a\0b' } })

    const { payload } = await host.invoke('gone', {})

    expect(JSON.parse(payload).errorType).toBe('Runtime.ExitError')
    await expect(host.invoke('odd', {})).rejects.toMatchObject({
      code: 'ServiceException',
      status: 500,
    })
    expect(host.stats().running).toBe(0)
    await host.close()
  })

  test('an init beyond its limit is started again within the timeout of the function', async () => {
    const { host, given, answerOf } = startTestHost({ initLimitMs: 150 })
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
    const { host, given } = startTestHost({ maxConcurrency: 2 })
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
    const { host, given } = startTestHost()
    given('off', 'exports.handler = async () => 1', { reservedConcurrency: 0 })

    await expect(host.invoke('off', {})).rejects.toMatchObject({ code: 'TooManyRequestsException' })
  })

  test('payloads have limits in both directions', async () => {
    const { host, given } = startTestHost()
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

  // https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
  test('the 17th invocation of one chain of requests is refused unless loops are allowed', async () => {
    const { host, given } = startTestHost()
    given('loops', 'exports.handler = async () => 1')
    given('free', 'exports.handler = async () => 1', { recursiveLoop: 'Allow' })
    const chainOf = (name: string, invocations: number) => {
      let traceHeader: string | undefined
      for (let count = 0; count < invocations; count++) {
        traceHeader = continueChain(traceHeader, name, 0).traceHeader
      }
      return { traceHeader }
    }

    const sixteenth = await host.invoke('loops', {}, chainOf('loops', 15))
    const allowed = await host.invoke('free', {}, chainOf('free', 500))
    const ofAnother = await host.invoke('loops', {}, chainOf('free', 500))

    for (const { payload } of [sixteenth, allowed, ofAnother]) expect(payload).toBe('1')
    await expect(host.invoke('loops', {}, chainOf('loops', 16))).rejects.toMatchObject({
      code: 'RecursiveInvocationException',
      status: 400,
    })
    expect(host.stats().functions).toMatchObject({
      loops: { recursiveInvocationsDropped: 1, invocations: 2 },
      free: { recursiveInvocationsDropped: 0 },
    })
  })

  test('an unknown function is not found', async () => {
    const { host } = startTestHost()
    await expect(host.invoke('nobody', {})).rejects.toMatchObject({
      code: 'ResourceNotFoundException',
      status: 404,
    })
  })

  test('an idle environment is recycled', async () => {
    const { host, given, answerOf } = startTestHost({ idleLimitMs: 50 })
    given('idle', 'exports.handler = async () => process.pid')
    const pid = await answerOf('idle')

    await until(() => !isAlive(pid))
    await until(() => host.stats().functions['idle']?.idle === 0)
    expect(await answerOf('idle')).not.toBe(pid)
  })
})
