/** The operator's switch: `false` refuses new hand-overs within five minutes, and stops nothing that is under way. */
import * as ssm from 'aws-cdk-lib/aws-ssm'
import { Construct } from 'constructs'
import { ENV } from '../../shared/platform/env-names.ts'
import type { Stage } from '../stages.ts'
import type { ServiceFunction } from './service-function.ts'

export class IntakeSwitch extends Construct {
  private readonly parameter: ssm.StringParameter

  constructor(scope: Construct, id: string, { stage }: { stage: Stage }) {
    super(scope, id)
    this.parameter = new ssm.StringParameter(this, 'Parameter', {
      parameterName: `/portage/${stage.name}/intake-open`,
      description: 'false refuses new hand-overs',
      stringValue: 'true',
    })
  }

  letRead(fn: ServiceFunction): void {
    fn.setEnv(ENV.intakeOpenParameter, this.parameter.parameterName)
    fn.allow({ actions: ['ssm:GetParameter'], resources: [this.parameter.parameterArn] })
  }
}
