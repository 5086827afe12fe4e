/**
 * What Lambda checks when an event source mapping for a queue is created.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
import { AwsError } from '../engine.ts'
import { functionNameOf } from '../lambda/invocation.ts'
import { compileFilters, type FilterCriteria } from './filter-criteria.ts'

/** `AWS::Lambda::EventSourceMapping`, with every intrinsic resolved. */
export interface QueueMappingProperties {
  EventSourceArn: string
  /** A name or an ARN. */
  FunctionName: string
  Enabled?: boolean
  BatchSize?: number
  MaximumBatchingWindowInSeconds?: number
  FunctionResponseTypes?: string[]
  ScalingConfig?: { MaximumConcurrency?: number }
  FilterCriteria?: FilterCriteria
  [unsupported: string]: unknown
}

export interface QueueMappingSettings {
  queueArn: string
  functionName: string
  enabled: boolean
  batchSize: number
  windowMs: number
  reportsItemFailures: boolean
  concurrency: number
  visibilityMs: number
  /** Of a record as the function would get it. */
  passes: (record: Readonly<Record<string, unknown>>) => boolean
}

const KNOWN_MEMBERS = new Set([
  'EventSourceArn',
  'FunctionName',
  'Enabled',
  'BatchSize',
  'MaximumBatchingWindowInSeconds',
  'FunctionResponseTypes',
  'ScalingConfig',
  'FilterCriteria',
  'Tags',
])

const DEFAULT_BATCH_SIZE = 10
/** "Lambda initially … processes up to five batches at a time"; it does not scale beyond here. */
const INITIAL_CONCURRENCY = 5

export function readMappingSettings(
  properties: QueueMappingProperties,
  queueVisibilitySeconds: number,
  functionTimeoutSeconds: number,
): QueueMappingSettings {
  const { EventSourceArn: queueArn, FunctionName } = properties
  for (const member of Object.keys(properties)) {
    if (!KNOWN_MEMBERS.has(member))
      throw new Error(`${member} of the mapping of ${queueArn} is not supported`)
  }
  if (queueArn.endsWith('.fifo')) throw new Error(`The FIFO queue ${queueArn} is not supported`)
  const batchSize = inRange('BatchSize', properties.BatchSize ?? DEFAULT_BATCH_SIZE, 1, 10_000)
  const windowSeconds = inRange(
    'MaximumBatchingWindowInSeconds',
    properties.MaximumBatchingWindowInSeconds ?? 0,
    0,
    300,
  )
  if (batchSize > 10 && windowSeconds === 0) {
    throw invalid(
      'Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10',
    )
  }
  if (queueVisibilitySeconds < functionTimeoutSeconds) {
    throw invalid(
      `Queue visibility timeout: ${queueVisibilitySeconds} seconds is less than Function timeout: ${functionTimeoutSeconds} seconds`,
    )
  }
  const maximum = properties.ScalingConfig?.MaximumConcurrency
  return {
    queueArn,
    functionName: FunctionName.startsWith('arn:') ? functionNameOf(FunctionName) : FunctionName,
    enabled: properties.Enabled ?? true,
    batchSize,
    windowMs: windowSeconds * 1000,
    reportsItemFailures:
      properties.FunctionResponseTypes?.includes('ReportBatchItemFailures') ?? false,
    concurrency:
      maximum === undefined ? INITIAL_CONCURRENCY : inRange('MaximumConcurrency', maximum, 2, 1000),
    visibilityMs: queueVisibilitySeconds * 1000,
    passes: compileFilters(properties.FilterCriteria),
  }
}

export function inRange(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw invalid(`${name} must be a whole number from ${least} to ${most}, not ${value}`)
}

const invalid = (message: string): AwsError =>
  new AwsError('InvalidParameterValueException', message)
