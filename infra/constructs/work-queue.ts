/** A queue born whole: dead-letter queue, worker, event source mapping, grants and alarms. */
import { Duration } from 'aws-cdk-lib'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import * as sqs from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import type { EnvName } from '../../shared/platform/env-names.ts'
import type { Stage } from '../stages.ts'
import { DeadLetterQueue } from './dead-letter-queue.ts'
import { ServiceAlarm } from './service-alarm.ts'
import type { ServiceFunction } from './service-function.ts'

/** Longer than a worker's 300 s, so that a message never comes back while its worker lives. */
const VISIBILITY_SECONDS = 330

/** Five attempts outlast a short outage of a provider; longer ones end in `held`, not in a retry. */
const MAX_RECEIVES = 5

interface WorkQueueProps {
  stage: Stage
  name: string
  worker: ServiceFunction
  /** Variable by which senders find the queue. */
  urlEnv: EnvName
  batchSize: number
  maximumConcurrency: number
  /** A message that waits longer rings the alarm. */
  lateAfterSeconds: number
}

export class WorkQueue extends Construct {
  readonly queue: sqs.Queue
  private readonly urlEnv: EnvName

  constructor(scope: Construct, id: string, props: WorkQueueProps) {
    super(scope, id)
    const { stage, name, worker } = props
    if (worker.timeoutSeconds >= VISIBILITY_SECONDS) {
      throw new Error(`${worker.name} may run longer than ${name} hides its messages`)
    }
    this.urlEnv = props.urlEnv
    const deadLetters = new DeadLetterQueue(this, 'DeadLetters', {
      stage,
      name,
      means: `The worker gave up on a message of the ${name} queue.`,
    })
    this.queue = new sqs.Queue(this, 'Queue', {
      queueName: `portage-${stage.name}-${name}`,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.seconds(VISIBILITY_SECONDS),
      deadLetterQueue: { queue: deadLetters.queue, maxReceiveCount: MAX_RECEIVES },
    })
    worker.allow({
      actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
      resources: [this.queue.queueArn],
    })
    new lambda.EventSourceMapping(this, 'Mapping', {
      target: worker.lambda,
      eventSourceArn: this.queue.queueArn,
      batchSize: props.batchSize,
      maxConcurrency: props.maximumConcurrency,
      reportBatchItemFailures: true,
    })
    new ServiceAlarm(this, 'Late', {
      stage,
      name: `${name}-late`,
      severity: 'high',
      means: `The oldest message of the ${name} queue waits for more than ${props.lateAfterSeconds} s.`,
      metric: this.queue.metricApproximateAgeOfOldestMessage({ period: Duration.minutes(5) }),
      above: props.lateAfterSeconds,
    })
  }

  letSend(fn: ServiceFunction): void {
    fn.setEnv(this.urlEnv, this.queue.queueUrl)
    fn.allow({ actions: ['sqs:SendMessage'], resources: [this.queue.queueArn] })
  }
}
