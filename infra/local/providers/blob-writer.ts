/**
 * Writes a stream of content into a file and hashes it in the same pass, with constant memory.
 *
 * Bytes are gathered and leave for the disk and the hash in whole units only, so a body that breaks
 * off is cut back to a unit for nothing: neither the file nor the hash has seen the odd rest.
 * Native hashing in memory is the fastest way; it cannot be saved, so a session that outlives the
 * process is hashed once more from disk when it ends, which costs only those who were interrupted.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** Large enough to make system calls rare, small enough to stay in the processor's cache. */
const FLUSH_BYTES = 1024 * 1024

export interface RunningHash {
  update(chunk: Buffer): void
}

export class BlobWriter {
  readonly #file: FileHandle
  readonly #unitBytes: number
  readonly #hash: RunningHash | undefined
  #position: number
  #pending: Buffer[] = []
  #pendingBytes = 0
  #flushing: Promise<unknown> = Promise.resolve()

  private constructor(file: FileHandle, position: number, unitBytes: number, hash?: RunningHash) {
    this.#file = file
    this.#position = position
    this.#unitBytes = unitBytes
    this.#hash = hash
  }

  /** `position` is a multiple of the unit; what the file holds beyond it is overwritten. */
  static async open(
    path: string,
    position: number,
    unitBytes: number,
    hash?: RunningHash,
  ): Promise<BlobWriter> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    return new BlobWriter(file, position, unitBytes, hash)
  }

  async write(chunk: Buffer): Promise<void> {
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    if (this.#pendingBytes >= Math.max(FLUSH_BYTES, this.#unitBytes)) await this.#flushUnits()
  }

  /** Keeps everything that was written; resolves to the end of the file. */
  async end(): Promise<number> {
    await this.#flush(this.#pendingBytes)
    return await this.#close()
  }

  /** Keeps whole units only; resolves to the end of what was kept. */
  async abort(): Promise<number> {
    await this.#flushUnits()
    return await this.#close()
  }

  async #close(): Promise<number> {
    try {
      await this.#flushing
    } finally {
      await this.#file.close()
    }
    return this.#position
  }

  async #flushUnits(): Promise<void> {
    await this.#flush(this.#pendingBytes - (this.#pendingBytes % this.#unitBytes))
  }

  /** Hashes while the disk still writes what went before. */
  async #flush(bytes: number): Promise<void> {
    if (bytes === 0) return
    const batch = this.#take(bytes)
    for (const chunk of batch) this.#hash?.update(chunk)
    await this.#flushing
    const position = this.#position
    this.#position += bytes
    this.#flushing = writeAll(this.#file, batch, position)
    // The failure is met at the next flush or at the end; it must not count as unhandled until then.
    this.#flushing.catch(() => {})
  }

  #take(bytes: number): Buffer[] {
    const batch: Buffer[] = []
    let missing = bytes
    while (missing > 0) {
      const chunk = this.#pending.shift()
      if (chunk === undefined) throw new RangeError('fewer bytes pending than asked for')
      if (chunk.length > missing) {
        batch.push(chunk.subarray(0, missing))
        this.#pending.unshift(chunk.subarray(missing))
        missing = 0
      } else {
        batch.push(chunk)
        missing -= chunk.length
      }
    }
    this.#pendingBytes -= bytes
    return batch
  }
}

async function writeAll(file: FileHandle, chunks: Buffer[], position: number): Promise<void> {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const { bytesWritten } = await file.writev(chunks, position)
  if (bytesWritten < length) throw new Error(`disk took ${bytesWritten} of ${length} bytes`)
}
