/**
 * Writes a stream of content into a file and hashes it in the same pass, with constant memory.
 *
 * Bytes are gathered and leave for the disk and the hash in whole units only, so a body that breaks
 * off is cut back to a unit for nothing: neither the file nor the hash has seen the odd rest.
 * Native hashing in memory is the fastest way; it cannot be saved, so a session that outlives the
 * process is hashed once more from disk when it ends, which costs only those who were interrupted.
 */
import { closeSync, constants, openSync, writevSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** Large enough to make system calls rare, small enough to stay in the processor's cache. */
const FLUSH_BYTES = 1024 * 1024
const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT
const OPEN_MODE = 0o600

export interface RunningHash {
  update(chunk: Buffer): void
}

export class BlobWriter {
  readonly #path: string
  readonly #unitBytes: number
  readonly #hash: RunningHash | undefined
  #position: number
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** Open from the first flush on. */
  #file: FileHandle | undefined
  #flushing: Promise<unknown> = Promise.resolve()

  /** `position` is a multiple of the unit; what the file holds beyond it is overwritten. */
  constructor(path: string, position: number, unitBytes: number, hash?: RunningHash) {
    this.#path = path
    this.#position = position
    this.#unitBytes = unitBytes
    this.#hash = hash
  }

  async write(chunk: Buffer): Promise<void> {
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    if (this.#pendingBytes >= Math.max(FLUSH_BYTES, this.#unitBytes)) await this.#flushUnits()
  }

  /** Keeps everything that was written; resolves to the end of the file. */
  async end(): Promise<number> {
    if (!this.#file) return this.#writeAtOnce()
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
      await this.#file?.close()
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
    this.#file ??= await open(this.#path, OPEN_FLAGS, OPEN_MODE)
    const position = this.#position
    this.#position += bytes
    this.#flushing = writeAll(this.#file, batch, position)
    // The failure is met at the next flush or at the end; it must not count as unhandled until then.
    this.#flushing.catch(() => {})
  }

  /** A small file, in one go: three hops to a thread for it cost more than the writing does. */
  #writeAtOnce(): number {
    const batch = this.#take(this.#pendingBytes)
    for (const chunk of batch) this.#hash?.update(chunk)
    const file = openSync(this.#path, OPEN_FLAGS, OPEN_MODE)
    try {
      if (batch.length > 0) checkWritten(batch, writevSync(file, batch, this.#position))
    } finally {
      closeSync(file)
    }
    this.#position += lengthOf(batch)
    return this.#position
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
  const { bytesWritten } = await file.writev(chunks, position)
  checkWritten(chunks, bytesWritten)
}

function checkWritten(chunks: Buffer[], writtenBytes: number): void {
  const length = lengthOf(chunks)
  if (writtenBytes < length) throw new Error(`disk took ${writtenBytes} of ${length} bytes`)
}

function lengthOf(chunks: Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
}
