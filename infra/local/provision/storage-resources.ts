/** Tables, buckets, queues, keys, secrets and parameters: created in their engines, kept when they exist. */
import type { TableProperties } from '../dynamodb/table-properties.ts'
import type { PolicyDocument } from '../policy-document.ts'
import type { CorsRule, LifecycleRule } from '../s3/s3-engine.ts'
import { listOf, objectOf } from '../template/json.ts'
import type { ResolvedResource } from '../template/resolve-stacks.ts'
import { failureOf } from '../template/template-error.ts'
import type { Provisioning } from './provisioning.ts'
import { policyOf, requiredText, textOf } from './resource-type.ts'

export async function createTable(
  resource: ResolvedResource,
  { engines }: Provisioning,
): Promise<void> {
  // The engine refuses properties that it does not know.
  const properties = { ...resource.properties, TableName: resource.ref } as unknown
  await engines.dynamodb.createTable(properties as TableProperties)
}

export function createBucket(resource: ResolvedResource, cloud: Provisioning): void {
  const { properties } = resource
  const notifications = objectOf(properties['NotificationConfiguration'])
  const other = Object.keys(notifications).find((name) => name !== 'EventBridgeConfiguration')
  if (other !== undefined) throw failureOf(resource)(`${other} is not played here`)
  const eventBridge = objectOf(notifications['EventBridgeConfiguration'])
  const policy = attachedPolicy(resource, cloud, 'AWS::S3::BucketPolicy', (one) => [
    one.properties['Bucket'],
  ])
  cloud.engines.s3.createBucket({
    name: resource.ref,
    // The engine refuses members of rules that it does not know.
    corsRules: listOf(
      objectOf(properties['CorsConfiguration'])['CorsRules'],
    ) as unknown as CorsRule[],
    lifecycleRules: listOf(
      objectOf(properties['LifecycleConfiguration'])['Rules'],
    ) as unknown as LifecycleRule[],
    eventBridgeEnabled:
      'EventBridgeConfiguration' in notifications && eventBridge['EventBridgeEnabled'] !== false,
    ...(policy === undefined ? {} : { policy }),
  })
}

export function createQueue(resource: ResolvedResource, cloud: Provisioning): void {
  const arn = String(resource.attributes['Arn'])
  const name = String(resource.attributes['QueueName'])
  const created = cloud.engines.sqs.createQueue({ ...resource.properties, name })
  if (created.arn !== arn || created.url !== resource.ref) {
    throw failureOf(resource)(`was created as ${created.url}, not as ${resource.ref}`)
  }
  cloud.engines.sqs.setQueuePolicy(arn, queuePolicy(resource, cloud))
}

export function queuePolicy(
  queue: ResolvedResource,
  cloud: Provisioning,
): PolicyDocument | undefined {
  return attachedPolicy(queue, cloud, 'AWS::SQS::QueuePolicy', (policy) =>
    listOf(policy.properties['Queues']),
  )
}

export function createKey(resource: ResolvedResource, { engines }: Provisioning): void {
  const document = resource.properties['KeyPolicy']
  engines.kms.createKey({
    keyId: resource.ref,
    description: textOf(resource, 'Description') ?? '',
    ...(document === undefined ? {} : { policy: policyOf(resource, document) }),
  })
}

export function createKeyAlias(resource: ResolvedResource, { engines }: Provisioning): void {
  engines.kms.createAlias(resource.ref, requiredText(resource, 'TargetKeyId'))
}

export function createSecret(resource: ResolvedResource, { engines }: Provisioning): void {
  const { SecretString, GenerateSecretString } = resource.properties
  // The ARN ends with a dash and six characters of its own.
  const name = resource.ref.replace(/^.*:secret:/, '').slice(0, -7)
  engines.secrets.createSecret({
    name,
    ...(SecretString === undefined
      ? { generate: objectOf(GenerateSecretString) }
      : { secretString: String(SecretString) }),
  })
}

export function createParameter(resource: ResolvedResource, { engines }: Provisioning): void {
  const type = requiredText(resource, 'Type')
  if (type !== 'String') throw failureOf(resource)(`unknown parameter type ${type}`)
  engines.parameters.put(resource.ref, requiredText(resource, 'Value'))
}

/** The one policy of a resource; CloudFormation lets a second one overwrite the first, which nobody means. */
function attachedPolicy(
  resource: ResolvedResource,
  cloud: Provisioning,
  type: string,
  targets: (policy: ResolvedResource) => unknown[],
): PolicyDocument | undefined {
  const policies = cloud.ofType(type).filter((policy) => targets(policy).includes(resource.ref))
  const [policy, second] = policies
  if (second !== undefined) throw failureOf(second)(`is a second policy of ${resource.logicalId}`)
  return policy && policyOf(policy, policy.properties['PolicyDocument'])
}
