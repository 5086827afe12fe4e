import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Alarms, createAlarms } from '../../../infra/local/alarms.ts'
import { AwsError } from '../../../infra/local/engine.ts'
import type { AsyncEvent } from '../../../infra/local/lambda/async-events.ts'
import { type AsyncInvoker, createAsyncInvoker } from '../../../infra/local/lambda/async-invoker.ts'
import type { LocalFunction } from '../../../infra/local/lambda/invocation.ts'
import { openStreamCheckpoints } from '../../../infra/local/triggers/stream-checkpoints.ts'
import { until } from '../../support/until.ts'
import { functionError, ManualClock, recordingQueues } from '../triggers/fakes.ts'

const DEAD = 'arn:aws:sqs:us-east-1:111122223333:dead'
const FN: LocalFunction = {
  name: 'sweep',
  codeDir: '/',
  handler: 'index.handler',
  memoryMb: 128,
  timeoutSeconds: 60,
  environment: {},
  credentials: { accessKeyId: '', secretAccessKey: '', sessionToken: '' },
  deadLetterQueueArn: DEAD,
}

let clock: ManualClock
let dataDir: string
const invokers: { invoker: AsyncInvoker; alarms: Alarms }[] = []

beforeEach(() => {
  clock = new ManualClock()
  dataDir = mkdtempSync(join(tmpdir(), 'async-'))
})

afterEach(async () => {
  for (const { invoker, alarms } of invokers.splice(0)) {
    alarms.close()
    await invoker.close()
  }
  rmSync(dataDir, { recursive: true })
})

type Outcome = 'ok' | 'error' | 'throttle' | 'refusal' | 'never'

/**
 * Answers each attempt by `outcome`; gives the seconds after the start at which they came. One whose
 * attempts never end is not closed, as if its runner had been killed.
 */
function given(outcome: Outcome | Outcome[], properties: Partial<LocalFunction> = {}) {
  const outcomes = [outcome].flat()
  const startMs = clock.now()
  const attempts: number[] = []
  const events: AsyncEvent[] = []
  const queues = recordingQueues()
  const alarms = createAlarms(clock)
  const fn = { ...FN, ...properties }
  const invoker = createAsyncInvoker({
    dataDir,
    clock,
    alarms,
    queues,
    findFunction: (name) => (name === fn.name ? fn : undefined),
    execute: async (_fn, event) => {
      const { requestId } = event
      events.push(event)
      attempts.push((clock.now() - startMs) / 1000)
      const kind = outcomes[Math.min(attempts.length, outcomes.length) - 1]
      if (kind === 'never') return await new Promise(() => {})
      if (kind === 'throttle') throw new AwsError('TooManyRequestsException', 'Rate', 429)
      if (kind === 'refusal') throw new AwsError('RecursiveInvocationException', 'A loop')
      return kind === 'ok' ? { requestId, payload: '1' } : functionError
    },
  })
  if (outcome !== 'never') invokers.push({ invoker, alarms })
  const accept = (body: string) =>
    invoker.accept(fn.name, { requestId: 'req', body, traceHeader: undefined })
  const resume = () => {
    invoker.resume()
    // What is due rings now, and not when the machine comes to it.
    alarms.clockMoved()
  }
  return { attempts, events, queues, accept, resume, alarms }
}

async function pass(seconds: number, step = 1): Promise<void> {
  for (let passed = 0; passed < seconds; passed += step) {
    await new Promise(setImmediate)
    clock.advance(step)
    for (const { alarms } of invokers) alarms.clockMoved()
  }
  await new Promise(setImmediate)
}

test('a success is not repeated', async () => {
  const { attempts, accept } = given('ok')

  expect(await accept('{}').firstAttempt).toMatchObject({ payload: '1' })
  await pass(600, 60)

  expect(attempts).toEqual([0])
})

test('a failure is repeated after one and two more minutes, then buried', async () => {
  const { attempts, queues, accept } = given('error')

  expect(await accept('{"a":1}').firstAttempt).toBe(functionError)
  await pass(600, 10)

  expect(attempts).toEqual([0, 60, 180])
  expect(queues.sent).toEqual([
    {
      queueArn: DEAD,
      body: '{"a":1}',
      options: {
        attributes: {
          RequestID: { DataType: 'String', StringValue: 'req' },
          ErrorCode: { DataType: 'Number', StringValue: '200' },
          ErrorMessage: { DataType: 'String', StringValue: functionError.payload },
        },
      },
    },
  ])
})

test('the number of retries is the configured one', async () => {
  const { attempts, queues, accept } = given('error', { asyncRetries: 0 })

  accept('{}')
  await pass(600, 60)

  expect(attempts).toEqual([0])
  expect(queues.sent).toHaveLength(1)
})

test('throttles back off and do not count as failures', async () => {
  const { attempts, queues, accept } = given(['throttle', 'throttle', 'throttle', 'ok'])

  expect(await accept('{}').firstAttempt).toBeUndefined()
  await pass(10)

  expect(attempts).toEqual([0, 1, 3, 7])
  expect(queues.sent).toEqual([])
})

test('an event that has become too old is buried', async () => {
  const { attempts, queues, accept } = given('throttle', { asyncMaximumAgeSeconds: 60 })

  accept('{}')
  await pass(120)

  expect(attempts).toEqual([0, 1, 3, 7, 15, 31])
  expect(queues.sent).toHaveLength(1)
})

test('an event that was waiting when the clock jumped over its age is buried unseen', async () => {
  const { attempts, queues, accept } = given('error')

  accept('{}')
  await pass(7 * 3600, 7 * 3600)

  expect(attempts).toEqual([0])
  expect(queues.sent[0]?.options?.attributes?.['ErrorMessage']?.StringValue).toBe(
    'Event is too old',
  )
})

test('the failure destination gets a record of the invocation', async () => {
  const { queues, accept } = given('error', {
    asyncRetries: 1,
    deadLetterQueueArn: undefined as unknown as string,
    onFailureArn: DEAD,
  })

  accept('{"a":1}')
  await pass(120, 10)

  expect(queues.sent.map(({ queueArn, body }) => [queueArn, JSON.parse(body)])).toEqual([
    [
      DEAD,
      {
        version: '1.0',
        timestamp: expect.stringMatching(/^2026-11-22T14:/),
        requestContext: {
          requestId: 'req',
          functionArn: 'arn:aws:lambda:us-east-1:111122223333:function:sweep:$LATEST',
          condition: 'RetriesExhausted',
          approximateInvokeCount: 2,
        },
        requestPayload: { a: 1 },
        responseContext: {
          statusCode: 200,
          executedVersion: '$LATEST',
          functionError: 'Unhandled',
        },
        responsePayload: JSON.parse(functionError.payload),
      },
    ],
  ])
})

test('an event that Lambda refuses for good is buried at once', async () => {
  const { attempts, queues, accept } = given('refusal')

  expect(await accept('{}').firstAttempt).toBeUndefined()
  await pass(600, 60)

  expect(attempts).toEqual([0])
  expect(queues.sent[0]?.options?.attributes?.['ErrorMessage']?.StringValue).toBe('A loop')
})

test('a dead-letter queue that does not exist hurts nobody', async () => {
  const { queues, accept } = given('refusal')
  queues.send = () => {
    throw new AwsError('QueueDoesNotExist', 'gone')
  }

  expect(await accept('{}').firstAttempt).toBeUndefined()
})

test('what a killed runner was working on is run by the next one, with its age', async () => {
  const killed = given('never')
  killed.accept('{"a":1}')
  expect(killed.attempts).toHaveLength(1)
  clock.advance(3600)

  const next = given('error')
  next.resume()
  next.resume()
  await pass(6 * 3600, 60)

  expect(next.attempts).toEqual([0, 60, 180])
  expect(next.queues.sent).toHaveLength(1)
  killed.alarms.close()
})

test('retries that were due while nobody ran are made up, those done are forgotten', async () => {
  const first = given(['error', 'ok'])
  first.accept('{}')
  await pass(10, 10)
  for (const { invoker, alarms } of invokers.splice(0)) {
    alarms.close()
    await invoker.close()
  }
  clock.advance(600)

  const second = given('ok')
  second.resume()
  await pass(60, 60)
  const third = given('ok')
  third.resume()
  await pass(600, 60)

  expect([first.attempts, second.attempts, third.attempts.length]).toEqual([[0], [0], 0])
})

test('an event of a function that is gone is forgotten', async () => {
  const killed = given('never')
  killed.accept('{}')

  const next = given('ok', { name: 'another' })
  next.resume()
  await pass(60, 60)

  expect(next.attempts).toEqual([])
  killed.alarms.close()
})

test('what was accepted and noted survives kill -9 of the runner', async () => {
  const script = fileURLToPath(new URL('./async-killed-child.ts', import.meta.url))
  const child = spawn(process.execPath, [script, dataDir, String(clock.now())], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')

  const next = given('ok')
  next.resume()
  await until(() => next.attempts.length === 1)
  const checkpoints = openStreamCheckpoints(dataDir)

  expect(next.events).toMatchObject([
    { requestId: 'req', functionName: 'sweep', body: '{"a":1}', traceHeader: 'Root=1-a' },
  ])
  expect(checkpoints.find('stream', 'sweep')).toBe('17')
  checkpoints.close()
})
