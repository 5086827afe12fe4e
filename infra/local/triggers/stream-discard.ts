/**
 * What a failure destination gets about records that were given up: their place in the stream, not
 * the records. https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
import type { StreamEventRecord } from '../dynamodb/table-stream.ts'
import { functionArn, type InvokeResult } from '../lambda/invocation.ts'

/** The one shard of a stream here. */
const SHARD_ID = 'shardId-00000000000000000000-00000000'

export interface StreamDiscard {
  condition: 'RetryAttemptsExhausted' | 'RecordAgeExceeded'
  records: StreamEventRecord[]
  /** Of the function with these records. */
  invocations: number
  /** Of the last one; undefined when the function was never reached. */
  result: InvokeResult | undefined
}

export function discardLetter(
  { condition, records, invocations, result }: StreamDiscard,
  { streamArn, functionName, nowMs }: { streamArn: string; functionName: string; nowMs: number },
): object {
  const [first, last] = [records[0]?.dynamodb, records.at(-1)?.dynamodb]
  return {
    requestContext: {
      requestId: result?.requestId,
      functionArn: functionArn(functionName),
      condition,
      approximateInvokeCount: invocations,
    },
    ...(result && {
      responseContext: {
        statusCode: 200,
        executedVersion: '$LATEST',
        functionError: result.functionError ?? null,
      },
    }),
    version: '1.0',
    timestamp: new Date(nowMs).toISOString(),
    DDBStreamBatchInfo: {
      shardId: SHARD_ID,
      startSequenceNumber: first?.SequenceNumber,
      endSequenceNumber: last?.SequenceNumber,
      approximateArrivalOfFirstRecord: arrivalOf(first?.ApproximateCreationDateTime),
      approximateArrivalOfLastRecord: arrivalOf(last?.ApproximateCreationDateTime),
      batchSize: records.length,
      streamArn,
    },
  }
}

/** Whole seconds, as `2019-11-14T00:13:19Z`. */
const arrivalOf = (seconds: number | undefined): string | undefined =>
  seconds === undefined ? undefined : `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
