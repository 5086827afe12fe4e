/** What resources of each type are called here and which attributes they have. Pure. */
import { LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import { secretArn } from '../secrets/secrets.ts'
import { physicalId, physicalName } from '../template/physical-name.ts'
import type { Identity, Resource } from '../template/resolve-stacks.ts'
import { failureOf } from '../template/template-error.ts'
import { requiredText, textOf, type Where } from './resource-type.ts'

type Identify = (resource: Resource, where: Where) => Identity

const arn = (service: string, rest: string): string =>
  `arn:aws:${service}:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:${rest}`
const globalArn = (service: string, rest: string): string =>
  `arn:aws:${service}::${LOCAL_ACCOUNT_ID}:${rest}`

function nameOf(resource: Resource, property: string, maxLength: number): string {
  const given = textOf(resource, property)
  if (given !== undefined && given.length > maxLength) {
    throw failureOf(resource)(`${property} ${given} is longer than ${maxLength} characters`)
  }
  return given ?? physicalName(resource.stackName, resource.logicalId, { maxLength })
}

function idOf(resource: Resource, length: number): string {
  return physicalId(resource.stackName, resource.logicalId, length)
}

/** A resource that nothing refers to but by an id of its own. */
export const anonymous: Identify = (resource) => {
  const id = idOf(resource, 12)
  return { ref: id, attributes: { Id: id } }
}

export const table: Identify = (resource) => {
  const name = nameOf(resource, 'TableName', 255)
  const tableArn = arn('dynamodb', `table/${name}`)
  return {
    ref: name,
    attributes: { Arn: tableArn, StreamArn: `${tableArn}/stream/2026-01-01T00:00:00.000` },
  }
}

export const bucket: Identify = (resource, where) => {
  const name =
    textOf(resource, 'BucketName') ??
    physicalName(resource.stackName, resource.logicalId, { maxLength: 63, lowerCase: true })
  return {
    ref: name,
    attributes: {
      Arn: `arn:aws:s3:::${name}`,
      // An IP endpoint is spoken to path-style, so every bucket has the endpoint's own host.
      DomainName: where.awsHost,
      RegionalDomainName: where.awsHost,
    },
  }
}

export const queue: Identify = (resource, where) => {
  const name = nameOf(resource, 'QueueName', 80)
  const url = `http://${where.awsHost}/${LOCAL_ACCOUNT_ID}/${name}`
  return { ref: url, attributes: { Arn: arn('sqs', name), QueueName: name, QueueUrl: url } }
}

export const key: Identify = (resource) => {
  const digits = idOf(resource, 32)
  const id = [0, 8, 12, 16, 20]
    .map((start, index, starts) => digits.slice(start, starts[index + 1]))
    .join('-')
  return { ref: id, attributes: { Arn: arn('kms', `key/${id}`), KeyId: id } }
}

export const keyAlias: Identify = (resource) => ({
  ref: requiredText(resource, 'AliasName'),
  attributes: {},
})

export const secret: Identify = (resource) => {
  const ref = secretArn(nameOf(resource, 'Name', 240))
  return { ref, attributes: { Id: ref } }
}

export const parameter: Identify = (resource) => ({
  ref: nameOf(resource, 'Name', 1011),
  attributes: {
    Type: requiredText(resource, 'Type'),
    Value: requiredText(resource, 'Value'),
  },
})

export const role: Identify = (resource) => {
  const name = nameOf(resource, 'RoleName', 64)
  return {
    ref: name,
    attributes: {
      Arn: globalArn('iam', `role/${name}`),
      RoleId: `AROA${idOf(resource, 17).toUpperCase()}`,
    },
  }
}

export const managedPolicy: Identify = (resource) => {
  const policyArn = globalArn('iam', `policy/${nameOf(resource, 'ManagedPolicyName', 128)}`)
  return { ref: policyArn, attributes: { PolicyArn: policyArn } }
}

export const lambdaFunction: Identify = (resource) => {
  const name = nameOf(resource, 'FunctionName', 64)
  return { ref: name, attributes: { Arn: arn('lambda', `function:${name}`) } }
}

export const logGroup: Identify = (resource) => {
  const name = nameOf(resource, 'LogGroupName', 512)
  return { ref: name, attributes: { Arn: arn('logs', `log-group:${name}:*`) } }
}

export const api: Identify = (resource) => {
  const id = idOf(resource, 10)
  return {
    ref: id,
    attributes: {
      ApiId: id,
      ApiEndpoint: `https://${id}.execute-api.${LOCAL_REGION}.amazonaws.com`,
    },
  }
}

export const apiStage: Identify = (resource) => ({
  ref: requiredText(resource, 'StageName'),
  attributes: {},
})

export const rule: Identify = (resource) => {
  const name = nameOf(resource, 'Name', 64)
  return { ref: name, attributes: { Arn: arn('events', `rule/${name}`) } }
}

export const schedule: Identify = (resource) => {
  const name = nameOf(resource, 'Name', 64)
  return { ref: name, attributes: { Arn: arn('scheduler', `schedule/default/${name}`) } }
}

export const distribution: Identify = (resource, where) => {
  const id = `E${idOf(resource, 13).toUpperCase()}`
  return { ref: id, attributes: { Id: id, DomainName: where.edgeHost } }
}

export const edgeFunction: Identify = (resource) => {
  const functionArn = globalArn('cloudfront', `function/${nameOf(resource, 'Name', 64)}`)
  return { ref: functionArn, attributes: { FunctionARN: functionArn } }
}

export const alarm: Identify = (resource) => {
  const name = nameOf(resource, 'AlarmName', 255)
  return { ref: name, attributes: { Arn: arn('cloudwatch', `alarm:${name}`) } }
}

export const dashboard: Identify = (resource) => ({
  ref: nameOf(resource, 'DashboardName', 255),
  attributes: {},
})
