/**
 * Bytes on disk: up to 64 KiB in the metadata database, all others in blobs. A blob is written to
 * `tmp/<id>`, synced, renamed to `blobs/<xx>/<id>` and never changed; which blobs make an object is
 * known to the metadata database alone. Ids are random: no key of a client ever becomes a path.
 * What a crash leaves behind, unfinished or unreferenced, is removed by `sweep` at the next start.
 * Known gap: directories are not synced, so a power cut (not a kill) may lose the last renames.
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { type FileHandle, open, rename, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'

/** Large enough that a disk write costs more than its thread hop, small enough for 50 uploads at once. */
export const LENT_BUFFER_BYTES = 512 * 1024
/** As many as eight uploads at once use; more are freed. */
const MAX_IDLE_BUFFERS = 16
/** A row of this size costs one disk sync, shared with other rows; a file of its own costs five thread hops more. */
const MAX_INLINE_BYTES = 64 * 1024
const READ_CHUNK_BYTES = LENT_BUFFER_BYTES

export type OpenFile = (path: string, flags: string) => Promise<FileHandle>

/** Where bytes are: in a blob, or in the row itself when they are few (none at all: neither). */
export interface StoredBytes {
  blobId: string | null
  inline: Uint8Array | null
}

/** A stretch of stored bytes. */
export interface BlobSegment {
  bytes: StoredBytes
  startByte: number
  lengthBytes: number
}

export class BlobStore {
  readonly #directory: string
  readonly #openFile: OpenFile
  readonly #buffers = new BufferPool()
  /** How many readers need each blob; a blob deleted meanwhile waits for the last of them. */
  readonly #readers = new Map<string, number>()
  readonly #doomed = new Set<string>()

  constructor(directory: string, openFile: OpenFile = open) {
    this.#directory = directory
    this.#openFile = openFile
    mkdirSync(join(directory, 'tmp'), { recursive: true })
    for (let prefix = 0; prefix < 256; prefix += 1) {
      mkdirSync(join(directory, 'blobs', prefix.toString(16).padStart(2, '0')), { recursive: true })
    }
  }

  create(): BlobWriter {
    const id = randomBytes(16).toString('hex')
    return new BlobWriter({
      id,
      tmpPath: join(this.#directory, 'tmp', id),
      finalPath: this.#path(id),
      openFile: this.#openFile,
      buffers: this.#buffers,
    })
  }

  /**
   * Reads the segments in order; hold them, or they may be deleted meanwhile. `takeBuffer` may hand
   * out a buffer again when the piece before the last has been used.
   */
  async *read(
    segments: BlobSegment[],
    takeBuffer = (bytes: number): Buffer => Buffer.allocUnsafeSlow(bytes),
  ): AsyncGenerator<Buffer, undefined> {
    for (const { bytes, startByte, lengthBytes } of segments) {
      const { blobId, inline } = bytes
      const end = startByte + lengthBytes
      if (inline) yield Buffer.from(inline.buffer, inline.byteOffset + startByte, lengthBytes)
      if (blobId === null) continue
      const file = await this.#openFile(this.#path(blobId), 'r')
      try {
        let position = startByte
        while (position < end) {
          const length = Math.min(READ_CHUNK_BYTES, end - position)
          const { bytesRead, buffer } = await file.read({
            buffer: takeBuffer(length),
            position,
          })
          if (bytesRead === 0) throw new Error(`Blob ${blobId} is shorter than its record`)
          position += bytesRead
          yield buffer.subarray(0, bytesRead)
        }
      } finally {
        await file.close()
      }
    }
    return undefined
  }

  /** A buffer of `LENT_BUFFER_BYTES` that comes back by `takeBack`, or is left to the garbage collector. */
  lend(): Buffer {
    return this.#buffers.lend()
  }

  takeBack(buffer: Buffer): void {
    this.#buffers.takeBack(buffer)
  }

  /**
   * Reads segments that fit the buffer, in this turn of the event loop: for so few bytes each hop to
   * the thread pool and back costs more than what it is for.
   */
  readNow(segments: BlobSegment[], buffer: Buffer): Buffer {
    let filled = 0
    for (const { bytes, startByte, lengthBytes } of segments) {
      const { blobId, inline } = bytes
      if (inline) buffer.set(inline.subarray(startByte, startByte + lengthBytes), filled)
      else if (blobId !== null) {
        const file = openSync(this.#path(blobId), 'r')
        try {
          for (let read = 0; read < lengthBytes; ) {
            const got = readSync(file, buffer, filled + read, lengthBytes - read, startByte + read)
            if (got === 0) throw new Error(`Blob ${blobId} is shorter than its record`)
            read += got
          }
        } finally {
          closeSync(file)
        }
      }
      filled += lengthBytes
    }
    return buffer.subarray(0, filled)
  }

  /** Keeps blobs on disk until the returned function is called. */
  hold(segments: BlobSegment[]): () => void {
    const blobIds = segments.flatMap(({ bytes }) => bytes.blobId ?? [])
    for (const blobId of blobIds) {
      this.#readers.set(blobId, (this.#readers.get(blobId) ?? 0) + 1)
    }
    let held = true
    return () => {
      if (!held) return
      held = false
      for (const blobId of blobIds) this.#letGo(blobId)
    }
  }

  /** Removes blobs that no record refers to any more. */
  async remove(blobIds: string[]): Promise<void> {
    for (const blobId of blobIds) {
      if (this.#readers.has(blobId)) this.#doomed.add(blobId)
      else await this.#unlink(blobId)
    }
  }

  /** Removes what a crash left behind; call before the first write. */
  sweep(isReferenced: (blobId: string) => boolean): number {
    let removed = 0
    const tmp = join(this.#directory, 'tmp')
    for (const name of readdirSync(tmp)) {
      rmSync(join(tmp, name))
      removed += 1
    }
    for (const prefix of readdirSync(join(this.#directory, 'blobs'))) {
      for (const blobId of readdirSync(join(this.#directory, 'blobs', prefix))) {
        if (isReferenced(blobId)) continue
        rmSync(join(this.#directory, 'blobs', prefix, blobId))
        removed += 1
      }
    }
    return removed
  }

  #letGo(blobId: string): void {
    const readers = (this.#readers.get(blobId) ?? 1) - 1
    if (readers > 0) {
      this.#readers.set(blobId, readers)
      return
    }
    this.#readers.delete(blobId)
    // Synchronous, so that closing the engine leaves no removal behind.
    if (this.#doomed.delete(blobId)) rmSync(this.#path(blobId), { force: true })
  }

  /** A small file goes at once, which costs less than a hop to the thread pool and back. */
  async #unlink(blobId: string): Promise<void> {
    const path = this.#path(blobId)
    const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size
    if (sizeBytes === undefined) return
    if (sizeBytes <= LENT_BUFFER_BYTES) unlinkSync(path)
    else await unlink(path)
  }

  #path(blobId: string): string {
    return join(this.#directory, 'blobs', blobId.slice(0, 2), blobId)
  }
}

/** Buffers are lent and come back: nothing of a body is left to the garbage collector. */
class BufferPool {
  readonly #idle: Buffer[] = []

  lend(): Buffer {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(LENT_BUFFER_BYTES)
  }

  takeBack(buffer: Buffer): void {
    if (this.#idle.length < MAX_IDLE_BUFFERS) this.#idle.push(buffer)
  }
}

interface BlobWriterOptions {
  id: string
  tmpPath: string
  finalPath: string
  openFile: OpenFile
  buffers: BufferPool
}

/** One blob being written. Either `commit` or `discard` ends it. */
class BlobWriter {
  readonly #options: BlobWriterOptions
  #file: FileHandle | undefined
  #batch: Buffer | undefined
  #batchBytes = 0
  /** The write under way: the next chunks are hashed while the disk takes this one. */
  #writing: Promise<void> = Promise.resolve()
  #committed = false

  constructor(options: BlobWriterOptions) {
    this.#options = options
  }

  /** Copies the chunk: its memory is the caller's again when this resolves. */
  async write(chunk: Buffer): Promise<void> {
    let rest = chunk
    while (rest.length > 0) {
      this.#batch ??= this.#options.buffers.lend()
      const copied = rest.copy(this.#batch, this.#batchBytes)
      this.#batchBytes += copied
      rest = rest.subarray(copied)
      if (this.#batchBytes === LENT_BUFFER_BYTES) await this.#startWriting()
    }
  }

  /** Bytes in a blob survive a crash once this resolves; few bytes wait in memory for their row. */
  async commit(): Promise<StoredBytes> {
    await this.#writing
    if (!this.#file && this.#batchBytes <= MAX_INLINE_BYTES) {
      const inline = this.#batch ? Buffer.from(this.#batch.subarray(0, this.#batchBytes)) : null
      this.#giveBatchBack()
      return { blobId: null, inline }
    }
    await this.#startWriting()
    await this.#writing
    await this.#file?.datasync()
    await this.#file?.close()
    this.#file = undefined
    await rename(this.#options.tmpPath, this.#options.finalPath)
    this.#committed = true
    return { blobId: this.#options.id, inline: null }
  }

  async discard(): Promise<void> {
    await this.#writing.catch(() => undefined)
    this.#giveBatchBack()
    await this.#file?.close()
    this.#file = undefined
    const { tmpPath, finalPath } = this.#options
    await rm(this.#committed ? finalPath : tmpPath, { force: true })
  }

  async #startWriting(): Promise<void> {
    await this.#writing
    const batch = this.#batch
    if (!batch) return
    const bytes = batch.subarray(0, this.#batchBytes)
    this.#batch = undefined
    this.#batchBytes = 0
    this.#writing = this.#flush(bytes).finally(() => this.#options.buffers.takeBack(batch))
    // The failure is thrown by the next `write` or by `commit`; until then it must not count as unhandled.
    this.#writing.catch(() => undefined)
  }

  async #flush(bytes: Buffer): Promise<void> {
    const { openFile, tmpPath } = this.#options
    this.#file ??= await openFile(tmpPath, 'wx')
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, written)
      written += bytesWritten
    }
  }

  #giveBatchBack(): void {
    if (this.#batch) this.#options.buffers.takeBack(this.#batch)
    this.#batch = undefined
    this.#batchBytes = 0
  }
}
