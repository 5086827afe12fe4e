import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Alarms, createAlarms } from '../../../infra/local/alarms.ts'
import { AwsError } from '../../../infra/local/engine.ts'
import { createAsyncInvoker } from '../../../infra/local/lambda/async-invoker.ts'
import type { LocalFunction } from '../../../infra/local/lambda/invocation.ts'
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
let alarms: Alarms

beforeEach(() => {
  clock = new ManualClock()
  alarms = createAlarms(clock)
})

afterEach(() => alarms.close())

/** Answers each attempt by `outcome`; gives the seconds after the start at which they came. */
function given(outcome: () => 'ok' | 'error' | 'throttle') {
  const startMs = clock.now()
  const attempts: number[] = []
  const queues = recordingQueues()
  const accept = createAsyncInvoker({
    clock,
    alarms,
    queues,
    execute: async (_fn, requestId) => {
      attempts.push((clock.now() - startMs) / 1000)
      const kind = outcome()
      if (kind === 'throttle') throw new AwsError('TooManyRequestsException', 'Rate', 429)
      return kind === 'ok' ? { requestId, payload: '1' } : functionError
    },
  })
  return { attempts, queues, accept }
}

async function pass(seconds: number, step = 1): Promise<void> {
  for (let passed = 0; passed < seconds; passed += step) {
    await new Promise(setImmediate)
    clock.advance(step)
    alarms.clockMoved()
  }
  await new Promise(setImmediate)
}

test('a success is not repeated', async () => {
  const { attempts, accept } = given(() => 'ok')

  expect(await accept(FN, 'req', '{}').firstAttempt).toMatchObject({ payload: '1' })
  await pass(600, 60)

  expect(attempts).toEqual([0])
})

test('a failure is repeated after one and two more minutes, then buried', async () => {
  const { attempts, queues, accept } = given(() => 'error')

  expect(await accept(FN, 'req', '{"a":1}').firstAttempt).toBe(functionError)
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
  const { attempts, queues, accept } = given(() => 'error')

  accept({ ...FN, asyncRetries: 0 }, 'req', '{}')
  await pass(600, 60)

  expect(attempts).toEqual([0])
  expect(queues.sent).toHaveLength(1)
})

test('throttles back off and do not count as failures', async () => {
  let throttles = 3
  const { attempts, queues, accept } = given(() => (throttles-- > 0 ? 'throttle' : 'ok'))

  expect(await accept(FN, 'req', '{}').firstAttempt).toBeUndefined()
  await pass(10)

  expect(attempts).toEqual([0, 1, 3, 7])
  expect(queues.sent).toEqual([])
})

test('an event that has become too old is buried', async () => {
  const { attempts, queues, accept } = given(() => 'throttle')

  accept({ ...FN, asyncMaximumAgeSeconds: 60 }, 'req', '{}')
  await pass(120)

  expect(attempts).toEqual([0, 1, 3, 7, 15, 31])
  expect(queues.sent).toHaveLength(1)
})
