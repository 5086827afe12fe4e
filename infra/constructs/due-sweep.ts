/** Every minute the sweep reads what is due and restarts what nobody works on. */
import { Duration } from 'aws-cdk-lib'
import * as events from 'aws-cdk-lib/aws-events'
import * as targets from 'aws-cdk-lib/aws-events-targets'
import { Construct } from 'constructs'
import type { Stage } from '../stages.ts'
import { ServiceAlarm } from './service-alarm.ts'
import type { ServiceFunction } from './service-function.ts'

export class DueSweep extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { stage, sweep }: { stage: Stage; sweep: ServiceFunction },
  ) {
    super(scope, id)
    new events.Rule(this, 'Rule', {
      ruleName: `portage-${stage.name}-sweep-due`,
      description: 'Wakes the sweep of what is due',
      schedule: events.Schedule.rate(Duration.minutes(1)),
      targets: [new targets.LambdaFunction(sweep.lambda)],
    })
    new ServiceAlarm(this, 'Failing', {
      stage,
      name: 'sweep-due-failing',
      severity: 'critical',
      means: 'The sweep fails: dead workers and lost events are not repaired.',
      metric: sweep.lambda.metricErrors({ period: Duration.minutes(5) }),
      above: 1,
      periods: 2,
    })
  }
}
