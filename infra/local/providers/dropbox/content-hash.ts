/**
 * Dropbox's own hash in one pass: "the SHA-256 of the concatenated SHA-256s of its blocks of 4 MiB"
 * (https://www.dropbox.com/developers/reference/content-hash).
 */
import { createHash, type Hash } from 'node:crypto'
import type { RunningHash } from '../blob-writer.ts'

export const BLOCK_BYTES = 4 * 1024 * 1024

export class ContentHash implements RunningHash {
  #blocks = createHash('sha256')
  #block = createHash('sha256')
  #blockBytes = 0
  #part: Hash | undefined

  update(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0) {
      const piece = rest.subarray(0, BLOCK_BYTES - this.#blockBytes)
      this.#block.update(piece)
      this.#blockBytes += piece.length
      rest = rest.subarray(piece.length)
      if (this.#blockBytes < BLOCK_BYTES) continue
      const digest = this.#block.digest()
      this.#blocks.update(digest)
      this.#part?.update(digest)
      this.#block = createHash('sha256')
      this.#blockBytes = 0
    }
  }

  /** Can be asked again, with more content in between. */
  digest(): string {
    return this.#withOpenBlock(this.#blocks)
  }

  /**
   * Hashes what comes from here on as content of its own too, which costs nothing at the beginning
   * of a block and cannot be done elsewhere: then the result is false.
   */
  beginPart(): boolean {
    if (this.#blockBytes > 0) return false
    this.#part = createHash('sha256')
    return true
  }

  partDigest(): string {
    if (!this.#part) throw new Error('no part was begun')
    return this.#withOpenBlock(this.#part)
  }

  /** For what may have to be taken back. */
  copy(): ContentHash {
    const copy = new ContentHash()
    copy.#blocks = this.#blocks.copy()
    copy.#block = this.#block.copy()
    copy.#blockBytes = this.#blockBytes
    return copy
  }

  #withOpenBlock(closed: Hash): string {
    const blocks = closed.copy()
    if (this.#blockBytes > 0) blocks.update(this.#block.copy().digest())
    return blocks.digest('hex')
  }
}
