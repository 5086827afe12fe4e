/** Holds what could not be processed for 14 days, the longest SQS keeps a message, and rings at the first one. */
import { Duration, Validations } from 'aws-cdk-lib'
import * as sqs from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import type { Stage } from '../stages.ts'
import { ServiceAlarm } from './service-alarm.ts'

export class DeadLetterQueue extends Construct {
  readonly queue: sqs.Queue

  constructor(
    scope: Construct,
    id: string,
    { stage, name, means }: { stage: Stage; name: string; means: string },
  ) {
    super(scope, id)
    this.queue = new sqs.Queue(this, 'Queue', {
      queueName: `portage-${stage.name}-${name}-dead-letters`,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    })
    Validations.of(this.queue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'This is a dead-letter queue; the rule does not see it when EventBridge fills it.',
    })
    new ServiceAlarm(this, 'Filled', {
      stage,
      name: `${name}-dead-letters`,
      severity: 'critical',
      means,
      metric: this.queue.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(1),
        statistic: 'max',
      }),
      above: 0,
    })
  }
}
