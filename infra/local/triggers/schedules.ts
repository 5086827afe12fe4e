/**
 * Schedules of rules (`AWS::Events::Rule` with ScheduleExpression) and of EventBridge Scheduler.
 *
 * Rules: by the local clock; a rate counts from the start of the local cloud; a disabled schedule
 * fires only when run by name; functions are invoked asynchronously with Lambda's retries; retry
 * policy and dead letters of the target; Scheduler's context attributes.
 *
 * A clock that jumps over several due times fires once, for the last of them. EventBridge would have
 * fired for each while the time passed, but hours apart; here a day of `rate(1 minute)` would start
 * 1,440 executions at the same moment, which never happens there, and throttle everything else.
 *
 * Known gaps: no `at()`, no time zone but UTC, no flexible window; no start and end dates. Nothing on
 * disk: what is due while the local cloud is down does not fire.
 */
import { randomUUID } from 'node:crypto'
import { createAlarms } from '../alarms.ts'
import { AwsError, LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import type { InvokeResult } from '../lambda/invocation.ts'
import { ruleArn } from './event-bus.ts'
import type { EventRule, RuleTarget, SchedulerSchedule } from './rule.ts'
import { type DueTimes, parseScheduleExpression } from './schedule-expression.ts'
import { checkTarget, createTargetSender, type TargetSenderOptions } from './target-sender.ts'

export interface SchedulesOptions extends TargetSenderOptions {
  /** Those without a schedule are left to the event bus. */
  rules?: EventRule[]
  schedules?: SchedulerSchedule[]
}

export interface ScheduleState {
  name: string
  expression: string
  enabled: boolean
  /** Absent for a disabled schedule and one that never fires again. */
  nextAtMs?: number
}

export interface ScheduleRun {
  targetArn: string
  /** End of a function's first attempt; absent for a queue and when the attempt was throttled. */
  result?: InvokeResult
}

export interface Schedules {
  /** Fires the schedule now, whether enabled or not, and waits for its functions' first attempts. */
  run(name: string): Promise<ScheduleRun[]>
  list(): ScheduleState[]
  /** Fires at once what has become due by moving the clock. */
  clockMoved(): void
  close(): void
}

interface Schedule {
  name: string
  arn: string
  expression: string
  enabled: boolean
  due: DueTimes
  nextAtMs: number | undefined
  targets: RuleTarget[]
  event: (timeMs: number) => object
}

export function createSchedules(options: SchedulesOptions): Schedules {
  const { rules = [], schedules = [], ...ports } = options
  const { clock } = ports
  const sender = createTargetSender(ports)
  const alarms = createAlarms(clock)
  const startMs = clock.now()
  let closed = false
  const all = [...rules.flatMap(scheduleOfRule), ...schedules.map(scheduleOfScheduler)]

  const fire = (schedule: Schedule, timeMs: number): Promise<ScheduleRun[]> =>
    Promise.all(
      schedule.targets.map(async (target) => {
        const { arn: sourceArn, name } = schedule
        const source = { sourceArn, name, nowMs: timeMs }
        const invocation = await sender.deliver(target, source, schedule.event(timeMs))
        const result = await invocation?.firstAttempt
        return { targetArn: target.Arn, ...(result && { result }) }
      }),
    )

  const arm = (schedule: Schedule) => {
    const dueMs = schedule.due.after(clock.now(), startMs)
    schedule.nextAtMs = dueMs
    if (dueMs === undefined) return
    alarms.set(dueMs, () => {
      const lastDueMs = schedule.due.upTo(clock.now(), startMs) ?? dueMs
      arm(schedule)
      fire(schedule, Math.max(dueMs, lastDueMs)).catch((error: unknown) => {
        // Closing ends the waits of deliveries; the schedule fires again after the next start.
        if (!closed) process.stderr.write(`schedule ${schedule.name}: ${String(error)}\n`)
      })
    })
  }

  for (const schedule of all) {
    for (const target of schedule.targets) checkTarget(schedule.name, target)
    if (schedule.enabled) arm(schedule)
  }

  return {
    run: async (name) => {
      const schedule = all.find((candidate) => candidate.name === name)
      if (!schedule) {
        throw new AwsError('ResourceNotFoundException', `Schedule ${name} does not exist.`, 404)
      }
      return await fire(schedule, clock.now())
    },
    list: () =>
      all.map(({ name, expression, enabled, nextAtMs }) => ({
        name,
        expression,
        enabled,
        ...(nextAtMs !== undefined && { nextAtMs }),
      })),
    clockMoved: () => {
      alarms.clockMoved()
      sender.clockMoved()
    },
    close: () => {
      closed = true
      alarms.close()
      sender.close()
    },
  }
}

/** Events carry whole seconds. */
const eventTime = (timeMs: number): string => `${new Date(timeMs).toISOString().slice(0, 19)}Z`

function scheduleOfRule(rule: EventRule): Schedule[] {
  const { Name, State = 'ENABLED', ScheduleExpression, Targets = [] } = rule
  if (!ScheduleExpression) return []
  return [
    {
      name: Name,
      arn: ruleArn(Name),
      expression: ScheduleExpression,
      enabled: State.startsWith('ENABLED'),
      due: parseScheduleExpression(ScheduleExpression),
      nextAtMs: undefined,
      targets: Targets,
      event: (timeMs) => scheduledEvent('aws.events', ruleArn(Name), timeMs, {}),
    },
  ]
}

function scheduleOfScheduler(schedule: SchedulerSchedule): Schedule {
  const { Name, State = 'ENABLED', ScheduleExpression, Target } = schedule
  const arn = `arn:aws:scheduler:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:schedule/default/${Name}`
  const zone = schedule.ScheduleExpressionTimezone ?? 'UTC'
  if (zone !== 'UTC') throw new Error(`Time zone ${zone} of ${Name} is not supported`)
  const mode = schedule.FlexibleTimeWindow?.Mode ?? 'OFF'
  if (mode !== 'OFF') throw new Error(`FlexibleTimeWindow ${mode} of ${Name} is not supported`)
  return {
    name: Name,
    arn,
    expression: ScheduleExpression,
    enabled: State === 'ENABLED',
    due: parseScheduleExpression(ScheduleExpression),
    nextAtMs: undefined,
    targets: [Target],
    // Scheduler sends its detail as a text.
    event: (timeMs) => scheduledEvent('aws.scheduler', arn, timeMs, '{}'),
  }
}

function scheduledEvent(source: string, arn: string, timeMs: number, detail: unknown): object {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source,
    account: LOCAL_ACCOUNT_ID,
    time: eventTime(timeMs),
    region: LOCAL_REGION,
    resources: [arn],
    detail,
  }
}
