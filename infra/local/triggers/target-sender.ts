/**
 * Hands events to the targets of rules and schedules: queues and functions.
 *
 * Rules: what cannot be delivered is tried again with growing pauses until the target's retry
 * policy is exhausted (185 times, 24 hours by default), then it goes to the target's dead-letter
 * queue or is dropped; a target that does not exist is not tried again.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
 * Known gaps: no InputPath and no InputTransformer (an error when the template is loaded).
 */

import { createAlarms } from '../alarms.ts'
import type { Clock } from '../clock.ts'
import { AwsError } from '../engine.ts'
import {
  type AsyncInvocation,
  type FunctionInvoker,
  functionNameOf,
  isThrottle,
} from '../lambda/invocation.ts'
import type { QueueSender } from '../sqs/queue-port.ts'
import type { RuleTarget } from './rule.ts'

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
  'SqsParameters',
  'DeadLetterConfig',
  'RetryPolicy',
])

export interface TargetSender {
  /** Resolves when the target or its dead-letter queue has the event; rejects when closed before. */
  deliver(
    target: RuleTarget,
    sourceArn: string,
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
  if (target.Input?.includes('<aws.scheduler.')) {
    throw new Error(`Context attributes in the input of ${owner} are not supported`)
  }
}

export function createTargetSender({ sqs, lambda, clock }: TargetSenderOptions): TargetSender {
  const alarms = createAlarms(clock)
  const waiting = new Set<(reason: Error) => void>()
  let closed = false

  const pause = async (delayMs: number): Promise<void> => {
    if (closed) throw closing()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    waiting.add(reject)
    alarms.set(clock.now() + delayMs, resolve)
    await promise
    waiting.delete(reject)
  }

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

  const bury = async (target: RuleTarget, sourceArn: string, payload: unknown, error: unknown) => {
    const queueArn = target.DeadLetterConfig?.Arn
    if (!queueArn) return
    const text = (StringValue: string) => ({ DataType: 'String', StringValue })
    await sqs.send(queueArn, JSON.stringify(payload), {
      attributes: {
        RULE_ARN: text(sourceArn),
        TARGET_ARN: text(target.Arn),
        ERROR_CODE: text(error instanceof AwsError ? error.code : 'INTERNAL_ERROR'),
        ERROR_MESSAGE: text(error instanceof Error ? error.message || 'unknown' : String(error)),
      },
    })
  }

  return {
    deliver: async (target, sourceArn, event) => {
      const payload: unknown = target.Input === undefined ? event : JSON.parse(target.Input)
      const retries = target.RetryPolicy?.MaximumRetryAttempts ?? DEFAULT_RETRIES
      const ageSeconds = target.RetryPolicy?.MaximumEventAgeInSeconds ?? DEFAULT_MAXIMUM_AGE_SECONDS
      const tooOldMs = clock.now() + ageSeconds * 1000
      let delayMs = FIRST_DELAY_MS
      for (let failures = 0; ; failures++) {
        try {
          return await attempt(target, payload)
        } catch (error) {
          const isFinal = error instanceof AwsError && error.status < 500 && !isThrottle(error)
          if (isFinal || failures >= retries || clock.now() + delayMs > tooOldMs) {
            await bury(target, sourceArn, payload, error)
            return undefined
          }
        }
        await pause(delayMs)
        delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)
      }
    },
    clockMoved: () => alarms.clockMoved(),
    close: () => {
      closed = true
      alarms.close()
      for (const reject of waiting) reject(closing())
    },
  }
}

const closing = (): Error => new Error('The local cloud is closing')
