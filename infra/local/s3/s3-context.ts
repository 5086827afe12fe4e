/** What every operation works on, made once by the engine. */
import type { ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import { LOCAL_ACCOUNT_ID } from '../engine.ts'
import type { BlobStore } from './blob-store.ts'
import type { BucketRegistry } from './bucket-registry.ts'
import type { MetadataDatabase } from './metadata-database.ts'
import type { EventFacts, ObjectEvents } from './object-events.ts'
import type { ObjectTable } from './object-table.ts'
import type { S3Request } from './s3-request.ts'
import type { UploadTable } from './upload-table.ts'

/** Misbehaviour on demand. */
export interface S3Faults {
  /** The next n CompleteMultipartUpload calls answer 200 with an error inside, which S3 may do. */
  completeErrorsInOk: number
  /** Those calls take effect before they report their error. */
  completeErrorsApply: boolean
  /** A repeated Complete finds no upload any more, as S3 answers some time after the first. */
  forgetCompletedUploads: boolean
}

export interface S3Context {
  clock: Clock
  database: MetadataDatabase
  buckets: BucketRegistry
  objects: ObjectTable
  uploads: UploadTable
  blobs: BlobStore
  events: ObjectEvents
  faults: S3Faults
}

export type OperationHandler = (
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
) => Promise<void>

/** Who asked: the part of an event that every operation fills alike. */
export function requestFacts({
  call,
}: S3Request): Pick<EventFacts, 'requestId' | 'requester' | 'sourceIp'> {
  return {
    requestId: call.requestId,
    requester: call.principalArn.split(':')[4] || LOCAL_ACCOUNT_ID,
    sourceIp: call.request.socket.remoteAddress,
  }
}

/** Notes the event if the bucket sends events at all; call it inside the write. */
export function recordEvent(context: S3Context, facts: EventFacts): void {
  if (context.buckets.find(facts.bucket)?.eventBridgeEnabled) context.events.record(facts)
}
