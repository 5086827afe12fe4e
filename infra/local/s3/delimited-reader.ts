/** Reads a stream up to a delimiter, piece by piece; what follows stays to be read. */
const NO_BYTES: Buffer = Buffer.alloc(0)

export class DelimitedReader {
  readonly #chunks: AsyncIterator<Buffer>
  #pending: Buffer

  /** `before` is read first, as if the stream began with it. */
  constructor(stream: AsyncIterable<Buffer>, before = NO_BYTES) {
    this.#chunks = stream[Symbol.asyncIterator]()
    this.#pending = before
  }

  /** The bytes before the delimiter; undefined when it does not come within `maxBytes`. */
  async readUntil(delimiter: string, maxBytes: number): Promise<Buffer | undefined> {
    for (;;) {
      const end = this.#pending.indexOf(delimiter)
      if (end > maxBytes) return undefined
      if (end !== -1) {
        const bytes = this.#pending.subarray(0, end)
        this.#pending = this.#pending.subarray(end + delimiter.length)
        return bytes
      }
      if (this.#pending.length > maxBytes + delimiter.length) return undefined
      if (!(await this.#readMore())) return undefined
    }
  }

  /** Streams the bytes before the delimiter, which must come; `onCutShort` makes the error when it does not. */
  async *streamUntil(delimiter: string, onCutShort: () => Error): AsyncGenerator<Buffer> {
    for (;;) {
      const end = this.#pending.indexOf(delimiter)
      if (end !== -1) {
        if (end > 0) yield this.#pending.subarray(0, end)
        this.#pending = this.#pending.subarray(end + delimiter.length)
        return
      }
      // The end of what came may be the beginning of the delimiter.
      const safe = this.#pending.length - delimiter.length + 1
      if (safe > 0) {
        const bytes = this.#pending.subarray(0, safe)
        this.#pending = this.#pending.subarray(safe)
        yield bytes
      }
      if (!(await this.#readMore())) throw onCutShort()
    }
  }

  /** Lets go of the stream, so that another reader can have what was not read. */
  async release(): Promise<void> {
    await this.#chunks.return?.()
  }

  async #readMore(): Promise<boolean> {
    const { value, done } = await this.#chunks.next()
    if (done) return false
    this.#pending = this.#pending.length === 0 ? value : Buffer.concat([this.#pending, value])
    return true
  }
}
