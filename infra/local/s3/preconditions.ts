/** Conditional requests and byte ranges, by RFC 9110 §13 and §14 as far as S3 follows it. */
import { AwsError } from '../engine.ts'
import type { ObjectRecord } from './object-table.ts'
import { noSuchKey, notImplemented, preconditionFailed } from './s3-errors.ts'
import { headerValue, type S3Request } from './s3-request.ts'

type Facts = Pick<ObjectRecord, 'etag' | 'modifiedMs'>

interface ReadConditions {
  ifMatch: string | undefined
  ifNoneMatch: string | undefined
  ifModifiedSince: string | undefined
  ifUnmodifiedSince: string | undefined
}

export function readConditions({ call }: S3Request, prefix = ''): ReadConditions {
  return {
    ifMatch: headerValue(call, `${prefix}if-match`),
    ifNoneMatch: headerValue(call, `${prefix}if-none-match`),
    ifModifiedSince: headerValue(call, `${prefix}if-modified-since`),
    ifUnmodifiedSince: headerValue(call, `${prefix}if-unmodified-since`),
  }
}

/** Throws 412; answers true when the reader has the object already (304). */
export function isNotModified(conditions: ReadConditions, object: Facts): boolean {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions
  if (ifMatch !== undefined) {
    if (!etagListMatches(ifMatch, object.etag)) throw preconditionFailed('If-Match')
  } else if (ifUnmodifiedSince !== undefined && isAfter(object.modifiedMs, ifUnmodifiedSince)) {
    throw preconditionFailed('If-Unmodified-Since')
  }
  if (ifNoneMatch !== undefined) return etagListMatches(ifNoneMatch, object.etag)
  return ifModifiedSince !== undefined && isNotAfter(object.modifiedMs, ifModifiedSince)
}

/**
 * Refuses a write whose condition does not hold of what is there now; call it inside the write.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function requireWriteConditions(request: S3Request, existing: Facts | undefined): void {
  const ifNoneMatch = headerValue(request.call, 'if-none-match')
  const ifMatch = headerValue(request.call, 'if-match')
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() !== '*') throw notImplemented(`If-None-Match: ${ifNoneMatch}`)
    if (existing) throw preconditionFailed('If-None-Match')
  }
  if (ifMatch !== undefined) {
    if (!existing) throw noSuchKey(request.key)
    if (!etagListMatches(ifMatch, existing.etag)) throw preconditionFailed('If-Match')
  }
}

function etagListMatches(list: string, etag: string): boolean {
  return list
    .split(',')
    .map((item) => item.trim().replace(/^W\//, '').replaceAll('"', ''))
    .some((item) => item === '*' || item === etag)
}

/** HTTP dates have whole seconds; a malformed one is ignored. */
function isAfter(modifiedMs: number, httpDate: string): boolean {
  return Math.floor(modifiedMs / 1000) > Date.parse(httpDate) / 1000
}

function isNotAfter(modifiedMs: number, httpDate: string): boolean {
  return Math.floor(modifiedMs / 1000) <= Date.parse(httpDate) / 1000
}

export interface ByteRange {
  startByte: number
  lengthBytes: number
}

/** The one range asked for; undefined means the whole object, as S3 answers malformed and multiple ranges. */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  const [first, last] = [match[1] ?? '', match[2] ?? '']
  if (first === '') {
    const lengthBytes = Math.min(Number(last), sizeBytes)
    if (lengthBytes === 0) throw invalidRange(header, sizeBytes)
    return { startByte: sizeBytes - lengthBytes, lengthBytes }
  }
  const startByte = Number(first)
  if (last !== '' && Number(last) < startByte) return undefined
  if (startByte >= sizeBytes) throw invalidRange(header, sizeBytes)
  const endByte = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes)
  return { startByte, lengthBytes: endByte - startByte }
}

function invalidRange(header: string | undefined, sizeBytes: number): AwsError {
  return new AwsError('InvalidRange', 'The requested range is not satisfiable', 416, {
    RangeRequested: header,
    ActualObjectSize: sizeBytes,
  })
}
