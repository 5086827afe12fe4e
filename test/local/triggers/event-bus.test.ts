import { afterEach, expect, test, vi } from 'vitest'
import { AwsError } from '../../../infra/local/engine.ts'
import { createEventBus, type EventBus } from '../../../infra/local/triggers/event-bus.ts'
import type { BusEvent, EventRule } from '../../../infra/local/triggers/rule.ts'
import { fakeLambda, ManualClock, recordingQueues } from './fakes.ts'

const INTAKE = 'arn:aws:sqs:us-east-1:111122223333:intake'
const DEAD = 'arn:aws:sqs:us-east-1:111122223333:dead'
const AUDIT = 'arn:aws:lambda:us-east-1:111122223333:function:audit'

const EVENT: BusEvent = {
  version: '0',
  id: 'e1',
  'detail-type': 'Object Created',
  source: 'aws.s3',
  account: '111122223333',
  time: '2026-11-22T14:00:00Z',
  region: 'us-east-1',
  resources: ['arn:aws:s3:::staging'],
  detail: { object: { key: 'staging/safe/upl_1' } },
}

let bus: EventBus
const clock = new ManualClock()

afterEach(() => bus.close())

const rule = (properties: Partial<EventRule>): EventRule => ({
  Name: 'created',
  EventPattern: { source: ['aws.s3'] },
  Targets: [{ Arn: INTAKE }],
  ...properties,
})

const outage = () => new AwsError('ServiceUnavailable', 'try later', 503)

test('an event goes to every target of every enabled rule that matches', async () => {
  const sqs = recordingQueues()
  const lambda = fakeLambda()
  bus = createEventBus({
    sqs,
    lambda,
    clock,
    rules: [
      rule({
        Targets: [
          { Id: 'a', Arn: INTAKE, SqsParameters: { MessageGroupId: 'usr_1' } },
          { Id: 'b', Arn: AUDIT },
        ],
      }),
      rule({ Name: 'constant', Targets: [{ Arn: INTAKE, Input: '{"constant":true}' }] }),
      rule({ Name: 'off', State: 'DISABLED' }),
      rule({ Name: 'other', EventPattern: { source: ['aws.ec2'] } }),
      { Name: 'schedule', ScheduleExpression: 'rate(1 minute)', Targets: [{ Arn: INTAKE }] },
    ],
  })

  await bus.put(EVENT)

  expect(sqs.sent).toEqual([
    { queueArn: INTAKE, body: JSON.stringify(EVENT), options: { groupId: 'usr_1' } },
    { queueArn: INTAKE, body: '{"constant":true}', options: {} },
  ])
  expect(lambda.invoked).toEqual([{ functionName: 'audit', payload: EVENT }])
})

test('a delivery that fails is tried again until the target has the event', async () => {
  const sqs = recordingQueues([outage(), outage()])
  bus = createEventBus({ sqs, lambda: fakeLambda(), clock, rules: [rule({})] })
  const settled = vi.fn()
  const put = bus.put(EVENT).then(settled)

  for (let seconds = 1; seconds <= 2; seconds++) {
    await new Promise(setImmediate)
    expect(settled).not.toHaveBeenCalled()
    clock.advance(seconds)
    bus.clockMoved()
  }
  await put

  expect(sqs.sent).toHaveLength(1)
})

test('when the retry policy is exhausted the dead-letter queue has the event', async () => {
  const sqs = recordingQueues([outage(), outage()])
  const target = {
    Arn: INTAKE,
    DeadLetterConfig: { Arn: DEAD },
    RetryPolicy: { MaximumRetryAttempts: 1 },
  }
  bus = createEventBus({ sqs, lambda: fakeLambda(), clock, rules: [rule({ Targets: [target] })] })
  const put = bus.put(EVENT)
  await new Promise(setImmediate)
  clock.advance(1)
  bus.clockMoved()

  await put

  expect(sqs.sent).toEqual([
    {
      queueArn: DEAD,
      body: JSON.stringify(EVENT),
      options: {
        attributes: {
          RULE_ARN: {
            DataType: 'String',
            StringValue: 'arn:aws:events:us-east-1:111122223333:rule/created',
          },
          TARGET_ARN: { DataType: 'String', StringValue: INTAKE },
          ERROR_CODE: { DataType: 'String', StringValue: 'ServiceUnavailable' },
          ERROR_MESSAGE: { DataType: 'String', StringValue: 'try later' },
          RETRY_ATTEMPTS: { DataType: 'String', StringValue: '1' },
          EXHAUSTED_RETRY_CONDITION: { DataType: 'String', StringValue: 'MaximumRetryAttempts' },
        },
      },
    },
  ])
})

test('a queue that does not exist is not tried again', async () => {
  const sqs = recordingQueues([new AwsError('QueueDoesNotExist', 'gone', 400)])
  const target = { Arn: INTAKE, DeadLetterConfig: { Arn: DEAD } }
  bus = createEventBus({ sqs, lambda: fakeLambda(), clock, rules: [rule({ Targets: [target] })] })

  await bus.put(EVENT)

  expect(sqs.sent.map(({ queueArn }) => queueArn)).toEqual([DEAD])
})

test('an event that is older than the retry policy allows is buried for its age', async () => {
  const sqs = recordingQueues([outage(), outage()])
  const target = {
    Arn: INTAKE,
    DeadLetterConfig: { Arn: DEAD },
    RetryPolicy: { MaximumEventAgeInSeconds: 60 },
  }
  bus = createEventBus({ sqs, lambda: fakeLambda(), clock, rules: [rule({ Targets: [target] })] })
  const put = bus.put(EVENT)
  await new Promise(setImmediate)
  clock.advance(61)
  bus.clockMoved()

  await put

  expect(sqs.sent[0]?.options?.attributes).toMatchObject({
    RETRY_ATTEMPTS: { StringValue: '1' },
    EXHAUSTED_RETRY_CONDITION: { StringValue: 'MaximumEventAgeInSeconds' },
  })
})

test('a dead-letter queue that refuses its letter is no trouble for the source', async () => {
  const gone = () => new AwsError('QueueDoesNotExist', 'gone', 400)
  const sqs = recordingQueues([gone(), gone()])
  const target = { Arn: INTAKE, DeadLetterConfig: { Arn: DEAD } }
  bus = createEventBus({ sqs, lambda: fakeLambda(), clock, rules: [rule({ Targets: [target] })] })

  await bus.put(EVENT)

  expect(sqs.sent).toEqual([])
})

test('misbehaves on demand: twice, never, late', async () => {
  const sqs = recordingQueues()
  bus = createEventBus({ sqs, lambda: fakeLambda(), clock, rules: [rule({})] })

  bus.faults.duplicateNext = 1
  await bus.put(EVENT)
  expect(sqs.sent).toHaveLength(2)

  bus.faults.dropNext = 1
  await bus.put(EVENT)
  expect(sqs.sent).toHaveLength(2)

  bus.faults.delayMs = 60_000
  const put = bus.put(EVENT)
  clock.advance(59)
  bus.clockMoved()
  await new Promise(setImmediate)
  expect(sqs.sent).toHaveLength(2)
  clock.advance(1)
  bus.clockMoved()
  await put
  expect(sqs.sent).toHaveLength(3)
})

test('closing rejects what is not delivered, so that its source keeps it', async () => {
  const sqs = recordingQueues([outage()])
  bus = createEventBus({ sqs, lambda: fakeLambda(), clock, rules: [rule({})] })
  const put = bus.put(EVENT)
  await new Promise(setImmediate)

  bus.close()

  await expect(put).rejects.toThrow('closing')
})

test.each<[Partial<EventRule>, RegExp]>([
  [{ Targets: [{ Arn: INTAKE, InputPath: '$..detail' }] }, /Path \$\.\.detail .* of created/],
  [{ Targets: [{ Arn: INTAKE, EcsParameters: {} }] }, /EcsParameters of a target of created/],
  [
    { Targets: [{ Arn: INTAKE, InputTransformer: { InputTemplate: '"<who>"' } }] },
    /Variable <who> .* is not defined/,
  ],
  [{ Targets: [{ Arn: INTAKE, Input: '1', InputPath: '$' }] }, /more than one input/],
  [{ Targets: [{ Arn: 'arn:aws:sns:us-east-1:111122223333:topic' }] }, /sns.*not supported/],
  [{ EventPattern: { source: [{ cidr: '::/0' }] } }, /cidr/],
])('%j is refused when the template is loaded', (properties, message) => {
  const rules = [rule(properties)]
  expect(() =>
    createEventBus({ sqs: recordingQueues(), lambda: fakeLambda(), clock, rules }),
  ).toThrow(message)
})
