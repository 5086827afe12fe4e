import { randomUUID } from 'node:crypto'
import { AwsError } from '../engine.ts'
import { invalidValue } from './message-rules.ts'
import { type Queue, type QueueService, queueName } from './queue-service.ts'
import type { MoveTask, NumberedTask } from './queue-store.ts'

/** How often a running task looks at the clock, which may have been moved. */
const STEP_MS = 200

/**
 * Tasks that move what a dead-letter queue holds to a named queue, or back to where each message
 * came from. "Redriven messages are considered new messages with a new messageID and enqueueTime."
 * A task without a rate moves everything in its first step, one with a rate that many in each
 * second that it runs; a restart goes on where the last step ended.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
 */
export class MoveTasks {
  readonly #service: QueueService
  #timer: NodeJS.Timeout | undefined

  constructor(service: QueueService) {
    this.#service = service
    this.step()
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  /** Gives the handle by which the task can be cancelled. */
  start(
    sourceArn: string,
    destinationArn: string | undefined,
    messagesPerSecond: number | undefined,
  ): string {
    const source = this.#findQueue(sourceArn)
    if (this.#service.deadLetterSources(sourceArn).length === 0) {
      throw invalidValue('Source queue must be configured as a Dead Letter Queue.')
    }
    if (destinationArn !== undefined) this.#findQueue(destinationArn)
    this.step()
    if (this.#service.store.moveTasks(sourceArn, 1)[0]?.task.status === 'RUNNING') {
      throw invalidValue(
        'There is already a task running. Only one active task is allowed for a source queue arn at a given time.',
      )
    }
    const task: MoveTask = {
      id: randomUUID(),
      status: 'RUNNING',
      sourceArn,
      destinationArn,
      messagesPerSecond,
      toMove: this.#service.counts(source).available,
      moved: 0,
      failureReason: undefined,
      startedMs: this.#service.clock.now(),
    }
    this.#service.store.addMoveTask(task)
    this.step()
    return handleOf(task)
  }

  /** "Cancelling does not revert the messages that have already been moved"; tells how many were. */
  cancel(handle: string): number {
    this.step()
    const { id, sourceArn } = readMoveHandle(handle)
    const found = this.#service.store
      .moveTasks(sourceArn, Number.MAX_SAFE_INTEGER)
      .find(({ task }) => task.id === id)
    if (found === undefined) throw notFound('Task does not exist.')
    if (found.task.status !== 'RUNNING') throw notFound('Only active tasks can be cancelled.')
    this.#service.store.saveMoveTask(found.number, { ...found.task, status: 'CANCELLED' })
    return found.task.moved
  }

  /** Entries of ListMessageMoveTasks, the newest first. */
  list(sourceArn: string, count: number): object[] {
    this.#findQueue(sourceArn)
    this.step()
    return this.#service.store.moveTasks(sourceArn, count).map(({ task }) => ({
      // "It is only populated if the status of the task is RUNNING."
      ...(task.status === 'RUNNING' && { TaskHandle: handleOf(task) }),
      Status: task.status,
      SourceArn: task.sourceArn,
      DestinationArn: task.destinationArn,
      MaxNumberOfMessagesPerSecond: task.messagesPerSecond,
      ApproximateNumberOfMessagesMoved: task.moved,
      ApproximateNumberOfMessagesToMove: task.toMove,
      FailureReason: task.failureReason,
      StartedTimestamp: task.startedMs,
    }))
  }

  /** Moves what is due by now and comes back while anything runs. */
  step(): void {
    clearTimeout(this.#timer)
    let running = 0
    for (const numbered of this.#service.store.runningMoveTasks()) {
      if (this.#advance(numbered) === 'RUNNING') running += 1
    }
    if (running > 0) this.#timer = setTimeout(() => this.step(), STEP_MS)
  }

  #advance({ number, task }: NumberedTask): MoveTask['status'] {
    const service = this.#service
    const { store } = service
    const source = service.find(queueName(task.sourceArn))
    const woken = new Set<Queue>()
    const nowMs = service.clock.now()
    if (source !== undefined) service.counts(source)
    // One transaction moves the step's messages and says so: a killed task moves none of them twice.
    const next = store.transaction(() => {
      const step = { ...task }
      const due = Math.min(task.toMove, dueBy(task, nowMs)) - task.moved
      const messages = source === undefined ? [] : store.ready(source.settings.name, due)
      for (const message of messages) {
        const target = service.find(queueName(task.destinationArn ?? message.source_arn ?? ''))
        if (target === undefined) {
          step.status = 'FAILED'
          step.failureReason =
            message.source_arn === null
              ? 'CouldNotDetermineMessageSource'
              : 'AWS.SimpleQueueService.NonExistentQueue'
          break
        }
        store.sendAgain(message.seq, target.settings.name, randomUUID(), nowMs)
        woken.add(target)
        step.moved += 1
      }
      // Consumers of the dead-letter queue may have taken what was to be moved.
      const isDone = step.moved >= task.toMove || messages.length < due
      if (step.status === 'RUNNING' && isDone) step.status = 'COMPLETED'
      store.saveMoveTask(number, step)
      return step
    })
    for (const queue of woken) service.wake(queue)
    return next.status
  }

  #findQueue(arn: string): Queue {
    const queue = this.#service.find(queueName(arn))
    if (queue !== undefined) return queue
    throw notFound(
      "The resource that you specified for the SourceArn or DestinationArn parameter doesn't exist.",
    )
  }
}

/** How many messages of a task may have been moved by now: those of every second that has begun. */
function dueBy(task: MoveTask, nowMs: number): number {
  if (task.messagesPerSecond === undefined) return task.toMove
  return (Math.floor((nowMs - task.startedMs) / 1000) + 1) * task.messagesPerSecond
}

function handleOf(task: MoveTask): string {
  const text = JSON.stringify({ taskId: task.id, sourceArn: task.sourceArn })
  return Buffer.from(text).toString('base64')
}

export function readMoveHandle(handle: string): { id: string; sourceArn: string } {
  const match = /^\{"taskId":"([\w-]+)","sourceArn":"([\w:.-]+)"\}$/.exec(
    Buffer.from(handle, 'base64').toString(),
  )
  if (match === null) throw invalidValue('Value for parameter TaskHandle is invalid.')
  return { id: match[1] ?? '', sourceArn: match[2] ?? '' }
}

function notFound(message: string): AwsError {
  return new AwsError('ResourceNotFoundException', message, 404)
}
