import { listOf, objectOf } from '../template/json.ts'
import type { ResolvedResource } from '../template/resolve-stacks.ts'
import { failureOf } from '../template/template-error.ts'
import type { Provisioning } from './provisioning.ts'

/** Dimensions whose values are names of resources, and where those names are found. */
const NAMED_BY: Record<string, { type: string; name(resource: ResolvedResource): string }> = {
  QueueName: { type: 'AWS::SQS::Queue', name: (one) => String(one.attributes['QueueName']) },
  FunctionName: { type: 'AWS::Lambda::Function', name: (one) => one.ref },
  TableName: { type: 'AWS::DynamoDB::GlobalTable', name: (one) => one.ref },
  ApiId: { type: 'AWS::ApiGatewayV2::Api', name: (one) => one.ref },
}

/** Nothing rings here; an alarm that watches something that does not exist would never ring anywhere. */
export function checkAlarm(resource: ResolvedResource, cloud: Provisioning): void {
  for (const dimension of listOf(resource.properties['Dimensions'])) {
    const { Name, Value } = objectOf(dimension)
    const namedBy = NAMED_BY[String(Name)]
    if (namedBy === undefined) continue
    if (!cloud.ofType(namedBy.type).some((one) => namedBy.name(one) === Value)) {
      throw failureOf(resource)(`watches ${String(Name)} ${String(Value)}, which does not exist`)
    }
  }
}
