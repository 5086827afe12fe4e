/** How SQS and schedules wake our code: parse, run, and report what failed so that only it comes again. */
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import middy from '@middy/core'
import type { Context, EventBridgeEvent, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import type * as z from 'zod'
import { type Clock, systemClock } from './clock.ts'
import { log, loggable } from './log.ts'

export interface Invocation {
  /** When Lambda ends the invocation, in milliseconds of the injected clock. */
  deadlineMs: number
}

/**
 * Handler of a queue mapping that reports batch item failures
 * (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html). A message that
 * fails is retried by the queue and at last held by its dead-letter queue.
 */
export function queueHandler<Schema extends z.ZodType>(
  schema: Schema,
  run: (message: z.output<Schema>, invocation: Invocation) => Promise<void>,
  clock: Clock = systemClock,
) {
  return middy<SQSEvent, SQSBatchResponse>()
    .use(injectLambdaContext(log, { logEvent: false, resetKeys: true }))
    .handler(async (event, context: Context) => {
      const deadlineMs = clock.now() + context.getRemainingTimeInMillis()
      const outcomes = await Promise.allSettled(
        event.Records.map(async (record) =>
          run(schema.parse(JSON.parse(record.body)), { deadlineMs }),
        ),
      )
      const failed = outcomes.flatMap((outcome, index) => {
        if (outcome.status === 'fulfilled') return []
        const itemIdentifier = event.Records[index]?.messageId ?? ''
        log.error('Message failed', {
          messageId: itemIdentifier,
          failure: loggable(outcome.reason),
        })
        return [{ itemIdentifier }]
      })
      return { batchItemFailures: failed }
    })
}

/** Handler of a schedule. */
export function scheduleHandler(run: () => Promise<Record<string, number>>) {
  return middy<EventBridgeEvent<string, unknown>, void>()
    .use(injectLambdaContext(log, { logEvent: false, resetKeys: true }))
    .handler(async () => {
      log.info('Schedule ran', await run())
    })
}
