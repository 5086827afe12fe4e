/** Bodies of the queues. */
import * as z from 'zod'
import { recordId } from './common.ts'

/**
 * What S3 tells through EventBridge when an object is complete
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html).
 */
export const objectCreated = z.object({
  source: z.literal('aws.s3'),
  'detail-type': z.literal('Object Created'),
  detail: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({ key: z.string(), size: z.number(), etag: z.string() }),
  }),
})

/** Asks a worker to look at one upload; the table says what is to be done. */
export const uploadMessage = z.object({ uploadId: recordId('upl') })
export type UploadMessage = z.infer<typeof uploadMessage>

/** Asks a keeper to look after one account. */
export const accountMessage = z.object({ accountId: recordId('acc') })
export type AccountMessage = z.infer<typeof accountMessage>

export const intakeMessage = z.union([objectCreated, uploadMessage])
export type IntakeMessage = z.infer<typeof intakeMessage>
