import { Readable } from 'node:stream'

/** The body that a caller gave was not as long as the caller said: a fault of ours, not the provider's. */
export class BodyLengthError extends Error {
  override name = 'BodyLengthError' as const
  readonly code = 'BODY_LENGTH'
  readonly announcedBytes: number
  readonly readBytes: number

  constructor(announcedBytes: number, readBytes: number) {
    super(`A body of ${announcedBytes} bytes was announced, ${readBytes} were read`)
    this.announcedBytes = announcedBytes
    this.readBytes = readBytes
  }
}

/**
 * The pieces of `source`, which must come to `sizeBytes`. The last piece is let go only when the
 * source has ended there, so that a provider never stores a body of another length: fetch would
 * cut one that is too long without a word.
 */
export class ExactBody implements AsyncIterable<Uint8Array> {
  /** Why reading failed; tells the source's error from the connection's, which end the same request. */
  failure: unknown
  readonly #source: AsyncIterable<Uint8Array>
  readonly #sizeBytes: number

  constructor(source: AsyncIterable<Uint8Array> | Uint8Array, sizeBytes: number) {
    this.#source = source instanceof Uint8Array ? onePiece(source) : source
    this.#sizeBytes = sizeBytes
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    let readBytes = 0
    let held: Uint8Array | undefined
    try {
      for await (const piece of this.#source) {
        readBytes += piece.byteLength
        if (readBytes > this.#sizeBytes) throw new BodyLengthError(this.#sizeBytes, readBytes)
        if (held !== undefined) yield held
        held = piece
      }
      if (readBytes < this.#sizeBytes) throw new BodyLengthError(this.#sizeBytes, readBytes)
    } catch (error) {
      // Recovery: the request that reads this fails with an error of its own; its sender throws this one.
      this.failure = error
      throw error
    }
    if (held !== undefined) yield held
  }

  /** Lets the source go when a request ended without reading it to its end, so that its socket is free again. */
  discard(): void {
    if (this.#source instanceof Readable) this.#source.destroy()
  }
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
