/** Headers that S3 keeps with an object, those it refuses here, and those it sends back. */
import type { ServerResponse } from 'node:http'
import { AwsError } from '../engine.ts'
import { checksumHeader } from './checksums.ts'
import type { ObjectRecord } from './object-table.ts'
import { invalidArgument, notImplemented } from './s3-errors.ts'
import { amzValue, headerNames, headerValue, type S3Request } from './s3-request.ts'

const KEPT_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-language',
  'content-type',
  'expires',
]

/** Headers that would change what is stored or who may read it; only the values that are S3's default pass. */
const REFUSED_UNLESS: Record<string, string[]> = {
  'x-amz-acl': ['private', 'bucket-owner-full-control'],
  'x-amz-object-lock-legal-hold': [],
  'x-amz-object-lock-mode': [],
  'x-amz-object-lock-retain-until-date': [],
  'x-amz-server-side-encryption': ['AES256'],
  'x-amz-server-side-encryption-customer-algorithm': [],
  'x-amz-storage-class': ['STANDARD'],
  'x-amz-website-redirect-location': [],
  'x-amz-write-offset-bytes': [],
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html: 2 KB of user metadata. */
const MAX_METADATA_BYTES = 2048
const MAX_TAGS = 10

export function storedHeaders(request: S3Request): Record<string, string> {
  const { call } = request
  const headers: Record<string, string> = { 'content-type': 'binary/octet-stream' }
  for (const name of KEPT_HEADERS) {
    const value = headerValue(call, name)
    if (value !== undefined && value !== '') headers[name] = value
  }
  // aws-chunked is the framing of the transfer, not of the object.
  const encoding = (headerValue(call, 'content-encoding') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'aws-chunked')
    .join(',')
  if (encoding !== '') headers['content-encoding'] = encoding
  return { ...headers, ...userMetadata(request) }
}

function userMetadata({ call, query }: S3Request): Record<string, string> {
  const names = new Set(headerNames(call))
  if (call.presigned) for (const name of query.keys()) names.add(name.toLowerCase())
  const metadata: Record<string, string> = {}
  let bytes = 0
  for (const name of names) {
    if (!name.startsWith('x-amz-meta-')) continue
    const value = amzValue(call, name) ?? ''
    bytes += Buffer.byteLength(name) - 'x-amz-meta-'.length + Buffer.byteLength(value)
    metadata[name] = value
  }
  if (bytes > MAX_METADATA_BYTES) {
    throw new AwsError(
      'MetadataTooLarge',
      'Your metadata headers exceed the maximum allowed metadata size',
      400,
      { Size: bytes, MaxSizeAllowed: MAX_METADATA_BYTES },
    )
  }
  return metadata
}

export function refuseUnsupportedHeaders({ call }: S3Request): void {
  for (const [name, allowed] of Object.entries(REFUSED_UNLESS)) {
    const value = amzValue(call, name)
    if (value !== undefined && !allowed.includes(value)) throw notImplemented(`${name}: ${value}`)
  }
}

/** Tags of the `x-amz-tagging` header, spelled like a query string. */
export function taggingHeader({ call }: S3Request): Record<string, string> {
  const tags = Object.fromEntries(new URLSearchParams(amzValue(call, 'x-amz-tagging') ?? ''))
  requireTags(tags)
  return tags
}

export function requireTags(tags: Record<string, string>): void {
  const entries = Object.entries(tags)
  if (entries.length > MAX_TAGS) {
    throw new AwsError('BadRequest', `Object tags cannot be greater than ${MAX_TAGS}`, 400)
  }
  for (const [key, value] of entries) {
    if (key === '' || key.length > 128) throw invalidTag('The TagKey you have provided is invalid')
    if (value.length > 256) throw invalidTag('The TagValue you have provided is invalid')
  }
}

function invalidTag(message: string): AwsError {
  return new AwsError('InvalidTag', message, 400)
}

/** Query parameter of a signed GET to the header that it overrides. */
const OVERRIDES: Record<string, string> = {
  'response-cache-control': 'cache-control',
  'response-content-disposition': 'content-disposition',
  'response-content-encoding': 'content-encoding',
  'response-content-language': 'content-language',
  'response-content-type': 'content-type',
  'response-expires': 'expires',
}

/** `isWhole` is false for a range: S3 then keeps the checksum, which is that of the whole object, to itself. */
export function setObjectHeaders(
  response: ServerResponse,
  record: ObjectRecord,
  request: S3Request,
  isWhole: boolean,
): void {
  const headers = objectHeaders(record)
  for (const [parameter, name] of Object.entries(OVERRIDES)) {
    const value = request.query.get(parameter)
    if (value !== null) headers[name] = value
  }
  for (const [name, value] of Object.entries(headers)) {
    try {
      response.setHeader(name, value)
    } catch {
      // A control character in an override: Node refuses to send it, S3 refuses to take it.
      throw invalidArgument('Header value cannot be represented using ISO-8859-1.', {
        ArgumentName: name,
      })
    }
  }
  const isAsked = amzValue(request.call, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED'
  if (isAsked && isWhole) setChecksumHeaders(response, record)
}

/** Headers of a whole object, as S3 sends them without being asked. */
export function objectHeaders(record: ObjectRecord): Record<string, string> {
  const tagCount = Object.keys(record.tags).length
  return {
    ...record.headers,
    etag: `"${record.etag}"`,
    'last-modified': new Date(record.modifiedMs).toUTCString(),
    'accept-ranges': 'bytes',
    'x-amz-server-side-encryption': 'AES256',
    ...(tagCount > 0 ? { 'x-amz-tagging-count': String(tagCount) } : {}),
  }
}

export function setChecksumHeaders(
  response: ServerResponse,
  record: Pick<ObjectRecord, 'checksum'>,
): void {
  if (!record.checksum) return
  response.setHeader(checksumHeader(record.checksum.algorithm), record.checksum.value)
  response.setHeader('x-amz-checksum-type', record.checksum.type)
}
