/**
 * Asynchronous invocation as Lambda does it.
 *
 * Rules: an accepted event survives `kill -9`; two retries, after one and two minutes, when the
 * function fails; while it is throttled or Lambda itself fails, tries that back off from 1 s to 5
 * minutes and count for nothing; six hours at most; then the dead-letter queue and the OnFailure
 * destination. Waits by the local clock. What ran when the runner was killed runs again: "Lambda
 * might invoke the function with the same event more than once".
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 *
 * Known gaps: destinations are SQS queues only, and there is none for success (an error when the
 * template is loaded); a dead letter that its queue refuses is dropped with a line on stderr, where
 * AWS counts DestinationDeliveryFailures.
 *
 * On disk: `<dataDir>/async.db`.
 */
import type { Alarms } from '../alarms.ts'
import type { Clock } from '../clock.ts'
import { AwsError } from '../engine.ts'
import type { QueueSender } from '../sqs/queue-port.ts'
import { type AsyncEvent, AsyncEvents } from './async-events.ts'
import {
  type AsyncInvocation,
  functionArn,
  type InvokeResult,
  isThrottle,
  type LocalFunction,
} from './invocation.ts'

const MINUTE_MS = 60_000
const DEFAULT_RETRIES = 2
const DEFAULT_MAXIMUM_AGE_SECONDS = 6 * 3600
const FIRST_REFUSAL_DELAY_MS = 1000
const LONGEST_REFUSAL_DELAY_MS = 5 * MINUTE_MS
/** SQS attributes of a dead letter hold at most this much of the error. */
const ERROR_MESSAGE_CHARACTERS = 1024

export interface AsyncInvokerOptions {
  dataDir: string
  clock: Clock
  alarms: Alarms
  queues: QueueSender | undefined
  /** Undefined when the function is not (or no longer) registered. */
  findFunction: (functionName: string) => LocalFunction | undefined
  execute: (fn: LocalFunction, event: AsyncEvent) => Promise<InvokeResult>
}

export interface AsyncInvoker {
  /** The event is on disk when this returns. */
  accept(
    functionName: string,
    event: { requestId: string; body: string; traceHeader: string | undefined },
  ): AsyncInvocation
  /** Goes on with what an earlier run left; call it when everything that functions need is there. */
  resume(): void
  /** Call it when no execution is under way any more. */
  close(): Promise<void>
}

/** How an event ended without success. */
interface Failure {
  condition: 'RetriesExhausted' | 'EventAgeExceeded'
  result: InvokeResult | undefined
  message: string
}

export function createAsyncInvoker(options: AsyncInvokerOptions): AsyncInvoker {
  const { clock, alarms, queues, findFunction, execute } = options
  const events = new AsyncEvents(options.dataDir)
  const taken = new Set<string>()
  const attempts = new Set<Promise<unknown>>()
  let closed = false

  const bury = async (fn: LocalFunction, event: AsyncEvent, failure: Failure) => {
    const letters: [string | undefined, () => unknown][] = [
      [fn.deadLetterQueueArn, () => sendDeadLetter(queues, fn, event, failure)],
      [
        fn.onFailureArn,
        () =>
          queues?.send(
            fn.onFailureArn ?? '',
            JSON.stringify(failureRecord(event, failure, clock.now())),
          ),
      ],
    ]
    for (const [arn, send] of letters) {
      if (arn === undefined) continue
      try {
        await send()
      } catch (error) {
        // Nobody else will ever ask for it: Lambda drops such an event too.
        process.stderr.write(`lambda: ${arn} took no event of ${fn.name}: ${String(error)}\n`)
      }
    }
    events.remove(event.requestId)
  }

  const attempt = async (requestId: string): Promise<InvokeResult | undefined> => {
    const event = events.find(requestId)
    const fn = event && findFunction(event.functionName)
    if (!event || !fn) {
      events.remove(requestId)
      return undefined
    }
    const maximumAgeMs = (fn.asyncMaximumAgeSeconds ?? DEFAULT_MAXIMUM_AGE_SECONDS) * 1000
    const tooOldMs = event.acceptedMs + maximumAgeMs
    if (clock.now() > tooOldMs) {
      await bury(fn, event, tooOld)
      return undefined
    }
    let result: InvokeResult | undefined
    try {
      result = await execute(fn, event)
    } catch (error) {
      if (closed) return undefined
      const isPassing = !(error instanceof AwsError) || isThrottle(error) || error.status >= 500
      if (!isPassing) {
        const message = error.message
        await bury(fn, event, { condition: 'RetriesExhausted', result: undefined, message })
        return undefined
      }
    }
    if (result && !result.functionError) {
      events.remove(requestId)
      return result
    }
    // What the closing killed was not the function's fault; the next start tries again.
    if (closed) return result
    const after = result
      ? { ...event, failures: event.failures + 1, refusals: 0 }
      : { ...event, refusals: event.refusals + 1 }
    const againMs = clock.now() + (result ? after.failures * MINUTE_MS : refusalDelayMs(after))
    if (after.failures > (fn.asyncRetries ?? DEFAULT_RETRIES)) {
      const message = result?.payload ?? ''
      await bury(fn, after, { condition: 'RetriesExhausted', result, message })
    } else if (againMs > tooOldMs) {
      await bury(fn, after, { ...tooOld, result })
    } else {
      events.postpone(after, againMs)
      alarms.set(againMs, () => void begin(requestId))
    }
    return result
  }

  /** Never rejects: nobody may be waiting for an attempt. */
  const begin = (requestId: string): Promise<InvokeResult | undefined> => {
    if (closed) return Promise.resolve(undefined)
    const running = attempt(requestId).catch((error: unknown) => {
      // The event is still on disk and is tried again after the next start.
      process.stderr.write(`lambda: asynchronous event ${requestId} waits: ${String(error)}\n`)
      return undefined
    })
    attempts.add(running)
    void running.finally(() => attempts.delete(running))
    return running
  }

  return {
    accept: (functionName, { requestId, body, traceHeader = null }) => {
      events.add({ requestId, functionName, body, traceHeader, acceptedMs: clock.now() })
      taken.add(requestId)
      return { requestId, firstAttempt: begin(requestId) }
    },
    resume: () => {
      for (const { requestId, nextMs } of events.waiting()) {
        if (taken.has(requestId)) continue
        taken.add(requestId)
        alarms.set(nextMs, () => void begin(requestId))
      }
    },
    close: async () => {
      if (closed) return
      closed = true
      await Promise.all(attempts)
      events.close()
    },
  }
}

const tooOld: Failure = {
  condition: 'EventAgeExceeded',
  result: undefined,
  message: 'Event is too old',
}

const refusalDelayMs = ({ refusals }: AsyncEvent): number =>
  Math.min(FIRST_REFUSAL_DELAY_MS * 2 ** (refusals - 1), LONGEST_REFUSAL_DELAY_MS)

function sendDeadLetter(
  queues: QueueSender | undefined,
  fn: LocalFunction,
  { requestId, body }: AsyncEvent,
  { message }: Failure,
): unknown {
  return queues?.send(fn.deadLetterQueueArn ?? '', body, {
    attributes: {
      RequestID: { DataType: 'String', StringValue: requestId },
      ErrorCode: { DataType: 'Number', StringValue: '200' },
      ErrorMessage: {
        DataType: 'String',
        StringValue: message.slice(0, ERROR_MESSAGE_CHARACTERS) || 'Unknown',
      },
    },
  })
}

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
function failureRecord(event: AsyncEvent, { condition, result }: Failure, nowMs: number): object {
  return {
    version: '1.0',
    timestamp: new Date(nowMs).toISOString(),
    requestContext: {
      requestId: event.requestId,
      functionArn: `${functionArn(event.functionName)}:$LATEST`,
      condition,
      approximateInvokeCount: event.failures,
    },
    requestPayload: JSON.parse(event.body),
    ...(result && {
      responseContext: {
        statusCode: 200,
        executedVersion: '$LATEST',
        functionError: result.functionError,
      },
      responsePayload: JSON.parse(result.payload),
    }),
  }
}
