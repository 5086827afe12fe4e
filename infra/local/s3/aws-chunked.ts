/**
 * Decoder of `aws-chunked` bodies, whose chunks may be signed and which may end in headers:
 * `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n … 0\r\n<name>:<value>\r\n\r\n`, by
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
import { createHash, type Hash } from 'node:crypto'
import { AwsError } from '../engine.ts'
import type { ChunkSignatures } from './chunk-signatures.ts'

/** A size line or trailer is far shorter; more is no aws-chunked body. */
const MAX_LINE_BYTES = 4096
/** "The size of chunks must be at least 8 KB", all but the last. */
const MIN_CHUNK_BYTES = 8192
const NEWLINE = 0x0a
const TRAILER_SIGNATURE = 'x-amz-trailer-signature'

type Expecting = 'size' | 'bytes' | 'end-of-bytes' | 'trailer' | 'nothing'

interface ChunkedOptions {
  /** Absent when the chunks are not signed. */
  signatures?: ChunkSignatures
  signsTrailer?: boolean
}

export class AwsChunkedDecoder {
  /** Trailing headers, names in lower case; complete once `finish` has returned. */
  readonly trailers = new Map<string, string>()
  readonly #signatures: ChunkSignatures | undefined
  readonly #signsTrailer: boolean
  /** As it was signed: each line with its newline. */
  #signedTrailer = ''
  #expecting: Expecting = 'size'
  #chunkBytes = 0
  #remainingBytes = 0
  #chunkSignature: string | undefined
  #chunkHash: Hash | undefined
  #line: Buffer = Buffer.alloc(0)

  constructor({ signatures, signsTrailer = false }: ChunkedOptions = {}) {
    this.#signatures = signatures
    this.#signsTrailer = signsTrailer
  }

  /** The payload that the framed bytes carry; a chunk's signature is judged at its end. */
  decode(framed: Buffer): Buffer[] {
    const payload: Buffer[] = []
    let rest = framed
    while (rest.length > 0) {
      if (this.#expecting === 'bytes') {
        const bytes = rest.subarray(0, this.#remainingBytes)
        payload.push(bytes)
        this.#chunkHash?.update(bytes)
        this.#remainingBytes -= bytes.length
        rest = rest.subarray(bytes.length)
        if (this.#remainingBytes === 0) this.#expecting = 'end-of-bytes'
      } else {
        rest = this.#takeLine(rest)
      }
    }
    return payload
  }

  /** Call at the end of the body; a body cut short is refused. */
  finish(): void {
    if (this.#expecting !== 'nothing') {
      throw new AwsError(
        'IncompleteBody',
        'The request body terminated before its last chunk and trailer.',
      )
    }
  }

  #takeLine(bytes: Buffer): Buffer {
    const end = bytes.indexOf(NEWLINE)
    const piece = end === -1 ? bytes : bytes.subarray(0, end + 1)
    // A copy: the rest of a line that the network cut comes when these bytes are gone.
    this.#line = Buffer.concat([this.#line, piece])
    if (this.#line.length > MAX_LINE_BYTES) throw malformed()
    if (end !== -1) {
      const line = this.#line.toString('latin1').replace(/\r?\n$/, '')
      this.#line = Buffer.alloc(0)
      this.#obey(line)
    }
    return bytes.subarray(piece.length)
  }

  #obey(line: string): void {
    switch (this.#expecting) {
      case 'size':
        this.#beginChunk(line)
        break
      case 'end-of-bytes':
        if (line !== '') throw malformed()
        this.#judgeChunk()
        this.#expecting = 'size'
        break
      case 'trailer':
        if (line === '') this.#endTrailer()
        else this.#takeTrailer(line)
        break
      default:
        throw malformed()
    }
  }

  #beginChunk(line: string): void {
    const [hex = '', extension = ''] = line.split(';')
    if (!/^[0-9a-f]{1,10}$/i.test(hex)) throw malformed()
    const bytes = Number.parseInt(hex, 16)
    const wasSmall = this.#chunkBytes > 0 && this.#chunkBytes < MIN_CHUNK_BYTES
    if (bytes > 0 && wasSmall) {
      throw new AwsError(
        'InvalidChunkSizeError',
        `Only the last chunk is allowed to have a size less than ${MIN_CHUNK_BYTES} bytes`,
        403,
      )
    }
    this.#chunkBytes = bytes
    this.#remainingBytes = bytes
    this.#chunkSignature = /^chunk-signature=([0-9a-f]{64})$/.exec(extension)?.[1]
    this.#chunkHash = this.#signatures && createHash('sha256')
    this.#expecting = bytes === 0 ? 'trailer' : 'bytes'
    if (bytes === 0) this.#judgeChunk()
  }

  #judgeChunk(): void {
    if (!this.#chunkHash) return
    this.#signatures?.requireChunk(this.#chunkSignature, this.#chunkHash.digest('hex'))
  }

  #takeTrailer(line: string): void {
    const colon = line.indexOf(':')
    if (colon < 1) throw malformed()
    const name = line.slice(0, colon).trim().toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (name !== TRAILER_SIGNATURE) this.#signedTrailer += `${name}:${value}\n`
    this.trailers.set(name, value)
  }

  #endTrailer(): void {
    this.#expecting = 'nothing'
    if (!this.#signsTrailer) return
    const sha256Hex = createHash('sha256').update(this.#signedTrailer).digest('hex')
    this.#signatures?.requireTrailer(this.trailers.get(TRAILER_SIGNATURE), sha256Hex)
  }
}

function malformed(): AwsError {
  return new AwsError('InvalidRequest', 'The aws-chunked framing of the body is malformed.')
}
