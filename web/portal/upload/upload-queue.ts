/**
 * Every file of the page in the order in which it was chosen, and whose turn comes next:
 *
 *   unannounced ──nextBatch──▶ ready ──nextReady──▶ sending ──finish──▶ finishing ──receive──▶ received
 *        ▲                       ▲                     │
 *        └── restart, retry ─────┴───────── wait ──────┘
 *
 * Each change of a file's phase while it is on its way is made here, so that the lists always agree
 * with the phases.
 */
import { MAX_FILES_PER_INTENT, SINGLE_PUT_MAX_BYTES } from '../../../shared/contract/limits.ts'
import type { SubmissionReply } from '../../../shared/contract/uploads.ts'
import type { SavedFile } from './hand-over-store.ts'
import type { Transfer } from './transfer.ts'
import { UploadEntry } from './upload-entry.ts'
import {
  canRetry,
  type Failure,
  hasArrived,
  isReceived,
  isUnderWay,
  phaseOf,
} from './upload-item.ts'

/** Announced files that wait for their turn: enough that small files never wait for an announcement. */
const READY_FILES = MAX_FILES_PER_INTENT
/** Fresh starts of a file whose upload ended under it. */
const RESTARTS_PER_FILE = 3

export class UploadQueue {
  #entries: UploadEntry[] = []
  /** Chosen, not announced. */
  #unannounced: UploadEntry[] = []
  /** Announced, not begun; files to be resumed are here too. */
  #ready: UploadEntry[] = []
  readonly #sending = new Set<UploadEntry>()

  /** Every file that the page shows. */
  get entries(): readonly UploadEntry[] {
    return this.#entries
  }

  /** Files that have requests under way, or may have. */
  get sending(): ReadonlySet<UploadEntry> {
    return this.#sending
  }

  /** True when nothing is left for this page to send. */
  get isSettled(): boolean {
    // The lists first: with ten thousand files this is asked often.
    const listed = this.#sending.size + this.#unannounced.length + this.#ready.length
    return listed === 0 && !this.#entries.some((entry) => isUnderWay(entry.phase))
  }

  /** True while an announced file has bytes to send. */
  get isMoving(): boolean {
    return this.#sending.size > 0 || this.#ready.some(isWaiting)
  }

  /** True while a file waits for its announcement. */
  get hasUnannounced(): boolean {
    return this.#unannounced.some(isWaiting)
  }

  /** The file of this key, unless it was cancelled. */
  find(key: string): UploadEntry | undefined {
    return this.#entries.find((entry) => entry.key === key)
  }

  /** Shows files; they are sent once they are enqueued. */
  list(entries: Iterable<UploadEntry>): void {
    for (const entry of entries) this.#entries.push(entry)
  }

  /** Shows the files of an earlier visit. */
  restore(files: SavedFile[]): void {
    this.#entries = files.map(UploadEntry.restored)
  }

  /** Lets listed files wait for their announcement. */
  enqueue(entries: Iterable<UploadEntry>): void {
    for (const entry of entries) this.#unannounced.push(entry)
  }

  /** The next files to announce; none while enough of them are ready. */
  nextBatch(aheadBytes: number): UploadEntry[] {
    const readyBytes = this.#ready.reduce((sum, entry) => sum + entry.size, 0)
    if (this.#ready.length >= READY_FILES || readyBytes > aheadBytes) return []
    this.#unannounced = this.#unannounced.filter(isWaiting)
    let bytes = 0
    let count = 0
    for (const entry of this.#unannounced) {
      if (count === MAX_FILES_PER_INTENT || (count > 0 && bytes > aheadBytes)) break
      bytes += entry.size
      count += 1
    }
    return this.#unannounced.splice(0, count)
  }

  /** Puts back what could not be announced: it is the next to be tried. */
  putBack(batch: UploadEntry[]): void {
    this.#unannounced.unshift(...batch)
  }

  /** Takes note of an announced file, and lets it wait for a connection. */
  announced(entry: UploadEntry, transfer: Transfer): void {
    entry.uploadId = transfer.uploadId
    entry.transfer = transfer
    if (!entry.isCancelled) this.#ready.push(entry)
  }

  /** The next file to send, which is taken off the list of those that are ready. */
  nextReady(options: { mayBeLarge: boolean }): UploadEntry | undefined {
    this.#ready = this.#ready.filter(isWaiting)
    const index = this.#ready.findIndex((entry) => options.mayBeLarge || !isLarge(entry))
    return index < 0 ? undefined : this.#ready.splice(index, 1)[0]
  }

  /** Its turn has come. */
  begin(entry: UploadEntry): void {
    entry.phase = 'sending'
    entry.requests = new AbortController()
    this.#sending.add(entry)
  }

  /** Its turn comes again soon, with all that it has sent. */
  wait(entry: UploadEntry): void {
    this.#sending.delete(entry)
    entry.phase = 'waiting'
    this.#ready.unshift(entry)
  }

  /** Every byte of it is sent. */
  finish(entry: UploadEntry): void {
    this.#sending.delete(entry)
    entry.phase = 'finishing'
  }

  /** Marks as received what is not already; returns it. */
  receive(entries: UploadEntry[]): UploadEntry[] {
    const arrived = entries.filter((entry) => !entry.isCancelled && !isReceived(entry.phase))
    for (const entry of arrived) {
      this.#sending.delete(entry)
      entry.phase = 'received'
      entry.file = undefined
    }
    return arrived
  }

  /** Takes over what the server says of files that have left this page; returns those that changed. */
  applyStatus(uploads: SubmissionReply['uploads']): UploadEntry[] {
    const byId = new Map(this.#entries.map((entry) => [entry.uploadId, entry]))
    const changed: UploadEntry[] = []
    for (const { uploadId, status, destination } of uploads) {
      const entry = byId.get(uploadId)
      if (!entry?.isSettledHere) continue
      const phase = phaseOf(status, entry.phase)
      if (phase === 'missing') entry.uploadId = undefined
      entry.destination = destination?.storageProvider ?? entry.destination
      if (phase === undefined || phase === entry.phase) continue
      entry.phase = phase
      changed.push(entry)
    }
    return changed
  }

  /** The files on their way from this page that the server says have arrived. */
  arrivedAmong(uploads: SubmissionReply['uploads']): UploadEntry[] {
    const arrived = new Set(
      uploads.filter(({ status }) => hasArrived(status)).map(({ uploadId }) => uploadId),
    )
    return this.#entries.filter(
      ({ phase, uploadId = '' }) => isUnderWay(phase) && arrived.has(uploadId),
    )
  }

  /** Goes on with a file of an earlier visit, now that it was chosen again. */
  resume(entry: UploadEntry, file: File): void {
    entry.file = file
    entry.phase = 'waiting'
    if (entry.uploadId === undefined) this.#unannounced.push(entry)
    else this.#ready.push(entry)
  }

  /** Lets a failed file wait again; returns the id of the upload that it leaves behind. */
  retry(entry: UploadEntry): string | undefined {
    if (entry.phase !== 'failed' || !canRetry(entry)) return undefined
    const { uploadId, transfer } = entry
    const wasUnreadable = entry.failure?.reason === 'UNREADABLE'
    entry.failure = undefined
    entry.restarts = 0
    entry.repairs = 0
    entry.phase = 'waiting'
    if (transfer && wasUnreadable) {
      // A file whose disk was away is the same file: its parts are good.
      this.#ready.push(entry)
      return undefined
    }
    this.#forgetUpload(entry)
    this.#unannounced.push(entry)
    return uploadId
  }

  /** Announces a file anew, before all others, because its upload ended under it; not for ever. */
  restart(entry: UploadEntry): void {
    this.#forgetUpload(entry)
    entry.restarts += 1
    if (entry.restarts > RESTARTS_PER_FILE) {
      this.fail(entry, { reason: 'CLOSED' })
      return
    }
    entry.phase = 'waiting'
    this.#unannounced.unshift(entry)
  }

  /** Gives a file up, for a reason that the page shows. */
  fail(entry: UploadEntry, failure: Failure): void {
    this.#sending.delete(entry)
    entry.requests.abort()
    entry.phase = 'failed'
    entry.failure = failure
  }

  /** Takes files out of the page. */
  cancel(entries: UploadEntry[]): void {
    for (const entry of entries) {
      entry.isCancelled = true
      entry.life.abort()
      entry.requests.abort()
      this.#sending.delete(entry)
    }
    this.#entries = this.#entries.filter((entry) => !entry.isCancelled)
  }

  /** Shows again what was received faster than it was cancelled. */
  restoreCancelled(entry: UploadEntry, uploadId: string): void {
    entry.isCancelled = false
    entry.uploadId = uploadId
    this.#entries.push(entry)
  }

  /** Announces all that is not received anew; without any such file the page is empty again. */
  restartAll(): void {
    const unfinished = this.#entries.filter((entry) => isUnderWay(entry.phase))
    for (const entry of unfinished) {
      this.#forgetUpload(entry)
      entry.phase = 'waiting'
    }
    this.#ready = []
    this.#unannounced = unfinished
    this.#entries =
      unfinished.length === 0 ? [] : this.#entries.filter((entry) => entry.phase !== 'missing')
  }

  /** Lets go of every file. */
  clear(): void {
    for (const entry of this.#entries) {
      entry.life.abort()
      entry.requests.abort()
    }
    this.#entries = []
    this.#unannounced = []
    this.#ready = []
    this.#sending.clear()
  }

  #forgetUpload(entry: UploadEntry): void {
    this.#sending.delete(entry)
    entry.requests.abort()
    entry.uploadId = undefined
    entry.transfer = undefined
  }
}

/** More than one request: several of these at once would only make each later. */
export function isLarge(entry: UploadEntry): boolean {
  return entry.size > SINGLE_PUT_MAX_BYTES
}

/** Lists keep entries that were cancelled or have arrived meanwhile until they are looked at. */
function isWaiting(entry: UploadEntry): boolean {
  return entry.phase === 'waiting' && !entry.isCancelled
}
