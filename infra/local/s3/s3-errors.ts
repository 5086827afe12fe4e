/** The refusals of S3 that more than one operation gives, with S3's own codes and sentences. */
import { AwsError } from '../engine.ts'

export function notImplemented(what: string): AwsError {
  return new AwsError(
    'NotImplemented',
    `A header or query you provided implies functionality that is not implemented: ${what}`,
    501,
  )
}

export function invalidArgument(message: string, details: Record<string, unknown> = {}): AwsError {
  return new AwsError('InvalidArgument', message, 400, details)
}

export function invalidRequest(message: string): AwsError {
  return new AwsError('InvalidRequest', message, 400)
}

export function noSuchBucket(bucket: string): AwsError {
  return new AwsError('NoSuchBucket', 'The specified bucket does not exist', 404, {
    BucketName: bucket,
  })
}

export function noSuchKey(key: string): AwsError {
  return new AwsError('NoSuchKey', 'The specified key does not exist.', 404, { Key: key })
}

export function noSuchUpload(uploadId: string): AwsError {
  return new AwsError(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    404,
    { UploadId: uploadId },
  )
}

export function preconditionFailed(condition: string): AwsError {
  return new AwsError(
    'PreconditionFailed',
    'At least one of the pre-conditions you specified did not hold',
    412,
    { Condition: condition },
  )
}

export function malformedXml(): AwsError {
  return new AwsError(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
    400,
  )
}

export function badDigest(what: string): AwsError {
  return new AwsError(
    'BadDigest',
    `The ${what} you specified did not match the calculated checksum.`,
    400,
  )
}

/** `SQLITE_FULL`, https://www.sqlite.org/rescode.html#full */
const SQLITE_FULL = 13

/** What a caller is told when the disk refuses: a full disk is S3's passing 503, the rest stays an error of ours. */
export function storageFailure(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const code = 'code' in error ? error.code : undefined
  const sqliteCode = 'errcode' in error ? error.errcode : undefined
  const diskIsFull = code === 'ENOSPC' || code === 'EDQUOT' || sqliteCode === SQLITE_FULL
  if (!diskIsFull) return error
  return new AwsError('ServiceUnavailable', 'Service is unable to handle request.', 503)
}
