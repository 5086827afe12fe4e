import { readDistribution } from '../edge/read-distribution.ts'
import type { ResolvedResource } from '../template/resolve-stacks.ts'
import type { Provisioning } from './provisioning.ts'

export function createDistribution(resource: ResolvedResource, cloud: Provisioning): void {
  cloud.distributions.push(
    readDistribution(resource, {
      functions: cloud.ofType('AWS::CloudFront::Function'),
      cachePolicies: cloud.ofType('AWS::CloudFront::CachePolicy'),
      originRequestPolicies: cloud.ofType('AWS::CloudFront::OriginRequestPolicy'),
      responseHeadersPolicies: cloud.ofType('AWS::CloudFront::ResponseHeadersPolicy'),
      originAccessControls: cloud.ofType('AWS::CloudFront::OriginAccessControl'),
      trace: (value) => cloud.trace(resource.stackName, value),
    }),
  )
}
