/**
 * What a running cloud uses of everything that AWS charges: calls as the gateway counts them,
 * capacity as the database reports it with its indexes, invocations with their time and log.
 */
import type { ServerResponse } from 'node:http'
import type { AwsCall } from '../../infra/local/engine.ts'
import { added, gbSeconds, type Usage } from './aws-prices.ts'
import type { BenchCloud } from './bench-cloud.ts'

const DYNAMODB_READS = new Set(['GetItem', 'BatchGetItem', 'Query', 'Scan', 'TransactGetItems'])
const S3_READS = new Set(['GetObject', 'HeadObject'])
const S3_FREE = new Set(['DeleteObject', 'AbortMultipartUpload'])
/** CloudWatch counts 26 bytes more for each event: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html */
const LOG_EVENT_BYTES = 26

/** A call to the database with what it consumed. */
export interface DatabaseCall {
  operation: string
  index: string | undefined
  units: number
  /** Items that a query read. */
  items: number
}

export interface DatabaseMeter {
  calls: DatabaseCall[]
  stop(): void
}

/** Notes the capacity of every call of a function to the database from now on. */
export function meterDatabase({ cloud }: Pick<BenchCloud, 'cloud'>): DatabaseMeter {
  const { dynamodb } = cloud
  const { handle } = dynamodb
  const calls: DatabaseCall[] = []
  dynamodb.handle = async (call: AwsCall, response: ServerResponse) => {
    const { operation, input } = call
    if (isOperator(call)) return await handle.call(dynamodb, call, response)
    if (input) input['ReturnConsumedCapacity'] = 'INDEXES'
    const { end } = response
    response.end = ((body: Buffer) => {
      calls.push({ operation, index: text(input?.['IndexName']), ...consumed(body) })
      return end.call(response, body, 'utf8')
    }) as typeof end
    try {
      await handle.call(dynamodb, call, response)
    } finally {
      response.end = end
    }
  }
  return {
    calls,
    stop() {
      dynamodb.handle = handle
    },
  }
}

function isOperator({ principalArn }: { principalArn: string }): boolean {
  return principalArn.endsWith(':user/operator')
}

interface Capacity {
  CapacityUnits?: number
}

function consumed(body: Buffer): Pick<DatabaseCall, 'units' | 'items'> {
  const reply = JSON.parse(body.toString()) as {
    ConsumedCapacity?: Capacity | Capacity[]
    ScannedCount?: number
  }
  const units = [reply.ConsumedCapacity ?? []]
    .flat()
    .reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0)
  return { units, items: reply.ScannedCount ?? 0 }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Runs the steps and says what they used, from the functions to the last deleted message. */
export async function usageOf(bench: BenchCloud, steps: () => Promise<void>): Promise<Usage> {
  const { cloud, logs } = bench
  const meter = meterDatabase(bench)
  cloud.gateway.resetCalls()
  const firstLine = logs.length
  const invocationsBefore = invocations(bench)
  try {
    await steps()
  } finally {
    meter.stop()
  }
  return added(
    databaseUsage(meter.calls),
    callUsage(bench),
    lambdaUsage(bench, firstLine, invocationsBefore),
  )
}

function databaseUsage(calls: DatabaseCall[]): Usage {
  const sum = (some: DatabaseCall[]) => some.reduce((total, { units }) => total + units, 0)
  const isRead = ({ operation }: DatabaseCall) => DYNAMODB_READS.has(operation)
  return {
    dynamodbReadUnits: sum(calls.filter(isRead)),
    // A write whose condition does not hold is charged as well, and its refusal does not say how much.
    dynamodbWriteUnits: sum(
      calls.filter((call) => !isRead(call)).map((call) => ({ ...call, units: call.units || 1 })),
    ),
  }
}

/** The browser's presigned requests are among the calls, under the signer's role. */
function callUsage({ cloud }: BenchCloud): Usage {
  const calls = cloud.gateway.calls().filter((call) => !isOperator(call))
  const usages = calls.map(({ service, operation, count }): Usage => {
    if (service === 's3') {
      if (S3_FREE.has(operation)) return {}
      return S3_READS.has(operation) ? { s3Reads: count } : { s3Writes: count }
    }
    if (service === 'sqs') return { sqsRequests: count, sqsFairRequests: count }
    if (service === 'kms') return { kmsRequests: count }
    if (service === 'secretsmanager') return { secretReads: count }
    // Standard parameters cost nothing; the database is counted by its capacity.
    return {}
  })
  return added(...usages)
}

function lambdaUsage(
  { cloud, logs }: BenchCloud,
  firstLine: number,
  before: Map<string, number>,
): Usage {
  const lines = logs.slice(firstLine).map(({ line }) => line)
  const usages = lines.map((line): Usage => {
    const bytes = Buffer.byteLength(line) + LOG_EVENT_BYTES
    const report = /^REPORT .*\tDuration: ([\d.]+) ms.*\tMemory Size: (\d+) MB/.exec(line)
    return {
      logGb: bytes / 1e9,
      ...(report
        ? { lambdaRequests: 1, lambdaGbSeconds: gbSeconds(Number(report[1]), Number(report[2])) }
        : {}),
    }
  })
  const queueBatches = cloud.provisioned.mappings.reduce((sum, { FunctionName: name }) => {
    return sum + (invocations({ cloud }).get(name) ?? 0) - (before.get(name) ?? 0)
  }, 0)
  // Each batch is received by one request and deleted by another.
  return added(...usages, { sqsRequests: 2 * queueBatches })
}

function invocations({ cloud }: Pick<BenchCloud, 'cloud'>): Map<string, number> {
  const { functions } = cloud.lambda.stats()
  return new Map(Object.entries(functions).map(([name, stats]) => [name, stats.invocations]))
}
