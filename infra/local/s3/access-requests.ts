/**
 * The permissions that each operation needs, by
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 */
import type { AccessRequest } from '../engine.ts'
import { copySource } from './copy-object.ts'
import type { ObjectTable } from './object-table.ts'
import { amzValue, type S3Request } from './s3-request.ts'

export function accessRequestsOf(request: S3Request, objects: ObjectTable): AccessRequest[] {
  const { bucket, key, operation } = request
  const tagging =
    amzValue(request.call, 'x-amz-tagging') === undefined
      ? []
      : [onKey('PutObjectTagging', bucket, key)]
  switch (operation) {
    case 'PutObject':
    case 'CreateMultipartUpload':
      return [onKey('PutObject', bucket, key), ...tagging]
    case 'PostObject': {
      const tags = request.call.form?.fields.has('tagging') ?? false
      return [
        onKey('PutObject', bucket, key),
        ...(tags ? [onKey('PutObjectTagging', bucket, key)] : []),
      ]
    }
    case 'UploadPart':
    case 'CompleteMultipartUpload':
      return [onKey('PutObject', bucket, key)]
    case 'UploadPartCopy':
    case 'CopyObject': {
      const source = copySource(request)
      return [
        onKey('PutObject', bucket, key),
        ...reading('GetObject', source.bucket, source.key, objects),
        ...tagging,
      ]
    }
    case 'GetObject':
    case 'HeadObject':
      return reading('GetObject', bucket, key, objects)
    case 'GetObjectAttributes':
      return [
        onKey('GetObjectAttributes', bucket, key),
        ...reading('GetObject', bucket, key, objects),
      ]
    case 'GetObjectTagging':
    case 'PutObjectTagging':
    case 'DeleteObject':
    case 'AbortMultipartUpload':
      return [onKey(operation, bucket, key)]
    case 'DeleteObjects':
      // Each key is judged when its turn comes.
      return []
    case 'ListParts':
      return [onKey('ListMultipartUploadParts', bucket, key)]
    case 'ListMultipartUploads':
      return [onBucket('ListBucketMultipartUploads', bucket, listContext(request))]
    case 'ListObjects':
    case 'ListObjectsV2':
      return [onBucket('ListBucket', bucket, listContext(request))]
    case 'HeadBucket':
      return [onBucket('ListBucket', bucket)]
    case 'ListBuckets':
      return [{ action: 's3:ListAllMyBuckets', resource: '*' }]
    case 'CreateBucket':
    case 'DeleteBucket':
      return [onBucket(operation, bucket)]
    case 'PutBucketCors':
      return [onBucket('PutBucketCORS', bucket)]
    case 'GetBucketLocation':
    case 'GetBucketVersioning':
      return [onBucket(operation, bucket)]
  }
}

/**
 * "If the object you request doesn't exist, the error that Amazon S3 returns depends on whether you
 * also have the s3:ListBucket permission": 404 with it, 403 without, so a missing key asks for both.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
function reading(
  action: string,
  bucket: string,
  key: string,
  objects: ObjectTable,
): AccessRequest[] {
  const exists = objects.exists(bucket, key)
  return [onKey(action, bucket, key), ...(exists ? [] : [onBucket('ListBucket', bucket)])]
}

function onKey(action: string, bucket: string, key: string): AccessRequest {
  return { action: `s3:${action}`, resource: `arn:aws:s3:::${bucket}/${key}` }
}

function onBucket(
  action: string,
  bucket: string,
  context: Record<string, string> = {},
): AccessRequest {
  return { action: `s3:${action}`, resource: `arn:aws:s3:::${bucket}`, context }
}

/** A condition key is absent when the request does not carry the parameter. */
function listContext({ query }: S3Request): Record<string, string> {
  const context: Record<string, string> = {}
  for (const name of ['prefix', 'delimiter', 'max-keys']) {
    const value = query.get(name)
    if (value !== null) context[`s3:${name}`] = value
  }
  return context
}
