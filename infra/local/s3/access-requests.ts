/**
 * The permissions that each operation needs, by
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 * Known gap: S3 judges each key of DeleteObjects alone; here one forbidden key refuses the call.
 */
import type { AccessRequest } from '../engine.ts'
import { copySource } from './copy-object.ts'
import { deleteRequest } from './object-operations.ts'
import type { ObjectTable } from './object-table.ts'
import { amzValue, type S3Request } from './s3-request.ts'

export async function accessRequestsOf(
  request: S3Request,
  objects: ObjectTable,
): Promise<AccessRequest[]> {
  const { bucket, key, operation } = request
  const tagging =
    amzValue(request.call, 'x-amz-tagging') === undefined
      ? []
      : [onKey('PutObjectTagging', bucket, key)]
  switch (operation) {
    case 'PutObject':
    case 'CreateMultipartUpload':
      return [onKey('PutObject', bucket, key), ...tagging]
    case 'UploadPart':
    case 'CompleteMultipartUpload':
      return [onKey('PutObject', bucket, key)]
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
    case 'DeleteObjects': {
      const { keys } = await deleteRequest(request)
      return keys.map((deleted) => onKey('DeleteObject', bucket, deleted))
    }
    case 'ListParts':
      return [onKey('ListMultipartUploadParts', bucket, key)]
    case 'ListMultipartUploads':
      return [onBucket('ListBucketMultipartUploads', bucket, listContext(request))]
    case 'ListObjectsV2':
      return [onBucket('ListBucket', bucket, listContext(request))]
    case 'HeadBucket':
      return [onBucket('ListBucket', bucket)]
    case 'GetBucketLocation':
      return [onBucket('GetBucketLocation', bucket)]
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
  const exists = objects.find(bucket, key) !== undefined
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
