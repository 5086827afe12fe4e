/** S3 says that a file has arrived: Object Created under `staging/` goes to the intake queue. */
import * as events from 'aws-cdk-lib/aws-events'
import * as targets from 'aws-cdk-lib/aws-events-targets'
import { Construct } from 'constructs'
import { STAGING_PREFIX } from '../../shared/platform/env-names.ts'
import type { Stage } from '../stages.ts'
import { DeadLetterQueue } from './dead-letter-queue.ts'
import type { StagingBucket } from './staging-bucket.ts'
import type { WorkQueue } from './work-queue.ts'

interface IntakeRuleProps {
  stage: Stage
  staging: StagingBucket
  intake: WorkQueue
}

export class IntakeRule extends Construct {
  constructor(scope: Construct, id: string, { stage, staging, intake }: IntakeRuleProps) {
    super(scope, id)
    const deadLetters = new DeadLetterQueue(this, 'DeadLetters', {
      stage,
      name: 'object-created',
      means: 'EventBridge could not hand an Object Created event to the intake queue.',
    })
    new events.Rule(this, 'Rule', {
      ruleName: `portage-${stage.name}-object-created`,
      description: 'A client file has arrived in the staging bucket',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: {
          bucket: { name: [staging.bucket.bucketName] },
          object: { key: [{ prefix: STAGING_PREFIX }] },
        },
      },
      targets: [new targets.SqsQueue(intake.queue, { deadLetterQueue: deadLetters.queue })],
    })
  }
}
