/** Compression as CloudFront does it: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html */
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

/** CloudFront compresses bodies between these sizes only. */
const MIN_BYTES = 1000
const MAX_BYTES = 10_000_000

const COMPRESSIBLE_TYPES = new Set([
  'application/javascript',
  'application/json',
  'application/manifest+json',
  'application/wasm',
  'application/xml',
  'image/svg+xml',
  'text/css',
  'text/csv',
  'text/html',
  'text/javascript',
  'text/plain',
  'text/xml',
])

export type Encoding = 'br' | 'gzip'

/** The encoding to send, or undefined to send the body as it is; Brotli is preferred to gzip. */
export function encodingFor(
  acceptEncoding: string | undefined,
  headers: Record<string, string>,
  bodyBytes: number,
): Encoding | undefined {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (!COMPRESSIBLE_TYPES.has(type) || headers['content-encoding'] !== undefined) return undefined
  if (bodyBytes < MIN_BYTES || bodyBytes > MAX_BYTES) return undefined
  const accepted = new Set(
    (acceptEncoding ?? '')
      .split(',')
      .map((part) => part.split(';').map((piece) => piece.trim().toLowerCase()))
      .filter(([, quality]) => quality !== 'q=0')
      .map(([name]) => name),
  )
  if (accepted.has('br')) return 'br'
  return accepted.has('gzip') ? 'gzip' : undefined
}

const compressBrotli = promisify(brotliCompress)
const compressGzip = promisify(gzip)

export function compress(body: Buffer, encoding: Encoding): Promise<Buffer> {
  if (encoding === 'gzip') return compressGzip(body)
  // The default of 11 takes a second for a large bundle; the first page load would feel it.
  return compressBrotli(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })
}
