/**
 * Signatures of the chunks of a streamed body: each covers its bytes and the signature before it,
 * the first of which is the request's own; the trailer's is the last. By
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
import { createHash } from 'node:crypto'
import { AwsError, type SignatureSeed } from '../engine.ts'

const EMPTY_SHA256 = createHash('sha256').digest('hex')

export class ChunkSignatures {
  readonly #seed: SignatureSeed
  #previous: string

  constructor(seed: SignatureSeed) {
    this.#seed = seed
    this.#previous = seed.signature
  }

  requireChunk(signature: string | undefined, sha256Hex: string): void {
    this.#require('AWS4-HMAC-SHA256-PAYLOAD', signature, `${EMPTY_SHA256}\n${sha256Hex}`)
  }

  requireTrailer(signature: string | undefined, sha256Hex: string): void {
    this.#require('AWS4-HMAC-SHA256-TRAILER', signature, sha256Hex)
  }

  #require(algorithm: string, signature: string | undefined, hashes: string): void {
    const { amzDate, scope } = this.#seed
    const expected = this.#seed.sign(
      `${algorithm}\n${amzDate}\n${scope}\n${this.#previous}\n${hashes}`,
    )
    if (signature !== expected) {
      throw new AwsError(
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
        403,
      )
    }
    this.#previous = expected
  }
}
