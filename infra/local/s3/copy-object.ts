/** CopyObject. A copy shares its source's blobs; only what S3 would compute anew is read again. */
import { createHash, randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { AwsError } from '../engine.ts'
import { checksumElement, parseAlgorithm, startChecksum } from './checksums.ts'
import { refuseUnsupportedHeaders, storedHeaders, taggingHeader } from './object-headers.ts'
import { openObject, requireObject } from './object-operations.ts'
import type { ObjectRecord } from './object-table.ts'
import { isNotModified, readConditions, requireWriteConditions } from './preconditions.ts'
import { MAX_BODY_BYTES } from './request-body.ts'
import { recordEvent, requestFacts, type S3Context } from './s3-context.ts'
import { invalidArgument, invalidRequest, preconditionFailed } from './s3-errors.ts'
import { amzValue, bucketAndKey, type S3Request } from './s3-request.ts'
import { sendXml } from './xml.ts'

type Directive = 'COPY' | 'REPLACE'

/** Bucket and key of `x-amz-copy-source`, which is percent-encoded and may begin with a slash. */
export function copySource(request: S3Request): { bucket: string; key: string } {
  const value = amzValue(request.call, 'x-amz-copy-source') ?? ''
  const [path = '', version] = value.split('?versionId=')
  const source = bucketAndKey(path.startsWith('/') ? path : `/${path}`)
  if (source.bucket === '' || source.key === '' || (version ?? 'null') !== 'null') {
    throw invalidArgument(
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    )
  }
  return source
}

export async function copyObject(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const { bucket, key } = request
  refuseUnsupportedHeaders(request)
  const from = copySource(request)
  context.buckets.require(from.bucket)
  const source = requireObject(context, from)
  const replacesHeaders = directive(request, 'x-amz-metadata-directive') === 'REPLACE'
  const replacesTags = directive(request, 'x-amz-tagging-directive') === 'REPLACE'
  if (from.bucket === bucket && from.key === key && !replacesHeaders) {
    throw invalidRequest(
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    )
  }
  if (source.sizeBytes > MAX_BODY_BYTES) {
    throw invalidRequest(
      'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120',
    )
  }
  if (isNotModified(readConditions(request, 'x-amz-copy-source-'), source)) {
    throw preconditionFailed('x-amz-copy-source-If-None-Match')
  }
  const record: ObjectRecord = {
    ...source,
    ...(await hashesOfCopy(context, request, source)),
    bucket,
    key,
    contentId: randomUUID(),
    modifiedMs: context.clock.now(),
    headers: replacesHeaders ? storedHeaders(request) : source.headers,
    tags: replacesTags ? taggingHeader(request) : source.tags,
    partCount: null,
  }
  const orphans = await context.database.write(() => {
    requireWriteConditions(request, context.objects.find(bucket, key))
    // The hashes were read outside this write: they must be those of what is copied now.
    if (requireObject(context, from).contentId !== source.contentId) throw changedMeanwhile()
    for (const part of context.objects.parts(source.contentId)) {
      context.objects.putPart(record.contentId, part)
    }
    recordEvent(context, {
      ...requestFacts(request),
      type: 'Object Created',
      reason: 'CopyObject',
      bucket,
      key,
      sizeBytes: record.sizeBytes,
      etag: record.etag,
    })
    return context.objects.replace(record)
  })
  context.events.wake()
  await context.blobs.remove(orphans)
  const { checksum } = record
  sendXml(response, 'CopyObjectResult', {
    LastModified: new Date(record.modifiedMs).toISOString(),
    ETag: `"${record.etag}"`,
    ...(checksum && {
      [checksumElement(checksum.algorithm)]: checksum.value,
      ChecksumType: checksum.type,
    }),
  })
}

/** A copy is one piece: of a multipart source, or for another algorithm, S3 computes ETag and checksum anew. */
async function hashesOfCopy(
  context: S3Context,
  request: S3Request,
  source: ObjectRecord,
): Promise<Pick<ObjectRecord, 'etag' | 'checksum'>> {
  const wanted = amzValue(request.call, 'x-amz-checksum-algorithm')
  const algorithm = wanted ? parseAlgorithm(wanted) : (source.checksum?.algorithm ?? 'CRC64NVME')
  const isKnown = source.partCount === null && source.checksum?.algorithm === algorithm
  if (isKnown) return { etag: source.etag, checksum: source.checksum }
  const md5 = createHash('md5')
  const hash = await startChecksum(algorithm)
  const whole = { startByte: 0, lengthBytes: source.sizeBytes }
  for await (const chunk of openObject(context, source, whole)) {
    md5.update(chunk)
    hash.update(chunk)
  }
  const value = hash.digest().toString('base64')
  return { etag: md5.digest('hex'), checksum: { algorithm, type: 'FULL_OBJECT', value } }
}

function directive(request: S3Request, name: string): Directive {
  const value = amzValue(request.call, name) ?? 'COPY'
  if (value !== 'COPY' && value !== 'REPLACE') {
    throw invalidArgument(`Unknown ${name}.`, { ArgumentName: name, ArgumentValue: value })
  }
  return value
}

function changedMeanwhile(): AwsError {
  return new AwsError(
    'OperationAborted',
    'A conflicting conditional operation is currently in progress against this resource. Please try again.',
    409,
  )
}
