/** An alarm says how bad it is and which page of the runbook to open. */
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import { Construct } from 'constructs'
import type { Stage } from '../stages.ts'

/** critical: files wait for a human; high: they are late; medium: look within the day. */
type Severity = 'critical' | 'high' | 'medium'

interface ServiceAlarmProps {
  stage: Stage
  /** Also the heading of its page in the runbook. */
  name: string
  severity: Severity
  means: string
  metric: cloudwatch.IMetric
  /** The alarm rings when the metric is above it. */
  above: number
  periods?: number
}

export class ServiceAlarm extends Construct {
  constructor(scope: Construct, id: string, props: ServiceAlarmProps) {
    super(scope, id)
    new cloudwatch.Alarm(this, 'Alarm', {
      alarmName: `portage-${props.stage.name}-${props.name}`,
      alarmDescription: `[${props.severity}] ${props.means} docs/runbook.md#${props.name}`,
      metric: props.metric,
      threshold: props.above,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: props.periods ?? 1,
      // An idle stage reports nothing, which is no reason to ring.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    })
  }
}
