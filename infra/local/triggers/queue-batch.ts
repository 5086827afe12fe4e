/** The event that a function gets from a queue, and what its answer means for the messages. */
import { LOCAL_REGION } from '../engine.ts'
import type { InvokeResult } from '../lambda/invocation.ts'
import type { QueueMessage } from '../sqs/queue-port.ts'
import { failedItems } from './batch-response.ts'

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

/** The messages that the function has dealt with. Without item failures all or none. */
export function succeeded(
  messages: QueueMessage[],
  result: InvokeResult,
  reportsItemFailures: boolean,
): QueueMessage[] {
  if (result.functionError) return []
  if (!reportsItemFailures) return messages
  const failed = failedItems(result.payload, new Set(messages.map(({ messageId }) => messageId)))
  if (!failed) return []
  return messages.filter(({ messageId }) => !failed.includes(messageId))
}

/** About what an item takes of an event. */
export const sizeOf = (item: object): number => Buffer.byteLength(JSON.stringify(item))

/** Cuts a batch so that no event exceeds what one invocation may carry. */
export function splitBySize<T extends object>(items: readonly T[], limitBytes: number): T[][] {
  const parts: T[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const item of items) {
    const size = sizeOf(item)
    if (bytes + size > limitBytes) {
      parts.push([])
      bytes = 0
    }
    parts.at(-1)?.push(item)
    bytes += size
  }
  return parts
}
