/**
 * CompleteMultipartUpload: the listed parts become the object in one transaction; no byte is copied,
 * because the object takes over the upload's id as its content id.
 */
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { AwsError } from '../engine.ts'
import {
  type Checksum,
  checksumElement,
  checksumHeader,
  joinChecksums,
  requireChecksumValue,
} from './checksums.ts'
import { parseType, requireUpload } from './multipart-operations.ts'
import type { PartRecord } from './object-table.ts'
import { requireWriteConditions } from './preconditions.ts'
import { receiveBody } from './request-body.ts'
import { recordEvent, requestFacts, type S3Context } from './s3-context.ts'
import { badDigest, invalidRequest, malformedXml, noSuchUpload } from './s3-errors.ts'
import { amzValue, type S3Request } from './s3-request.ts'
import type { Completion, UploadRecord } from './upload-table.ts'
import { type CompletedPart, parseCompletedParts, sendXml } from './xml.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html: every part but the last. */
const MIN_PART_BYTES = 5 * 1024 ** 2
/** 10,000 parts with an ETag and a checksum each stay below. */
const MAX_LIST_BYTES = 8 * 1024 ** 2

export async function completeMultipartUpload(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const upload = requireUpload(context, request)
  const listed = parseCompletedParts(await receiveList(request))
  if (context.faults.completeErrorsInOk > 0) {
    context.faults.completeErrorsInOk -= 1
    if (context.faults.completeErrorsApply) await complete(context, request, upload, listed)
    // "A 200 OK response can contain either a success or an error", API_CompleteMultipartUpload.html
    sendXml(response, 'Error', {
      Code: 'InternalError',
      Message: 'We encountered an internal error. Please try again.',
      RequestId: request.call.requestId,
    })
    return
  }
  const { etag, checksum } = await complete(context, request, upload, listed)
  sendXml(response, 'CompleteMultipartUploadResult', {
    Location: `http://${request.call.request.headers.host}/${request.bucket}/${request.key}`,
    Bucket: request.bucket,
    Key: request.key,
    ETag: `"${etag}"`,
    [checksumElement(checksum.algorithm)]: checksum.value,
    ChecksumType: checksum.type,
  })
}

/** The request's checksum headers speak of the object, not of this body: the body is judged without them. */
async function receiveList(request: S3Request): Promise<string> {
  const chunks: Buffer[] = []
  const rules = { maxBytes: MAX_LIST_BYTES, algorithm: 'CRC32', ignoresChecksums: true } as const
  await receiveBody(request, rules, async (chunk) => {
    chunks.push(Buffer.from(chunk))
  })
  if (chunks.length === 0) throw malformedXml()
  return Buffer.concat(chunks).toString('utf8')
}

async function complete(
  context: S3Context,
  request: S3Request,
  upload: UploadRecord,
  listed: CompletedPart[],
): Promise<Completion> {
  const partList = digestOf(listed)
  if (upload.completion) return repeatedCompletion(context, upload, upload.completion, partList)
  const parts = chooseParts(context.objects.parts(upload.id), upload, listed)
  const sizeBytes = parts.reduce((bytes, part) => bytes + part.sizeBytes, 0)
  requireObjectSize(request, sizeBytes)
  const checksum = await checksumOfObject(request, upload, parts)
  const completion: Completion = { partList, etag: etagOf(parts), checksum }
  const outcome = await context.database.write(() => {
    const now = requireUpload(context, request)
    if (now.completion) return now.completion
    // Once more: a part may have been replaced while the checksum was computed.
    chooseParts(context.objects.parts(upload.id), upload, listed)
    requireWriteConditions(request, context.objects.find(upload.bucket, upload.key))
    return { orphans: becomeObject(context, request, upload, parts, sizeBytes, completion) }
  })
  if (!('orphans' in outcome)) return repeatedCompletion(context, upload, outcome, partList)
  context.events.wake()
  await context.blobs.remove(outcome.orphans)
  return completion
}

/** Call it inside the write; returns the blobs of unlisted parts and of the object that was there. */
function becomeObject(
  context: S3Context,
  request: S3Request,
  upload: UploadRecord,
  parts: PartRecord[],
  sizeBytes: number,
  completion: Completion,
): string[] {
  const { bucket, key } = upload
  const nowMs = context.clock.now()
  const kept = new Set(parts.map((part) => part.number))
  const unlisted = context.objects.parts(upload.id).filter((part) => !kept.has(part.number))
  const orphans = unlisted.flatMap((part) => context.objects.dropPart(upload.id, part.number))
  context.uploads.complete(upload.id, completion, nowMs)
  recordEvent(context, {
    ...requestFacts(request),
    type: 'Object Created',
    reason: 'CompleteMultipartUpload',
    bucket,
    key,
    sizeBytes,
    etag: completion.etag,
  })
  const replaced = context.objects.replace({
    bucket,
    key,
    contentId: upload.id,
    sizeBytes,
    etag: completion.etag,
    modifiedMs: nowMs,
    headers: upload.headers,
    tags: upload.tags,
    checksum: completion.checksum,
    partCount: parts.length,
  })
  return [...orphans, ...replaced]
}

/** S3 repeats its answer to a repeated Complete of the same parts for some time, then knows the upload no more. */
function repeatedCompletion(
  context: S3Context,
  upload: UploadRecord,
  completion: Completion,
  partList: string,
): Completion {
  if (context.faults.forgetCompletedUploads || completion.partList !== partList) {
    throw noSuchUpload(upload.id)
  }
  return completion
}

function chooseParts(
  stored: PartRecord[],
  upload: UploadRecord,
  listed: CompletedPart[],
): PartRecord[] {
  const byNumber = new Map(stored.map((part) => [part.number, part]))
  let previous = 0
  const chosen = listed.map(({ partNumber, etag, checksums }) => {
    if (partNumber <= previous) {
      throw new AwsError(
        'InvalidPartOrder',
        'The list of parts was not in ascending order. Parts must be ordered by part number.',
      )
    }
    previous = partNumber
    const part = byNumber.get(partNumber)
    if (!part || part.etag !== etag) throw invalidPart({ PartNumber: partNumber, ETag: etag })
    const checksum = checksums[upload.algorithm]
    if (checksum !== undefined && checksum !== part.checksum) {
      throw invalidPart({ PartNumber: partNumber, ETag: etag })
    }
    if (checksum === undefined && upload.checksumType === 'COMPOSITE') {
      throw invalidRequest(
        `The upload was created using a ${upload.algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${partNumber} in the request.`,
      )
    }
    return part
  })
  for (const part of chosen.slice(0, -1)) {
    if (part.sizeBytes < MIN_PART_BYTES) {
      throw new AwsError(
        'EntityTooSmall',
        'Your proposed upload is smaller than the minimum allowed size',
        400,
        {
          ProposedSize: part.sizeBytes,
          MinSizeAllowed: MIN_PART_BYTES,
          PartNumber: part.number,
          ETag: part.etag,
        },
      )
    }
  }
  return chosen
}

/** "If there's a mismatch … it results in an HTTP 400 InvalidRequest error", API_CompleteMultipartUpload.html */
function requireObjectSize(request: S3Request, sizeBytes: number): void {
  const declared = amzValue(request.call, 'x-amz-mp-object-size')
  if (declared !== undefined && declared !== String(sizeBytes)) {
    throw invalidRequest(
      `The provided 'x-amz-mp-object-size' header value ${declared} does not match what was computed: ${sizeBytes}`,
    )
  }
}

async function checksumOfObject(
  request: S3Request,
  upload: UploadRecord,
  parts: PartRecord[],
): Promise<Checksum> {
  const { algorithm, checksumType } = upload
  const type = amzValue(request.call, 'x-amz-checksum-type')
  if (type !== undefined && parseType(type) !== checksumType) {
    throw invalidRequest(
      `The upload was created using the ${checksumType} checksum mode. The complete request must use the same checksum mode.`,
    )
  }
  const checksum = await joinChecksums(
    algorithm,
    checksumType,
    parts.map((part) => ({ value: part.checksum ?? '', sizeBytes: part.sizeBytes })),
  )
  const declared = amzValue(request.call, checksumHeader(algorithm))
  if (declared !== undefined) {
    const [digest = ''] = declared.split('-')
    requireChecksumValue(algorithm, digest)
    const matches =
      checksumType === 'COMPOSITE'
        ? digest === checksum.value.split('-')[0]
        : declared === checksum.value
    if (!matches) throw badDigest(algorithm)
  }
  return checksum
}

function etagOf(parts: PartRecord[]): string {
  const md5 = createHash('md5')
  for (const part of parts) md5.update(Buffer.from(part.etag, 'hex'))
  return `${md5.digest('hex')}-${parts.length}`
}

function digestOf(listed: CompletedPart[]): string {
  const list = listed.map((part) => `${part.partNumber}:${part.etag}`).join(',')
  return createHash('sha256').update(list).digest('hex')
}

function invalidPart(details: Record<string, unknown> = {}): AwsError {
  return new AwsError(
    'InvalidPart',
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    400,
    details,
  )
}
