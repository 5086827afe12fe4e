import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AwsError } from '../../../infra/local/engine.ts'
import { parseScheduleExpression } from '../../../infra/local/triggers/schedule-expression.ts'
import {
  createSchedules,
  type Schedules,
  type SchedulesOptions,
} from '../../../infra/local/triggers/schedules.ts'
import { until } from '../../support/until.ts'
import { fakeLambda, functionError, ManualClock, recordingQueues } from './fakes.ts'

const SWEEP = 'arn:aws:lambda:us-east-1:111122223333:function:sweep-due'
const QUEUE = 'arn:aws:sqs:us-east-1:111122223333:jobs'

let clock: ManualClock
let schedules: Schedules

beforeEach(() => {
  clock = new ManualClock()
})

afterEach(() => schedules?.close())

function given(options: Partial<SchedulesOptions>) {
  const lambda = fakeLambda()
  const sqs = recordingQueues()
  schedules = createSchedules({ clock, lambda, sqs, ...options })
  return { lambda, sqs }
}

const everyMinute = {
  Name: 'sweep',
  ScheduleExpression: 'rate(1 minute)',
  Targets: [{ Arn: SWEEP }],
}

function advance(seconds: number): void {
  clock.advance(seconds)
  schedules.clockMoved()
}

describe('by the clock', () => {
  test('a rate fires when its period has passed, and again', () => {
    const { lambda } = given({ rules: [everyMinute] })

    advance(59)
    expect(lambda.invoked).toHaveLength(0)
    advance(1)
    expect(lambda.invoked).toHaveLength(1)
    advance(59)
    expect(lambda.invoked).toHaveLength(1)
    advance(1)
    expect(lambda.invoked).toHaveLength(2)
  })

  test('moving over many due times fires once, for the last of them', () => {
    const { lambda } = given({ rules: [everyMinute] })

    advance(86_430)

    expect(lambda.invoked).toHaveLength(1)
    expect(lambda.invoked[0]?.payload.time).toBe('2026-11-23T14:00:30Z')
    expect(schedules.list()[0]?.nextAtMs).toBe(clock.now() + 30_000)
  })

  test('a rule sends the scheduled event of EventBridge', () => {
    const { lambda } = given({ rules: [everyMinute] })

    advance(60)

    expect(lambda.invoked[0]).toEqual({
      functionName: 'sweep-due',
      payload: {
        version: '0',
        id: expect.any(String),
        'detail-type': 'Scheduled Event',
        source: 'aws.events',
        account: '111122223333',
        time: '2026-11-22T14:01:30Z',
        region: 'us-east-1',
        resources: ['arn:aws:events:us-east-1:111122223333:rule/sweep'],
        detail: {},
      },
    })
  })

  test('Scheduler sends its input, to queues too', async () => {
    const { sqs, lambda } = given({
      schedules: [
        {
          Name: 'nightly',
          ScheduleExpression: 'cron(0 3 * * ? *)',
          FlexibleTimeWindow: { Mode: 'OFF' },
          Target: { Arn: QUEUE, RoleArn: 'arn:aws:iam::111122223333:role/r', Input: '{"job":1}' },
        },
        { Name: 'plain', ScheduleExpression: 'rate(1 day)', Target: { Arn: SWEEP } },
      ],
    })

    advance(13 * 3600)
    await new Promise(setImmediate)
    advance(86_400)

    expect(sqs.sent[0]).toEqual({ queueArn: QUEUE, body: '{"job":1}', options: {} })
    expect(lambda.invoked[0]?.payload).toMatchObject({ source: 'aws.scheduler', detail: '{}' })
  })

  // https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
  test('Scheduler fills in its context attributes', () => {
    const Input =
      '{"at":"<aws.scheduler.scheduled-time>","by":"<aws.scheduler.schedule-arn>","try":"<aws.scheduler.attempt-number>","id":"<aws.scheduler.execution-id>"}'
    const { lambda } = given({
      schedules: [
        { Name: 'due', ScheduleExpression: 'rate(1 hour)', Target: { Arn: SWEEP, Input } },
      ],
    })

    advance(3600)

    expect(lambda.invoked[0]?.payload).toEqual({
      at: '2026-11-22T15:00:30Z',
      by: 'arn:aws:scheduler:us-east-1:111122223333:schedule/default/due',
      try: '1',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  test('what Scheduler cannot deliver goes to its dead-letter queue', async () => {
    const gone = new AwsError('QueueDoesNotExist', 'gone', 400)
    const sqs = recordingQueues([gone])
    const Target = { Arn: QUEUE, Input: '{"job":1}', DeadLetterConfig: { Arn: `${QUEUE}-dead` } }
    given({ sqs, schedules: [{ Name: 'due', ScheduleExpression: 'rate(1 hour)', Target }] })

    advance(3600)
    await until(() => sqs.sent.length === 1)

    expect(sqs.sent[0]).toMatchObject({
      queueArn: `${QUEUE}-dead`,
      body: '{"job":1}',
      options: {
        attributes: {
          SCHEDULE_ARN: {
            StringValue: 'arn:aws:scheduler:us-east-1:111122223333:schedule/default/due',
          },
          SCHEDULED_TIME: { StringValue: '2026-11-22T15:00:30.000Z' },
          ERROR_CODE: { StringValue: 'QueueDoesNotExist' },
        },
      },
    })
  })

  test('a disabled schedule does not fire by itself', () => {
    const { lambda } = given({ rules: [{ ...everyMinute, State: 'DISABLED' }] })

    advance(3600)

    expect(lambda.invoked).toEqual([])
    expect(schedules.list()).toEqual([
      { name: 'sweep', expression: 'rate(1 minute)', enabled: false },
    ])
  })

  test('rules without a schedule are left alone', () => {
    given({ rules: [{ Name: 'pattern', EventPattern: { source: ['aws.s3'] } }] })

    expect(schedules.list()).toEqual([])
  })
})

describe('by name', () => {
  test('runs at once, also when disabled, and tells how the function fared', async () => {
    const lambda = fakeLambda((_payload, call) => (call === 1 ? { swept: 3 } : functionError))
    given({ lambda, rules: [{ ...everyMinute, State: 'DISABLED' }] })

    expect(await schedules.run('sweep')).toEqual([
      { targetArn: SWEEP, result: { requestId: 'req', payload: '{"swept":3}' } },
    ])
    expect(await schedules.run('sweep')).toEqual([{ targetArn: SWEEP, result: functionError }])
  })

  test('an unknown name is refused', async () => {
    given({ rules: [everyMinute] })

    await expect(schedules.run('nobody')).rejects.toMatchObject({ status: 404 })
  })
})

describe('expressions', () => {
  const at = (text: string) => Date.parse(`2026-11-22T${text}Z`)

  test.each([
    ['rate(5 minutes)', at('14:05:30')],
    ['rate(2 hours)', at('16:00:30')],
    ['cron(0/15 * * * ? *)', at('14:15:00')],
    ['cron(30 9 ? * MON-FRI *)', Date.parse('2026-11-23T09:30:00Z')],
    ['cron(0 0 L * ? *)', Date.parse('2026-11-30T00:00:00Z')],
    ['cron(0 0 1 1 ? 2020)', undefined],
  ])('%s is due next at %s', (expression, expected) => {
    const nowMs = at('14:00:30')
    expect(parseScheduleExpression(expression).after(nowMs, nowMs)).toBe(expected)
  })

  test.each([
    ['rate(5 minutes)', '15:00:29', '14:55:30'],
    ['rate(5 minutes)', '15:00:30', '15:00:30'],
    ['rate(5 minutes)', '14:05:29', undefined],
    ['cron(0/15 * * * ? *)', '15:14:59', '15:00:00'],
    ['cron(0/15 * * * ? *)', '15:15:00', '15:15:00'],
  ])('%s was due last before %s at %s', (expression, untilTime, expected) => {
    const due = parseScheduleExpression(expression).upTo(at(untilTime), at('14:00:30'))
    expect(due).toBe(expected && at(expected))
  })

  test.each([
    ['rate(1 minutes)'],
    ['rate(5 minute)'],
    ['rate(0 minutes)'],
    ['cron(0 0 * * * *)'],
    ['cron(0 0 * *)'],
    ['at(2026-11-22T15:00:00)'],
  ])('%s is refused', (expression) => {
    expect(() => parseScheduleExpression(expression)).toThrow(expression)
  })

  test('time zones and flexible windows are refused', () => {
    const schedule = { Name: 's', ScheduleExpression: 'rate(1 day)', Target: { Arn: SWEEP } }
    expect(() =>
      given({ schedules: [{ ...schedule, ScheduleExpressionTimezone: 'Europe/Berlin' }] }),
    ).toThrow(/Europe\/Berlin/)
    expect(() =>
      given({ schedules: [{ ...schedule, FlexibleTimeWindow: { Mode: 'FLEXIBLE' } }] }),
    ).toThrow(/FLEXIBLE/)
  })
})
