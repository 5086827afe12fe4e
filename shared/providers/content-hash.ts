/**
 * Digests of a file, taken in one pass: the Dropbox content hash (the browser and Dropbox compare
 * it), and on demand SHA-256 (Drive compares it) and MD5 (Drive has it when it has no other).
 *
 * Content hash: SHA-256 of the SHA-256s of the file's blocks of 4 MiB
 * (https://www.dropbox.com/developers/reference/content-hash).
 *
 * Node's hashes run at 1.8 GB/s but cannot be saved; hash-wasm's can and run at 0.2 GB/s. Resumable
 * digests therefore use hash-wasm for what spans the file and Node's for the blocks: most saves
 * fall between two blocks. For those that do not, the pieces of the open block are kept by
 * reference (at most 4 MiB) and hashed again, so do not write into bytes handed to `update`.
 *
 * A saved state holds up to 63 bytes of the file: keep it as safe as the file, never log it.
 */
import { createHash } from 'node:crypto'
import { createMD5, createSHA256, type IHasher } from 'hash-wasm'
import { CONTENT_HASH_BLOCK_BYTES } from '../contract/limits.ts'
import {
  type Digests,
  eachBlockPiece,
  type FileDigests,
  type MoreDigests,
  OnePassDigests,
  unseen,
} from './one-pass-digests.ts'
import type { RemoteFile } from './provider.ts'

export type { Digests, FileDigests, MoreDigests }

export interface ResumableFileDigests extends FileDigests {
  /** The state after `offsetBytes`, at most 1 KB of base64, for `createFileDigests` in another process. */
  save(): string
}

/** The state was written by another version of the code: hash the file again from its first byte. */
export class DigestStateError extends Error {
  override name = 'DigestStateError' as const
  readonly code = 'DIGEST_STATE'
}

export async function createFileDigests(
  options: MoreDigests & { resumable: true; state?: string | undefined },
): Promise<ResumableFileDigests>
export async function createFileDigests(
  options: MoreDigests & { resumable: boolean },
): Promise<FileDigests>
export async function createFileDigests({
  resumable,
  state,
  ...more
}: MoreDigests & { resumable: boolean; state?: string | undefined }): Promise<FileDigests> {
  if (!resumable) return new OnePassDigests(more)
  const digests = new SavableDigests({
    blocks: await createSHA256(),
    block: await createSHA256(),
    sha256: more.sha256 ? await createSHA256() : undefined,
    md5: more.md5 ? await createMD5() : undefined,
  })
  if (state !== undefined) digests.load(state)
  return digests
}

/**
 * True when the provider's own size and every hash it shares with ours are equal, and there is at
 * least one such hash. Size alone proves nothing.
 */
export function provesContent(
  file: RemoteFile,
  expected: { sizeBytes: number } & Partial<Digests>,
): boolean {
  if (file.sizeBytes !== expected.sizeBytes) return false
  const shared = (['sha256', 'contentHash', 'md5'] as const).filter(
    (kind) => file[kind] !== undefined && expected[kind] !== undefined,
  )
  return shared.length > 0 && shared.every((kind) => file[kind] === expected[kind])
}

const STATE_VERSION = 2
/** Version, offset, which digests, then the hashers' states in order, each behind its length. */
const STATE_HEADER_BYTES = 10
/** Which digests are in a state: two of them look alike. */
const SHA256_BIT = 1
const MD5_BIT = 2

class SavableDigests implements ResumableFileDigests {
  offsetBytes = 0
  readonly #blocks: IHasher
  readonly #sha256: IHasher | undefined
  readonly #md5: IHasher | undefined
  /** Carries a block over a save that falls into it; idle otherwise. */
  readonly #carriedBlock: IHasher
  #isCarrying = false
  #nativeBlock = createHash('sha256')
  #openPieces: Uint8Array[] = []

  constructor(hashers: {
    blocks: IHasher
    block: IHasher
    sha256: IHasher | undefined
    md5: IHasher | undefined
  }) {
    this.#blocks = hashers.blocks.init()
    this.#carriedBlock = hashers.block.init()
    this.#sha256 = hashers.sha256?.init()
    this.#md5 = hashers.md5?.init()
  }

  update(bytes: Uint8Array, atOffsetBytes = this.offsetBytes): void {
    const fresh = unseen(bytes, atOffsetBytes, this.offsetBytes)
    this.#sha256?.update(fresh)
    this.#md5?.update(fresh)
    eachBlockPiece(fresh, this.offsetBytes, (piece, endsBlock) => {
      if (this.#isCarrying) {
        this.#carriedBlock.update(piece)
      } else {
        this.#nativeBlock.update(piece)
        this.#openPieces.push(piece)
      }
      if (endsBlock) this.#endBlock()
    })
    this.offsetBytes += fresh.byteLength
  }

  save(): string {
    this.#carryOpenBlock()
    const header = Buffer.alloc(STATE_HEADER_BYTES)
    header.writeUInt8(STATE_VERSION, 0)
    header.writeBigUInt64BE(BigInt(this.offsetBytes), 1)
    header.writeUInt8(this.#which, 9)
    const states = this.#savedHashers().flatMap((hasher) => {
      const state = hasher.save()
      return [Uint8Array.of(state.byteLength), state]
    })
    return Buffer.concat([header, ...states]).toString('base64')
  }

  load(saved: string): void {
    const bytes = Buffer.from(saved, 'base64')
    if (bytes.byteLength < STATE_HEADER_BYTES || bytes.readUInt8(0) !== STATE_VERSION) {
      throw new DigestStateError('The saved digests have another layout')
    }
    if (bytes.readUInt8(9) !== this.#which) {
      throw new DigestStateError('The saved digests are of other hashes')
    }
    this.offsetBytes = Number(bytes.readBigUInt64BE(1))
    this.#isCarrying = this.offsetBytes % CONTENT_HASH_BLOCK_BYTES > 0
    let from = STATE_HEADER_BYTES
    for (const hasher of this.#savedHashers()) {
      const sizeBytes = bytes[from] ?? 0
      try {
        hasher.load(bytes.subarray(from + 1, from + 1 + sizeBytes))
      } catch (cause) {
        // Recovery: the caller hashes the file again; hash-wasm refuses states of another build.
        throw new DigestStateError('The saved digests are of another build', { cause })
      }
      from += 1 + sizeBytes
    }
    if (from !== bytes.byteLength) {
      throw new DigestStateError('The saved digests have another length')
    }
  }

  digest(): Digests {
    if (this.offsetBytes % CONTENT_HASH_BLOCK_BYTES > 0) this.#endBlock()
    return {
      contentHash: this.#blocks.digest(),
      ...(this.#sha256 && { sha256: this.#sha256.digest() }),
      ...(this.#md5 && { md5: this.#md5.digest() }),
    }
  }

  get #which(): number {
    return (this.#sha256 ? SHA256_BIT : 0) + (this.#md5 ? MD5_BIT : 0)
  }

  #savedHashers(): IHasher[] {
    return [
      this.#blocks,
      ...(this.#sha256 ? [this.#sha256] : []),
      ...(this.#md5 ? [this.#md5] : []),
      ...(this.#isCarrying ? [this.#carriedBlock] : []),
    ]
  }

  #carryOpenBlock(): void {
    if (this.#openPieces.length === 0) return
    for (const piece of this.#openPieces) this.#carriedBlock.update(piece)
    this.#openPieces = []
    this.#isCarrying = true
  }

  #endBlock(): void {
    this.#blocks.update(
      this.#isCarrying ? this.#carriedBlock.digest('binary') : this.#nativeBlock.digest(),
    )
    this.#carriedBlock.init()
    this.#isCarrying = false
    this.#nativeBlock = createHash('sha256')
    this.#openPieces = []
  }
}
