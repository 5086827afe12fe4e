/** CreateMultipartUpload, UploadPart, ListParts, AbortMultipartUpload. */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { AwsError } from '../engine.ts'
import {
  type ChecksumType,
  checksumElement,
  checksumHeader,
  defaultChecksumType,
  parseAlgorithm,
  supportsChecksumType,
} from './checksums.ts'
import { refuseUnsupportedHeaders, storedHeaders, taggingHeader } from './object-headers.ts'
import { discardOnFailure } from './object-operations.ts'
import type { PartRecord } from './object-table.ts'
import { declaredChecksum, MAX_BODY_BYTES, receiveBody } from './request-body.ts'
import type { S3Context } from './s3-context.ts'
import { invalidArgument, invalidRequest, noSuchUpload } from './s3-errors.ts'
import { amzValue, type S3Request } from './s3-request.ts'
import { type WrittenBytes, writeBytes } from './store-object.ts'
import type { UploadRecord } from './upload-table.ts'
import { sendXml } from './xml.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MAX_PARTS = 10_000
const MAX_LISTED_PARTS = 1000

export async function createMultipartUpload(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  refuseUnsupportedHeaders(request)
  const upload: UploadRecord = {
    id: randomUUID().replaceAll('-', ''),
    bucket: request.bucket,
    key: request.key,
    initiatedMs: context.clock.now(),
    headers: storedHeaders(request),
    tags: taggingHeader(request),
    ...uploadChecksum(request),
    completion: null,
  }
  await context.database.write(() => context.uploads.insert(upload))
  if (upload.checksumDeclared) {
    response.setHeader('x-amz-checksum-algorithm', upload.algorithm)
    response.setHeader('x-amz-checksum-type', upload.checksumType)
  }
  response.setHeader('x-amz-server-side-encryption', 'AES256')
  sendXml(response, 'InitiateMultipartUploadResult', {
    Bucket: upload.bucket,
    Key: upload.key,
    UploadId: upload.id,
  })
}

function uploadChecksum(
  request: S3Request,
): Pick<UploadRecord, 'algorithm' | 'checksumType' | 'checksumDeclared'> {
  const name = amzValue(request.call, 'x-amz-checksum-algorithm')
  const type = amzValue(request.call, 'x-amz-checksum-type')
  if (name === undefined) {
    if (type !== undefined) {
      throw invalidRequest(
        'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
      )
    }
    return { algorithm: 'CRC64NVME', checksumType: 'FULL_OBJECT', checksumDeclared: false }
  }
  const algorithm = parseAlgorithm(name)
  const checksumType = type === undefined ? defaultChecksumType(algorithm) : parseType(type)
  if (!supportsChecksumType(algorithm, checksumType)) {
    throw invalidRequest(
      `The ${checksumType} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    )
  }
  return { algorithm, checksumType, checksumDeclared: true }
}

export function parseType(type: string): ChecksumType {
  if (type === 'FULL_OBJECT' || type === 'COMPOSITE') return type
  throw invalidRequest('Value for x-amz-checksum-type header is invalid.')
}

export async function uploadPart(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const number = partNumberOf(request)
  const upload = requireOpenUpload(context, request)
  requirePartChecksum(request, upload)
  const rules = { maxBytes: MAX_BODY_BYTES, algorithm: upload.algorithm }
  const written = await writeBytes(context, (write) => receiveBody(request, rules, write))
  const part = await storePart(context, request, number, written)
  response.setHeader('etag', `"${part.etag}"`)
  response.setHeader('x-amz-server-side-encryption', 'AES256')
  if (upload.checksumDeclared) {
    response.setHeader(checksumHeader(upload.algorithm), part.checksum ?? '')
  }
  response.writeHead(200, { 'content-length': 0 })
  response.end()
}

/** Gives the upload the part whose bytes are on disk, in place of one that had its number. */
export async function storePart(
  context: S3Context,
  request: S3Request,
  number: number,
  { body, bytes, discard }: WrittenBytes,
): Promise<PartRecord> {
  const part = {
    number,
    bytes,
    sizeBytes: body.sizeBytes,
    etag: body.md5,
    checksum: body.checksum,
    modifiedMs: context.clock.now(),
  }
  const orphans = await discardOnFailure(discard, () =>
    // Completed or aborted while the bytes came in, the part belongs to nothing any more.
    context.database.write(() =>
      context.objects.putPart(requireOpenUpload(context, request).id, part),
    ),
  )
  await context.blobs.remove(orphans)
  return part
}

export function partNumberOf({ query }: S3Request): number {
  const number = Number(query.get('partNumber'))
  if (!Number.isInteger(number) || number < 1 || number > MAX_PARTS) {
    throw invalidArgument(`Part number must be an integer between 1 and ${MAX_PARTS}, inclusive`, {
      ArgumentName: 'partNumber',
      ArgumentValue: query.get('partNumber'),
    })
  }
  return number
}

/** A part carries the upload's algorithm or, where S3 can compute it, no checksum. */
function requirePartChecksum(request: S3Request, upload: UploadRecord): void {
  const sent = declaredChecksum(request)?.algorithm
  const expected = upload.checksumDeclared ? upload.algorithm : undefined
  const mayLeaveOut = upload.checksumType === 'FULL_OBJECT'
  if (sent === expected || (sent === undefined && mayLeaveOut)) return
  throw invalidRequest(
    `Checksum Type mismatch occurred, expected checksum Type: ${expected?.toLowerCase() ?? 'null'}, actual checksum Type: ${sent?.toLowerCase() ?? 'null'}`,
  )
}

export async function listParts(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const upload = requireOpenUpload(context, request)
  const marker = Number(request.query.get('part-number-marker') ?? 0)
  const maxParts = pageSize(request, 'max-parts', MAX_LISTED_PARTS)
  const found = context.objects.parts(upload.id, marker, maxParts + 1)
  const page = found.slice(0, maxParts)
  const last = page.at(-1)
  sendXml(response, 'ListPartsResult', {
    Bucket: upload.bucket,
    Key: upload.key,
    UploadId: upload.id,
    PartNumberMarker: marker,
    NextPartNumberMarker: last?.number ?? 0,
    MaxParts: maxParts,
    IsTruncated: found.length > maxParts,
    ...(upload.checksumDeclared && {
      ChecksumAlgorithm: upload.algorithm,
      ChecksumType: upload.checksumType,
    }),
    Part: page.map((part) => ({
      PartNumber: part.number,
      LastModified: new Date(part.modifiedMs).toISOString(),
      ETag: `"${part.etag}"`,
      Size: part.sizeBytes,
      ...(upload.checksumDeclared && { [checksumElement(upload.algorithm)]: part.checksum ?? '' }),
    })),
    StorageClass: 'STANDARD',
  })
}

export async function abortMultipartUpload(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const orphans = await context.database.write(() =>
    dropUpload(context, requireOpenUpload(context, request)),
  )
  await context.blobs.remove(orphans)
  response.writeHead(204)
  response.end()
}

/** Removes an open upload and its parts; call it inside the write. */
export function dropUpload(context: S3Context, upload: UploadRecord): string[] {
  context.uploads.remove(upload.id)
  return context.objects.dropParts(upload.id)
}

/** The upload that the request names by id, bucket and key together, finished or not. */
export function requireUpload(context: S3Context, request: S3Request): UploadRecord {
  const uploadId = request.query.get('uploadId') ?? ''
  const upload = context.uploads.find(uploadId)
  if (!upload || upload.bucket !== request.bucket || upload.key !== request.key) {
    throw noSuchUpload(uploadId)
  }
  return upload
}

export function requireOpenUpload(context: S3Context, request: S3Request): UploadRecord {
  const upload = requireUpload(context, request)
  if (upload.completion) throw noSuchUpload(upload.id)
  return upload
}

/** `max-keys` and its like: at most 1,000, whatever is asked for. */
export function pageSize({ query }: S3Request, name: string, most: number): number {
  const value = query.get(name)
  if (value === null) return most
  if (!/^\d{1,10}$/.test(value)) {
    throw new AwsError(
      'InvalidArgument',
      `Provided ${name} not an integer or within integer range`,
      400,
      {
        ArgumentName: name,
        ArgumentValue: value,
      },
    )
  }
  return Math.min(Number(value), most)
}
