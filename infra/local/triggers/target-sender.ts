/**
 * Hands events to the targets of rules and schedules: queues and functions.
 *
 * Rules: Input, InputPath or InputTransformer makes what is sent; what cannot be delivered is tried
 * again with growing pauses until the target's retry policy is exhausted (185 times, 24 hours by
 * default), then it goes to the target's dead-letter queue with the reason or is dropped; a target
 * that does not exist is not tried again.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
 * Known gaps: queues and functions only (others are an error when the template is loaded); a dead
 * letter that its queue refuses is dropped with a line on stderr.
 */
import type { Clock } from '../clock.ts'
import { AwsError } from '../engine.ts'
import {
  type AsyncInvocation,
  type FunctionInvoker,
  functionNameOf,
  isThrottle,
} from '../lambda/invocation.ts'
import type { QueueSender } from '../sqs/queue-port.ts'
import { createPauses } from './pauses.ts'
import type { RuleTarget } from './rule.ts'
import { checkTargetInput, targetInput } from './target-input.ts'

const DEFAULT_RETRIES = 185
const DEFAULT_MAXIMUM_AGE_SECONDS = 24 * 3600
const FIRST_DELAY_MS = 1000
const LONGEST_DELAY_MS = 5 * 60_000
/** Members of a target that are obeyed, or that only name the role, which is checked at AWS. */
const KNOWN_MEMBERS = new Set([
  'Id',
  'Arn',
  'RoleArn',
  'Input',
  'InputPath',
  'InputTransformer',
  'SqsParameters',
  'DeadLetterConfig',
  'RetryPolicy',
])

/** The rule or schedule that sends. */
export interface DeliverySource {
  sourceArn: string
  name: string
  /** When it matched the event, or was due. */
  nowMs: number
}

export interface TargetSender {
  /** Resolves when the target or its dead-letter queue has the event; rejects when closed before. */
  deliver(
    target: RuleTarget,
    source: DeliverySource,
    event: object,
  ): Promise<AsyncInvocation | undefined>
  clockMoved(): void
  close(): void
}

export interface TargetSenderOptions {
  sqs: QueueSender
  lambda: FunctionInvoker
  clock: Clock
}

/** Throws for what would be ignored silently. */
export function checkTarget(owner: string, target: RuleTarget): void {
  for (const member of Object.keys(target)) {
    if (!KNOWN_MEMBERS.has(member))
      throw new Error(`${member} of a target of ${owner} is not supported`)
  }
  if (!/^arn:aws:(sqs|lambda):/.test(target.Arn)) {
    throw new Error(`Target ${target.Arn} of ${owner} is not supported`)
  }
  checkTargetInput(owner, target)
}

export function createTargetSender({ sqs, lambda, clock }: TargetSenderOptions): TargetSender {
  const pauses = createPauses(clock)
  let closed = false

  const attempt = async (
    target: RuleTarget,
    payload: unknown,
  ): Promise<AsyncInvocation | undefined> => {
    if (target.Arn.startsWith('arn:aws:lambda:')) {
      return lambda.invokeAsync(functionNameOf(target.Arn), payload)
    }
    const groupId = target.SqsParameters?.MessageGroupId
    await sqs.send(target.Arn, JSON.stringify(payload), groupId === undefined ? {} : { groupId })
    return undefined
  }

  const bury = async (
    target: RuleTarget,
    { sourceArn, nowMs }: DeliverySource,
    failure: Failure,
  ) => {
    const queueArn = target.DeadLetterConfig?.Arn
    if (!queueArn) return
    const { payload, error, retries, exhausted } = failure
    const isSchedule = sourceArn.startsWith('arn:aws:scheduler:')
    const attributes = {
      [isSchedule ? 'SCHEDULE_ARN' : 'RULE_ARN']: sourceArn,
      TARGET_ARN: target.Arn,
      ERROR_CODE: error instanceof AwsError ? error.code : 'INTERNAL_ERROR',
      ERROR_MESSAGE: error instanceof Error ? error.message || 'unknown' : String(error),
      RETRY_ATTEMPTS: String(retries),
      ...(exhausted && { EXHAUSTED_RETRY_CONDITION: exhausted }),
      ...(isSchedule && { SCHEDULED_TIME: new Date(nowMs).toISOString() }),
    }
    try {
      await sqs.send(queueArn, JSON.stringify(payload), {
        attributes: Object.fromEntries(
          Object.entries(attributes).map(([name, StringValue]) => [
            name,
            { DataType: 'String', StringValue },
          ]),
        ),
      })
    } catch (unburied) {
      // EventBridge counts InvocationsFailedToBeSentToDlq and drops the event.
      process.stderr.write(`events: ${queueArn} took no dead letter: ${String(unburied)}\n`)
    }
  }

  return {
    deliver: async (target, source, event) => {
      const startMs = clock.now()
      let payload: unknown = event
      const retryLimit = target.RetryPolicy?.MaximumRetryAttempts ?? DEFAULT_RETRIES
      const ageSeconds = target.RetryPolicy?.MaximumEventAgeInSeconds ?? DEFAULT_MAXIMUM_AGE_SECONDS
      const tooOldMs = startMs + ageSeconds * 1000
      let delayMs = FIRST_DELAY_MS
      for (let retries = 0; ; retries++) {
        try {
          payload = targetInput(target, event, source)
          return await attempt(target, payload)
        } catch (error) {
          const isFinal = error instanceof AwsError && error.status < 500 && !isThrottle(error)
          const exhausted = exhaustion(retries >= retryLimit, clock.now() + delayMs > tooOldMs)
          if (isFinal || exhausted) {
            const failure = { payload, error, retries, ...(!isFinal && exhausted && { exhausted }) }
            await bury(target, source, failure)
            return undefined
          }
        }
        await pauses.pause(delayMs)
        if (closed) throw new Error('The local cloud is closing')
        delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)
      }
    },
    clockMoved: () => pauses.clockMoved(),
    close: () => {
      closed = true
      pauses.close()
    },
  }
}

type Exhaustion = 'MaximumRetryAttempts' | 'MaximumEventAgeInSeconds'

interface Failure {
  payload: unknown
  error: unknown
  retries: number
  /** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-message */
  exhausted?: Exhaustion
}

function exhaustion(isTriedOut: boolean, isTooOld: boolean): Exhaustion | undefined {
  if (isTriedOut) return 'MaximumRetryAttempts'
  return isTooOld ? 'MaximumEventAgeInSeconds' : undefined
}
