import { AwsError } from '../engine.ts'
import type { PolicyDocument } from '../policy-document.ts'

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
  Tags?: unknown
}

export interface RedrivePolicy {
  deadLetterTargetArn: string
  maxReceiveCount: number
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
  policy: PolicyDocument | undefined
  /** Attributes that are kept and shown only. */
  shown: Record<string, string>
}

/** SQS's largest message since August 2025, and the largest sum of a batch. */
export const MAXIMUM_MESSAGE_BYTES = 1_048_576

const SHOWN_ONLY = [
  'RedriveAllowPolicy',
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
    if (value !== undefined)
      shown[key] = typeof value === 'object' ? JSON.stringify(value) : `${value}`
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
    policy: undefined,
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
    ...(settings.policy && { Policy: JSON.stringify(settings.policy) }),
    ...(settings.fifo && {
      FifoQueue: 'true',
      ContentBasedDeduplication: String(settings.contentBasedDeduplication),
      DeduplicationScope: settings.deduplicationScope,
    }),
  }
}

function readRedrivePolicy(value: QueueProperties['RedrivePolicy']): RedrivePolicy | undefined {
  if (value === undefined || value === '') return undefined
  const policy = typeof value === 'string' ? JSON.parse(value) : value
  return {
    deadLetterTargetArn: String(policy.deadLetterTargetArn),
    maxReceiveCount: inRange('maxReceiveCount', policy.maxReceiveCount, 10, 1, 1000),
  }
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
