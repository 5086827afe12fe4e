/** The public origin, from which cookies, links and redirect URIs are made. The functions know its name only: it is set after the distribution exists. */
import { Stack } from 'aws-cdk-lib'
import { ENV } from '../../shared/platform/env-names.ts'
import type { Stage } from '../stages.ts'
import type { ServiceFunction } from './service-function.ts'

export function originParameterName(stage: Stage): string {
  return `/portage/${stage.name}/origin`
}

export function letReadOrigin(fn: ServiceFunction, stage: Stage): void {
  const name = originParameterName(stage)
  fn.setEnv(ENV.originParameter, name)
  fn.allow({
    actions: ['ssm:GetParameter'],
    resources: [
      Stack.of(fn).formatArn({
        service: 'ssm',
        resource: 'parameter',
        resourceName: name.slice(1),
      }),
    ],
  })
}
