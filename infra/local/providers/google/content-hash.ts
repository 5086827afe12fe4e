/** The three checksums of Drive in one pass, by the machine's native hashing. */
import { createHash, type Hash } from 'node:crypto'
import type { RunningHash } from '../blob-writer.ts'
import type { ContentHashes } from './drive-file.ts'

export class ContentHash implements RunningHash {
  readonly #md5: Hash = createHash('md5')
  readonly #sha1: Hash = createHash('sha1')
  readonly #sha256: Hash = createHash('sha256')

  update(chunk: Buffer): void {
    this.#md5.update(chunk)
    this.#sha1.update(chunk)
    this.#sha256.update(chunk)
  }

  /** Can be asked again: an end that was refused for want of room is tried once more. */
  digest(): ContentHashes {
    return {
      md5: this.#md5.copy().digest('hex'),
      sha1: this.#sha1.copy().digest('hex'),
      sha256: this.#sha256.copy().digest('hex'),
    }
  }
}
