/**
 * Asynchronous invocation as Lambda does it: two retries after one and two minutes when the
 * function fails, backing off from 1 s to 5 minutes while it is throttled or Lambda itself fails, for six hours at most,
 * then the dead-letter queue. Waits by the local clock.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 * Known gap: events are held in memory; those not yet handled are lost with the runner.
 */

import type { Alarms } from '../alarms.ts'
import type { Clock } from '../clock.ts'
import { AwsError } from '../engine.ts'
import type { QueueSender } from '../sqs/queue-port.ts'
import {
  type AsyncInvocation,
  type InvokeResult,
  isThrottle,
  type LocalFunction,
} from './invocation.ts'

const MINUTE_MS = 60_000
const DEFAULT_RETRIES = 2
const DEFAULT_MAXIMUM_AGE_SECONDS = 6 * 3600
const FIRST_THROTTLE_DELAY_MS = 1000
const LONGEST_THROTTLE_DELAY_MS = 5 * MINUTE_MS
/** SQS attributes of a dead letter hold at most this much of the error. */
const ERROR_MESSAGE_CHARACTERS = 1024

export interface AsyncInvokerOptions {
  clock: Clock
  alarms: Alarms
  queues: QueueSender | undefined
  execute: (fn: LocalFunction, requestId: string, body: string) => Promise<InvokeResult>
}

export function createAsyncInvoker({ clock, alarms, queues, execute }: AsyncInvokerOptions) {
  const bury = async (fn: LocalFunction, requestId: string, body: string, error: string) => {
    if (!fn.deadLetterQueueArn) return
    await queues?.send(fn.deadLetterQueueArn, body, {
      attributes: {
        RequestID: { DataType: 'String', StringValue: requestId },
        ErrorCode: { DataType: 'Number', StringValue: '200' },
        ErrorMessage: {
          DataType: 'String',
          StringValue: error.slice(0, ERROR_MESSAGE_CHARACTERS) || 'Event is too old',
        },
      },
    })
  }

  return function acceptAsync(fn: LocalFunction, requestId: string, body: string): AsyncInvocation {
    const retries = fn.asyncRetries ?? DEFAULT_RETRIES
    const ageSeconds = fn.asyncMaximumAgeSeconds ?? DEFAULT_MAXIMUM_AGE_SECONDS
    const tooOldMs = clock.now() + ageSeconds * 1000
    let failures = 0
    let throttleDelayMs = FIRST_THROTTLE_DELAY_MS

    const attempt = async (): Promise<InvokeResult | undefined> => {
      let result: InvokeResult | undefined
      try {
        result = await execute(fn, requestId, body)
      } catch (error) {
        if (!(error instanceof AwsError && (isThrottle(error) || error.status >= 500))) throw error
      }
      if (result && !result.functionError) return result
      const delayMs = result ? ++failures * MINUTE_MS : throttleDelayMs
      if (!result) throttleDelayMs = Math.min(throttleDelayMs * 2, LONGEST_THROTTLE_DELAY_MS)
      const againMs = clock.now() + delayMs
      if (failures > retries || againMs > tooOldMs) {
        await bury(fn, requestId, body, result?.payload ?? '')
      } else {
        alarms.set(againMs, () => void attempt())
      }
      return result
    }

    return { requestId, firstAttempt: attempt() }
  }
}
