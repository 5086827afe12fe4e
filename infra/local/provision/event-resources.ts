/**
 * What wakes functions and fills queues by itself: rules, schedules and mappings. Each needs
 * its own right at AWS (a permission of the function, a policy of the queue, a statement of the
 * role), and without it nothing would arrive; so that is an error here.
 */
import { evaluatePolicies, type PolicyPrincipal } from '../gateway/policy.ts'
import { functionNameOf } from '../lambda/invocation.ts'
import { listOf, objectOf } from '../template/json.ts'
import type { ResolvedResource } from '../template/resolve-stacks.ts'
import { failureOf } from '../template/template-error.ts'
import type { QueueMappingProperties } from '../triggers/queue-mapping-settings.ts'
import type { EventRule, RuleTarget, SchedulerSchedule } from '../triggers/rule.ts'
import type { StreamMappingProperties } from '../triggers/stream-mapping-settings.ts'
import { mayInvoke, requireRole } from './function-resources.ts'
import type { Provisioning } from './provisioning.ts'
import { requiredText } from './resource-type.ts'
import { queuePolicy } from './storage-resources.ts'

/** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions */
const QUEUE_ACTIONS = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes']

/** https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html */
const STREAM_ACTIONS = [
  'dynamodb:DescribeStream',
  'dynamodb:GetRecords',
  'dynamodb:GetShardIterator',
  'dynamodb:ListStreams',
]

const EVENTS = 'events.amazonaws.com'

export function createRule(resource: ResolvedResource, cloud: Provisioning): void {
  const ruleArn = String(resource.attributes['Arn'])
  const targets = listOf(resource.properties['Targets']).map((target) => targetOf(target))
  for (const target of targets) {
    requireDelivery(resource, target.Arn, ruleArn, cloud)
    const deadLetters = target.DeadLetterConfig?.Arn
    if (deadLetters !== undefined) requireDelivery(resource, deadLetters, ruleArn, cloud)
  }
  const { EventPattern, ScheduleExpression, State } = resource.properties
  const rule: EventRule = { Name: resource.ref, Targets: targets }
  if (EventPattern !== undefined) rule.EventPattern = objectOf(EventPattern)
  if (ScheduleExpression !== undefined) rule.ScheduleExpression = String(ScheduleExpression)
  if (State !== undefined) rule.State = String(State)
  cloud.rules.push(rule)
}

export function createSchedule(resource: ResolvedResource, cloud: Provisioning): void {
  const target = targetOf(resource.properties['Target'])
  const roleArn = target['RoleArn']
  const role = cloud
    .ofType('AWS::IAM::Role')
    .find(({ attributes }) => attributes['Arn'] === roleArn)
  if (role === undefined) throw failureOf(resource)('its target needs a role of the templates')
  const action = target.Arn.startsWith('arn:aws:lambda:')
    ? 'lambda:InvokeFunction'
    : 'sqs:SendMessage'
  requireRole(resource, role, action, target.Arn, cloud)
  // The schedules check every member themselves.
  cloud.schedules.push({
    ...resource.properties,
    Name: resource.ref,
    Target: target,
  } as unknown as SchedulerSchedule)
}

export function createMapping(resource: ResolvedResource, cloud: Provisioning): void {
  const fail = failureOf(resource)
  const functionName = requiredText(resource, 'FunctionName').replace(/^.*:function:/, '')
  const sourceArn = requiredText(resource, 'EventSourceArn')
  const fn = cloud.ofType('AWS::Lambda::Function').find(({ ref }) => ref === functionName)
  const role = cloud
    .ofType('AWS::IAM::Role')
    .find(({ attributes }) => attributes['Arn'] === fn?.properties['Role'])
  if (fn === undefined || role === undefined) throw fail(`unknown function ${functionName}`)
  const isStream = sourceArn.startsWith('arn:aws:dynamodb:')
  for (const action of isStream ? STREAM_ACTIONS : QUEUE_ACTIONS) {
    requireRole(resource, role, action, sourceArn, cloud)
  }
  // The mappings check every member themselves.
  const mapping: unknown = { ...resource.properties, FunctionName: functionName }
  if (!isStream) {
    cloud.mappings.push(mapping as QueueMappingProperties)
    return
  }
  const stream = mapping as StreamMappingProperties
  const destination = stream.DestinationConfig?.OnFailure?.Destination
  if (destination !== undefined) {
    requireRole(resource, role, 'sqs:SendMessage', destination, cloud)
  }
  cloud.streamMappings.push(stream)
}

/** The target must let EventBridge in, by the policy of the queue or a permission of the function. */
function requireDelivery(
  rule: ResolvedResource,
  targetArn: string,
  ruleArn: string,
  cloud: Provisioning,
): void {
  const fail = failureOf(rule)
  if (targetArn.startsWith('arn:aws:lambda:')) {
    if (!mayInvoke(EVENTS, functionNameOf(targetArn), ruleArn, cloud)) {
      throw fail(`no AWS::Lambda::Permission lets the rule invoke ${targetArn}`)
    }
    return
  }
  const queue = cloud
    .ofType('AWS::SQS::Queue')
    .find(({ attributes }) => attributes['Arn'] === targetArn)
  if (queue === undefined) throw fail(`target ${targetArn} is not in the templates`)
  const policy = queuePolicy(queue, cloud)
  const principal: PolicyPrincipal = { service: EVENTS }
  const context = { 'aws:SourceArn': ruleArn, 'aws:SecureTransport': 'true' }
  const request = { action: 'sqs:SendMessage', resource: targetArn, context }
  if (!evaluatePolicies([], policy === undefined ? [] : [policy], request, principal).allowed) {
    throw fail(`no AWS::SQS::QueuePolicy lets the rule send to ${targetArn}`)
  }
}

function targetOf(target: Parameters<typeof objectOf>[0]): RuleTarget {
  const fields = objectOf(target)
  // The bus and the schedules refuse members that they do not know.
  return { ...fields, Arn: String(fields['Arn']) } as RuleTarget
}
