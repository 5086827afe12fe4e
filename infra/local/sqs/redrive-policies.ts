/** The two policies that tie queues to their dead-letter queues. */
import { AwsError } from '../engine.ts'

export interface RedrivePolicy {
  deadLetterTargetArn: string
  maxReceiveCount: number
}

/** Whose dead letters a queue takes. */
export interface RedriveAllowPolicy {
  redrivePermission: 'allowAll' | 'denyAll' | 'byQueue'
  sourceQueueArns?: string[]
}

/** "You can specify up to 10 source queue ARNs." */
const MOST_SOURCES = 10
/** "Default: 10. Range: 1 to 1,000." */
const MOST_RECEIVES = 1000

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html */
export function readRedrivePolicy(value: string | object | undefined): RedrivePolicy | undefined {
  const policy = readObject('RedrivePolicy', value)
  if (policy === undefined) return undefined
  const deadLetterTargetArn = policy['deadLetterTargetArn']
  const maxReceiveCount = Number(policy['maxReceiveCount'] ?? 10)
  if (typeof deadLetterTargetArn !== 'string') {
    throw refused('RedrivePolicy', policy, 'Redrive policy does not contain deadLetterTargetArn.')
  }
  if (
    !Number.isInteger(maxReceiveCount) ||
    maxReceiveCount < 1 ||
    maxReceiveCount > MOST_RECEIVES
  ) {
    throw refused(
      'RedrivePolicy',
      policy,
      `maxReceiveCount must be between 1 and ${MOST_RECEIVES}.`,
    )
  }
  return { deadLetterTargetArn, maxReceiveCount }
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue.html */
export function readRedriveAllowPolicy(
  value: string | object | undefined,
): RedriveAllowPolicy | undefined {
  const policy = readObject('RedriveAllowPolicy', value)
  if (policy === undefined) return undefined
  const { redrivePermission, sourceQueueArns } = policy
  const refuse = (reason: string): AwsError =>
    refused(
      'RedriveAllowPolicy',
      policy,
      `Amazon SQS can't create the redrive allow policy. ${reason}`,
    )
  if (
    redrivePermission !== 'allowAll' &&
    redrivePermission !== 'denyAll' &&
    redrivePermission !== 'byQueue'
  ) {
    throw refuse('It is in an unsupported format.')
  }
  if (redrivePermission !== 'byQueue') {
    if (sourceQueueArns === undefined) return { redrivePermission }
    throw refuse(
      'To specify one or more source queue ARNs, you must set redrivePermission to byQueue.',
    )
  }
  if (
    !Array.isArray(sourceQueueArns) ||
    sourceQueueArns.length === 0 ||
    sourceQueueArns.length > MOST_SOURCES ||
    sourceQueueArns.some((arn) => typeof arn !== 'string')
  ) {
    throw refuse(
      `When you specify the byQueue permission type, you must also specify 1 to ${MOST_SOURCES} sourceQueueArns values.`,
    )
  }
  return { redrivePermission, sourceQueueArns }
}

export function allowsSource(policy: RedriveAllowPolicy | undefined, sourceArn: string): boolean {
  if (policy === undefined || policy.redrivePermission === 'allowAll') return true
  return (
    policy.redrivePermission === 'byQueue' && policy.sourceQueueArns?.includes(sourceArn) === true
  )
}

/** A policy of a template is an object, one of a call its JSON; an empty one takes it away. */
function readObject(
  name: string,
  value: string | object | undefined,
): Record<string, unknown> | undefined {
  if (value === undefined || value === '') return undefined
  if (typeof value === 'object') return value as Record<string, unknown>
  try {
    const parsed: unknown = JSON.parse(value)
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw refused(name, value, 'It is not a valid JSON map.')
}

export function refused(name: string, value: string | object, reason: string): AwsError {
  const shown = typeof value === 'string' ? value : JSON.stringify(value)
  return new AwsError(
    'InvalidParameterValue',
    `Value ${shown} for parameter ${name} is invalid. Reason: ${reason}`,
  )
}
