/**
 * Takes a request's body in and judges it while it streams: framing, exact length, payload hash of
 * the signature or signatures of the chunks, Content-MD5 and the additional checksum. Nothing is
 * stored unless all agree. Of an upload form the body is its file.
 * Known gap: chunks signed by SigV4a (`STREAMING-AWS4-ECDSA-…`) are refused as not implemented.
 */
import { createHash } from 'node:crypto'
import { type AwsCall, AwsError } from '../engine.ts'
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
import { ChunkSignatures } from './chunk-signatures.ts'
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
  /** Of an upload form's file, whose length is not declared. */
  minBytes?: number
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
/** Bodies in aws-chunked framing. */
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'
const SIGNED_CHUNKS = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
const SIGNED_CHUNKS_TRAILER = `${SIGNED_CHUNKS}-TRAILER`

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

/**
 * Streams the body through `write`; throws when anything declared about it is untrue. `write` must
 * be done with the bytes when it resolves: their memory is given back at once, since the garbage
 * collector would let a hundred MiB of a large body gather.
 */
export async function receiveBody(
  request: S3Request,
  rules: BodyRules,
  write: (chunk: Buffer) => Promise<void>,
): Promise<ReceivedBody> {
  const { call } = request
  const { minBytes = 0, maxBytes } = rules
  const expectedBytes = call.form ? undefined : expectedLength(request)
  if (expectedBytes !== undefined && expectedBytes > maxBytes) {
    throw entityTooLarge(expectedBytes, maxBytes)
  }
  const declared = rules.ignoresChecksums ? undefined : declaredChecksum(request)
  const algorithm = declared?.algorithm ?? rules.algorithm
  const decoder = decoderOf(call)
  const md5 = createHash('md5')
  const checksum = await startChecksum(algorithm)
  const signed = signedHash(call.payloadHash)
  let sizeBytes = 0
  // The iterator must not destroy the request when a write fails: the refusal still has to reach the client.
  const body = call.form?.file ?? call.request.iterator({ destroyOnReturn: false })
  for await (const framed of whole(body)) {
    for (const chunk of decoder ? decoder.decode(framed) : [framed]) {
      sizeBytes += chunk.length
      if (sizeBytes > (expectedBytes ?? sizeBytes)) throw incompleteBody()
      if (sizeBytes > maxBytes) throw entityTooLarge(sizeBytes, maxBytes)
      md5.update(chunk)
      checksum.update(chunk)
      signed?.hash.update(chunk)
      await write(chunk)
    }
    giveBack(framed)
  }
  decoder?.finish()
  if (sizeBytes !== (expectedBytes ?? sizeBytes)) throw incompleteBody()
  if (sizeBytes < minBytes) throw entityTooSmall(sizeBytes, minBytes)
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

/** Frees the memory of a chunk that has it to itself; a slice of something larger is left alone. */
function giveBack(chunk: Buffer): void {
  const { buffer } = chunk
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength) buffer.transfer(0)
}

/** Receives a small XML body, judged like any other. */
export async function receiveXml(request: S3Request): Promise<string> {
  const chunks: Buffer[] = []
  await receiveBody(request, { maxBytes: MAX_XML_BYTES, algorithm: 'CRC32' }, async (chunk) => {
    chunks.push(Buffer.from(chunk))
  })
  const xml = Buffer.concat(chunks).toString('utf8')
  if (xml === '') throw malformedXml()
  return xml
}

function expectedLength({ call }: S3Request): number {
  const isFramed = isChunked(call.payloadHash)
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

function isChunked(payloadHash: string): boolean {
  return [UNSIGNED_TRAILER, SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER].includes(payloadHash)
}

function decoderOf({ payloadHash, seed }: AwsCall): AwsChunkedDecoder | undefined {
  if (!isChunked(payloadHash)) return undefined
  if (payloadHash === UNSIGNED_TRAILER) return new AwsChunkedDecoder()
  if (!seed) throw invalidRequest('An anonymous request cannot have signed chunks.')
  return new AwsChunkedDecoder({
    signatures: new ChunkSignatures(seed),
    signsTrailer: payloadHash === SIGNED_CHUNKS_TRAILER,
  })
}

function signedHash(payloadHash: string): { hash: RunningHash; expectedHex: string } | undefined {
  if (payloadHash === UNSIGNED || isChunked(payloadHash)) return undefined
  if (payloadHash.startsWith('STREAMING-')) throw notImplemented(payloadHash)
  if (!/^[0-9a-f]{64}$/.test(payloadHash)) {
    throw new AwsError(
      'InvalidArgument',
      `x-amz-content-sha256 must be UNSIGNED-PAYLOAD, ${UNSIGNED_TRAILER}, ${SIGNED_CHUNKS}, ${SIGNED_CHUNKS_TRAILER} or a valid sha256 value.`,
    )
  }
  return { hash: createHash('sha256'), expectedHex: payloadHash }
}

function entityTooLarge(sizeBytes: number, maxBytes: number): AwsError {
  return new AwsError(
    'EntityTooLarge',
    'Your proposed upload exceeds the maximum allowed size',
    400,
    { ProposedSize: sizeBytes, MaxSizeAllowed: maxBytes },
  )
}

function entityTooSmall(sizeBytes: number, minBytes: number): AwsError {
  return new AwsError(
    'EntityTooSmall',
    'Your proposed upload is smaller than the minimum allowed size',
    400,
    { ProposedSize: sizeBytes, MinSizeAllowed: minBytes },
  )
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
