import type { EdgeDistribution } from '../edge/distribution.ts'
import type { HttpRoute } from '../http-api/http-api-types.ts'
import type { LocalFunction } from '../lambda/invocation.ts'
import type { PolicyDocument } from '../policy-document.ts'
import type { Json } from '../template/json.ts'
import type { ResolvedResource } from '../template/resolve-stacks.ts'
import type { QueueMappingProperties } from '../triggers/queue-mapping-settings.ts'
import type { EventRule, SchedulerSchedule } from '../triggers/rule.ts'
import type { StreamMappingProperties } from '../triggers/stream-mapping-settings.ts'
import type { CloudEngines } from './cloud-engines.ts'

/** A function's role as the gateway has to know it. */
interface RolePrincipal {
  arn: string
  functionName: string
  policies: PolicyDocument[]
}

/** An API with its routes. */
interface ProvisionedApi {
  apiId: string
  domainName: string
  routes: HttpRoute[]
}

/** What creating the resources works with, and what it leaves for the runner to start. */
export interface Provisioning {
  readonly engines: CloudEngines
  /** Object key in the assets bucket -> path. */
  readonly assets: ReadonlyMap<string, string>
  /** Every resource of a type, over all stacks. */
  ofType(type: string): ResolvedResource[]
  trace(stackName: string, value: Json): ResolvedResource | undefined

  readonly functions: Omit<LocalFunction, 'credentials'>[]
  readonly principals: RolePrincipal[]
  readonly apis: ProvisionedApi[]
  readonly mappings: QueueMappingProperties[]
  readonly streamMappings: StreamMappingProperties[]
  readonly rules: EventRule[]
  readonly schedules: SchedulerSchedule[]
  readonly distributions: EdgeDistribution[]
}
