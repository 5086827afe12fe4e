/** Functions with the rights of their roles. */
import { existsSync } from 'node:fs'
import { evaluatePolicies, type PolicyPrincipal } from '../gateway/policy.ts'
import type { LocalFunction } from '../lambda/invocation.ts'
import type { PolicyDocument } from '../policy-document.ts'
import { listOf, objectOf } from '../template/json.ts'
import type { ResolvedResource } from '../template/resolve-stacks.ts'
import { failureOf } from '../template/template-error.ts'
import type { Provisioning } from './provisioning.ts'
import { policyOf, requiredText, textOf } from './resource-type.ts'

/** Lambda's own defaults: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html */
const DEFAULT_MEMORY_MB = 128
const DEFAULT_TIMEOUT_SECONDS = 3

/** The runtime whose Node runs everything here. */
const RUNTIME = 'nodejs24.x'

/** All names and values together: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_ENVIRONMENT_BYTES = 4096
/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
const RESERVED_VARIABLE =
  /^(_HANDLER|_X_AMZN_TRACE_ID|LAMBDA_(TASK_ROOT|RUNTIME_DIR)|AWS_((DEFAULT_)?REGION|EXECUTION_ENV|ACCESS_KEY(_ID)?|SECRET_ACCESS_KEY|SESSION_TOKEN|LAMBDA_\w+))$/
/** All inline policies of a role together: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const MAX_INLINE_POLICY_CHARACTERS = 10_240

/** https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaBasicExecutionRole.html */
const MANAGED_POLICIES: Record<string, PolicyDocument> = {
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole': {
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: '*',
    },
  },
}

export function createFunction(resource: ResolvedResource, cloud: Provisioning): void {
  const fail = failureOf(resource)
  const { properties } = resource
  if (properties['Runtime'] !== RUNTIME) {
    throw fail(`runtime ${String(properties['Runtime'])} is not ${RUNTIME}`)
  }
  const role = cloud
    .ofType('AWS::IAM::Role')
    .find(({ attributes }) => attributes['Arn'] === properties['Role'])
  if (role === undefined) throw fail(`role ${String(properties['Role'])} is not in the templates`)
  refuseStrangeLogGroup(resource, cloud)

  const reserved = properties['ReservedConcurrentExecutions']
  cloud.functions.push({
    name: resource.ref,
    codeDir: codeDirOf(resource, cloud),
    handler: requiredText(resource, 'Handler'),
    memoryMb: Number(properties['MemorySize'] ?? DEFAULT_MEMORY_MB),
    timeoutSeconds: Number(properties['Timeout'] ?? DEFAULT_TIMEOUT_SECONDS),
    environment: environmentOf(resource),
    ...(reserved === undefined ? {} : { reservedConcurrency: Number(reserved) }),
    ...recursionOf(resource),
    ...asyncSettingsOf(resource, role, cloud),
  })
  cloud.principals.push({
    arn: String(role.attributes['Arn']),
    functionName: resource.ref,
    policies: policiesOfRole(role, cloud),
  })
}

function recursionOf(resource: ResolvedResource): Pick<LocalFunction, 'recursiveLoop'> {
  const recursiveLoop = textOf(resource, 'RecursiveLoop')
  if (recursiveLoop === undefined) return {}
  if (recursiveLoop === 'Allow' || recursiveLoop === 'Terminate') return { recursiveLoop }
  throw failureOf(resource)(`RecursiveLoop ${recursiveLoop} is neither Allow nor Terminate`)
}

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html */
function asyncSettingsOf(
  resource: ResolvedResource,
  role: ResolvedResource,
  cloud: Provisioning,
): Partial<LocalFunction> {
  const settings: Partial<LocalFunction> = {}
  const deadLetters = objectOf(resource.properties['DeadLetterConfig'])['TargetArn']
  if (deadLetters !== undefined) settings.deadLetterQueueArn = String(deadLetters)

  const configs = cloud
    .ofType('AWS::Lambda::EventInvokeConfig')
    .filter(
      (config) => textOf(config, 'FunctionName')?.replace(/^.*:function:/, '') === resource.ref,
    )
  for (const config of configs) {
    const { MaximumRetryAttempts, MaximumEventAgeInSeconds, Qualifier } = config.properties
    if (Qualifier !== '$LATEST') {
      throw failureOf(config)(`qualifier ${String(Qualifier)} is not $LATEST`)
    }
    if (MaximumRetryAttempts !== undefined) {
      settings.asyncRetries = inRange(config, 'MaximumRetryAttempts', 0, 2)
    }
    if (MaximumEventAgeInSeconds !== undefined) {
      settings.asyncMaximumAgeSeconds = inRange(config, 'MaximumEventAgeInSeconds', 60, 21_600)
    }
    const { OnFailure, ...others } = objectOf(config.properties['DestinationConfig'])
    const [other] = Object.keys(others)
    if (other !== undefined) throw failureOf(config)(`its destination ${other} is not played here`)
    const destination = objectOf(OnFailure)['Destination']
    if (destination !== undefined) settings.onFailureArn = String(destination)
  }
  for (const arn of [settings.deadLetterQueueArn, settings.onFailureArn]) {
    if (arn === undefined) continue
    if (!arn.startsWith('arn:aws:sqs:')) throw failureOf(resource)(`${arn} is not a queue`)
    requireRole(resource, role, 'sqs:SendMessage', arn, cloud)
  }
  return settings
}

function inRange(
  resource: ResolvedResource,
  property: string,
  least: number,
  most: number,
): number {
  const value = Number(resource.properties[property])
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw failureOf(resource)(`${property} must be a whole number from ${least} to ${most}`)
}

/** Everything that the role may do: inline, attached by policy resources, and managed. */
export function policiesOfRole(role: ResolvedResource, cloud: Provisioning): PolicyDocument[] {
  const attached = (type: string) =>
    cloud
      .ofType(type)
      .filter((policy) => listOf(policy.properties['Roles']).includes(role.ref))
      .map((policy) => policyOf(policy, policy.properties['PolicyDocument']))
  const inline = [
    ...listOf(role.properties['Policies']).map((policy) =>
      policyOf(role, objectOf(policy)['PolicyDocument']),
    ),
    ...attached('AWS::IAM::Policy'),
  ]
  const characters = inline.reduce((sum, policy) => sum + JSON.stringify(policy).length, 0)
  if (characters > MAX_INLINE_POLICY_CHARACTERS) {
    throw failureOf(role)(
      `has inline policies of ${characters} characters, more than ${MAX_INLINE_POLICY_CHARACTERS}`,
    )
  }
  const managed = listOf(role.properties['ManagedPolicyArns']).map((arn) =>
    managedPolicy(role, String(arn), cloud),
  )
  return [...inline, ...attached('AWS::IAM::ManagedPolicy'), ...managed]
}

function managedPolicy(role: ResolvedResource, arn: string, cloud: Provisioning): PolicyDocument {
  const own = cloud.ofType('AWS::IAM::ManagedPolicy').find(({ ref }) => ref === arn)
  if (own !== undefined) return policyOf(own, own.properties['PolicyDocument'])
  const document = MANAGED_POLICIES[arn]
  if (document === undefined) throw failureOf(role)(`unknown managed policy ${arn}`)
  return document
}

function codeDirOf(resource: ResolvedResource, cloud: Provisioning): string {
  const key = String(objectOf(resource.properties['Code'])['S3Key'])
  const codeDir = cloud.assets.get(key)
  if (codeDir === undefined || !existsSync(codeDir)) {
    throw failureOf(resource)(`its code asset ${key} is not in the cloud assembly`)
  }
  return codeDir
}

function environmentOf(resource: ResolvedResource): Record<string, string> {
  const variables = objectOf(objectOf(resource.properties['Environment'])['Variables'])
  let bytes = 0
  for (const [name, value] of Object.entries(variables)) {
    if (RESERVED_VARIABLE.test(name) || !/^[A-Za-z]\w+$/.test(name)) {
      throw failureOf(resource)(`Lambda takes no variable of the name ${name}`)
    }
    bytes += Buffer.byteLength(name) + Buffer.byteLength(String(value))
  }
  if (bytes > MAX_ENVIRONMENT_BYTES) {
    throw failureOf(resource)(`variables of ${bytes} bytes, more than ${MAX_ENVIRONMENT_BYTES}`)
  }
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)]))
}

function refuseStrangeLogGroup(resource: ResolvedResource, cloud: Provisioning): void {
  const logGroup = objectOf(resource.properties['LoggingConfig'])['LogGroup']
  if (logGroup === undefined) return
  if (!cloud.ofType('AWS::Logs::LogGroup').some(({ ref }) => ref === logGroup)) {
    throw failureOf(resource)(`log group ${String(logGroup)} is not in the templates`)
  }
}

/** Whether a service may invoke a function on behalf of one of its resources. */
export function mayInvoke(
  service: string,
  functionName: string,
  sourceArn: string,
  cloud: Provisioning,
): boolean {
  return cloud.ofType('AWS::Lambda::Permission').some((permission) => {
    const target = textOf(permission, 'FunctionName') ?? ''
    const isOfFunction = target === functionName || target.endsWith(`:function:${functionName}`)
    const pattern = textOf(permission, 'SourceArn')
    return (
      isOfFunction &&
      textOf(permission, 'Principal') === service &&
      textOf(permission, 'Action') === 'lambda:InvokeFunction' &&
      (pattern === undefined || arnLike(pattern, sourceArn))
    )
  })
}

/** `*` crosses no colon but every slash. */
function arnLike(pattern: string, arn: string): boolean {
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^:]*')
  return new RegExp(`^${source}$`).test(arn)
}

/** Lambda, Scheduler and the pollers act with a role; without the right nothing would arrive. */
export function requireRole(
  resource: ResolvedResource,
  role: ResolvedResource,
  action: string,
  target: string,
  cloud: Provisioning,
): void {
  const context = { 'aws:SecureTransport': 'true' }
  const request = { action, resource: target, context }
  const principal: PolicyPrincipal = { arn: String(role.attributes['Arn']) }
  if (!evaluatePolicies(policiesOfRole(role, cloud), [], request, principal).allowed) {
    throw failureOf(resource)(`role ${role.logicalId} does not allow ${action} on ${target}`)
  }
}
