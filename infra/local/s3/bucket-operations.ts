/**
 * Buckets as such, and GetObjectAttributes: small answers from the records alone. A bucket that is
 * made by CreateBucket has no settings but the CORS rules that PutBucketCors gives it.
 */
import type { ServerResponse } from 'node:http'
import { AwsError, LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import { type Checksum, checksumElement } from './checksums.ts'
import { dropUpload, pageSize } from './multipart-operations.ts'
import { requireObject } from './object-operations.ts'
import type { ObjectRecord } from './object-table.ts'
import { receiveXml } from './request-body.ts'
import type { S3Context } from './s3-context.ts'
import { invalidArgument } from './s3-errors.ts'
import { amzValue, type S3Request } from './s3-request.ts'
import { parseCorsRules, renderXml, sendXml, type XmlValue } from './xml.ts'

const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize']
const MAX_PARTS = 1000

export async function listBuckets(
  context: S3Context,
  _request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const buckets = context.buckets.all().toSorted((a, b) => (a.name < b.name ? -1 : 1))
  sendXml(response, 'ListAllMyBucketsResult', {
    Owner: { ID: LOCAL_ACCOUNT_ID },
    Buckets: {
      Bucket: buckets.map(({ name, createdMs }) => ({
        Name: name,
        CreationDate: new Date(createdMs).toISOString(),
        BucketRegion: LOCAL_REGION,
      })),
    },
  })
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, as far as SDKs let names through. */
const BUCKET_NAME = /^(?!xn--)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/

export async function createBucket(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const { bucket } = request
  if (!BUCKET_NAME.test(bucket)) {
    throw new AwsError('InvalidBucketName', 'The specified bucket is not valid.', 400, {
      BucketName: bucket,
    })
  }
  // "In us-east-1, … if you re-create an existing bucket that you already own … Amazon S3 returns 200 OK"
  if (!context.buckets.find(bucket)) context.buckets.put({ name: bucket }, context.clock.now())
  response.writeHead(200, { location: `/${bucket}`, 'content-length': 0 })
  response.end()
}

export async function deleteBucket(
  context: S3Context,
  { bucket }: S3Request,
  response: ServerResponse,
): Promise<void> {
  const isEmpty = context.objects.list(bucket, '', '', 1).length === 0
  if (!isEmpty) {
    throw new AwsError('BucketNotEmpty', 'The bucket you tried to delete is not empty', 409, {
      BucketName: bucket,
    })
  }
  const orphans = await context.database.write(() =>
    context.uploads.open(bucket).flatMap((upload) => dropUpload(context, upload)),
  )
  context.buckets.remove(bucket)
  await context.blobs.remove(orphans)
  response.writeHead(204)
  response.end()
}

export async function putBucketCors(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const corsRules = parseCorsRules(await receiveXml(request))
  const bucket = context.buckets.require(request.bucket)
  context.buckets.put({ ...bucket, corsRules }, context.clock.now())
  response.writeHead(200, { 'content-length': 0 })
  response.end()
}

export async function headBucket(
  _context: S3Context,
  _request: S3Request,
  response: ServerResponse,
): Promise<void> {
  response.writeHead(200, { 'x-amz-bucket-region': LOCAL_REGION })
  response.end()
}

export async function getBucketLocation(
  _context: S3Context,
  _request: S3Request,
  response: ServerResponse,
): Promise<void> {
  // "Buckets in Region us-east-1 have a LocationConstraint of null", API_GetBucketLocation.html
  const isDefault = (LOCAL_REGION as string) === 'us-east-1'
  const body = renderXml('LocationConstraint', isDefault ? '' : LOCAL_REGION)
  response.writeHead(200, { 'content-type': 'application/xml' })
  response.end(body)
}

/** "If you have never enabled (or suspended) versioning …, the response is empty." */
export async function getBucketVersioning(
  _context: S3Context,
  _request: S3Request,
  response: ServerResponse,
): Promise<void> {
  sendXml(response, 'VersioningConfiguration', '')
}

export async function getObjectAttributes(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const record = requireObject(context, request)
  const asked = (amzValue(request.call, 'x-amz-object-attributes') ?? '')
    .split(',')
    .map((name) => name.trim())
  if (asked.some((name) => !ATTRIBUTES.includes(name))) {
    throw invalidArgument('Invalid attribute name specified.')
  }
  response.setHeader('last-modified', new Date(record.modifiedMs).toUTCString())
  const wants = (name: string): boolean => asked.includes(name)
  sendXml(response, 'GetObjectAttributesResponse', {
    ETag: wants('ETag') ? record.etag : undefined,
    Checksum: wants('Checksum') && record.checksum ? checksumMembers(record.checksum) : undefined,
    ObjectParts: wants('ObjectParts') ? partsOf(context, request, record) : undefined,
    StorageClass: wants('StorageClass') ? 'STANDARD' : undefined,
    ObjectSize: wants('ObjectSize') ? record.sizeBytes : undefined,
  })
}

function checksumMembers(checksum: Checksum): XmlValue {
  return { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type }
}

/** S3 tells the parts one by one only where each has a checksum of its own. */
function partsOf(context: S3Context, request: S3Request, record: ObjectRecord): XmlValue {
  const { checksum, partCount } = record
  if (partCount === null) return undefined
  if (checksum?.type !== 'COMPOSITE') return { PartsCount: partCount }
  const maxParts = pageSize(request, 'max-parts', MAX_PARTS)
  const marker = Number(amzValue(request.call, 'x-amz-part-number-marker') ?? 0)
  const found = context.objects.parts(record.contentId, marker, maxParts + 1)
  const page = found.slice(0, maxParts)
  return {
    PartsCount: partCount,
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: maxParts,
    IsTruncated: found.length > maxParts,
    Part: page.map((part) => ({
      PartNumber: part.number,
      Size: part.sizeBytes,
      [checksumElement(checksum.algorithm)]: part.checksum ?? '',
    })),
  }
}
