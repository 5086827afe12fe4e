/**
 * Brings the chosen files of one hand-over to the staging bucket.
 *
 *   chosen ──announced in batches──▶ parts sent in parallel ──completed──▶ received ──polled──▶ delivered
 *
 * Decides what every outcome means for a file and for the whole; how each step is done is known by
 * its own file. Pausing aborts requests and keeps parts; an error never aborts the upload in S3, so
 * that trying again sends only what is missing. Knows nothing of the page: everything it touches is
 * handed in.
 */
import type { FieldProblem } from '../../../shared/contract/problems.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import { type Added, addChosen, type FileLimits } from './add-chosen.ts'
import { Announcer } from './announcer.ts'
import { Completer } from './completer.ts'
import { DeliveryWatch, type Visibility } from './delivery-watch.ts'
import type { FileHasher } from './file-hasher.ts'
import { HandOver } from './hand-over.ts'
import type { HandOverStore } from './hand-over-store.ts'
import { NetworkError } from './http.ts'
import { FileUnreadable, PartSender, UploadEnded } from './part-sender.ts'
import type { PortalApi } from './portal-api.ts'
import {
  clientProblems,
  isHandOverFull,
  isHandOverGone,
  isIncomplete,
  isIntakeRefusal,
  isTransient,
  isUploadOver,
  type Obstacle,
  obstacleOf,
} from './problems.ts'
import { Progress, type Totals } from './progress.ts'
import type { Wire } from './reliable-http.ts'
import { resumeUpload } from './resume-upload.ts'
import { Scheduler } from './scheduler.ts'
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

/** Second looks at what S3 has of a file that the server finds incomplete. */
const REPAIRS_PER_FILE = 3
/** New hand-overs for tokens that were refused; more often, the clock or the server is wrong. */
const LOST_HAND_OVERS = 3

export interface UploaderDeps {
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

export type UploaderState =
  /** Nothing is sent before `start`. */
  'collecting' | 'running' | 'paused'

export class Uploader {
  readonly #deps: UploaderDeps
  readonly #queue = new UploadQueue()
  readonly #progress: Progress
  readonly #handOver: HandOver
  readonly #announcer: Announcer
  readonly #scheduler: Scheduler
  readonly #completer: Completer
  readonly #watch: DeliveryWatch
  readonly #listeners = new Set<() => void>()
  #state: UploaderState = 'collecting'
  #obstacle: Obstacle | undefined
  #fieldProblems: FieldProblem[] = []
  #lostHandOvers = 0
  /** Why nothing more is announced; told once what is announced already has been sent. */
  #refusal: unknown

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
      onFailed: (error) => this.#announcementFailed(error),
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
      onFailed: (entry, error) => this.#transferFailed(entry, error),
      onFree: () => this.#pump(),
    })
    this.#completer = new Completer({
      api,
      handOver: () => handOver.current,
      onReceived: (entries) => this.#received(entries),
      onFailed: (entry, error) => this.#completionFailed(entry, error),
    })
    this.#watch = new DeliveryWatch({
      api,
      clock: wire.clock,
      visibility,
      onStatus: (uploads) => {
        handOver.saveFiles(queue.applyStatus(uploads))
        this.#changed()
      },
      onGone: (error) => this.#loseHandOver(error),
      isSettled: () => !queue.entries.some((entry) => isAwaitingDelivery(entry.phase)),
    })
  }

  /** Every file, in the order in which it was chosen. */
  get items(): readonly UploadItem[] {
    return this.#queue.entries
  }

  /** Whether files are sent, or why not: not started, or paused. */
  get state(): UploaderState {
    return this.#state
  }

  /** What made it pause by itself. */
  get obstacle(): Obstacle | undefined {
    return this.#obstacle
  }

  /** What the server said about the client's details; nothing is sent until they are mended. */
  get fieldProblems(): readonly FieldProblem[] {
    return this.#fieldProblems
  }

  /** Figures of all files, as of now. */
  get totals(): Totals {
    return this.#progress.totals(this.items, { isRunning: this.#state === 'running' })
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
    this.#state = 'running'
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
    this.#fieldProblems = []
    this.resume()
  }

  /** Stops sending until `resume`; what has arrived is kept. */
  pause(): void {
    if (this.#state !== 'running') return
    this.#state = 'paused'
    this.#progress.reset()
    this.#scheduler.stopAll()
    this.#changed()
  }

  /** Goes on, also after an obstacle. */
  resume(): void {
    this.#be('running')
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
    this.#be('collecting')
    this.#changed()
  }

  /** With nothing in the way. */
  #be(state: UploaderState): void {
    this.#state = state
    this.#obstacle = undefined
    this.#refusal = undefined
  }

  /** Does whatever can be done now; called after everything that may have made something possible. */
  #pump(): void {
    if (this.#state === 'running') {
      this.#scheduler.fill()
      if (this.#refusal === undefined) void this.#announcer.announceNext()
      else this.#tellRefusal()
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
    this.#tellRefusal()
    this.#changed()
  }

  #announcementFailed(error: unknown): void {
    if (this.#handOver.current && isHandOverGone(error)) {
      this.#loseHandOver(error)
    } else if (error instanceof ApiProblem && clientProblems(error).length > 0) {
      this.#fieldProblems = clientProblems(error)
      this.#state = 'collecting'
    } else if (isIntakeRefusal(error) || isHandOverFull(error)) {
      this.#refusal = error
      this.#tellRefusal()
    } else this.#standStill(error)
  }

  /** Acts on a refusal once nothing moves any more, and only while it still concerns a file. */
  #tellRefusal(): void {
    const refusal = this.#refusal
    if (refusal === undefined || this.#queue.isMoving) return
    if (isHandOverFull(refusal)) {
      // Completing needs the tokens of the hand-over that is being left.
      if (this.items.some(({ phase }) => phase === 'finishing')) return
      this.#handOver.forget()
      this.#be('running')
      this.#pump()
      return
    }
    this.#refusal = undefined
    if (this.#queue.hasUnannounced) this.#standStill(refusal)
  }

  #transferFailed(entry: UploadEntry, error: unknown): void {
    if (isHandOverGone(error)) this.#loseHandOver(error)
    else if (error instanceof UploadEnded || isUploadOver(error)) this.#queue.restart(entry)
    else if (error instanceof FileUnreadable) this.#queue.fail(entry, { reason: 'UNREADABLE' })
    else if (error instanceof ApiProblem && !isTransient(error)) {
      this.#queue.fail(entry, { reason: 'REFUSED', detail: error.message })
    } else {
      this.#scheduler.stop(entry)
      this.#standStill(error)
    }
    this.#changed()
  }

  #completionFailed(entry: UploadEntry, error: unknown): void {
    if (entry.isCancelled || entry.phase !== 'finishing') return
    if (isIncomplete(error) && entry.repairs < REPAIRS_PER_FILE) {
      // S3 is asked what it has, and the rest is sent.
      entry.repairs += 1
      entry.transfer = undefined
      this.#queue.wait(entry)
    } else {
      if (isTransient(error)) this.#queue.wait(entry)
      this.#transferFailed(entry, error)
    }
    this.#pump()
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
    if (!this.items.some((entry) => isUnderWay(entry.phase))) this.#obstacle = undefined
    if (this.items.length === 0 && !this.#handOver.current) this.#be('collecting')
    this.#pump()
  }

  async #takeBack(entry: UploadEntry, uploadId: string): Promise<void> {
    try {
      await this.#deps.api.cancel(uploadId, this.#handOver.uploadToken)
    } catch (error) {
      // It was faster and is received: the list must not hide that.
      if (error instanceof ApiProblem && error.code === 'UPLOAD_CLOSED' && entry.isCancelled) {
        this.#queue.restoreCancelled(entry, uploadId)
        this.#received([entry])
      } else if (!(error instanceof ApiProblem || error instanceof NetworkError)) {
        throw error
      }
      // Any other answer: the reservation ends by itself after 15 minutes.
    }
  }

  /** Its tokens open nothing any more: what is not received goes into a new hand-over. */
  #loseHandOver(error: unknown): void {
    this.#watch.stop()
    this.#handOver.forget()
    this.#queue.restartAll()
    if (this.#queue.entries.length === 0) this.#state = 'collecting'
    this.#lostHandOvers += 1
    if (this.#lostHandOvers > LOST_HAND_OVERS) this.#standStill(error)
    this.#pump()
  }

  /** Stops everything for a reason that every file shares. */
  #standStill(error: unknown): void {
    const obstacle = obstacleOf(error, this.#deps.wire.clock.now())
    this.#obstacle = obstacle
    this.pause()
    if (obstacle.kind === 'PASSWORD') void this.#leaveOldPassword(obstacle, error)
    if (obstacle.untilMs !== undefined) void this.#goOnAt(obstacle.untilMs, obstacle)
  }

  async #goOnAt(untilMs: number, obstacle: Obstacle): Promise<void> {
    const { clock } = this.#deps.wire
    await clock.sleep(Math.max(0, untilMs - clock.now()))
    if (this.#obstacle === obstacle) this.resume()
  }

  /** When the client's password is right, the hand-over is of an earlier one: the rest goes into a new one. */
  async #leaveOldPassword(obstacle: Obstacle, error: unknown): Promise<void> {
    const { current } = this.#handOver
    if (!current) return
    try {
      if (!(await this.#deps.portal.isOpen())) return
      // What arrived before its completion was refused must not be sent a second time.
      const uploads = await this.#deps.api.status(current.submissionId, current.readToken)
      if (this.#obstacle !== obstacle || this.#handOver.current !== current) return
      this.#received(this.#queue.arrivedAmong(uploads))
    } catch (asking) {
      if (!(asking instanceof ApiProblem || asking instanceof NetworkError)) throw asking
      // Not known now: the client is asked for the password, and this is asked again after it.
      return
    }
    this.#be('running')
    if (this.#queue.entries.some((entry) => isUnderWay(entry.phase))) this.#loseHandOver(error)
    this.#changed()
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
