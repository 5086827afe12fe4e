/**
 * From a path-style request to the operation it means. The path is taken from the raw request line:
 * a URL parser would resolve `..` and so change keys.
 */
import { type AwsCall, AwsError, type UploadForm } from '../engine.ts'
import { invalidArgument, notImplemented } from './s3-errors.ts'

export type S3Operation =
  | 'AbortMultipartUpload'
  | 'CompleteMultipartUpload'
  | 'CopyObject'
  | 'CreateBucket'
  | 'CreateMultipartUpload'
  | 'DeleteBucket'
  | 'DeleteObject'
  | 'DeleteObjects'
  | 'GetBucketLocation'
  | 'GetBucketVersioning'
  | 'GetObject'
  | 'GetObjectAttributes'
  | 'GetObjectTagging'
  | 'HeadBucket'
  | 'HeadObject'
  | 'ListBuckets'
  | 'ListMultipartUploads'
  | 'ListObjects'
  | 'ListObjectsV2'
  | 'ListParts'
  | 'PostObject'
  | 'PutBucketCors'
  | 'PutObject'
  | 'PutObjectTagging'
  | 'UploadPart'
  | 'UploadPartCopy'

export interface S3Request {
  call: AwsCall
  operation: S3Operation
  bucket: string
  key: string
  query: URLSearchParams
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html: 1,024 bytes of UTF-8. */
const MAX_KEY_BYTES = 1024

/** Query names that turn a request into another operation, with the noun of that operation. */
const SUBRESOURCES: Record<string, string> = {
  accelerate: 'AccelerateConfiguration',
  acl: 'Acl',
  analytics: 'AnalyticsConfiguration',
  attributes: 'Attributes',
  cors: 'Cors',
  delete: 'Objects',
  encryption: 'Encryption',
  'intelligent-tiering': 'IntelligentTieringConfiguration',
  inventory: 'InventoryConfiguration',
  'legal-hold': 'LegalHold',
  lifecycle: 'LifecycleConfiguration',
  location: 'Location',
  logging: 'Logging',
  metadataTable: 'MetadataTableConfiguration',
  metrics: 'MetricsConfiguration',
  notification: 'NotificationConfiguration',
  'object-lock': 'LockConfiguration',
  ownershipControls: 'OwnershipControls',
  partNumber: 'Part',
  policy: 'Policy',
  policyStatus: 'PolicyStatus',
  publicAccessBlock: 'PublicAccessBlock',
  renameObject: 'Rename',
  replication: 'Replication',
  requestPayment: 'RequestPayment',
  restore: 'Restore',
  retention: 'Retention',
  select: 'SelectContent',
  session: 'Session',
  tagging: 'Tagging',
  torrent: 'Torrent',
  uploadId: 'MultipartUpload',
  uploads: 'MultipartUploads',
  versioning: 'Versioning',
  versions: 'Versions',
  website: 'Website',
}

/** Method, whether a key is named, and the subresources, to operation. */
const ROUTES: Record<string, S3Operation> = {
  'GET service': 'ListBuckets',
  'PUT bucket': 'CreateBucket',
  'PUT bucket cors': 'PutBucketCors',
  'DELETE bucket': 'DeleteBucket',
  'GET bucket': 'ListObjects',
  'POST bucket': 'PostObject',
  'GET bucket location': 'GetBucketLocation',
  'GET bucket versioning': 'GetBucketVersioning',
  'GET bucket uploads': 'ListMultipartUploads',
  'HEAD bucket': 'HeadBucket',
  'POST bucket delete': 'DeleteObjects',
  'GET object': 'GetObject',
  'GET object partNumber': 'GetObject',
  'GET object attributes': 'GetObjectAttributes',
  'GET object tagging': 'GetObjectTagging',
  'GET object uploadId': 'ListParts',
  'HEAD object': 'HeadObject',
  'HEAD object partNumber': 'HeadObject',
  'PUT object': 'PutObject',
  'PUT object partNumber uploadId': 'UploadPart',
  'PUT object tagging': 'PutObjectTagging',
  'POST object uploadId': 'CompleteMultipartUpload',
  'POST object uploads': 'CreateMultipartUpload',
  'DELETE object': 'DeleteObject',
  'DELETE object uploadId': 'AbortMultipartUpload',
}

/** Operations that are not called after their method and subresource. */
const ABSENT: Record<string, string> = {
  'GET bucket versions': 'ListObjectVersions',
}

export function routeRequest(call: AwsCall): S3Request {
  const path = bucketAndKey(call.request.url ?? '/')
  const { bucket } = path
  const key = call.form ? formKey(call.form) : path.key
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new AwsError('KeyTooLongError', 'Your key is too long', 400, {
      Size: Buffer.byteLength(key),
      MaxSizeAllowed: MAX_KEY_BYTES,
    })
  }
  refusePathAboveRoot(`${bucket}/${path.key}`)
  const query = call.url.searchParams
  if (query.has('versionId') && query.get('versionId') !== 'null') {
    throw notImplemented('versionId')
  }
  return { call, operation: operationOf(call, path, query), bucket, key, query }
}

function formKey(form: UploadForm): string {
  const key = form.fields.get('key')
  if (key) return key
  throw invalidArgument(
    "Bucket POST must contain a field named 'key'. If it is specified, please check the order of the fields.",
    { ArgumentName: 'key', ArgumentValue: '' },
  )
}

/**
 * "The number of relative path elements … parsed from left to right, must never exceed the number
 * of non-relative path elements."
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
 */
function refusePathAboveRoot(path: string): void {
  let depth = 0
  for (const segment of path.split('/')) {
    if (segment === '..') depth -= 1
    else if (segment !== '.' && segment !== '') depth += 1
    if (depth < 0) {
      throw new AwsError('InvalidURI', "Couldn't parse the specified URI.", 400)
    }
  }
}

function operationOf(
  call: AwsCall,
  { bucket, key }: { bucket: string; key: string },
  query: URLSearchParams,
): S3Operation {
  const method = call.request.method ?? 'GET'
  const subresources = [...new Set(query.keys())]
    .filter((name) => Object.hasOwn(SUBRESOURCES, name))
    .sort()
  const level = key !== '' ? 'object' : bucket !== '' ? 'bucket' : 'service'
  const route = [method, level, ...subresources].join(' ')
  const operation = ROUTES[route]
  if (operation === undefined) throw notImplemented(ABSENT[route] ?? guessName(route))
  if (operation === 'ListObjects' && query.get('list-type') === '2') return 'ListObjectsV2'
  if (operation === 'PostObject' && !call.form) throw notAForm()
  const copies = amzValue(call, 'x-amz-copy-source') !== undefined
  if (copies && operation === 'UploadPart') return 'UploadPartCopy'
  if (copies && operation === 'PutObject') return 'CopyObject'
  return operation
}

function notAForm(): AwsError {
  return new AwsError(
    'PreconditionFailed',
    'At least one of the pre-conditions you specified did not hold',
    412,
    { Condition: 'Bucket POST must be of the enclosure-type multipart/form-data' },
  )
}

function guessName(route: string): string {
  const [method = '', level = '', ...subresources] = route.split(' ')
  const verb = `${method.charAt(0)}${method.slice(1).toLowerCase()}`
  const nouns = subresources.map((name) => SUBRESOURCES[name] ?? '').join('')
  return `${verb}${level.charAt(0).toUpperCase()}${level.slice(1)}${nouns}`
}

/** Splits `/bucket/key` of a raw request target; the key may hold `..`, `//` and escaped slashes. */
export function bucketAndKey(target: string): { bucket: string; key: string } {
  const path = (target.split('?')[0] ?? '').replace(/^https?:\/\/[^/]*/, '')
  const slash = path.indexOf('/', 1)
  const bucket = path.slice(1, slash === -1 ? undefined : slash)
  return { bucket: decode(bucket), key: slash === -1 ? '' : decode(path.slice(slash + 1)) }
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw new AwsError('InvalidURI', "Couldn't parse the specified URI.", 400)
  }
}

/** A header, or the query parameter into which a presigner moves `x-amz-` headers. */
export function amzValue(call: AwsCall, name: string): string | undefined {
  const header = headerValue(call, name)
  if (header !== undefined || !call.presigned) return header
  for (const [queryName, value] of call.url.searchParams) {
    if (queryName.toLowerCase() === name) return value
  }
  return undefined
}

/** A header, or the field of an upload form that stands for it. */
export function headerValue(call: AwsCall, name: string): string | undefined {
  if (call.form) return call.form.fields.get(name)
  const header = call.request.headers[name]
  return Array.isArray(header) ? header.join(',') : header
}

export function headerNames({ form, request }: AwsCall): string[] {
  return form ? [...form.fields.keys()] : Object.keys(request.headers)
}
