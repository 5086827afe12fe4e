/** The event that a function gets from a queue, and what its answer means for the messages. */
import { LOCAL_REGION } from '../engine.ts'
import type { InvokeResult } from '../lambda/invocation.ts'
import type { QueueMessage } from '../sqs/queue-port.ts'

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
export function queueEvent(queueArn: string, messages: QueueMessage[]) {
  return {
    Records: messages.map((message) => ({
      messageId: message.messageId,
      receiptHandle: message.receiptHandle,
      body: message.body,
      attributes: message.attributes,
      messageAttributes: recordAttributes(message),
      ...(message.md5OfMessageAttributes && {
        md5OfMessageAttributes: message.md5OfMessageAttributes,
      }),
      md5OfBody: message.md5OfBody,
      eventSource: 'aws:sqs',
      eventSourceARN: queueArn,
      awsRegion: LOCAL_REGION,
    })),
  }
}

/** Lambda spells the members in lower case and always sends the two lists, which SQS leaves empty. */
function recordAttributes({ messageAttributes = {} }: QueueMessage) {
  return Object.fromEntries(
    Object.entries(messageAttributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
      name,
      {
        ...(StringValue !== undefined && { stringValue: StringValue }),
        ...(BinaryValue !== undefined && { binaryValue: BinaryValue }),
        stringListValues: [],
        binaryListValues: [],
        dataType: DataType,
      },
    ]),
  )
}

/**
 * The messages that the function has dealt with. Without item failures all or none; an answer that
 * is not understood, or names a message that was not sent, counts as the failure of all.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 */
export function succeeded(
  messages: QueueMessage[],
  result: InvokeResult,
  reportsItemFailures: boolean,
): QueueMessage[] {
  if (result.functionError) return []
  if (!reportsItemFailures) return messages
  const failed = failedIds(JSON.parse(result.payload))
  if (!failed) return []
  const sent = new Set(messages.map(({ messageId }) => messageId))
  if (failed.some((id) => !sent.has(id))) return []
  return messages.filter(({ messageId }) => !failed.includes(messageId))
}

/** Undefined for an answer that breaks the format. */
function failedIds(answer: unknown): string[] | undefined {
  if (answer === null) return []
  if (typeof answer !== 'object') return undefined
  const failures: unknown = 'batchItemFailures' in answer ? answer.batchItemFailures : null
  if (failures === null) return []
  if (!Array.isArray(failures)) return undefined
  const ids = failures.map((failure: unknown) =>
    typeof failure === 'object' && failure !== null && 'itemIdentifier' in failure
      ? failure.itemIdentifier
      : undefined,
  )
  return ids.every((id): id is string => typeof id === 'string' && id !== '') ? ids : undefined
}

/** Cuts a batch so that no event exceeds what one invocation may carry. */
export function splitBySize(messages: QueueMessage[], limitBytes: number): QueueMessage[][] {
  const parts: QueueMessage[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const message of messages) {
    const size = Buffer.byteLength(JSON.stringify(message))
    if (bytes + size > limitBytes) {
      parts.push([])
      bytes = 0
    }
    parts.at(-1)?.push(message)
    bytes += size
  }
  return parts
}
