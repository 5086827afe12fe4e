import { afterEach, describe, expect, test } from 'vitest'
import { AwsError } from '../../../infra/local/engine.ts'
import type { FunctionInvoker } from '../../../infra/local/lambda/invocation.ts'
import type { QueueReceiver } from '../../../infra/local/sqs/queue-port.ts'
import {
  type QueueMapping,
  type QueueMappingOptions,
  startQueueMapping,
} from '../../../infra/local/triggers/queue-mapping.ts'
import type { QueueMappingProperties } from '../../../infra/local/triggers/queue-mapping-settings.ts'
import { until } from '../../support/until.ts'
import { fakeLambda, functionError, ManualClock, memoryQueue } from './fakes.ts'

const QUEUE_ARN = 'arn:aws:sqs:us-east-1:111122223333:intake'
const REPORT = { FunctionResponseTypes: ['ReportBatchItemFailures'] }

let clock = new ManualClock()
const mappings: QueueMapping[] = []

afterEach(async () => {
  await Promise.all(mappings.splice(0).map((mapping) => mapping.close()))
  clock = new ManualClock()
})

function given(
  sqs: QueueReceiver,
  lambda: FunctionInvoker,
  properties: Partial<QueueMappingProperties> = {},
  options: Partial<QueueMappingOptions> = {},
): QueueMapping {
  const mapping = startQueueMapping({
    sqs,
    lambda,
    clock,
    mapping: { EventSourceArn: QUEUE_ARN, FunctionName: 'take-in', ...properties },
    functionTimeoutSeconds: 300,
    ...options,
  })
  mappings.push(mapping)
  return mapping
}

/** Waits until the mapping has handled so many batches; the clock goes on meanwhile. */
const handled = (mapping: QueueMapping, batches: number) =>
  until(
    () => {
      clock.advance(0.1)
      mapping.clockMoved()
      const stats = mapping.stats()
      return stats.batches === batches && stats.inFlight === 0
    },
    { everyMs: 5 },
  )

const bodiesOf = (lambda: ReturnType<typeof fakeLambda>): string[][] =>
  lambda.invoked.map(({ payload }) => payload.Records.map(({ body }: { body: string }) => body))

const throttle = () => new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429)

describe('a batch', () => {
  test('reaches the function as records and is deleted when it succeeds', async () => {
    const queue = memoryQueue()
    const lambda = fakeLambda()
    const mapping = given(queue, lambda, {
      FunctionName: 'arn:aws:lambda:us-east-1:111122223333:function:take-in',
    })

    queue.put('{"a":1}')
    await handled(mapping, 1)

    expect(lambda.invoked).toEqual([
      {
        functionName: 'take-in',
        payload: {
          Records: [
            {
              messageId: 'm1',
              receiptHandle: 'r1',
              body: '{"a":1}',
              attributes: { ApproximateReceiveCount: '1', MessageGroupId: 'usr_1' },
              messageAttributes: {},
              md5OfBody: 'md5',
              eventSource: 'aws:sqs',
              eventSourceARN: QUEUE_ARN,
              awsRegion: 'us-east-1',
            },
          ],
        },
      },
    ])
    expect(queue.deleted).toEqual(['r1'])
  })

  test('has the message attributes in the spelling of Lambda', async () => {
    const queue = memoryQueue(['x'])
    Object.assign(queue.visible[0] ?? {}, {
      messageAttributes: { trace: { DataType: 'String', StringValue: 't1' } },
      md5OfMessageAttributes: 'md5a',
    })
    const lambda = fakeLambda()
    await handled(given(queue, lambda), 1)

    expect(lambda.invoked[0]?.payload.Records[0]).toMatchObject({
      messageAttributes: {
        trace: {
          stringValue: 't1',
          stringListValues: [],
          binaryListValues: [],
          dataType: 'String',
        },
      },
      md5OfMessageAttributes: 'md5a',
    })
  })

  test('holds at most BatchSize messages', async () => {
    const queue = memoryQueue(['1', '2', '3'])
    const lambda = fakeLambda()

    await handled(given(queue, lambda, { BatchSize: 2 }), 2)

    expect(lambda.invoked.map(({ payload }) => payload.Records.length)).toEqual([2, 1])
  })

  test('is filled during the batching window', async () => {
    const queue = memoryQueue(['1'])
    const lambda = fakeLambda()
    const mapping = given(queue, lambda, { BatchSize: 2, MaximumBatchingWindowInSeconds: 300 })

    setTimeout(() => queue.put('2'), 20)
    await handled(mapping, 1)

    expect(lambda.invoked[0]?.payload.Records).toHaveLength(2)
  })

  test('is cut when it would not fit into one invocation', async () => {
    const large = 'x'.repeat(1024 * 1024)
    const queue = memoryQueue(Array.from({ length: 7 }, () => large))
    const lambda = fakeLambda()

    await handled(given(queue, lambda), 2)

    expect(lambda.invoked.map(({ payload }) => payload.Records.length)).toEqual([5, 2])
    expect(queue.deleted).toHaveLength(7)
  })
})

describe('filters', () => {
  const onlyLarge = { FilterCriteria: { Filters: [{ Pattern: '{"body":{"large":[true]}}' }] } }

  test('let their messages through; the others are deleted unseen', async () => {
    const queue = memoryQueue(['{"large":true}', '{"large":false}', 'plain'])
    const lambda = fakeLambda(() => functionError)

    await handled(given(queue, lambda, onlyLarge), 1)

    expect(bodiesOf(lambda)).toEqual([['{"large":true}']])
    expect(queue.deleted).toEqual(['r2', 'r3'])
  })

  test('that nothing passes leave the function asleep', async () => {
    const queue = memoryQueue(['plain'])
    const lambda = fakeLambda()
    const mapping = given(queue, lambda, onlyLarge)

    await until(() => queue.deleted.length === 1)

    expect(mapping.stats().batches).toBe(0)
    expect(lambda.invoked).toEqual([])
  })
})

// https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
describe('a chain of requests', () => {
  const traced = (queue: ReturnType<typeof memoryQueue>, headers: (string | undefined)[]) => {
    for (const [index, header] of headers.entries()) {
      const attributes = queue.visible[index]?.attributes
      if (attributes && header) attributes['AWSTraceHeader'] = header
    }
  }

  test('is handed on with the batch, as the longest of its messages', async () => {
    const queue = memoryQueue(['1', '2'])
    traced(queue, ['Root=1-a;Lineage=00000001:3', 'Root=1-b;Lineage=00000001:7'])
    const lambda = fakeLambda()

    await handled(given(queue, lambda), 1)

    expect(lambda.invoked[0]?.traceHeader).toMatch(/^Root=1-a;.*Lineage=00000001:7$/)
  })

  test('that has become too long stays in the queue and takes no others along', async () => {
    const queue = memoryQueue(['1', '2', '3'])
    traced(queue, [undefined, 'Lineage=00000001:16'])
    const lambda = fakeLambda((_payload, _call, traceHeader) => {
      if (traceHeader?.includes(':16')) {
        throw new AwsError('RecursiveInvocationException', 'a loop')
      }
    })
    const mapping = given(queue, lambda)

    await handled(mapping, 4)

    expect(bodiesOf(lambda)).toEqual([['1', '2', '3'], ['1'], ['2'], ['3']])
    expect(queue.deleted).toEqual(['r1', 'r3'])
    expect(mapping.stats().failedBatches).toBe(1)
  })
})

describe('trouble', () => {
  test('with the invocation leaves the messages to the visibility timeout and is told', async () => {
    const queue = memoryQueue(['1'])
    const failures: unknown[] = []
    const lambda = fakeLambda((_payload, call) => {
      if (call === 1) throw new Error('no process')
    })
    const onFailure = (failure: unknown) => failures.push(failure)
    const mapping = given(queue, lambda, {}, { onFailure })
    await handled(mapping, 1)

    queue.put('2')
    await handled(mapping, 2)

    expect(failures).toEqual([new Error('no process')])
    expect(queue.deleted).toEqual(['r2'])
    expect(mapping.stats().failedBatches).toBe(1)
  })

  test('with the queue is told, and the queue asked again', async () => {
    const queue = memoryQueue(['1'])
    const { receive } = queue
    const failures: unknown[] = []
    queue.receive = async (...args) => {
      if (failures.length === 0) throw new AwsError('QueueDoesNotExist', 'gone')
      return await receive(...args)
    }
    const onFailure = (failure: unknown) => failures.push(failure)

    await handled(given(queue, fakeLambda(), {}, { onFailure }), 1)

    expect(failures).toHaveLength(1)
    expect(queue.deleted).toEqual(['r1'])
  })
})

describe('failures stay invisible', () => {
  test('all of a batch whose function failed', async () => {
    const queue = memoryQueue(['1', '2'])
    const mapping = given(
      queue,
      fakeLambda(() => functionError),
      REPORT,
    )

    await handled(mapping, 1)

    expect(queue.deleted).toEqual([])
    expect(mapping.stats().failedBatches).toBe(1)
  })

  test('only those that the function names', async () => {
    const queue = memoryQueue(['1', '2', '3'])
    const lambda = fakeLambda(() => ({ batchItemFailures: [{ itemIdentifier: 'm2' }] }))

    await handled(given(queue, lambda, REPORT), 1)

    expect(queue.deleted).toEqual(['r1', 'r3'])
  })

  test.each([[null], [{}], [{ batchItemFailures: null }], [{ batchItemFailures: [] }]])(
    'none when the answer is %j',
    async (answer) => {
      const queue = memoryQueue(['1', '2'])

      await handled(
        given(
          queue,
          fakeLambda(() => answer),
          REPORT,
        ),
        1,
      )

      expect(queue.deleted).toEqual(['r1', 'r2'])
    },
  )

  test.each([
    ['done'],
    [{ batchItemFailures: 'm1' }],
    [{ batchItemFailures: [{ itemIdentifier: '' }] }],
    [{ batchItemFailures: [{ itemIdentifier: null }] }],
    [{ batchItemFailures: [{ id: 'm1' }] }],
    [{ batchItemFailures: [{ itemIdentifier: 'm1' }, { itemIdentifier: 'm9' }] }],
  ])('all when the answer is %j', async (answer) => {
    const queue = memoryQueue(['1', '2'])

    await handled(
      given(
        queue,
        fakeLambda(() => answer),
        REPORT,
      ),
      1,
    )

    expect(queue.deleted).toEqual([])
  })

  test('all when the answer is no JSON', async () => {
    const queue = memoryQueue(['1', '2'])

    await handled(
      given(
        queue,
        fakeLambda(() => ({ requestId: 'req', payload: '<html>' })),
        REPORT,
      ),
      1,
    )

    expect(queue.deleted).toEqual([])
  })

  test('none by its answer when the mapping does not report item failures', async () => {
    const queue = memoryQueue(['1'])
    const lambda = fakeLambda(() => ({ batchItemFailures: [{ itemIdentifier: 'm1' }] }))

    await handled(given(queue, lambda), 1)

    expect(queue.deleted).toEqual(['r1'])
  })
})

describe('concurrency', () => {
  test('never exceeds MaximumConcurrency', async () => {
    const queue = memoryQueue(['1', '2', '3', '4', '5'])
    let running = 0
    let most = 0
    const lambda = fakeLambda(async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 10))
      running--
    })

    await handled(
      given(queue, lambda, { BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } }),
      5,
    )

    expect(most).toBe(2)
    expect(queue.deleted).toHaveLength(5)
  })

  test('a throttled batch is tried again', async () => {
    const queue = memoryQueue(['1'])
    const lambda = fakeLambda((_payload, call) => {
      if (call === 1) throw throttle()
    })
    const mapping = given(queue, lambda)

    await handled(mapping, 1)

    expect(mapping.stats()).toMatchObject({ throttles: 1, failedBatches: 0 })
    expect(queue.deleted).toEqual(['r1'])
  })

  test('a throttled batch is given up when its messages become visible again', async () => {
    const queue = memoryQueue(['1'])
    const lambda = fakeLambda(() => {
      clock.advance(330)
      throw throttle()
    })
    const mapping = given(queue, lambda)

    await handled(mapping, 1)

    expect(lambda.invoked).toHaveLength(1)
    expect(queue.deleted).toEqual([])
    expect(mapping.stats().failedBatches).toBe(1)
  })
})

describe('misbehaviour on demand', () => {
  test('delivers a batch twice', async () => {
    const queue = memoryQueue()
    const lambda = fakeLambda()
    const mapping = given(queue, lambda)
    mapping.faults.duplicateNext = 1

    queue.put('1')
    await handled(mapping, 1)
    queue.put('2')
    await handled(mapping, 2)

    const ids = lambda.invoked.map(({ payload }) => payload.Records[0].messageId)
    expect(ids).toEqual(['m1', 'm1', 'm2'])
    expect(queue.deleted).toEqual(['r1', 'r2'])
  })

  test('loses a batch', async () => {
    const queue = memoryQueue(['1'])
    const lambda = fakeLambda()
    const mapping = given(queue, lambda)
    mapping.faults.dropNext = 1
    await until(() => queue.deleted.length === 1)

    queue.put('2')
    await handled(mapping, 1)

    expect(bodiesOf(lambda)).toEqual([['2']])
  })

  test('brings a batch late', async () => {
    const queue = memoryQueue()
    const lambda = fakeLambda()
    const mapping = given(queue, lambda)
    mapping.faults.delayMs = 60_000
    queue.put('1')
    await until(() => mapping.stats().inFlight === 1)

    clock.advance(59)
    mapping.clockMoved()
    await new Promise(setImmediate)
    expect(lambda.invoked).toEqual([])
    await handled(mapping, 1)

    expect(bodiesOf(lambda)).toEqual([['1']])
  })

  test('shuffles the messages of a batch', async () => {
    const queue = memoryQueue(['1', '2', '3'])
    const lambda = fakeLambda()
    const mapping = given(queue, lambda, {}, { random: () => 0 })
    mapping.faults.shuffle = true

    await handled(mapping, 1)

    const bodies = lambda.invoked[0]?.payload.Records.map(({ body }: { body: string }) => body)
    expect(bodies).toEqual(['2', '3', '1'])
    expect(queue.deleted).toHaveLength(3)
  })
})

describe('at its creation', () => {
  test.each([
    [
      {},
      { functionTimeoutSeconds: 331 },
      /Queue visibility timeout: 330 seconds is less than Function timeout: 331 seconds/,
    ],
    [{ BatchSize: 11 }, {}, /Maximum batch window/],
    [{ BatchSize: 0 }, {}, /BatchSize/],
    [{ MaximumBatchingWindowInSeconds: 301 }, {}, /MaximumBatchingWindowInSeconds/],
    [{ ScalingConfig: { MaximumConcurrency: 1 } }, {}, /MaximumConcurrency/],
    [{ FilterCriteria: { Filters: [{ Pattern: 'no json' }] } }, {}, /Invalid filter criteria/],
    [{ ProvisionedPollerConfig: {} }, {}, /ProvisionedPollerConfig .* not supported/],
    [{ EventSourceArn: `${QUEUE_ARN}.fifo` }, {}, /FIFO/],
  ])('%j with %j is refused', (properties, options, message) => {
    expect(() => given(memoryQueue(), fakeLambda(), properties, options)).toThrow(message)
  })

  test('a disabled mapping receives nothing', async () => {
    const queue = memoryQueue(['1'])

    await given(queue, fakeLambda(), { Enabled: false }).close()

    expect(queue.visible).toHaveLength(1)
  })
})
