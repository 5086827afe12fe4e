import { randomUUID } from 'node:crypto'
import { AwsError } from '../engine.ts'
import { invalidValue } from './message-rules.ts'
import { type Queue, type QueueService, queueName } from './queue-service.ts'

/** An entry of ListMessageMoveTasks. */
interface MoveTask {
  Status: 'COMPLETED' | 'FAILED'
  SourceArn: string
  DestinationArn?: string
  ApproximateNumberOfMessagesMoved: number
  ApproximateNumberOfMessagesToMove: number
  FailureReason?: string
  StartedTimestamp: number
}

/**
 * Moves what a dead-letter queue holds to `destinationArn`, or back to where each message came from.
 * "Redriven messages are considered new messages with a new messageID and enqueueTime."
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
 */
export function startMoveTask(
  service: QueueService,
  sourceArn: string,
  destinationArn: string | undefined,
): string {
  const source = findQueue(service, sourceArn)
  if (service.deadLetterSources(sourceArn).length === 0) {
    throw invalidValue('Source queue must be configured as a Dead Letter Queue.')
  }
  const destination = destinationArn === undefined ? undefined : findQueue(service, destinationArn)
  const { store } = service
  const nowMs = service.clock.now()
  const woken = new Set<Queue>()
  // One transaction moves everything, so that a task is never seen half done.
  store.transaction(() => {
    const toMove = service.counts(source).available
    let moved = 0
    let failure: string | undefined
    for (const message of store.ready(source.settings.name)) {
      const target = destination ?? service.all().find(({ arn }) => arn === message.source_arn)
      if (target === undefined) {
        failure = 'CouldNotDetermineMessageSource'
        break
      }
      store.sendAgain(message.seq, target.settings.name, randomUUID(), nowMs)
      woken.add(target)
      moved += 1
    }
    const task: MoveTask = {
      Status: failure === undefined ? 'COMPLETED' : 'FAILED',
      SourceArn: sourceArn,
      ...(destinationArn !== undefined && { DestinationArn: destinationArn }),
      ApproximateNumberOfMessagesMoved: moved,
      ApproximateNumberOfMessagesToMove: toMove,
      ...(failure !== undefined && { FailureReason: failure }),
      StartedTimestamp: nowMs,
    }
    store.saveMoveTask(sourceArn, nowMs, task)
  })
  for (const queue of woken) service.wake(queue)
  return Buffer.from(JSON.stringify({ taskId: randomUUID(), sourceArn })).toString('base64')
}

function findQueue(service: QueueService, arn: string): Queue {
  const queue = service.all().find((candidate) => candidate.settings.name === queueName(arn))
  if (queue !== undefined) return queue
  throw new AwsError(
    'ResourceNotFoundException',
    "The resource that you specified for the SourceArn or DestinationArn parameter doesn't exist.",
    404,
  )
}
