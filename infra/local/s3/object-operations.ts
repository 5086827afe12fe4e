/** PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects and the tags of an object. */

import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { AwsError } from '../engine.ts'
import { type BlobSegment, LENT_BUFFER_BYTES } from './blob-store.ts'
import {
  refuseUnsupportedHeaders,
  requireTags,
  setChecksumHeaders,
  setObjectHeaders,
  storedHeaders,
  taggingHeader,
} from './object-headers.ts'
import { type ObjectRecord, segmentsOf } from './object-table.ts'
import {
  type ByteRange,
  isNotModified,
  parseRange,
  readConditions,
  requireWriteConditions,
} from './preconditions.ts'
import { declaredChecksum, MAX_BODY_BYTES, receiveBody, receiveXml } from './request-body.ts'
import { recordEvent, requestFacts, type S3Context } from './s3-context.ts'
import { invalidArgument, invalidRequest, noSuchKey } from './s3-errors.ts'
import { headerValue, type S3Request } from './s3-request.ts'
import { deleteRecord, storeObject, writeBytes } from './store-object.ts'
import { parseDelete, parseTagging, sendXml } from './xml.ts'

/** What S3 computes for an object that came without a checksum. */
const DEFAULT_ALGORITHM = 'CRC64NVME'
/** Lets the disk read while the network sends. */
const READ_AHEAD_BYTES = 1024 * 1024

export async function putObject(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const record = await receiveObject(context, request, {
    reason: 'PutObject',
    tags: taggingHeader(request),
    limits: { minBytes: 0, maxBytes: MAX_BODY_BYTES },
  })
  setWrittenHeaders(response, record)
  response.writeHead(200, { 'content-length': 0 })
  response.end()
}

interface ReceivedObject {
  reason: 'PutObject' | 'PostObject'
  tags: Record<string, string>
  limits: { minBytes: number; maxBytes: number }
}

/** Takes the request's body in and stores it under its key. */
export async function receiveObject(
  context: S3Context,
  request: S3Request,
  { reason, tags, limits }: ReceivedObject,
): Promise<ObjectRecord> {
  const { bucket, key } = request
  refuseUnsupportedHeaders(request)
  const headers = storedHeaders(request)
  const algorithm = declaredChecksum(request)?.algorithm ?? DEFAULT_ALGORITHM
  // Refused before the bytes are taken, and checked once more when they are written.
  requireWriteConditions(request, context.objects.find(bucket, key))
  const { body, bytes, discard } = await writeBytes(context, (write) =>
    receiveBody(request, { ...limits, algorithm }, write),
  )
  return discardOnFailure(discard, () =>
    storeObject(context, bytes, {
      bucket,
      key,
      headers,
      tags,
      body,
      checksum: { algorithm, type: 'FULL_OBJECT', value: body.checksum },
      event: { ...requestFacts(request), reason },
      requireConditions: (existing) => requireWriteConditions(request, existing),
    }),
  )
}

export function setWrittenHeaders(response: ServerResponse, record: ObjectRecord): void {
  response.setHeader('etag', `"${record.etag}"`)
  response.setHeader('x-amz-server-side-encryption', 'AES256')
  setChecksumHeaders(response, record)
}

/** A blob whose row was refused is of no use to anybody. */
export async function discardOnFailure<T>(
  discard: () => Promise<void>,
  store: () => Promise<T>,
): Promise<T> {
  try {
    return await store()
  } catch (error) {
    await discard()
    throw error
  }
}

/** GetObject and HeadObject: the same headers, with or without the bytes. */
export async function getObject(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const record = requireObject(context, request)
  if (isNotModified(readConditions(request), record)) {
    response.setHeader('etag', `"${record.etag}"`)
    response.setHeader('last-modified', new Date(record.modifiedMs).toUTCString())
    response.writeHead(304)
    response.end()
    return
  }
  const range = requestedRange(context, request, response, record)
  const { startByte, lengthBytes } = range ?? { startByte: 0, lengthBytes: record.sizeBytes }
  setObjectHeaders(response, record, request, lengthBytes === record.sizeBytes)
  if (range) {
    const lastByte = startByte + lengthBytes - 1
    response.setHeader('content-range', `bytes ${startByte}-${lastByte}/${record.sizeBytes}`)
  }
  response.writeHead(range ? 206 : 200, { 'content-length': lengthBytes })
  if (request.operation === 'HeadObject' || lengthBytes === 0) {
    response.end()
    return
  }
  await sendBytes(context, record, { startByte, lengthBytes }, response)
}

/** A stream of an object's bytes as they are now; a later overwrite or deletion does not disturb it. */
export function openObject(context: S3Context, record: ObjectRecord, range: ByteRange): Readable {
  const parts = context.objects.parts(record.contentId)
  const segments = segmentsOf(parts, range.startByte, range.lengthBytes)
  const release = context.blobs.hold(segments)
  const stream = Readable.from(context.blobs.read(segments), {
    objectMode: false,
    highWaterMark: READ_AHEAD_BYTES,
  })
  stream.once('close', release)
  return stream
}

async function sendBytes(
  context: S3Context,
  record: ObjectRecord,
  range: ByteRange,
  response: ServerResponse,
): Promise<void> {
  const parts = context.objects.parts(record.contentId)
  const segments = segmentsOf(parts, range.startByte, range.lengthBytes)
  const release = context.blobs.hold(segments)
  try {
    const send = range.lengthBytes <= LENT_BUFFER_BYTES ? sendAtOnce : sendInPieces
    // False when the client hung up: nobody is left to be told.
    if (await send(context, segments, response)) response.end()
  } catch (error) {
    // What is cut short must not look like a short object.
    response.destroy()
    throw error
  } finally {
    release()
  }
}

async function sendAtOnce(
  { blobs }: S3Context,
  segments: BlobSegment[],
  response: ServerResponse,
): Promise<boolean> {
  const buffer = blobs.lend()
  const sent = await isSent(response, blobs.readNow(segments, buffer))
  // What could not be sent may still be in the hands of the connection.
  if (sent) blobs.takeBack(buffer)
  return sent
}

/**
 * Reads into one buffer while the other is sent: a new one for each piece would be left to the
 * garbage collector, which lets tens of MiB gather.
 */
async function sendInPieces(
  context: S3Context,
  segments: BlobSegment[],
  response: ServerResponse,
): Promise<boolean> {
  const pieces = context.blobs.read(segments, alternatingBuffers())
  try {
    let coming = pieces.next()
    for (;;) {
      const { value, done } = await coming
      if (done) return true
      coming = pieces.next()
      // Thrown when it is awaited; until then it must not count as unhandled.
      coming.catch(() => undefined)
      if (!(await isSent(response, value))) return false
    }
  } finally {
    await pieces.return(undefined)
  }
}

function alternatingBuffers(): (bytes: number) => Buffer {
  const buffers: Buffer[] = []
  let turn = 0
  return (bytes) => {
    turn = 1 - turn
    const buffer = buffers[turn]
    if (buffer && buffer.length >= bytes) return buffer.subarray(0, bytes)
    const made = Buffer.allocUnsafeSlow(bytes)
    buffers[turn] = made
    return made
  }
}

/** Resolves when the bytes have left this process, false when they cannot. */
function isSent(response: ServerResponse, bytes: Buffer): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false)
  return new Promise((resolve) => {
    const hungUp = () => resolve(false)
    response.once('close', hungUp)
    response.write(bytes, (error) => {
      response.off('close', hungUp)
      resolve(!error)
    })
  })
}

function requestedRange(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
  record: ObjectRecord,
): ByteRange | undefined {
  const partNumber = request.query.get('partNumber')
  const rangeHeader = headerValue(request.call, 'range')
  if (partNumber === null) return parseRange(rangeHeader, record.sizeBytes)
  if (rangeHeader !== undefined) {
    throw invalidRequest('Cannot specify both Range header and partNumber query parameter')
  }
  if (record.partCount !== null) response.setHeader('x-amz-mp-parts-count', record.partCount)
  const index = Number(partNumber) - 1
  const sizes = partSizes(context, record)
  const lengthBytes = sizes[index]
  if (lengthBytes === undefined)
    throw invalidArgument('The requested partnumber is not satisfiable')
  if (record.sizeBytes === 0) return undefined
  const startByte = sizes.slice(0, index).reduce((bytes, earlier) => bytes + earlier, 0)
  return { startByte, lengthBytes }
}

/** An object written by one request, or copied, is one part. */
function partSizes(context: S3Context, record: ObjectRecord): number[] {
  if (record.partCount === null) return [record.sizeBytes]
  return context.objects.parts(record.contentId).map((part) => part.sizeBytes)
}

export async function deleteObject(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const { bucket, key } = request
  const event = { ...requestFacts(request), reason: 'DeleteObject' }
  const orphans = await context.database.write(() => {
    if (headerValue(request.call, 'if-match') !== undefined) {
      requireWriteConditions(request, context.objects.find(bucket, key))
    }
    return deleteRecord(context, bucket, key, event)
  })
  context.events.wake()
  await context.blobs.remove(orphans)
  response.writeHead(204)
  response.end()
}

async function deleteRequest(request: S3Request): Promise<ReturnType<typeof parseDelete>> {
  // "The Content-MD5 or a checksum header is required for all Multi-Object Delete requests."
  const hasDigest = headerValue(request.call, 'content-md5') ?? declaredChecksum(request)
  if (hasDigest === undefined) {
    throw invalidRequest(
      'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
    )
  }
  return parseDelete(await receiveXml(request))
}

/** Each key is judged alone: what may not be deleted is reported, the rest is deleted. */
export async function deleteObjects(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const { bucket } = request
  const { keys, quiet } = await deleteRequest(request)
  const outcomes = keys.map((key) => ({ key, refusal: refusalOfDelete(request, key) }))
  const allowed = outcomes.filter(({ refusal }) => refusal === undefined)
  const event = { ...requestFacts(request), reason: 'DeleteObject' }
  const orphans = await context.database.write(() =>
    allowed.flatMap(({ key }) => deleteRecord(context, bucket, key, event)),
  )
  context.events.wake()
  await context.blobs.remove(orphans)
  sendXml(response, 'DeleteResult', {
    Deleted: quiet ? [] : allowed.map(({ key }) => ({ Key: key })),
    Error: outcomes.flatMap(({ key, refusal }) =>
      refusal ? [{ Key: key, Code: refusal.code, Message: refusal.message }] : [],
    ),
  })
}

function refusalOfDelete({ call, bucket }: S3Request, key: string): AwsError | undefined {
  return call.refusalOf?.({
    action: 's3:DeleteObject',
    resource: `arn:aws:s3:::${bucket}/${key}`,
  })
}

export async function getObjectTagging(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const { tags } = requireObject(context, request)
  const entries = Object.entries(tags).map(([key, value]) => ({ Key: key, Value: value }))
  sendXml(response, 'Tagging', { TagSet: { Tag: entries } })
}

export async function putObjectTagging(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const { bucket, key } = request
  const tags = parseTagging(await receiveXml(request))
  requireTags(tags)
  await context.database.write(() => {
    const { etag } = requireObject(context, request)
    context.objects.setTags(bucket, key, tags)
    recordEvent(context, {
      ...requestFacts(request),
      type: 'Object Tags Added',
      bucket,
      key,
      etag,
    })
  })
  context.events.wake()
  response.writeHead(200, { 'content-length': 0 })
  response.end()
}

export function requireObject(
  context: S3Context,
  { bucket, key }: Pick<S3Request, 'bucket' | 'key'>,
): ObjectRecord {
  const record = context.objects.find(bucket, key)
  if (!record) throw noSuchKey(key)
  return record
}
