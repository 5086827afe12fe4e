/** Shares the connections among files: each request goes to the file that has the least on the wire. */
import type { FileHasher } from './file-hasher.ts'
import type { PartToSend } from './part-sender.ts'
import type { Transfer } from './transfer.ts'
import type { UploadEntry } from './upload-entry.ts'
import { isLarge, type UploadQueue } from './upload-queue.ts'

/** Browsers open six connections to one HTTP/1.1 host, and S3 speaks nothing newer: one stays free. */
export const PARALLEL_REQUESTS = 5
/** More large files at once would only make each later; small ones pass beside them. */
const PARALLEL_LARGE_FILES = 2
/** One file has so many requests until its speed is known, and on a slow line. */
const LEAST_PARTS_AT_ONCE = 2
/** On a slow line many parts at once would all be half sent when it breaks: each should take moments. */
const PART_SECONDS = 10

interface SchedulerDeps {
  queue: UploadQueue
  hash: FileHasher
  /** The speed of the line. */
  bytesPerSecond: () => number
  /** Brings one part to S3; its ETag. */
  sendPart: (part: PartToSend) => Promise<string>
  /** Finds out what S3 has of a file whose sending this page did not see. */
  findTransfer: (entry: UploadEntry, signal: AbortSignal) => Promise<Transfer | 'received'>
  onReceived: (entry: UploadEntry) => void
  /** Every byte of the file is sent. */
  onSent: (entry: UploadEntry) => void
  onFailed: (entry: UploadEntry, error: unknown) => void
  /** A connection is free again. */
  onFree: () => void
}

export class Scheduler {
  readonly #deps: SchedulerDeps
  #busy = 0

  constructor(deps: SchedulerDeps) {
    this.#deps = deps
  }

  /** True while another request could begin. */
  get hasFreeConnection(): boolean {
    return this.#busy < PARALLEL_REQUESTS
  }

  /** Gives every free connection something to do, as far as there is something. */
  fill(): void {
    while (this.hasFreeConnection && this.#startNext()) {}
  }

  /** Stops what files have on the wire; they wait with the parts that have arrived. */
  stopAll(): void {
    for (const entry of this.#deps.queue.sending) {
      entry.requests.abort()
      if (!entry.isReconciling) this.#stopped(entry)
    }
  }

  /** The same for one file. */
  stop(entry: UploadEntry): void {
    entry.requests.abort()
    this.#stopped(entry)
  }

  /** Gives one connection to the file that has the least on the wire; false when none wants it. */
  #startNext(): boolean {
    const { queue } = this.#deps
    const poorest = this.#poorestTransfer()
    if (!poorest || poorest.transfer.inFlight > 0) {
      let large = 0
      for (const entry of queue.sending) if (isLarge(entry)) large += 1
      const next = queue.nextReady({ mayBeLarge: large < PARALLEL_LARGE_FILES })
      if (next) {
        this.#begin(next)
        return true
      }
    }
    const partNumber = poorest?.transfer.take()
    if (!poorest || partNumber === undefined) return false
    this.#occupy(this.#sendPart(poorest.entry, poorest.transfer, partNumber))
    return true
  }

  #poorestTransfer(): { entry: UploadEntry; transfer: Transfer } | undefined {
    let poorest: { entry: UploadEntry; transfer: Transfer } | undefined
    for (const entry of this.#deps.queue.sending) {
      const { transfer } = entry
      if (!transfer?.hasUnsentParts || entry.isReconciling) continue
      if (transfer.inFlight >= this.#partsAtOnce(transfer)) continue
      if (!poorest || transfer.inFlight < poorest.transfer.inFlight) poorest = { entry, transfer }
    }
    return poorest
  }

  #partsAtOnce(transfer: Transfer): number {
    const parts = Math.floor((this.#deps.bytesPerSecond() * PART_SECONDS) / transfer.partSize)
    return Math.max(LEAST_PARTS_AT_ONCE, Math.min(parts, PARALLEL_REQUESTS))
  }

  #begin(entry: UploadEntry): void {
    const { queue, hash, onSent } = this.#deps
    queue.begin(entry)
    if (entry.file) entry.hash ??= hash(entry.file, entry.life.signal)
    const { transfer } = entry
    if (!transfer) {
      this.#occupy(this.#reconcile(entry))
      return
    }
    const partNumber = transfer.take()
    if (partNumber === undefined) onSent(entry)
    else this.#occupy(this.#sendPart(entry, transfer, partNumber))
  }

  #occupy(work: Promise<void>): void {
    this.#busy += 1
    void work.finally(() => {
      this.#busy -= 1
      this.#deps.onFree()
    })
  }

  async #sendPart(entry: UploadEntry, transfer: Transfer, partNumber: number): Promise<void> {
    const { sendPart, onSent, onFailed } = this.#deps
    const { file, requests } = entry
    if (!file) return
    const { signal } = requests
    try {
      const etag = await sendPart({ file, transfer, partNumber, signal })
      transfer.noteSent(partNumber, etag)
      if (transfer.isSent && entry.transfer === transfer) onSent(entry)
    } catch (error) {
      transfer.putBack(partNumber)
      // Started anew meanwhile: this part is of no use.
      if (entry.transfer !== transfer) return
      if (signal.aborted) this.#stopped(entry)
      else onFailed(entry, error)
    }
  }

  async #reconcile(entry: UploadEntry): Promise<void> {
    const { findTransfer, onReceived, onSent, onFailed } = this.#deps
    const { signal } = entry.requests
    entry.isReconciling = true
    try {
      const found = await findTransfer(entry, signal)
      if (found === 'received') {
        onReceived(entry)
      } else {
        entry.transfer = found
        if (found.isSent) onSent(entry)
        else if (signal.aborted) this.#stopped(entry)
      }
    } catch (error) {
      if (signal.aborted) this.#stopped(entry)
      else onFailed(entry, error)
    } finally {
      entry.isReconciling = false
    }
  }

  /** Lets a file wait once nothing of it is on the wire any more. */
  #stopped(entry: UploadEntry): void {
    const { queue } = this.#deps
    if (queue.sending.has(entry) && (entry.transfer?.inFlight ?? 0) === 0) queue.wait(entry)
  }
}
