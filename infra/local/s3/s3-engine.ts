/**
 * S3 on one machine, for path-style requests whose signature the gateway has verified.
 *
 * On disk, under `dataDir`: `metadata.db` (SQLite, WAL, synchronous=FULL) knows buckets, objects,
 * parts, uploads, the event outbox and bodies of up to 64 KiB; `blobs/` holds all other bytes,
 * immutable, under random names, `tmp/` what is being received. A write is acknowledged when its
 * blob is synced and its row committed; completing a multipart upload and copying move rows only.
 *
 * Rules: the API reference (https://docs.aws.amazon.com/AmazonS3/latest/API/) as
 * `test/local/s3` reads it line by line; every body is verified before it is stored; a key is
 * never a path; each key of DeleteObjects is judged alone; an event is sent until it is taken.
 *
 * Known gaps, each refused as NotImplemented by its name: versioning, ACLs (all but `private`),
 * object lock, SSE-KMS and SSE-C, other storage classes, SigV4a chunks, appending, website and
 * replication settings, a delimiter for ListMultipartUploads. Settings of a bucket come from `createBucket`; over the wire only
 * CreateBucket, DeleteBucket and PutBucketCors are known.
 * `x-amz-expected-bucket-owner` is ignored: there is one account.
 */
import { mkdirSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { AccessRequest, AwsCall, AwsEngine } from '../engine.ts'
import type { PolicyDocument } from '../policy-document.ts'
import { accessRequestsOf } from './access-requests.ts'
import { BlobStore, type OpenFile } from './blob-store.ts'
import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  getBucketVersioning,
  getObjectAttributes,
  headBucket,
  listBuckets,
  putBucketCors,
} from './bucket-operations.ts'
import { type BucketOptions, BucketRegistry } from './bucket-registry.ts'
import { completeMultipartUpload } from './complete-multipart-upload.ts'
import { copyObject } from './copy-object.ts'
import { addCorsHeadersTo, answerPreflight } from './cors.ts'
import { applyLifecycle, type LifecycleReport } from './lifecycle.ts'
import { listMultipartUploads, listObjects, listObjectsV2 } from './list-operations.ts'
import {
  type NewLocalObject,
  putLocalObject,
  readLocalObject,
  type StoredObject,
} from './local-objects.ts'
import { MetadataDatabase } from './metadata-database.ts'
import {
  abortMultipartUpload,
  createMultipartUpload,
  listParts,
  uploadPart,
} from './multipart-operations.ts'
import { type EventFaults, type ObjectEventListener, ObjectEvents } from './object-events.ts'
import {
  deleteObject,
  deleteObjects,
  getObject,
  getObjectTagging,
  putObject,
  putObjectTagging,
} from './object-operations.ts'
import { ObjectTable } from './object-table.ts'
import { postObject } from './post-object.ts'
import type { ByteRange } from './preconditions.ts'
import type { OperationHandler, S3Context, S3Faults } from './s3-context.ts'
import { storageFailure } from './s3-errors.ts'
import { routeRequest, type S3Operation, type S3Request } from './s3-request.ts'
import { readUploadForm } from './upload-form.ts'
import { uploadPartCopy } from './upload-part-copy.ts'
import { UploadTable } from './upload-table.ts'

export interface S3EngineOptions {
  dataDir: string
  clock: Clock
  /** Opens blob files; replaced where a full disk is to be tried. */
  openFile?: OpenFile
}

export interface S3Engine extends AwsEngine {
  /** Creates the bucket or replaces its settings. */
  createBucket(options: BucketOptions): void
  /** The listener gets every event until it resolves, also those of before a restart. */
  onObjectEvent(listener: ObjectEventListener): void
  /** Resolves when every event that is due was offered to the listener. */
  flushEvents(): Promise<void>
  /** Answers an unsigned CORS preflight; false when the request is none. */
  handlePreflight(request: IncomingMessage, response: ServerResponse, url: URL): boolean
  /** Sets the CORS headers of a reply, also of a refusal; call it before anything is written. */
  addCorsHeaders(request: IncomingMessage, response: ServerResponse, url: URL): void
  /** Policy of the bucket in an `arn:aws:s3:::bucket[/key]`. */
  resourcePolicy(resourceArn: string): PolicyDocument | undefined
  /** Reads an object without a request. The stream must be read or destroyed. */
  readObject(bucket: string, key: string, range?: ByteRange): StoredObject | undefined
  /** Stores an object without a request; its event reports `PutObject`. */
  putObject(bucket: string, key: string, object: NewLocalObject): Promise<{ etag: string }>
  /** Applies the lifecycle rules as of the clock; a timer does the same every minute. */
  runLifecycle(): Promise<LifecycleReport>
  /** Misbehaviour on demand. */
  faults: S3Faults
  eventFaults: EventFaults
}

export type { BucketOptions, CorsRule, LifecycleRule } from './bucket-registry.ts'
export type { S3ObjectEvent } from './object-events.ts'
export type { NewLocalObject, StoredObject }

const LIFECYCLE_INTERVAL_MS = 60_000

const HANDLERS: Record<S3Operation, OperationHandler> = {
  AbortMultipartUpload: abortMultipartUpload,
  CompleteMultipartUpload: completeMultipartUpload,
  CopyObject: copyObject,
  CreateBucket: createBucket,
  CreateMultipartUpload: createMultipartUpload,
  DeleteBucket: deleteBucket,
  DeleteObject: deleteObject,
  DeleteObjects: deleteObjects,
  GetBucketLocation: getBucketLocation,
  GetBucketVersioning: getBucketVersioning,
  GetObject: getObject,
  GetObjectAttributes: getObjectAttributes,
  GetObjectTagging: getObjectTagging,
  HeadBucket: headBucket,
  HeadObject: getObject,
  ListBuckets: listBuckets,
  ListMultipartUploads: listMultipartUploads,
  ListObjects: listObjects,
  ListObjectsV2: listObjectsV2,
  ListParts: listParts,
  PostObject: postObject,
  PutBucketCors: putBucketCors,
  PutObject: putObject,
  PutObjectTagging: putObjectTagging,
  UploadPart: uploadPart,
  UploadPartCopy: uploadPartCopy,
}

const WITHOUT_BUCKET: S3Operation[] = ['CreateBucket', 'ListBuckets']

export function createS3Engine(options: S3EngineOptions): S3Engine {
  const context = openContext(options)
  const { buckets, events, blobs, objects, database, clock } = context
  blobs.sweep((blobId) => objects.isBlobInUse(blobId))
  const lifecycleTimer = setInterval(() => {
    // A run that fails, such as on a full disk, is repeated a minute later.
    applyLifecycle(context).catch(() => undefined)
  }, LIFECYCLE_INTERVAL_MS)
  lifecycleTimer.unref()

  return {
    faults: context.faults,
    eventFaults: events.faults,
    createBucket: (bucket) => buckets.put(bucket, clock.now()),
    onObjectEvent: (listener) => events.onEvent(listener),
    flushEvents: () => events.flush(),
    handlePreflight: (request, response) => answerPreflight(buckets, request, response),
    addCorsHeaders: (request, response) => addCorsHeadersTo(buckets, request, response),
    readUploadForm,
    resourcePolicy: (arn) =>
      buckets.find(arn.replace('arn:aws:s3:::', '').split('/')[0] ?? '')?.policy,
    accessRequests: (call) => namedAccessRequests(context, call),
    handle: (call, response) => handleCall(context, call, response),
    readObject: (bucket, key, range) => readLocalObject(context, bucket, key, range),
    putObject: (bucket, key, object) => putLocalObject(context, bucket, key, object),
    runLifecycle: () => applyLifecycle(context),
    async close() {
      clearInterval(lifecycleTimer)
      await events.close()
      database.close()
    },
  }
}

function openContext({ dataDir, clock, openFile }: S3EngineOptions): S3Context {
  mkdirSync(dataDir, { recursive: true })
  const database = new MetadataDatabase(join(dataDir, 'metadata.db'))
  return {
    clock,
    database,
    buckets: new BucketRegistry(database),
    objects: new ObjectTable(database),
    uploads: new UploadTable(database),
    blobs: new BlobStore(dataDir, openFile),
    events: new ObjectEvents(database, clock),
    faults: {
      completeErrorsInOk: 0,
      completeErrorsApply: false,
      forgetCompletedUploads: false,
    },
  }
}

/** What each call asks for, from when its permissions are named until it is handled. */
const routed = new WeakMap<AwsCall, S3Request>()

/** Routes the call and gives it its operation's name, by which the gateway counts it. */
function namedAccessRequests(context: S3Context, call: AwsCall): AccessRequest[] {
  const request = routeRequest(call)
  routed.set(call, request)
  call.operation = request.operation
  return accessRequestsOf(request, context.objects)
}

async function handleCall(
  context: S3Context,
  call: AwsCall,
  response: ServerResponse,
): Promise<void> {
  try {
    const request = routed.get(call) ?? routeRequest(call)
    if (!WITHOUT_BUCKET.includes(request.operation)) context.buckets.require(request.bucket)
    addCorsHeadersTo(context.buckets, call.request, response)
    await HANDLERS[request.operation](context, request, response)
  } catch (error) {
    throw storageFailure(error)
  } finally {
    // What a refused request still sends is read and dropped, so that its connection can go on.
    call.request.resume()
  }
}
