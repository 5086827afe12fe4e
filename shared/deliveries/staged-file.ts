/**
 * The staged object as one stream of bytes: a request to S3 stays open from chunk to chunk, so that
 * S3 sends ahead into the connection's own buffers while the provider still answers. A request that
 * breaks is made again from where it broke.
 */
import type { Readable } from 'node:stream'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import { collectYoungGarbage } from '../platform/young-garbage.ts'
import type { Delivery } from './delivery.ts'
import { ContentChanged } from './send-job.ts'

export interface StagedFile {
  /** Bytes from `fromBytes` to before `endBytes`, of the very ETag that was taken in. */
  read(fromBytes: number, endBytes: number): AsyncGenerator<Buffer>
  /** Lets the connection go. */
  close(): void
}

/** Breaks in a row without a byte between them. */
const MAX_BREAKS = 3

/** As much as pieces that were sent may take before their memory is taken back. */
const GARBAGE_BYTES = 8 * 1024 * 1024

/** A request under way: `atBytes` is where its next byte lies. */
interface Flow {
  body: Readable
  pieces: AsyncIterator<Buffer>
  /** Read, but not asked for yet. */
  rest: Buffer | undefined
  atBytes: number
}

export function stagedFile(
  staging: Pick<StagingBucket, 'read'>,
  { stagingKey, etag, sizeBytes }: Pick<Delivery, 'stagingKey' | 'etag' | 'sizeBytes'>,
  signal: AbortSignal,
): StagedFile {
  let flow: Flow | undefined
  let garbageBytes = 0

  function close(): void {
    // Whoever closes has no more use for it, whatever the connection says to that.
    flow?.body.on('error', () => undefined).destroy()
    flow = undefined
  }

  async function flowAt(atBytes: number): Promise<Flow> {
    if (flow?.atBytes === atBytes) return flow
    close()
    const range = { offsetBytes: atBytes, sizeBytes: sizeBytes - atBytes }
    const body = await staging.read(stagingKey, etag, range, signal)
    if (!body) throw new ContentChanged()
    const pieces = body.iterator({ destroyOnReturn: false })
    flow = { body, pieces, rest: undefined, atBytes }
    return flow
  }

  /** The next bytes, at most `mostBytes` of them. */
  async function next(atBytes: number, mostBytes: number): Promise<Buffer> {
    for (let breaks = 0; ; breaks += 1) {
      const from = await flowAt(atBytes)
      try {
        const piece = from.rest ?? (await from.pieces.next()).value
        if (piece === undefined) throw new Error(`The staged object ended at byte ${atBytes}`)
        const wanted = piece.length > mostBytes ? piece.subarray(0, mostBytes) : piece
        from.rest = piece.length > mostBytes ? piece.subarray(mostBytes) : undefined
        from.atBytes += wanted.length
        return wanted
      } catch (error) {
        close()
        // Recovery: S3 is asked again from this byte on.
        if (signal.aborted || breaks === MAX_BREAKS) throw error
      }
    }
  }

  return {
    async *read(fromBytes, endBytes) {
      let atBytes = fromBytes
      while (atBytes < endBytes) {
        const piece = await next(atBytes, endBytes - atBytes)
        atBytes += piece.length
        yield piece
        garbageBytes += piece.length
        if (garbageBytes < GARBAGE_BYTES) continue
        garbageBytes = 0
        collectYoungGarbage()
      }
    },
    close,
  }
}
