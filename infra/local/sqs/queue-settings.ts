import { AwsError } from '../engine.ts'
import type { PolicyDocument } from '../policy-document.ts'
import { readResourcePolicy } from '../resource-policy.ts'
import {
  type RedriveAllowPolicy,
  type RedrivePolicy,
  readRedriveAllowPolicy,
  readRedrivePolicy,
} from './redrive-policies.ts'

/** Properties of `AWS::SQS::Queue` as CloudFormation spells them, with every intrinsic resolved. */
export interface QueueProperties {
  name: string
  QueueName?: string
  VisibilityTimeout?: number | string
  DelaySeconds?: number | string
  MaximumMessageSize?: number | string
  MessageRetentionPeriod?: number | string
  ReceiveMessageWaitTimeSeconds?: number | string
  RedrivePolicy?: string | { deadLetterTargetArn: string; maxReceiveCount: number | string }
  RedriveAllowPolicy?: string | Record<string, unknown>
  FifoQueue?: boolean | string
  ContentBasedDeduplication?: boolean | string
  DeduplicationScope?: string
  FifoThroughputLimit?: string
  KmsMasterKeyId?: string
  KmsDataKeyReusePeriodSeconds?: number | string
  SqsManagedSseEnabled?: boolean | string
  Tags?: { Key: string; Value: string }[]
}

export interface QueueSettings {
  name: string
  fifo: boolean
  contentBasedDeduplication: boolean
  deduplicationScope: 'queue' | 'messageGroup'
  visibilitySeconds: number
  delaySeconds: number
  maximumMessageBytes: number
  retentionSeconds: number
  waitSeconds: number
  redrive: RedrivePolicy | undefined
  /** As a dead-letter queue: whose messages it takes; anybody's when absent. */
  redriveAllow: RedriveAllowPolicy | undefined
  policy: PolicyDocument | undefined
  tags: Record<string, string>
  /** Attributes that are kept and shown only. */
  shown: Record<string, string>
}

/** SQS's largest message since August 2025, and the largest sum of a batch. */
export const MAXIMUM_MESSAGE_BYTES = 1_048_576

const SHOWN_ONLY = [
  'FifoThroughputLimit',
  'KmsMasterKeyId',
  'KmsDataKeyReusePeriodSeconds',
] as const

const KNOWN = new Set([
  'name',
  'QueueName',
  'VisibilityTimeout',
  'DelaySeconds',
  'MaximumMessageSize',
  'MessageRetentionPeriod',
  'ReceiveMessageWaitTimeSeconds',
  'RedrivePolicy',
  'RedriveAllowPolicy',
  'FifoQueue',
  'ContentBasedDeduplication',
  'DeduplicationScope',
  'SqsManagedSseEnabled',
  'Tags',
  ...SHOWN_ONLY,
])

/**
 * Ranges and defaults of
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
 */
export function readQueueSettings(properties: QueueProperties): QueueSettings {
  const unknown = Object.keys(properties).find((key) => !KNOWN.has(key))
  if (unknown !== undefined) {
    throw new AwsError(
      'InvalidAttributeName',
      `Unknown Attribute ${unknown} of ${properties.name}.`,
    )
  }
  const { name } = properties
  const fifo = isTrue(properties.FifoQueue)
  if (!/^[\w-]{1,80}$/.test(fifo ? name.replace(/\.fifo$/, '') : name) || name.length > 80) {
    throw new AwsError(
      'InvalidParameterValue',
      `${name} can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length`,
    )
  }
  if (fifo !== name.endsWith('.fifo')) {
    throw new AwsError(
      'InvalidParameterValue',
      `${name}: the name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.`,
    )
  }
  const shown: Record<string, string> = {
    SqsManagedSseEnabled: String(
      properties.SqsManagedSseEnabled === undefined
        ? properties.KmsMasterKeyId === undefined
        : isTrue(properties.SqsManagedSseEnabled),
    ),
  }
  for (const key of SHOWN_ONLY) {
    const value = properties[key]
    if (value !== undefined && value !== '') shown[key] = String(value)
  }
  return {
    name,
    fifo,
    contentBasedDeduplication: isTrue(properties.ContentBasedDeduplication),
    deduplicationScope: properties.DeduplicationScope === 'messageGroup' ? 'messageGroup' : 'queue',
    visibilitySeconds: inRange('VisibilityTimeout', properties.VisibilityTimeout, 30, 0, 43_200),
    delaySeconds: inRange('DelaySeconds', properties.DelaySeconds, 0, 0, 900),
    maximumMessageBytes: inRange(
      'MaximumMessageSize',
      properties.MaximumMessageSize,
      MAXIMUM_MESSAGE_BYTES,
      1024,
      MAXIMUM_MESSAGE_BYTES,
    ),
    retentionSeconds: inRange(
      'MessageRetentionPeriod',
      properties.MessageRetentionPeriod,
      345_600,
      60,
      1_209_600,
    ),
    waitSeconds: inRange(
      'ReceiveMessageWaitTimeSeconds',
      properties.ReceiveMessageWaitTimeSeconds,
      0,
      0,
      20,
    ),
    redrive: readRedrivePolicy(properties.RedrivePolicy),
    redriveAllow: readRedriveAllowPolicy(properties.RedriveAllowPolicy),
    policy: undefined,
    tags: Object.fromEntries((properties.Tags ?? []).map(({ Key, Value }) => [Key, Value])),
    shown,
  }
}

/** Settings by the names of GetQueueAttributes. */
export function settingsAsAttributes(settings: QueueSettings): Record<string, string> {
  return {
    ...settings.shown,
    VisibilityTimeout: String(settings.visibilitySeconds),
    DelaySeconds: String(settings.delaySeconds),
    MaximumMessageSize: String(settings.maximumMessageBytes),
    MessageRetentionPeriod: String(settings.retentionSeconds),
    ReceiveMessageWaitTimeSeconds: String(settings.waitSeconds),
    ...(settings.redrive && { RedrivePolicy: JSON.stringify(settings.redrive) }),
    ...(settings.redriveAllow && { RedriveAllowPolicy: JSON.stringify(settings.redriveAllow) }),
    ...(settings.policy && { Policy: JSON.stringify(settings.policy) }),
    ...(settings.fifo && {
      FifoQueue: 'true',
      ContentBasedDeduplication: String(settings.contentBasedDeduplication),
      DeduplicationScope: settings.deduplicationScope,
    }),
  }
}

/** Attributes as SetQueueAttributes and CreateQueue spell them, in place of those of `settings`. */
export function changeSettings(
  settings: QueueSettings,
  attributes: Record<string, string>,
): QueueSettings {
  const { Policy: _, ...present } = settingsAsAttributes(settings)
  const { Policy, ...changes } = attributes
  const { name } = settings
  const unknown = Object.keys(changes).find(
    (key) =>
      !SETTABLE.has(key) || (!settings.fifo && FIFO_ONLY.has(key)) || changesType(key, changes),
  )
  if (unknown !== undefined) {
    throw new AwsError('InvalidAttributeName', `Unknown Attribute ${unknown}.`)
  }
  return {
    ...readQueueSettings({ name, ...present, ...changes }),
    policy: Policy === undefined ? settings.policy : readPolicy(Policy),
    tags: settings.tags,
  }
}

/** "You can't change the queue type after you create it." */
function changesType(key: string, changes: Record<string, string>): boolean {
  return key === 'FifoQueue' && changes[key] !== 'true'
}

const FIFO_ONLY = new Set([
  'FifoQueue',
  'ContentBasedDeduplication',
  'DeduplicationScope',
  'FifoThroughputLimit',
])
const SETTABLE = KNOWN.difference(new Set(['name', 'QueueName', 'Tags']))

function readPolicy(text: string): PolicyDocument | undefined {
  if (text === '') return undefined
  const policy = readResourcePolicy(text)
  if (policy !== undefined) return policy
  throw new AwsError('InvalidAttributeValue', 'Invalid value for the parameter Policy.')
}

function inRange(
  name: string,
  value: number | string | undefined,
  byDefault: number,
  least: number,
  most: number,
): number {
  if (value === undefined) return byDefault
  const number = Number(value)
  if (!Number.isInteger(number) || number < least || number > most) {
    throw new AwsError('InvalidAttributeValue', `Invalid value for the parameter ${name}.`)
  }
  return number
}

function isTrue(value: boolean | string | undefined): boolean {
  return value === true || value === 'true'
}
