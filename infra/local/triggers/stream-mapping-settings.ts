/**
 * What Lambda checks when an event source mapping for a DynamoDB stream is created.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
 */
import { functionNameOf } from '../lambda/invocation.ts'
import { compileFilters, type FilterCriteria } from './filter-criteria.ts'
import { inRange } from './queue-mapping-settings.ts'

/** `AWS::Lambda::EventSourceMapping` of a stream, with every intrinsic resolved. */
export interface StreamMappingProperties {
  EventSourceArn: string
  /** A name or an ARN. */
  FunctionName: string
  StartingPosition?: string
  Enabled?: boolean
  BatchSize?: number
  MaximumBatchingWindowInSeconds?: number
  FilterCriteria?: FilterCriteria
  BisectBatchOnFunctionError?: boolean
  /** -1: until the record is gone from the stream. */
  MaximumRetryAttempts?: number
  MaximumRecordAgeInSeconds?: number
  ParallelizationFactor?: number
  FunctionResponseTypes?: string[]
  DestinationConfig?: { OnFailure?: { Destination?: string } }
  [unsupported: string]: unknown
}

export interface StreamMappingSettings {
  functionName: string
  enabled: boolean
  startsAtLatest: boolean
  batchSize: number
  windowMs: number
  passes: (record: Readonly<Record<string, unknown>>) => boolean
  bisects: boolean
  /** Infinity when unlimited. */
  maximumRetries: number
  maximumAgeMs: number
  lanes: number
  reportsItemFailures: boolean
  onFailureArn: string | undefined
}

const KNOWN_MEMBERS = new Set([
  'EventSourceArn',
  'FunctionName',
  'StartingPosition',
  'Enabled',
  'BatchSize',
  'MaximumBatchingWindowInSeconds',
  'FilterCriteria',
  'BisectBatchOnFunctionError',
  'MaximumRetryAttempts',
  'MaximumRecordAgeInSeconds',
  'ParallelizationFactor',
  'FunctionResponseTypes',
  'DestinationConfig',
  'Tags',
])

const DEFAULT_BATCH_SIZE = 100
const UNLIMITED = -1

export function readStreamMappingSettings(
  properties: StreamMappingProperties,
): StreamMappingSettings {
  const { EventSourceArn, FunctionName, StartingPosition } = properties
  for (const member of Object.keys(properties)) {
    if (!KNOWN_MEMBERS.has(member)) {
      throw new Error(`${member} of the mapping of ${EventSourceArn} is not supported`)
    }
  }
  if (StartingPosition !== 'TRIM_HORIZON' && StartingPosition !== 'LATEST') {
    throw new Error(`StartingPosition ${String(StartingPosition)} of ${EventSourceArn}`)
  }
  const onFailureArn = properties.DestinationConfig?.OnFailure?.Destination
  if (onFailureArn !== undefined && !onFailureArn.startsWith('arn:aws:sqs:')) {
    throw new Error(`Destination ${onFailureArn} of ${EventSourceArn} is not a queue`)
  }
  const seconds = properties.MaximumBatchingWindowInSeconds ?? 0
  const parallel = properties.ParallelizationFactor ?? 1
  const retries = properties.MaximumRetryAttempts ?? UNLIMITED
  const ageSeconds = properties.MaximumRecordAgeInSeconds ?? UNLIMITED
  return {
    functionName: FunctionName.startsWith('arn:') ? functionNameOf(FunctionName) : FunctionName,
    enabled: properties.Enabled ?? true,
    startsAtLatest: StartingPosition === 'LATEST',
    batchSize: inRange('BatchSize', properties.BatchSize ?? DEFAULT_BATCH_SIZE, 1, 10_000),
    windowMs: inRange('MaximumBatchingWindowInSeconds', seconds, 0, 300) * 1000,
    passes: compileFilters(properties.FilterCriteria),
    bisects: properties.BisectBatchOnFunctionError ?? false,
    maximumRetries: limitOf('MaximumRetryAttempts', retries, 0, 10_000),
    maximumAgeMs: limitOf('MaximumRecordAgeInSeconds', ageSeconds, 60, 604_800) * 1000,
    lanes: inRange('ParallelizationFactor', parallel, 1, 10),
    reportsItemFailures:
      properties.FunctionResponseTypes?.includes('ReportBatchItemFailures') ?? false,
    onFailureArn,
  }
}

const limitOf = (name: string, value: number, least: number, most: number): number =>
  value === UNLIMITED ? Number.POSITIVE_INFINITY : inRange(name, value, least, most)
