/** The part of the SQS engine that mappings, rules and schedules use. */
export interface QueueMessage {
  messageId: string
  receiptHandle: string
  body: string
  md5OfBody: string
  /** System attributes by their SQS names: `ApproximateReceiveCount`, `SentTimestamp`, `MessageGroupId`, … */
  attributes: Record<string, string>
  messageAttributes?: Record<
    string,
    { DataType: string; StringValue?: string; BinaryValue?: string | Uint8Array }
  >
  md5OfMessageAttributes?: string
}

export interface QueueReceiver {
  /** The queue's `VisibilityTimeout`. */
  visibilitySeconds(queueArn: string): number
  /** Long poll; answers with an empty list after `waitMs` or when the signal aborts. */
  receive(
    queueArn: string,
    options: { maxMessages: number; waitMs: number; signal?: AbortSignal },
  ): Promise<QueueMessage[]>
  deleteBatch(queueArn: string, receiptHandles: string[]): unknown
}

export interface QueueSender {
  send(
    queueArn: string,
    body: string,
    options?: {
      groupId?: string
      attributes?: Record<string, { DataType: string; StringValue: string }>
    },
  ): unknown
}
