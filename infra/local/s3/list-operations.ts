/** ListObjects, ListObjectsV2 and ListMultipartUploads: pages in the byte order of keys, with common prefixes. */
import type { ServerResponse } from 'node:http'
import { LOCAL_ACCOUNT_ID } from '../engine.ts'
import { pageSize } from './multipart-operations.ts'
import type { ObjectRecord } from './object-table.ts'
import type { S3Context } from './s3-context.ts'
import { invalidArgument, notImplemented } from './s3-errors.ts'
import type { S3Request } from './s3-request.ts'
import type { UploadRecord } from './upload-table.ts'
import { sendXml, type XmlValue } from './xml.ts'

const MAX_PAGE = 1000
const FETCH_ROWS = 1000
/** Sorts after every key that begins with the text before it. */
const LAST_CHARACTER = '\u{10ffff}'

export async function listObjectsV2(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const { query } = request
  const token = query.get('continuation-token')
  const startAfter = query.get('start-after')
  const { page, members, encode } = listPage(
    context,
    request,
    token === null ? (startAfter ?? '') : decodeToken(token),
    query.get('fetch-owner') === 'true',
  )
  sendXml(response, 'ListBucketResult', {
    ...members,
    KeyCount: page.rows.length + page.commonPrefixes.length,
    ContinuationToken: token ?? undefined,
    NextContinuationToken:
      page.next === undefined ? undefined : Buffer.from(page.next).toString('base64url'),
    StartAfter: startAfter === null ? undefined : encode(startAfter),
  })
}

/** The first version, which many clients still use: pages go on from the last key. */
export async function listObjects(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const { query } = request
  const marker = query.get('marker') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  // A marker that is a common prefix stands behind everything that the prefix covers.
  const isPrefix = commonPrefix(marker, query.get('prefix') ?? '', delimiter) === marker
  const after = isPrefix ? `${marker}${LAST_CHARACTER}` : marker
  const { page, members, encode } = listPage(context, request, after, true)
  sendXml(response, 'ListBucketResult', {
    ...members,
    Marker: encode(marker),
    // "This element is returned only if you have the delimiter request parameter specified."
    NextMarker:
      page.next === undefined || delimiter === ''
        ? undefined
        : encode(page.next.replace(LAST_CHARACTER, '')),
  })
}

/** What both versions answer alike. */
function listPage(
  context: S3Context,
  request: S3Request,
  after: string,
  showsOwner: boolean,
): {
  page: Page<ObjectRecord>
  members: Record<string, XmlValue>
  encode: (key: string) => string
} {
  const { query, bucket } = request
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const maxKeys = pageSize(request, 'max-keys', MAX_PAGE)
  const encode = keyEncoding(request)
  const page = collectPage(prefix, delimiter, maxKeys, after, (from, afterKey) =>
    context.objects.list(bucket, from, afterKey, FETCH_ROWS),
  )
  const owner = showsOwner && { Owner: { ID: LOCAL_ACCOUNT_ID } }
  const members = {
    Name: bucket,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: maxKeys,
    EncodingType: query.get('encoding-type') ?? undefined,
    IsTruncated: page.next !== undefined,
    Contents: page.rows.map((row) => ({ ...listedObject(row, encode), ...owner })),
    CommonPrefixes: page.commonPrefixes.map((common) => ({ Prefix: encode(common) })),
  }
  return { page, members, encode }
}

function listedObject(
  row: ObjectRecord,
  encode: (key: string) => string,
): Record<string, string | number> {
  return {
    Key: encode(row.key),
    LastModified: new Date(row.modifiedMs).toISOString(),
    ETag: `"${row.etag}"`,
    ...(row.checksum && {
      ChecksumAlgorithm: row.checksum.algorithm,
      ChecksumType: row.checksum.type,
    }),
    Size: row.sizeBytes,
    StorageClass: 'STANDARD',
  }
}

interface Page<Row> {
  rows: Row[]
  commonPrefixes: string[]
  /** Where the next page goes on, undefined when there is none. */
  next: string | undefined
}

/** Walks keys after `after`, jumping over each common prefix once it is noted. */
function collectPage<Row extends { key: string }>(
  prefix: string,
  delimiter: string,
  maxKeys: number,
  after: string,
  fetch: (from: string, after: string) => Row[],
): Page<Row> {
  const page: Page<Row> = { rows: [], commonPrefixes: [], next: undefined }
  let position = after
  if (maxKeys === 0) return page
  for (;;) {
    const rows = fetch(prefix, position)
    let jumped = false
    for (const row of rows) {
      if (!row.key.startsWith(prefix)) return page
      const common = commonPrefix(row.key, prefix, delimiter)
      if (page.rows.length + page.commonPrefixes.length === maxKeys) {
        page.next = position
        return page
      }
      if (common === undefined) {
        page.rows.push(row)
        position = row.key
        continue
      }
      page.commonPrefixes.push(common)
      position = `${common}${LAST_CHARACTER}`
      jumped = true
      break
    }
    if (!jumped && rows.length < FETCH_ROWS) return page
  }
}

function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined
  const end = key.indexOf(delimiter, prefix.length)
  return end === -1 ? undefined : key.slice(0, end + delimiter.length)
}

export async function listMultipartUploads(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const { query, bucket } = request
  const prefix = query.get('prefix') ?? ''
  if (query.get('delimiter')) throw notImplemented('delimiter of ListMultipartUploads')
  const maxUploads = pageSize(request, 'max-uploads', MAX_PAGE)
  const keyMarker = query.get('key-marker') ?? ''
  const idMarker = query.get('upload-id-marker')
  const encode = keyEncoding(request)
  // Without an id the marker means all uploads of that key: every id sorts before this.
  const after = { key: keyMarker, id: idMarker ?? (keyMarker === '' ? '' : LAST_CHARACTER) }
  const found = context.uploads
    .list(bucket, prefix, after, maxUploads + 1)
    .filter((upload) => upload.key.startsWith(prefix))
  const page = found.slice(0, maxUploads)
  const isTruncated = found.length > maxUploads
  const last = page.at(-1)
  sendXml(response, 'ListMultipartUploadsResult', {
    Bucket: bucket,
    KeyMarker: encode(keyMarker),
    UploadIdMarker: idMarker ?? '',
    NextKeyMarker: isTruncated && last ? encode(last.key) : undefined,
    NextUploadIdMarker: isTruncated ? last?.id : undefined,
    Prefix: encode(prefix),
    EncodingType: query.get('encoding-type') ?? undefined,
    MaxUploads: maxUploads,
    IsTruncated: isTruncated,
    Upload: page.map((upload) => listedUpload(upload, encode)),
  })
}

function listedUpload(
  upload: UploadRecord,
  encode: (key: string) => string,
): Record<string, string> {
  return {
    Key: encode(upload.key),
    UploadId: upload.id,
    StorageClass: 'STANDARD',
    Initiated: new Date(upload.initiatedMs).toISOString(),
    ...(upload.checksumDeclared && {
      ChecksumAlgorithm: upload.algorithm,
      ChecksumType: upload.checksumType,
    }),
  }
}

function keyEncoding({ query }: S3Request): (key: string) => string {
  const type = query.get('encoding-type')
  if (type === null) return (key) => key
  if (type !== 'url') throw invalidArgument('Invalid Encoding Method specified in Request')
  return (key) => encodeURIComponent(key).replaceAll('%2F', '/')
}

function decodeToken(token: string): string {
  const key = Buffer.from(token, 'base64url').toString()
  if (key === '' || Buffer.from(key).toString('base64url') !== token) {
    throw invalidArgument('The continuation token provided is incorrect', {
      ArgumentName: 'continuation-token',
    })
  }
  return key
}
