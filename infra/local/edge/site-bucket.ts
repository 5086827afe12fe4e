/**
 * A bucket as the origin of a distribution with an origin access control: CloudFront reads as the
 * service `cloudfront.amazonaws.com` on behalf of the distribution, and the bucket policy decides.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
 */
import { buffer } from 'node:stream/consumers'
import { LOCAL_ACCOUNT_ID } from '../engine.ts'
import { evaluatePolicies } from '../gateway/policy.ts'
import type { PolicyDocument } from '../policy-document.ts'
import type { ByteRange } from '../s3/preconditions.ts'
import type { StoredObject } from '../s3/s3-engine.ts'
import type { BucketOrigin, EdgeReply } from './edge-server.ts'

/** The part of the S3 engine that is needed here. */
export interface BucketReader {
  resourcePolicy(arn: string): PolicyDocument | undefined
  readObject(bucket: string, key: string, range?: ByteRange): StoredObject | undefined
}

export function createBucketOrigin(s3: BucketReader, distributionId: string): BucketOrigin {
  const distributionArn = `arn:aws:cloudfront::${LOCAL_ACCOUNT_ID}:distribution/${distributionId}`
  const mayDo = (action: string, resource: string): boolean => {
    const policy = s3.resourcePolicy(resource)
    const context = { 'aws:SourceArn': distributionArn, 'aws:SecureTransport': 'true' }
    return evaluatePolicies(
      [],
      policy === undefined ? [] : [policy],
      { action, resource, context },
      { service: 'cloudfront.amazonaws.com' },
    ).allowed
  }

  return {
    async get(bucketName, key, conditions) {
      const bucketArn = `arn:aws:s3:::${bucketName}`
      if (!mayDo('s3:GetObject', `${bucketArn}/${key}`)) return accessDenied()
      const found = s3.readObject(bucketName, key)
      if (found === undefined) {
        // Who may not list a bucket is not told what is missing from it.
        return mayDo('s3:ListBucket', bucketArn) ? xmlReply(404, 'NoSuchKey') : accessDenied()
      }
      found.stream.destroy()
      return replyTo(s3, bucketName, key, found, conditions)
    },
  }
}

async function replyTo(
  s3: BucketReader,
  bucketName: string,
  key: string,
  found: StoredObject,
  conditions: Record<string, string>,
): Promise<EdgeReply> {
  const etag = `"${found.etag}"`
  const headers = { ...found.headers, etag, 'accept-ranges': 'bytes' }
  if (etagMatches(conditions['if-none-match'], etag)) {
    return { statusCode: 304, headers, cookies: [], body: Buffer.alloc(0) }
  }
  if (conditions['if-match'] !== undefined && !etagMatches(conditions['if-match'], etag)) {
    return xmlReply(412, 'PreconditionFailed')
  }
  const range =
    conditions['if-range'] === undefined ? parseRange(conditions['range'], found.size) : undefined
  if (range === 'unsatisfiable') {
    const reply = xmlReply(416, 'InvalidRange')
    return { ...reply, headers: { ...reply.headers, 'content-range': `bytes */${found.size}` } }
  }
  const object = s3.readObject(bucketName, key, range)
  if (object === undefined) return xmlReply(404, 'NoSuchKey')
  const body = await buffer(object.stream)
  if (range === undefined) return { statusCode: 200, headers, cookies: [], body }
  const lastByte = range.startByte + range.lengthBytes - 1
  return {
    statusCode: 206,
    headers: { ...headers, 'content-range': `bytes ${range.startByte}-${lastByte}/${found.size}` },
    cookies: [],
    body,
  }
}

/** A weak tag is what the edge made of the bucket's own when it compressed the body. */
function etagMatches(header: string | undefined, etag: string): boolean {
  const tags = (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes(etag) || tags.includes('*')
}

function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined
  const startByte = from === '' ? Math.max(0, size - Number(to)) : Number(from)
  const endByte = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (startByte > endByte) return 'unsatisfiable'
  return { startByte, lengthBytes: endByte - startByte + 1 }
}

function accessDenied(): EdgeReply {
  return xmlReply(403, 'AccessDenied')
}

function xmlReply(statusCode: number, code: string): EdgeReply {
  return {
    statusCode,
    headers: { 'content-type': 'application/xml' },
    cookies: [],
    body: Buffer.from(
      `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`,
    ),
  }
}
