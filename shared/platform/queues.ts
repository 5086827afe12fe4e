import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { AccountMessage, UploadMessage } from '../contract/messages.ts'

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

/** A queue of accounts to look after. */
export interface AccountQueue {
  send(accountIds: string[]): Promise<void>
}

export function uploadQueue(sqs: SQSClient, queueUrl: string): UploadQueue {
  return {
    send: (messages) =>
      sendAll(
        sqs,
        queueUrl,
        messages.map(({ uploadId, userId }) => ({
          MessageBody: JSON.stringify({ uploadId } satisfies UploadMessage),
          ...(userId === undefined ? {} : { MessageGroupId: userId }),
        })),
      ),
  }
}

export function accountQueue(sqs: SQSClient, queueUrl: string): AccountQueue {
  return {
    send: (accountIds) =>
      sendAll(
        sqs,
        queueUrl,
        accountIds.map((accountId) => ({
          MessageBody: JSON.stringify({ accountId } satisfies AccountMessage),
        })),
      ),
  }
}

async function sendAll(
  sqs: SQSClient,
  queueUrl: string,
  messages: { MessageBody: string; MessageGroupId?: string }[],
): Promise<void> {
  for (let first = 0; first < messages.length; first += BATCH) {
    const reply = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: messages
          .slice(first, first + BATCH)
          .map((message, index) => ({ Id: String(index), ...message })),
      }),
    )
    const failed = reply.Failed?.[0]
    if (failed) throw new Error(`SQS did not take a message: ${failed.Code}`)
  }
}
