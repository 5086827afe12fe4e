/**
 * Takes a request's body in and judges it while it streams: framing, exact length, payload hash of
 * the signature, Content-MD5 and the additional checksum. Nothing is stored unless all agree.
 * Known gap: chunks signed one by one (`STREAMING-AWS4-…`) are refused as not implemented.
 */
import { createHash } from 'node:crypto'
import { AwsError } from '../engine.ts'
import { AwsChunkedDecoder } from './aws-chunked.ts'
import {
  CHECKSUM_ALGORITHMS,
  type ChecksumAlgorithm,
  checksumHeader,
  parseAlgorithm,
  type RunningHash,
  requireChecksumValue,
  startChecksum,
} from './checksums.ts'
import { badDigest, invalidRequest, malformedXml, notImplemented } from './s3-errors.ts'
import { amzValue, headerValue, type S3Request } from './s3-request.ts'

export interface ReceivedBody {
  sizeBytes: number
  /** Hex. */
  md5: string
  /** Base64 of the algorithm that was asked for. */
  checksum: string
}

interface BodyRules {
  maxBytes: number
  /** Algorithm to compute when the request names none, or the only one it may name. */
  algorithm: ChecksumAlgorithm
  /** True when the request's checksum headers speak of something else than its body. */
  ignoresChecksums?: true
}

interface DeclaredChecksum {
  algorithm: ChecksumAlgorithm
  /** Undefined when the value comes as a trailer. */
  value: string | undefined
}

const UNSIGNED = 'UNSIGNED-PAYLOAD'
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'

/** Largest body of one request, https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export const MAX_BODY_BYTES = 5 * 1024 ** 3
/** 1,000 keys of 1,024 escaped bytes, or 10,000 parts with checksums, stay below. */
const MAX_XML_BYTES = 8 * 1024 ** 2

/** The one additional checksum that a request carries, as header, presigned query or trailer. */
export function declaredChecksum(request: S3Request): DeclaredChecksum | undefined {
  const declared = CHECKSUM_ALGORITHMS.flatMap((algorithm): DeclaredChecksum[] => {
    const value = amzValue(request.call, checksumHeader(algorithm))
    return value === undefined ? [] : [{ algorithm, value }]
  })
  const trailer = headerValue(request.call, 'x-amz-trailer')?.trim().toLowerCase()
  if (trailer !== undefined) {
    const algorithm = CHECKSUM_ALGORITHMS.find((known) => checksumHeader(known) === trailer)
    if (!algorithm)
      throw invalidRequest('The value specified in the x-amz-trailer header is not supported')
    declared.push({ algorithm, value: undefined })
  }
  if (declared.length > 1) {
    throw invalidRequest(
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    )
  }
  const [checksum] = declared
  if (checksum?.value !== undefined) requireChecksumValue(checksum.algorithm, checksum.value)
  const announced = amzValue(request.call, 'x-amz-sdk-checksum-algorithm')
  if (checksum && announced !== undefined && parseAlgorithm(announced) !== checksum.algorithm) {
    throw invalidRequest('Value for x-amz-sdk-checksum-algorithm header is invalid.')
  }
  return checksum
}

/** Streams the body through `write`; throws when anything declared about it is untrue. */
export async function receiveBody(
  request: S3Request,
  rules: BodyRules,
  write: (chunk: Buffer) => Promise<void>,
): Promise<ReceivedBody> {
  const { call } = request
  const expectedBytes = expectedLength(request)
  if (expectedBytes > rules.maxBytes) {
    throw new AwsError(
      'EntityTooLarge',
      'Your proposed upload exceeds the maximum allowed size',
      400,
      {
        ProposedSize: expectedBytes,
        MaxSizeAllowed: rules.maxBytes,
      },
    )
  }
  const declared = rules.ignoresChecksums ? undefined : declaredChecksum(request)
  const algorithm = declared?.algorithm ?? rules.algorithm
  const decoder = call.payloadHash === UNSIGNED_TRAILER ? new AwsChunkedDecoder() : undefined
  const md5 = createHash('md5')
  const checksum = await startChecksum(algorithm)
  const signed = signedHash(call.payloadHash)
  let sizeBytes = 0
  // The iterator must not destroy the request when a write fails: the refusal still has to reach the client.
  for await (const framed of whole(call.request.iterator({ destroyOnReturn: false }))) {
    for (const chunk of decoder ? decoder.decode(framed) : [framed]) {
      sizeBytes += chunk.length
      if (sizeBytes > expectedBytes) throw incompleteBody()
      md5.update(chunk)
      checksum.update(chunk)
      signed?.hash.update(chunk)
      await write(chunk)
    }
  }
  decoder?.finish()
  if (sizeBytes !== expectedBytes) throw incompleteBody()
  const received = {
    sizeBytes,
    md5: md5.digest('hex'),
    checksum: checksum.digest().toString('base64'),
  }
  if (signed && signed.hash.digest().toString('hex') !== signed.expectedHex) {
    throw new AwsError(
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )
  }
  requireContentMd5(headerValue(call, 'content-md5'), received.md5)
  requireChecksum(declared, decoder, received.checksum)
  return received
}

/** Receives a small XML body, judged like any other. */
export async function receiveXml(request: S3Request): Promise<string> {
  const chunks: Buffer[] = []
  await receiveBody(request, { maxBytes: MAX_XML_BYTES, algorithm: 'CRC32' }, async (chunk) => {
    chunks.push(chunk)
  })
  const xml = Buffer.concat(chunks).toString('utf8')
  if (xml === '') throw malformedXml()
  return xml
}

function expectedLength({ call }: S3Request): number {
  const isFramed = call.payloadHash === UNSIGNED_TRAILER
  const declared = isFramed
    ? headerValue(call, 'x-amz-decoded-content-length')
    : headerValue(call, 'content-length')
  if (declared === undefined) {
    const hasBody = isFramed || headerValue(call, 'transfer-encoding') !== undefined
    if (!hasBody) return 0
    throw new AwsError(
      'MissingContentLength',
      'You must provide the Content-Length HTTP header.',
      411,
    )
  }
  if (!/^\d{1,15}$/.test(declared))
    throw invalidRequest('The declared content length is malformed.')
  return Number(declared)
}

function signedHash(payloadHash: string): { hash: RunningHash; expectedHex: string } | undefined {
  if (payloadHash === UNSIGNED || payloadHash === UNSIGNED_TRAILER) return undefined
  if (payloadHash.startsWith('STREAMING-')) throw notImplemented(payloadHash)
  if (!/^[0-9a-f]{64}$/.test(payloadHash)) {
    throw new AwsError(
      'InvalidArgument',
      'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER or a valid sha256 value.',
    )
  }
  return { hash: createHash('sha256'), expectedHex: payloadHash }
}

/** Turns a connection lost in mid-body into S3's refusal; the client is gone, but nothing may be stored. */
async function* whole(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks
  } catch (error) {
    throw error instanceof AwsError ? error : incompleteBody({ cause: error })
  }
}

function incompleteBody(details: Record<string, unknown> = {}): AwsError {
  const { cause, ...members } = details
  const error = new AwsError(
    'IncompleteBody',
    'You did not provide the number of bytes specified by the Content-Length HTTP header',
    400,
    members,
  )
  if (cause !== undefined) error.cause = cause
  return error
}

function requireContentMd5(declared: string | undefined, md5Hex: string): void {
  if (declared === undefined) return
  const bytes = Buffer.from(declared, 'base64')
  if (bytes.length !== 16) {
    throw new AwsError('InvalidDigest', 'The Content-MD5 you specified was invalid.')
  }
  if (bytes.toString('hex') !== md5Hex) throw badDigest('Content-MD5')
}

function requireChecksum(
  declared: DeclaredChecksum | undefined,
  decoder: AwsChunkedDecoder | undefined,
  computed: string,
): void {
  if (!declared) return
  const value = declared.value ?? decoder?.trailers.get(checksumHeader(declared.algorithm))
  if (value === undefined) {
    throw new AwsError(
      'MalformedTrailerError',
      'The request contained trailing data that was not well-formed or did not conform to our published schema.',
    )
  }
  requireChecksumValue(declared.algorithm, value)
  if (value !== computed) throw badDigest(declared.algorithm)
}
