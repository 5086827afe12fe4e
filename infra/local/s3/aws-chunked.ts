/**
 * Decoder of `aws-chunked` bodies with unsigned chunks and trailing headers:
 * `<hex size>\r\n<bytes>\r\n … 0\r\n<name>:<value>\r\n\r\n`, by
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
import { AwsError } from '../engine.ts'

/** A size line or trailer is far shorter; more is no aws-chunked body. */
const MAX_LINE_BYTES = 4096
const NEWLINE = 0x0a

type Expecting = 'size' | 'bytes' | 'end-of-bytes' | 'trailer' | 'nothing'

export class AwsChunkedDecoder {
  /** Trailing headers, names in lower case; complete once `finish` has returned. */
  readonly trailers = new Map<string, string>()
  #expecting: Expecting = 'size'
  #remainingBytes = 0
  #line: Buffer = Buffer.alloc(0)

  /** The payload that the framed bytes carry. */
  decode(framed: Buffer): Buffer[] {
    const payload: Buffer[] = []
    let rest = framed
    while (rest.length > 0) {
      if (this.#expecting === 'bytes') {
        const bytes = rest.subarray(0, this.#remainingBytes)
        payload.push(bytes)
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
    this.#line = this.#line.length === 0 ? piece : Buffer.concat([this.#line, piece])
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
      case 'size': {
        const hex = line.split(';')[0] ?? ''
        if (!/^[0-9a-f]{1,10}$/i.test(hex)) throw malformed()
        this.#remainingBytes = Number.parseInt(hex, 16)
        this.#expecting = this.#remainingBytes === 0 ? 'trailer' : 'bytes'
        return
      }
      case 'end-of-bytes':
        if (line !== '') throw malformed()
        this.#expecting = 'size'
        return
      case 'trailer': {
        if (line === '') {
          this.#expecting = 'nothing'
          return
        }
        const colon = line.indexOf(':')
        if (colon < 1) throw malformed()
        this.trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
        return
      }
      default:
        throw malformed()
    }
  }
}

function malformed(): AwsError {
  return new AwsError('InvalidRequest', 'The aws-chunked framing of the body is malformed.')
}
