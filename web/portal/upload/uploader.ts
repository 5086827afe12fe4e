/**
 * Brings the chosen files of one hand-over to the staging bucket.
 *
 *   chosen ──announced in batches──▶ parts sent in parallel ──completed──▶ received ──polled──▶ delivered
 *
 * Joins the steps, each of which is done by its own file, and obeys the client. Pausing aborts
 * requests and keeps parts. Knows nothing of the page: everything it touches is handed in.
 */
import type { FieldProblem } from '../../../shared/contract/problems.ts'
import { type Added, addChosen, type FileLimits } from './add-chosen.ts'
import { Announcer } from './announcer.ts'
import { Completer } from './completer.ts'
import { DeliveryWatch, type Visibility } from './delivery-watch.ts'
import type { FileHasher } from './file-hasher.ts'
import { HandOver } from './hand-over.ts'
import type { HandOverStore } from './hand-over-store.ts'
import { PartSender } from './part-sender.ts'
import type { PortalApi } from './portal-api.ts'
import type { Obstacle } from './problems.ts'
import { Progress, type Totals } from './progress.ts'
import type { Wire } from './reliable-http.ts'
import { resumeUpload } from './resume-upload.ts'
import { RunState, type UploaderState } from './run-state.ts'
import { Scheduler } from './scheduler.ts'
import { Setbacks } from './setbacks.ts'
import { takeBack } from './take-back.ts'
import type { UploadEntry } from './upload-entry.ts'
import {
  type ChosenFile,
  type ClientDetails,
  isAwaitingDelivery,
  isReceived,
  isUnderWay,
  type UploadItem,
} from './upload-item.ts'
import { UploadQueue } from './upload-queue.ts'

interface UploaderDeps {
  portal: {
    portalId: string
    /** What it takes now; its owner may change that while the page is open. */
    limits: () => FileLimits
    /** What a right password gave, in a portal that asks for one. */
    token: () => string | undefined
    /** Asks the server whether the portal is open to whoever has that token. */
    isOpen: () => Promise<boolean>
  }
  wire: Wire
  api: PortalApi
  store: HandOverStore
  hash: FileHasher
  visibility: Visibility
  newKey: () => string
}

export class Uploader {
  readonly #deps: UploaderDeps
  readonly #run = new RunState()
  readonly #queue = new UploadQueue()
  readonly #progress: Progress
  readonly #handOver: HandOver
  readonly #announcer: Announcer
  readonly #scheduler: Scheduler
  readonly #completer: Completer
  readonly #watch: DeliveryWatch
  readonly #setbacks: Setbacks
  readonly #listeners = new Set<() => void>()

  constructor(deps: UploaderDeps) {
    const { api, wire, store, portal, hash, visibility } = deps
    const queue = this.#queue
    const progress = new Progress(wire.clock)
    const handOver = new HandOver(store, portal.portalId)
    const sender = new PartSender({
      wire,
      api,
      token: () => handOver.uploadToken,
      aheadBytes: () => progress.aheadBytes,
      onSent: (bytes) => this.#bytesSent(bytes),
    })
    this.#deps = deps
    this.#progress = progress
    this.#handOver = handOver
    this.#announcer = new Announcer({
      api,
      clock: wire.clock,
      portalId: portal.portalId,
      portalToken: portal.token,
      queue,
      handOver,
      aheadBytes: () => progress.aheadBytes,
      onUnwanted: (entry, uploadId) => void this.#takeBack(entry, uploadId),
      onFailed: (error) => this.#setbacks.announcementFailed(error),
      onDone: () => this.#pump(),
    })
    this.#scheduler = new Scheduler({
      queue,
      hash,
      bytesPerSecond: () => progress.bytesPerSecond,
      sendPart: (part) => sender.send(part),
      findTransfer: (entry, signal) => resumeUpload(api, entry, handOver.uploadToken, signal),
      onReceived: (entry) => this.#received([entry]),
      onSent: (entry) => this.#finish(entry),
      onFailed: (entry, error) => this.#setbacks.transferFailed(entry, error),
      onFree: () => this.#pump(),
    })
    this.#completer = new Completer({
      api,
      handOver: () => handOver.current,
      onReceived: (entries) => this.#received(entries),
      onFailed: (entry, error) => this.#setbacks.completionFailed(entry, error),
    })
    this.#watch = new DeliveryWatch({
      api,
      clock: wire.clock,
      visibility,
      onStatus: (uploads) => {
        handOver.saveFiles(queue.applyStatus(uploads))
        this.#changed()
      },
      onGone: (error) => this.#setbacks.loseHandOver(error),
      isSettled: () => !queue.entries.some((entry) => isAwaitingDelivery(entry.phase)),
    })
    this.#setbacks = new Setbacks({
      run: this.#run,
      queue,
      handOver,
      api,
      clock: wire.clock,
      isOpen: portal.isOpen,
      pause: () => this.pause(),
      stopSending: (entry) => this.#scheduler.stop(entry),
      stopWatching: () => this.#watch.stop(),
      onReceived: (entries) => this.#received(entries),
      onPossible: () => this.#pump(),
      onChanged: () => this.#changed(),
    })
  }

  /** Every file, in the order in which it was chosen. */
  get items(): readonly UploadItem[] {
    return this.#queue.entries
  }

  /** Whether files are sent, or why not: not started, or paused. */
  get state(): UploaderState {
    return this.#run.state
  }

  /** What made it pause by itself. */
  get obstacle(): Obstacle | undefined {
    return this.#run.obstacle
  }

  /** What the server said about the client's details; nothing is sent until they are mended. */
  get fieldProblems(): readonly FieldProblem[] {
    return this.#run.fieldProblems
  }

  /** Figures of all files, as of now. */
  get totals(): Totals {
    return this.#progress.totals(this.items, { isRunning: this.#run.state === 'running' })
  }

  /** Calls the listener after every change; returns how to stop that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Brings back what an earlier visit left, and asks the server how far it came. */
  async restore(): Promise<void> {
    const files = await this.#handOver.load()
    const loaded = this.#handOver.current
    if (!files || !loaded) return
    this.#run.state = 'running'
    this.#queue.restore(files)
    this.#changed()
    await this.#watch.askNow(loaded)
    if (this.#handOver.current) this.#watch.watch(this.#handOver.current, { soon: true })
    this.#changed()
  }

  /** Adds files to the list; once started, they are sent in their turn. */
  add(chosen: ChosenFile[]): Added {
    const { portal, newKey } = this.#deps
    const { result, fresh } = addChosen(this.#queue, chosen, { ...portal.limits(), newKey })
    this.#handOver.saveFiles(fresh)
    this.#pump()
    return result
  }

  /** Sends what is chosen, and from now on what is added. */
  start(client: ClientDetails): void {
    this.#handOver.client = client
    this.#run.fieldProblems = []
    this.resume()
  }

  /** Stops sending until `resume`; what has arrived is kept. */
  pause(): void {
    if (this.#run.state !== 'running') return
    this.#run.state = 'paused'
    this.#progress.reset()
    this.#scheduler.stopAll()
    this.#changed()
  }

  /** Goes on, also after an obstacle. */
  resume(): void {
    this.#run.be('running')
    this.#pump()
  }

  /** Tries a failed file again. */
  retry(key: string): void {
    const entry = this.#queue.find(key)
    if (entry) this.#retry([entry])
  }

  /** Tries all failed files again. */
  retryAll(): void {
    this.#retry(this.#queue.entries)
  }

  /** Takes a file out of the list and off the server; one that is received stays. */
  cancel(key: string): void {
    const entry = this.#queue.find(key)
    if (entry && !isReceived(entry.phase)) this.#cancel([entry])
  }

  /** Cancels all that is still to be sent. */
  cancelAll(): void {
    this.#cancel(this.#queue.entries.filter((entry) => isUnderWay(entry.phase)))
  }

  /** Gives up the files that an earlier visit left unfinished. */
  forgetMissing(): void {
    this.#cancel(this.#queue.entries.filter((entry) => entry.phase === 'missing'))
  }

  /** Begins a new hand-over: the finished one stays with its owner and leaves the page. */
  startOver(): void {
    this.#watch.forget()
    this.#queue.clear()
    this.#handOver.forget()
    this.#progress.reset()
    this.#run.be('collecting')
    this.#changed()
  }

  /** Does whatever can be done now; called after everything that may have made something possible. */
  #pump(): void {
    if (this.#run.state === 'running') {
      this.#scheduler.fill()
      if (this.#run.refusal === undefined) void this.#announcer.announceNext()
      else this.#setbacks.tellRefusal()
    }
    this.#changed()
  }

  #bytesSent(bytes: number): void {
    this.#progress.noteSent(bytes)
    // A line that turns out fast carries more at once.
    if (this.#scheduler.hasFreeConnection) this.#pump()
    else this.#changed()
  }

  #finish(entry: UploadEntry): void {
    if (entry.phase !== 'sending') return
    this.#queue.finish(entry)
    this.#completer.add(entry)
  }

  #received(entries: UploadEntry[]): void {
    const arrived = this.#queue.receive(entries)
    this.#progress.noteReceived(arrived.length)
    this.#handOver.saveFiles(arrived)
    const { current } = this.#handOver
    if (current) this.#watch.watch(current, { soon: this.#queue.isSettled })
    this.#setbacks.tellRefusal()
    this.#changed()
  }

  #retry(entries: readonly UploadEntry[]): void {
    for (const entry of entries) {
      const abandoned = this.#queue.retry(entry)
      if (abandoned !== undefined) void this.#takeBack(entry, abandoned)
    }
    this.#pump()
  }

  #cancel(entries: UploadEntry[]): void {
    if (entries.length === 0) return
    this.#queue.cancel(entries)
    for (const entry of entries) {
      if (entry.uploadId !== undefined) void this.#takeBack(entry, entry.uploadId)
    }
    this.#handOver.removeFiles(entries)
    // Whatever stood in the way is in nobody's way any more.
    if (!this.items.some((entry) => isUnderWay(entry.phase))) this.#run.obstacle = undefined
    if (this.items.length === 0 && !this.#handOver.current) this.#run.be('collecting')
    this.#pump()
  }

  async #takeBack(entry: UploadEntry, uploadId: string): Promise<void> {
    const isInTime = await takeBack(this.#deps.api, uploadId, this.#handOver.uploadToken)
    // It was faster and is received: the list must not hide that.
    if (!isInTime && entry.isCancelled) {
      this.#queue.restoreCancelled(entry, uploadId)
      this.#received([entry])
    }
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
