/** UploadPartCopy: a part whose bytes come from an object that is there already. */
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { checksumElement, startChecksum } from './checksums.ts'
import { copySource } from './copy-object.ts'
import { partNumberOf, requireOpenUpload, storePart } from './multipart-operations.ts'
import { openObject, requireObject } from './object-operations.ts'
import { type ByteRange, isNotModified, readConditions } from './preconditions.ts'
import { MAX_BODY_BYTES } from './request-body.ts'
import type { S3Context } from './s3-context.ts'
import { invalidArgument, invalidRequest, preconditionFailed } from './s3-errors.ts'
import { amzValue, type S3Request } from './s3-request.ts'
import { writeBytes } from './store-object.ts'
import { sendXml } from './xml.ts'

const RANGE_HEADER = 'x-amz-copy-source-range'

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html */
export async function uploadPartCopy(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const number = partNumberOf(request)
  const upload = requireOpenUpload(context, request)
  const from = copySource(request)
  context.buckets.require(from.bucket)
  const source = requireObject(context, from)
  if (isNotModified(readConditions(request, 'x-amz-copy-source-'), source)) {
    throw preconditionFailed('x-amz-copy-source-If-None-Match')
  }
  const range = sourceRange(request, source.sizeBytes)
  const md5 = createHash('md5')
  const checksum = await startChecksum(upload.algorithm)
  const written = await writeBytes(context, async (write) => {
    for await (const chunk of openObject(context, source, range)) {
      md5.update(chunk)
      checksum.update(chunk)
      await write(chunk)
    }
    return {
      sizeBytes: range.lengthBytes,
      md5: md5.digest('hex'),
      checksum: checksum.digest().toString('base64'),
    }
  })
  const part = await storePart(context, request, number, written)
  sendXml(response, 'CopyPartResult', {
    LastModified: new Date(part.modifiedMs).toISOString(),
    ETag: `"${part.etag}"`,
    ...(upload.checksumDeclared && { [checksumElement(upload.algorithm)]: part.checksum ?? '' }),
  })
}

function sourceRange(request: S3Request, sizeBytes: number): ByteRange {
  const range = amzValue(request.call, RANGE_HEADER)
  const whole = { startByte: 0, lengthBytes: sizeBytes }
  const { startByte, lengthBytes } = range === undefined ? whole : parseSourceRange(range)
  if (startByte + lengthBytes > sizeBytes) {
    throw invalidArgument(`Range specified is not valid for source object of size: ${sizeBytes}`, {
      ArgumentName: RANGE_HEADER,
      ArgumentValue: range,
    })
  }
  if (lengthBytes > MAX_BODY_BYTES) {
    throw invalidRequest(
      'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120',
    )
  }
  return { startByte, lengthBytes }
}

function parseSourceRange(range: string): ByteRange {
  const [, first = '', last = ''] = /^bytes=(\d+)-(\d+)$/.exec(range.trim()) ?? []
  const startByte = Number(first)
  const lengthBytes = Number(last) - startByte + 1
  if (first === '' || lengthBytes < 1) {
    throw invalidArgument(
      `The ${RANGE_HEADER} value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy`,
      { ArgumentName: RANGE_HEADER, ArgumentValue: range },
    )
  }
  return { startByte, lengthBytes }
}
