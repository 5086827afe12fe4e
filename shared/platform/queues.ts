import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { UploadMessage } from '../contract/messages.ts'

/** SQS takes ten messages in one batch. */
const BATCH = 10

/**
 * A queue of uploads to look at. The message is a hint, the table is the truth. The owner is the
 * message group, so that owners take turns
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).
 */
export interface UploadQueue {
  send(messages: (UploadMessage & { userId?: string })[]): Promise<void>
}

export function uploadQueue(sqs: SQSClient, queueUrl: string): UploadQueue {
  return {
    async send(messages) {
      for (let first = 0; first < messages.length; first += BATCH) {
        const reply = await sqs.send(
          new SendMessageBatchCommand({
            QueueUrl: queueUrl,
            Entries: messages.slice(first, first + BATCH).map(({ uploadId, userId }, index) => ({
              Id: String(index),
              MessageBody: JSON.stringify({ uploadId } satisfies UploadMessage),
              ...(userId === undefined ? {} : { MessageGroupId: userId }),
            })),
          }),
        )
        const failed = reply.Failed?.[0]
        if (failed) throw new Error(`SQS did not take a message: ${failed.Code}`)
      }
    },
  }
}
