/**
 * Digests of a file that is read in one go, by Node's own hashes.
 *
 * Content hash: SHA-256 of the SHA-256s of the file's blocks of 4 MiB
 * (https://www.dropbox.com/developers/reference/content-hash).
 */
import { createHash, type Hash } from 'node:crypto'
import { CONTENT_HASH_BLOCK_BYTES } from '../contract/limits.ts'

/** Lower-case hex. The content hash is always among them: the browser's own is compared with it. */
export interface Digests {
  contentHash: string
  sha256?: string
  md5?: string
}

/** What is taken besides the content hash; each costs as much again. */
export interface MoreDigests {
  sha256?: boolean
  md5?: boolean
}

export interface FileDigests {
  /** How many bytes of the file are in the digests. */
  readonly offsetBytes: number
  /**
   * Adds bytes that lie at `atOffsetBytes` of the file, the end of what is in when omitted. Bytes
   * that are in already are skipped, so that a chunk may be read again; a gap is a RangeError.
   */
  update(bytes: Uint8Array, atOffsetBytes?: number): void
  /** Ends the digests: nothing can be added, saved or asked after it. */
  digest(): Digests
}

export class OnePassDigests implements FileDigests {
  offsetBytes = 0
  readonly #blocks = createHash('sha256')
  readonly #sha256: Hash | undefined
  readonly #md5: Hash | undefined
  #block = createHash('sha256')

  constructor({ sha256 = false, md5 = false }: MoreDigests) {
    this.#sha256 = sha256 ? createHash('sha256') : undefined
    this.#md5 = md5 ? createHash('md5') : undefined
  }

  update(bytes: Uint8Array, atOffsetBytes = this.offsetBytes): void {
    const fresh = unseen(bytes, atOffsetBytes, this.offsetBytes)
    this.#sha256?.update(fresh)
    this.#md5?.update(fresh)
    eachBlockPiece(fresh, this.offsetBytes, (piece, endsBlock) => {
      this.#block.update(piece)
      if (endsBlock) this.#endBlock()
    })
    this.offsetBytes += fresh.byteLength
  }

  digest(): Digests {
    if (this.offsetBytes % CONTENT_HASH_BLOCK_BYTES > 0) this.#endBlock()
    return {
      contentHash: this.#blocks.digest('hex'),
      ...(this.#sha256 && { sha256: this.#sha256.digest('hex') }),
      ...(this.#md5 && { md5: this.#md5.digest('hex') }),
    }
  }

  #endBlock(): void {
    this.#blocks.update(this.#block.digest())
    this.#block = createHash('sha256')
  }
}

/** The part of `bytes` that is not in yet. */
export function unseen(bytes: Uint8Array, atOffsetBytes: number, offsetBytes: number): Uint8Array {
  if (atOffsetBytes === offsetBytes) return bytes
  if (atOffsetBytes > offsetBytes) {
    throw new RangeError(`Bytes at ${atOffsetBytes} leave a gap after ${offsetBytes}`)
  }
  return bytes.subarray(offsetBytes - atOffsetBytes)
}

/** Calls `visit` with the pieces into which block boundaries cut `bytes`; `endsBlock` with each that fills one. */
export function eachBlockPiece(
  bytes: Uint8Array,
  offsetBytes: number,
  visit: (piece: Uint8Array, endsBlock: boolean) => void,
): void {
  let from = 0
  while (from < bytes.byteLength) {
    const roomBytes = CONTENT_HASH_BLOCK_BYTES - ((offsetBytes + from) % CONTENT_HASH_BLOCK_BYTES)
    const piece = bytes.subarray(from, from + roomBytes)
    visit(piece, piece.byteLength === roomBytes)
    from += piece.byteLength
  }
}
