import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { StreamEventRecord } from '../../../infra/local/dynamodb/table-stream.ts'
import { AwsError } from '../../../infra/local/engine.ts'
import type { FunctionInvoker } from '../../../infra/local/lambda/invocation.ts'
import {
  openStreamCheckpoints,
  type StreamCheckpoints,
} from '../../../infra/local/triggers/stream-checkpoints.ts'
import {
  type StreamMapping,
  type StreamMappingOptions,
  startStreamMapping,
} from '../../../infra/local/triggers/stream-mapping.ts'
import type { StreamMappingProperties } from '../../../infra/local/triggers/stream-mapping-settings.ts'
import { until } from '../../support/until.ts'
import { fakeLambda, functionError, ManualClock, recordingQueues } from './fakes.ts'

const STREAM_ARN = 'arn:aws:dynamodb:us-east-1:111122223333:table/t/stream/2026-11-22T14:00:00.000'
const DEAD = 'arn:aws:sqs:us-east-1:111122223333:dead'
const ONLY_EVENTS = {
  FilterCriteria: {
    Filters: [
      {
        Pattern: '{"eventName":["INSERT"],"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"event#"}]}}}}',
      },
    ],
  },
}

let clock: ManualClock
let dataDir: string
let checkpoints: StreamCheckpoints
const mappings: StreamMapping[] = []

beforeEach(() => {
  clock = new ManualClock()
  dataDir = mkdtempSync(join(tmpdir(), 'stream-'))
  checkpoints = openStreamCheckpoints(dataDir)
})

afterEach(async () => {
  await Promise.all(mappings.splice(0).map((mapping) => mapping.close()))
  checkpoints.close()
  rmSync(dataDir, { recursive: true })
})

const numberOf = (index: number): string => `1${String(index).padStart(20, '0')}`

function makeRecord(index: number, pk: string, eventName: 'INSERT' | 'MODIFY'): StreamEventRecord {
  return {
    eventID: `e${index}`,
    eventName,
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'us-east-1',
    eventSourceARN: STREAM_ARN,
    dynamodb: {
      ApproximateCreationDateTime: Date.UTC(2026, 10, 22, 14) / 1000 + index,
      Keys: { pk: { S: pk }, sk: { S: 'x' } },
      SequenceNumber: numberOf(index),
      SizeBytes: 10,
      StreamViewType: 'NEW_AND_OLD_IMAGES',
    },
  }
}

/** A stream in memory; `write` gives each item the next number. */
function memoryStream(...pks: string[]) {
  const records: StreamEventRecord[] = []
  const write = (pk: string, eventName: 'INSERT' | 'MODIFY' = 'INSERT') =>
    records.push(makeRecord(records.length + 1, pk, eventName))
  for (const pk of pks) write(pk)
  return {
    streamArn: STREAM_ARN,
    records,
    write,
    latest: async () => numberOf(records.length),
    read: async (after: string | undefined, limit = 1000) => {
      const page = records
        .filter(({ dynamodb }) => after === undefined || dynamodb.SequenceNumber > after)
        .slice(0, limit)
      return { records: page, position: page.at(-1)?.dynamodb.SequenceNumber ?? after }
    },
  }
}

function given(
  stream: StreamMappingOptions['stream'],
  lambda: FunctionInvoker,
  properties: Partial<StreamMappingProperties> = {},
  options: Partial<StreamMappingOptions> = {},
): StreamMapping {
  const mapping = startStreamMapping({
    stream,
    lambda,
    queues: recordingQueues(),
    clock,
    checkpoints,
    mapping: {
      EventSourceArn: STREAM_ARN,
      FunctionName: 'dispatch',
      StartingPosition: 'TRIM_HORIZON',
      ...properties,
    },
    ...options,
  })
  mappings.push(mapping)
  return mapping
}

/** Waits for a condition while the clock goes on. */
const eventually = (holds: () => boolean, stepSeconds = 0.25) =>
  until(
    () => {
      if (holds()) return true
      clock.advance(stepSeconds)
      for (const mapping of mappings) mapping.clockMoved()
      return false
    },
    { everyMs: 2 },
  )

const position = () => checkpoints.find(STREAM_ARN, 'dispatch')
const reached = (index: number) => eventually(() => position() === numberOf(index))
const batchesOf = (lambda: ReturnType<typeof fakeLambda>): string[][] =>
  lambda.invoked.map(({ payload }) =>
    payload.Records.map((record: StreamEventRecord) => record.eventID),
  )
/** Fails for every batch with one of these records. */
const failingFor =
  (...ids: string[]) =>
  ({ Records }: { Records: StreamEventRecord[] }) =>
    Records.some(({ eventID }) => ids.includes(eventID)) ? functionError : null

describe('a batch', () => {
  test('reaches the function as records, in order, and is checkpointed', async () => {
    const stream = memoryStream('a', 'b')
    const lambda = fakeLambda()
    given(stream, lambda)

    await reached(2)

    expect(lambda.invoked).toEqual([
      { functionName: 'dispatch', payload: { Records: stream.records } },
    ])
  })

  test('holds at most BatchSize records', async () => {
    const lambda = fakeLambda()
    given(memoryStream('a', 'b', 'c'), lambda, { BatchSize: 2 })

    await reached(3)

    expect(batchesOf(lambda)).toEqual([['e1', 'e2'], ['e3']])
  })

  test('is filled during the batching window, which begins with the first record', async () => {
    const stream = memoryStream('a')
    const lambda = fakeLambda()
    given(stream, lambda, { BatchSize: 3, MaximumBatchingWindowInSeconds: 10 })

    for (let tenths = 0; tenths < 95; tenths++) {
      clock.advance(0.1)
      for (const mapping of mappings) mapping.clockMoved()
      await new Promise(setImmediate)
      if (tenths === 50) stream.write('b')
    }
    expect(lambda.invoked).toEqual([])
    await reached(2)

    expect(batchesOf(lambda)).toEqual([['e1', 'e2']])
  })

  test('is cut when it would not fit into one invocation', async () => {
    const stream = memoryStream('a', 'b', 'c')
    for (const { dynamodb } of stream.records) {
      dynamodb.NewImage = { text: { S: 'x'.repeat(2.5 * 1024 * 1024) } }
    }
    const lambda = fakeLambda()
    given(stream, lambda)

    await reached(3)

    expect(batchesOf(lambda)).toEqual([['e1', 'e2'], ['e3']])
  })

  test('has only what the filter lets through; the rest is passed over', async () => {
    const stream = memoryStream('event#1', 'upload#1')
    stream.write('event#2', 'MODIFY')
    stream.write('event#3')
    stream.write('portal#1')
    const lambda = fakeLambda()
    given(stream, lambda, ONLY_EVENTS)

    await reached(5)

    expect(batchesOf(lambda)).toEqual([['e1', 'e4']])
  })
})

describe('the position', () => {
  test('of a new mapping is the oldest record or the end, as it says', async () => {
    const stream = memoryStream('a')
    const lambda = fakeLambda()
    given(stream, lambda, { StartingPosition: 'LATEST' })
    await eventually(() => position() !== undefined)

    stream.write('b')
    await reached(2)

    expect(batchesOf(lambda)).toEqual([['e2']])
  })

  test('survives a killed runner: what was not finished comes again, the rest does not', async () => {
    const stream = memoryStream('a', 'b')
    const killed = fakeLambda(({ Records }) =>
      Records[0].eventID === 'e1' ? null : new Promise(() => {}),
    )
    startStreamMapping({
      stream,
      lambda: killed,
      queues: recordingQueues(),
      clock,
      checkpoints,
      mapping: {
        EventSourceArn: STREAM_ARN,
        FunctionName: 'dispatch',
        StartingPosition: 'TRIM_HORIZON',
        BatchSize: 1,
      },
    })
    await until(() => killed.invoked.length === 2)
    const after = openStreamCheckpoints(dataDir)
    const lambda = fakeLambda()

    given(stream, lambda, {}, { checkpoints: after })
    await reached(2)

    expect(batchesOf(lambda)).toEqual([['e2']])
    await mappings.pop()?.close()
    after.close()
  })

  test('is left alone by closing, which waits for no function', async () => {
    const lambda = fakeLambda()
    lambda.invoke = (_name, payload, { signal } = {}) => {
      lambda.invoked.push({ functionName: 'dispatch', payload })
      return new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason))
      })
    }
    const mapping = given(memoryStream('a'), lambda)
    await until(() => lambda.invoked.length === 1)

    await mapping.close()

    expect(position()).toBeUndefined()
  })
})

// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
describe('a batch that fails', () => {
  test('holds up those behind it until it succeeds', async () => {
    let outages = 3
    const lambda = fakeLambda(() => (outages-- > 0 ? functionError : null))
    const mapping = given(memoryStream('a', 'b'), lambda, { BatchSize: 1 })

    await reached(2)

    expect(batchesOf(lambda)).toEqual([['e1'], ['e1'], ['e1'], ['e1'], ['e2']])
    expect(mapping.stats()).toMatchObject({ failedBatches: 3, discarded: 0 })
  })

  test('is tried MaximumRetryAttempts times more, then its place goes to the destination', async () => {
    const queues = recordingQueues()
    const lambda = fakeLambda(failingFor('e1'))
    const properties = {
      BatchSize: 2,
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: DEAD } },
    }
    const mapping = given(memoryStream('a', 'b', 'c'), lambda, properties, { queues })

    await reached(3)

    expect(batchesOf(lambda)).toEqual([['e1', 'e2'], ['e1', 'e2'], ['e1', 'e2'], ['e3']])
    expect(mapping.stats()).toMatchObject({ discarded: 2 })
    expect(queues.sent.map(({ queueArn, body }) => [queueArn, JSON.parse(body)])).toEqual([
      [
        DEAD,
        {
          requestContext: {
            requestId: 'req',
            functionArn: 'arn:aws:lambda:us-east-1:111122223333:function:dispatch',
            condition: 'RetryAttemptsExhausted',
            approximateInvokeCount: 3,
          },
          responseContext: {
            statusCode: 200,
            executedVersion: '$LATEST',
            functionError: 'Unhandled',
          },
          version: '1.0',
          timestamp: expect.stringMatching(/^2026-11-22T14:/),
          DDBStreamBatchInfo: {
            shardId: expect.stringMatching(/^shardId-/),
            startSequenceNumber: numberOf(1),
            endSequenceNumber: numberOf(2),
            approximateArrivalOfFirstRecord: '2026-11-22T14:00:01Z',
            approximateArrivalOfLastRecord: '2026-11-22T14:00:02Z',
            batchSize: 2,
            streamArn: STREAM_ARN,
          },
        },
      ],
    ])
  })

  test('is given up without a word when there is no destination or it is gone', async () => {
    const failures: unknown[] = []
    const queues = recordingQueues([new AwsError('QueueDoesNotExist', 'gone')])
    const lambda = fakeLambda(failingFor('e1'))
    const properties = {
      BatchSize: 1,
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: { Destination: DEAD } },
    }
    const onFailure = (failure: unknown) => failures.push(failure)
    given(memoryStream('a', 'b'), lambda, properties, { queues, onFailure })

    await reached(2)

    expect(batchesOf(lambda)).toEqual([['e1'], ['e2']])
    expect(failures).toHaveLength(1)
  })

  test('is halved until the bad record stands alone; halving is no retry', async () => {
    const lambda = fakeLambda(failingFor('e3'))
    const mapping = given(memoryStream('a', 'b', 'c', 'd'), lambda, {
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 1,
    })

    await reached(4)

    expect(batchesOf(lambda)).toEqual([
      ['e1', 'e2', 'e3', 'e4'],
      ['e1', 'e2'],
      ['e3', 'e4'],
      ['e3'],
      ['e3'],
      ['e4'],
    ])
    expect(mapping.stats().discarded).toBe(1)
  })

  test('is given up when its records are too old', async () => {
    const queues = recordingQueues()
    const lambda = fakeLambda(failingFor('e1'))
    const properties = {
      MaximumRecordAgeInSeconds: 60,
      DestinationConfig: { OnFailure: { Destination: DEAD } },
    }
    given(memoryStream('a'), lambda, properties, { queues })

    await eventually(() => queues.sent.length === 1, 10)

    expect(JSON.parse(queues.sent[0]?.body ?? '{}').requestContext.condition).toBe(
      'RecordAgeExceeded',
    )
    await reached(1)
  })

  test('for being throttled or for want of a process is tried without counting', async () => {
    const refusals = [
      new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429),
      new AwsError('ServiceException', 'no process', 500),
    ]
    const lambda = fakeLambda(() => {
      const refusal = refusals.shift()
      if (refusal) throw refusal
    })
    const mapping = given(memoryStream('a'), lambda, { MaximumRetryAttempts: 0 })

    await reached(1)

    expect(mapping.stats()).toMatchObject({ throttles: 1, discarded: 0 })
  })

  test('for an error of our own is told and tried again from the checkpoint', async () => {
    const failures: unknown[] = []
    const stream = memoryStream('a')
    const { read } = stream
    stream.read = async (...args) => {
      if (failures.length === 0) throw new Error('the database starts again')
      return await read(...args)
    }
    const onFailure = (failure: unknown) => failures.push(failure)
    const lambda = fakeLambda()
    given(stream, lambda, {}, { onFailure })

    await reached(1)

    expect(failures).toEqual([new Error('the database starts again')])
    expect(batchesOf(lambda)).toEqual([['e1']])
  })
})

// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
describe('item failures', () => {
  const REPORT = { FunctionResponseTypes: ['ReportBatchItemFailures'], MaximumRetryAttempts: 1 }
  const reporting =
    (...numbers: number[]) =>
    (_payload: unknown, call: number) =>
      call === 1
        ? { batchItemFailures: numbers.map((it) => ({ itemIdentifier: numberOf(it) })) }
        : null

  test('repeat the batch from the lowest one on, of which nothing before is lost', async () => {
    const lambda = fakeLambda(reporting(3, 2))
    given(memoryStream('a', 'b', 'c'), lambda, REPORT)

    await reached(3)

    expect(batchesOf(lambda)).toEqual([
      ['e1', 'e2', 'e3'],
      ['e2', 'e3'],
    ])
  })

  test.each([[null], [{}], [{ batchItemFailures: null }], [{ batchItemFailures: [] }]])(
    'are none when the answer is %j',
    async (answer) => {
      const lambda = fakeLambda(() => answer)
      given(memoryStream('a', 'b'), lambda, REPORT)

      await reached(2)

      expect(batchesOf(lambda)).toEqual([['e1', 'e2']])
    },
  )

  test.each([
    ['done'],
    [{ batchItemFailures: [{ itemIdentifier: '' }] }],
    [{ batchItemFailures: [{ itemIdentifier: null }] }],
    [{ batchItemFailures: [{ itemIdentifier: 'unknown' }] }],
  ])('are all when the answer is %j', async (answer) => {
    const lambda = fakeLambda((_payload, call) => (call === 1 ? answer : null))
    given(memoryStream('a', 'b'), lambda, REPORT)

    await reached(2)

    expect(batchesOf(lambda)).toEqual([
      ['e1', 'e2'],
      ['e1', 'e2'],
    ])
  })
})

test('with a ParallelizationFactor batches run side by side and one item stays in order', async () => {
  const pks = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const stream = memoryStream(...pks, ...pks)
  let running = 0
  let most = 0
  const lambda = fakeLambda(async () => {
    most = Math.max(most, ++running)
    await new Promise(setImmediate)
    running--
  })
  given(stream, lambda, { ParallelizationFactor: 4, BatchSize: 4 })

  await reached(16)

  expect(most).toBeGreaterThan(1)
  expect(most).toBeLessThanOrEqual(4)
  const seen: StreamEventRecord[] = lambda.invoked.flatMap(({ payload }) => payload.Records)
  expect(seen).toHaveLength(16)
  for (const pk of pks) {
    const numbers = seen
      .filter(({ dynamodb }) => dynamodb.Keys['pk']?.['S'] === pk)
      .map(({ dynamodb }) => dynamodb.SequenceNumber)
    expect(numbers).toEqual([...numbers].sort())
    expect(numbers).toHaveLength(2)
  }
})

describe('misbehaviour on demand', () => {
  test('delivers twice, never and late', async () => {
    const stream = memoryStream()
    const lambda = fakeLambda()
    const mapping = given(stream, lambda)

    mapping.faults.duplicateNext = 1
    stream.write('a')
    await reached(1)
    mapping.faults.dropNext = 1
    stream.write('b')
    await reached(2)
    mapping.faults.delayMs = 60_000
    const beforeMs = clock.now()
    stream.write('c')
    await reached(3)

    expect(batchesOf(lambda)).toEqual([['e1'], ['e1'], ['e3']])
    expect(clock.now() - beforeMs).toBeGreaterThanOrEqual(60_000)
  })
})

describe('at its creation', () => {
  test.each([
    [{ StartingPosition: 'AT_TIMESTAMP' }, /StartingPosition AT_TIMESTAMP/],
    [{ BatchSize: 10_001 }, /BatchSize/],
    [{ MaximumBatchingWindowInSeconds: 301 }, /MaximumBatchingWindowInSeconds/],
    [{ MaximumRetryAttempts: -2 }, /MaximumRetryAttempts/],
    [{ MaximumRecordAgeInSeconds: 59 }, /MaximumRecordAgeInSeconds/],
    [{ ParallelizationFactor: 11 }, /ParallelizationFactor/],
    [{ TumblingWindowInSeconds: 5 }, /TumblingWindowInSeconds .* not supported/],
    [{ DestinationConfig: { OnFailure: { Destination: 'arn:aws:sns:x' } } }, /not a queue/],
  ])('%j is refused', (properties, message) => {
    expect(() => given(memoryStream(), fakeLambda(), properties)).toThrow(message)
  })

  test('a disabled mapping reads nothing', async () => {
    const lambda = fakeLambda()

    await given(memoryStream('a'), lambda, { Enabled: false }).close()

    expect(lambda.invoked).toEqual([])
  })
})
