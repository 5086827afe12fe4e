/**
 * Brings the chosen files of one hand-over to the staging bucket.
 *
 *   chosen ──announced in batches──▶ parts sent in parallel ──completed──▶ received ──polled──▶ delivered
 *
 * Files are announced shortly before they are sent: URLs and reservations live 15 minutes. Pausing
 * aborts requests and keeps parts; an error never aborts the upload in S3, so that trying again
 * sends only what is missing. Knows nothing of the page; everything it touches is handed in.
 */
import {
  MAX_FILE_NAME_LENGTH,
  MAX_FILES_PER_INTENT,
  MAX_RELATIVE_PATH_LENGTH,
  SINGLE_PUT_MAX_BYTES,
} from '../../../shared/contract/limits.ts'
import type { FieldProblem } from '../../../shared/contract/problems.ts'
import type { IntentRequest, SubmissionReply } from '../../../shared/contract/uploads.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import { Completer } from './completer.ts'
import { DeliveryWatch, type Visibility } from './delivery-watch.ts'
import type { FileHasher } from './file-hasher.ts'
import { fingerprint, looseFingerprint } from './fingerprint.ts'
import type { HandOverStore, SavedHandOver } from './hand-over-store.ts'
import { NetworkError } from './http.ts'
import { FileUnreadable, PartSender, UploadEnded } from './part-sender.ts'
import type { PortalApi } from './portal-api.ts'
import {
  clientProblems,
  fileProblems,
  isHandOverGone,
  isIncomplete,
  isPortalClosed,
  isTransient,
  isUploadOver,
} from './problems.ts'
import type { Wire } from './reliable-http.ts'
import { resumeUpload } from './resume-upload.ts'
import { SpeedMeter } from './speed-meter.ts'
import { Transfer } from './transfer.ts'
import { UploadEntry } from './upload-entry.ts'
import {
  type ChosenFile,
  type ClientDetails,
  canRetry,
  type Failure,
  isAwaitingDelivery,
  isReceived,
  isUnderWay,
  type Phase,
  phaseOf,
  type UploadItem,
} from './upload-item.ts'

/** Browsers open six connections to one HTTP/1.1 host, and S3 speaks nothing newer: one stays free. */
export const PARALLEL_REQUESTS = 5
/** More large files at once would only make each later; small ones pass beside them. */
const PARALLEL_LARGE_FILES = 2
/** One file has so many requests until its speed is known, and on a slow line. */
const LEAST_PARTS_AT_ONCE = 2
const PART_SECONDS = 10
/** Announced files that wait for their turn: enough that small files never wait for an announcement. */
const READY_FILES = MAX_FILES_PER_INTENT
/** What is announced or signed ahead should be sent within this time. */
const AHEAD_SECONDS = 60
const LEAST_AHEAD_BYTES = 64 * 1024 * 1024
/** What a file costs beside its bytes: the round trips of announcing, sending and completing it. */
const FILE_WEIGHT_BYTES = 64 * 1024
/** Fresh starts of a file whose upload ended under it. */
const RESTARTS_PER_FILE = 3
const REPAIRS_PER_FILE = 3
/** New hand-overs for tokens that were refused; more often, the clock or the server is wrong. */
const LOST_HAND_OVERS = 3

export interface UploaderDeps {
  portal: { portalId: string; maxFileBytes: number }
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

/** Why everything stands still: the network, the portal or the server. */
export interface Obstacle {
  kind: 'NETWORK' | 'PORTAL_CLOSED' | 'SERVER'
  detail: string
}

export interface Added {
  added: number
  /** Files of an earlier visit that go on. */
  resumed: number
  /** Chosen twice; sent once. */
  repeated: number
}

export interface Totals {
  files: number
  byPhase: Record<Phase, number>
  totalBytes: number
  sentBytes: number
  bytesPerSecond: number
  /** Of all the work, in which every file counts for more than its bytes. */
  fraction: number
  remainingMs: number | undefined
}

export class Uploader {
  readonly #deps: UploaderDeps
  readonly #watch: DeliveryWatch
  readonly #speed = new SpeedMeter()
  /** As the speed, with the weight of each file that is done. */
  readonly #pace = new SpeedMeter()
  readonly #sender: PartSender
  readonly #completer: Completer
  readonly #listeners = new Set<() => void>()
  #entries: UploadEntry[] = []
  /** Chosen, not announced. */
  #waiting: UploadEntry[] = []
  /** Announced, not begun; files to be resumed are here too. */
  #ready: UploadEntry[] = []
  readonly #sending = new Set<UploadEntry>()
  #isAnnouncing = false
  #slotsInUse = 0
  #state: UploaderState = 'collecting'
  #obstacle: Obstacle | undefined
  #fieldProblems: FieldProblem[] = []
  #client: ClientDetails = {}
  #handOver: SavedHandOver | undefined
  #lostHandOvers = 0

  constructor(deps: UploaderDeps) {
    this.#deps = deps
    this.#watch = new DeliveryWatch({
      api: deps.api,
      clock: deps.wire.clock,
      visibility: deps.visibility,
      onStatus: (uploads) => this.#applyStatus(uploads),
      onGone: (error) => this.#forgetHandOver(error),
      isSettled: () => !this.#entries.some((entry) => isAwaitingDelivery(entry.phase)),
    })
    this.#sender = new PartSender({
      wire: deps.wire,
      api: deps.api,
      token: () => this.#handOver?.uploadToken ?? '',
      aheadBytes: () => this.#aheadBytes(),
      onSent: (bytes) => this.#sentMore(bytes),
    })
    this.#completer = new Completer({
      api: deps.api,
      handOver: () => this.#handOver,
      onReceived: (entries) => this.#received(entries),
      onFailed: (entry, error) => this.#completionFailed(entry, error),
    })
  }

  get items(): readonly UploadItem[] {
    return this.#entries
  }

  get state(): UploaderState {
    return this.#state
  }

  get obstacle(): Obstacle | undefined {
    return this.#obstacle
  }

  /** What the server said about the client's details; nothing is sent until they are mended. */
  get fieldProblems(): readonly FieldProblem[] {
    return this.#fieldProblems
  }

  get totals(): Totals {
    const byPhase: Record<Phase, number> = {
      waiting: 0,
      sending: 0,
      finishing: 0,
      received: 0,
      held: 0,
      delivered: 0,
      refused: 0,
      failed: 0,
      missing: 0,
    }
    let totalBytes = 0
    let sentBytes = 0
    let work = 0
    let done = 0
    for (const entry of this.#entries) {
      byPhase[entry.phase] += 1
      if (entry.phase === 'failed' || entry.phase === 'missing') continue
      totalBytes += entry.size
      sentBytes += entry.sentBytes
      work += entry.size + FILE_WEIGHT_BYTES
      done += entry.sentBytes + (isUnderWay(entry.phase) ? 0 : FILE_WEIGHT_BYTES)
    }
    const now = this.#deps.wire.clock.now()
    const pace = this.#pace.bytesPerSecond(now)
    const isMoving = this.#state === 'running' && pace > 0
    return {
      files: this.#entries.length,
      byPhase,
      totalBytes,
      sentBytes,
      bytesPerSecond: this.#speed.bytesPerSecond(now),
      fraction: work === 0 ? 0 : done / work,
      remainingMs: isMoving ? ((work - done) / pace) * 1000 : undefined,
    }
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Brings back what an earlier visit left, and asks the server how far it came. */
  async restore(): Promise<void> {
    const { store, portal } = this.#deps
    const saved = await store.load(portal.portalId)
    if (!saved) return
    this.#handOver = saved.handOver
    this.#client = saved.handOver.client
    this.#state = 'running'
    this.#entries = saved.files.map(UploadEntry.restored)
    this.#changed()
    await this.#watch.askNow(saved.handOver)
    if (this.#handOver) this.#watch.watch(this.#handOver, { soon: true })
    this.#changed()
  }

  add(chosen: ChosenFile[]): Added {
    const known = new Set(
      this.#entries.filter((entry) => entry.phase !== 'missing').map(fingerprint),
    )
    const missing = this.#missingByFingerprint()
    const result: Added = { added: 0, resumed: 0, repeated: 0 }
    const fresh: UploadEntry[] = []
    for (const { file, relativePath } of chosen) {
      const { name, size, type, lastModified } = file
      const description = { name, relativePath, size, type, lastModified }
      const exact = fingerprint(description)
      const loose = relativePath === '' ? looseFingerprint(description) : exact
      const earlier = missing.get(exact) ?? missing.get(loose)
      if (earlier?.phase === 'missing') {
        this.#resumeEntry(earlier, file)
        known.add(exact)
        result.resumed += 1
      } else if (known.has(exact)) {
        result.repeated += 1
      } else {
        known.add(exact)
        const entry = new UploadEntry({ ...description, key: this.#deps.newKey() }, file)
        entry.failure = this.#objection(entry)
        if (entry.failure) entry.phase = 'failed'
        else fresh.push(entry)
        this.#entries.push(entry)
        result.added += 1
      }
    }
    this.#waiting.push(...fresh)
    if (this.#handOver) this.#save(fresh)
    this.#pump()
    return result
  }

  /** Sends what is chosen, and from now on what is added. */
  start(client: ClientDetails): void {
    this.#client = client
    this.#fieldProblems = []
    this.resume()
  }

  pause(): void {
    if (this.#state !== 'running') return
    this.#state = 'paused'
    this.#speed.reset()
    this.#pace.reset()
    for (const entry of this.#sending) {
      entry.requests.abort()
      if (!entry.isReconciling) this.#stopped(entry)
    }
    this.#changed()
  }

  resume(): void {
    this.#state = 'running'
    this.#obstacle = undefined
    this.#pump()
  }

  retry(key: string): void {
    const entry = this.#find(key)
    if (entry) this.#retry(entry)
    this.#pump()
  }

  retryAll(): void {
    for (const entry of this.#entries) this.#retry(entry)
    this.#pump()
  }

  /** Takes a file out of the list and off the server; one that is received stays. */
  cancel(key: string): void {
    const entry = this.#find(key)
    if (entry && !isReceived(entry.phase)) this.#cancel([entry])
  }

  cancelAll(): void {
    this.#cancel(this.#entries.filter((entry) => isUnderWay(entry.phase)))
  }

  /** Gives up the files that an earlier visit left unfinished. */
  forgetMissing(): void {
    this.#cancel(this.#entries.filter((entry) => entry.phase === 'missing'))
  }

  /** A new hand-over: the finished one stays with its owner and leaves the page. */
  startOver(): void {
    this.#watch.stop()
    for (const entry of this.#entries) {
      entry.life.abort()
      entry.requests.abort()
    }
    this.#sending.clear()
    this.#handOver = undefined
    this.#entries = []
    this.#waiting = []
    this.#ready = []
    this.#state = 'collecting'
    this.#obstacle = undefined
    this.#speed.reset()
    this.#pace.reset()
    this.#keep(this.#deps.store.clear(this.#deps.portal.portalId))
    this.#changed()
  }

  // Announcing

  async #announceNext(): Promise<void> {
    if (this.#isAnnouncing || this.#state !== 'running') return
    const batch = this.#nextBatch()
    if (batch.length === 0) return
    this.#isAnnouncing = true
    for (const entry of batch) entry.uploadId = undefined
    try {
      await this.#announce(batch)
    } catch (error) {
      this.#announcementFailed(batch, error)
    } finally {
      this.#isAnnouncing = false
    }
    this.#pump()
  }

  #nextBatch(): UploadEntry[] {
    const ahead = this.#aheadBytes()
    const readyBytes = this.#ready.reduce((sum, entry) => sum + entry.size, 0)
    if (this.#ready.length >= READY_FILES || readyBytes > ahead) return []
    this.#waiting = this.#waiting.filter(isWaiting)
    let bytes = 0
    let count = 0
    for (const entry of this.#waiting) {
      if (count === MAX_FILES_PER_INTENT || (count > 0 && bytes > ahead)) break
      bytes += entry.size
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  async #announce(batch: UploadEntry[]): Promise<void> {
    const { api, portal, store, wire } = this.#deps
    const intent: IntentRequest = {
      portalId: portal.portalId,
      ...(this.#handOver ? { submissionId: this.#handOver.submissionId } : this.#client),
      files: batch.map((entry) => ({
        fileName: entry.name,
        fileSize: entry.size,
        mimeType: entry.type,
        ...(entry.relativePath === '' ? {} : { relativePath: entry.relativePath }),
        lastModified: entry.lastModified,
      })),
    }
    const isFirst = this.#handOver === undefined
    const reply = await api.announce(intent, this.#handOver?.uploadToken)
    const { submissionId, uploadToken, readToken } = reply
    this.#handOver = {
      portalId: portal.portalId,
      submissionId,
      uploadToken,
      readToken,
      client: this.#client,
    }
    for (const [index, plan] of reply.uploads.entries()) {
      const entry = batch[index]
      if (!entry) continue
      entry.uploadId = plan.uploadId
      entry.transfer = new Transfer(plan, entry.size)
      entry.transfer.keepUrls(plan.partUrls, wire.clock.now())
      if (entry.isCancelled) void this.#takeBack(entry, plan.uploadId)
      else this.#ready.push(entry)
    }
    this.#keep(store.saveHandOver(this.#handOver))
    this.#save(isFirst ? this.#entries.filter((entry) => entry.file) : batch)
  }

  #announcementFailed(batch: UploadEntry[], error: unknown): void {
    const isRefusal =
      error instanceof ApiProblem &&
      (error.status === 400 || error.status === 413) &&
      clientProblems(error).length === 0
    if (isRefusal) {
      this.#refuseSome(batch, error)
      return
    }
    this.#waiting.unshift(...batch)
    if (this.#handOver && isHandOverGone(error)) this.#forgetHandOver(error)
    else if (error instanceof ApiProblem && clientProblems(error).length > 0) {
      this.#fieldProblems = clientProblems(error)
      this.#state = 'collecting'
    } else this.#stumble(error)
  }

  /** Fails the files that the server names, or all when it names none; the others are announced again. */
  #refuseSome(batch: UploadEntry[], problem: ApiProblem): void {
    const messages = fileProblems(problem)
    const good: UploadEntry[] = []
    for (const [index, entry] of batch.entries()) {
      const detail = messages.get(index) ?? problem.message
      if (messages.size > 0 && !messages.has(index)) good.push(entry)
      else this.#fail(entry, { reason: 'REFUSED', detail })
    }
    this.#waiting.unshift(...good)
  }

  // Sending

  #pump(): void {
    if (this.#state === 'running') {
      while (this.#slotsInUse < PARALLEL_REQUESTS && this.#fillSlot()) {}
      void this.#announceNext()
    }
    this.#changed()
  }

  #sentMore(bytes: number): void {
    const now = this.#deps.wire.clock.now()
    this.#speed.add(bytes, now)
    this.#pace.add(bytes, now)
    // A line that turns out fast carries more at once.
    if (this.#slotsInUse < PARALLEL_REQUESTS) this.#pump()
    else this.#changed()
  }

  /** Gives one free slot to the file that has the least on the wire; false when none wants it. */
  #fillSlot(): boolean {
    let poorest: UploadEntry | undefined
    let large = 0
    for (const entry of this.#sending) {
      if (isLarge(entry)) large += 1
      if (!entry.transfer?.hasUnsentParts || entry.isReconciling) continue
      if (entry.transfer.inFlight >= this.#partsAtOnce(entry.transfer)) continue
      if (!poorest || entry.transfer.inFlight < (poorest.transfer?.inFlight ?? 0)) poorest = entry
    }
    if (!poorest?.transfer || poorest.transfer.inFlight > 0) {
      const next = this.#takeReady(large < PARALLEL_LARGE_FILES)
      if (next) {
        this.#begin(next)
        return true
      }
    }
    const partNumber = poorest?.transfer?.take()
    if (!poorest || partNumber === undefined) return false
    this.#occupySlot(this.#sendPart(poorest, partNumber))
    return true
  }

  /** On a slow line many parts at once would all be half sent when it breaks: each should take moments. */
  #partsAtOnce(transfer: Transfer): number {
    const speed = this.#speed.bytesPerSecond(this.#deps.wire.clock.now())
    const parts = Math.floor((speed * PART_SECONDS) / transfer.partSize)
    return Math.max(LEAST_PARTS_AT_ONCE, Math.min(parts, PARALLEL_REQUESTS))
  }

  #takeReady(mayBeLarge: boolean): UploadEntry | undefined {
    this.#ready = this.#ready.filter(isWaiting)
    const index = this.#ready.findIndex((entry) => mayBeLarge || !isLarge(entry))
    return index < 0 ? undefined : this.#ready.splice(index, 1)[0]
  }

  #begin(entry: UploadEntry): void {
    entry.phase = 'sending'
    entry.requests = new AbortController()
    if (entry.file) entry.hash ??= this.#deps.hash(entry.file, entry.life.signal)
    this.#sending.add(entry)
    const { transfer } = entry
    if (!transfer) {
      entry.isReconciling = true
      this.#occupySlot(this.#reconcile(entry))
      return
    }
    const partNumber = transfer.take()
    if (partNumber === undefined) this.#finish(entry)
    else this.#occupySlot(this.#sendPart(entry, partNumber))
  }

  #occupySlot(work: Promise<void>): void {
    this.#slotsInUse += 1
    void work.finally(() => {
      this.#slotsInUse -= 1
      this.#pump()
    })
  }

  async #sendPart(entry: UploadEntry, partNumber: number): Promise<void> {
    const { file, transfer, requests } = entry
    if (!file || !transfer) return
    const { signal } = requests
    try {
      const etag = await this.#sender.send({ file, transfer, partNumber, signal })
      transfer.noteSent(partNumber, etag)
      if (transfer.isSent && entry.transfer === transfer) this.#finish(entry)
    } catch (error) {
      transfer.putBack(partNumber)
      // Started anew meanwhile: this part is of no use.
      if (entry.transfer !== transfer) return
      if (signal.aborted) this.#stopped(entry)
      else this.#transferFailed(entry, error)
    }
  }

  async #reconcile(entry: UploadEntry): Promise<void> {
    const { uploadId, size, hash, requests } = entry
    const token = this.#handOver?.uploadToken ?? ''
    try {
      if (uploadId === undefined) throw new UploadEnded('It was never announced')
      const upload = { uploadId, size, hash }
      const found = await resumeUpload(this.#deps.api, upload, token, requests.signal)
      if (found === 'received') {
        this.#received([entry])
      } else {
        entry.transfer = found
        if (found.isSent) this.#finish(entry)
        else if (requests.signal.aborted) this.#stopped(entry)
      }
    } catch (error) {
      if (requests.signal.aborted) this.#stopped(entry)
      else this.#transferFailed(entry, error)
    } finally {
      entry.isReconciling = false
    }
  }

  #stopped(entry: UploadEntry): void {
    if (!this.#sending.has(entry) || (entry.transfer?.inFlight ?? 0) > 0) return
    this.#wait(entry)
  }

  /** Its turn comes again, with all that it has sent. */
  #wait(entry: UploadEntry): void {
    this.#sending.delete(entry)
    entry.phase = 'waiting'
    this.#ready.unshift(entry)
  }

  #transferFailed(entry: UploadEntry, error: unknown): void {
    if (isHandOverGone(error)) this.#forgetHandOver(error)
    else if (error instanceof UploadEnded || isUploadOver(error)) this.#restart(entry)
    else if (error instanceof FileUnreadable) this.#fail(entry, { reason: 'UNREADABLE' })
    else if (error instanceof ApiProblem && !isTransient(error)) {
      this.#fail(entry, { reason: 'REFUSED', detail: error.message })
    } else {
      entry.requests.abort()
      this.#stopped(entry)
      this.#stumble(error)
    }
  }

  // Completing

  #finish(entry: UploadEntry): void {
    if (entry.phase !== 'sending') return
    this.#sending.delete(entry)
    entry.phase = 'finishing'
    const { transfer } = entry
    void entry.hash?.then((contentHash) => {
      if (entry.phase !== 'finishing' || entry.transfer !== transfer) return
      entry.contentHash = contentHash
      this.#completer.add(entry)
    })
  }

  #completionFailed(entry: UploadEntry, error: unknown): void {
    if (entry.isCancelled || entry.phase !== 'finishing') return
    if (isIncomplete(error) && entry.repairs < REPAIRS_PER_FILE) {
      // S3 is asked what it has, and the rest is sent.
      entry.repairs += 1
      entry.transfer = undefined
      this.#wait(entry)
    } else {
      if (isTransient(error)) this.#wait(entry)
      this.#transferFailed(entry, error)
    }
    this.#pump()
  }

  #received(entries: UploadEntry[]): void {
    const arrived = entries.filter((entry) => !entry.isCancelled && !isReceived(entry.phase))
    for (const entry of arrived) {
      this.#sending.delete(entry)
      entry.phase = 'received'
      entry.file = undefined
    }
    this.#pace.add(arrived.length * FILE_WEIGHT_BYTES, this.#deps.wire.clock.now())
    this.#save(arrived)
    const isIdle = this.#sending.size + this.#waiting.length + this.#ready.length === 0
    const isLast = isIdle && !this.#entries.some((entry) => isUnderWay(entry.phase))
    if (this.#handOver) this.#watch.watch(this.#handOver, { soon: isLast })
    this.#changed()
  }

  #applyStatus(uploads: SubmissionReply['uploads']): void {
    const byId = new Map(this.#entries.map((entry) => [entry.uploadId, entry]))
    const changed: UploadEntry[] = []
    for (const { uploadId, status, destination } of uploads) {
      const entry = byId.get(uploadId)
      if (!entry) continue
      if (!entry.isSettledHere) continue
      const phase = phaseOf(status, entry.phase)
      if (phase === 'missing') entry.uploadId = undefined
      entry.destination = destination?.storageProvider ?? entry.destination
      if (phase === undefined || phase === entry.phase) continue
      entry.phase = phase
      changed.push(entry)
    }
    this.#save(changed)
    this.#changed()
  }

  // Endings and new beginnings

  #resumeEntry(entry: UploadEntry, file: File): void {
    entry.file = file
    entry.phase = 'waiting'
    if (entry.uploadId === undefined) this.#waiting.push(entry)
    else this.#ready.push(entry)
  }

  #retry(entry: UploadEntry): void {
    if (entry.phase !== 'failed' || !canRetry(entry)) return
    const wasUnreadable = entry.failure?.reason === 'UNREADABLE'
    entry.failure = undefined
    entry.restarts = 0
    entry.repairs = 0
    entry.phase = 'waiting'
    if (entry.transfer && wasUnreadable) {
      // A file whose disk was away is the same file: its parts are good.
      this.#ready.push(entry)
      return
    }
    if (entry.uploadId !== undefined) void this.#takeBack(entry, entry.uploadId)
    this.#drop(entry)
    this.#waiting.push(entry)
  }

  #restart(entry: UploadEntry): void {
    entry.restarts += 1
    this.#drop(entry)
    if (entry.restarts > RESTARTS_PER_FILE) {
      this.#fail(entry, { reason: 'CLOSED' })
      return
    }
    entry.phase = 'waiting'
    this.#waiting.unshift(entry)
  }

  /** Forgets what the server knows of it. */
  #drop(entry: UploadEntry): void {
    this.#sending.delete(entry)
    entry.requests.abort()
    entry.uploadId = undefined
    entry.transfer = undefined
  }

  #fail(entry: UploadEntry, failure: Failure): void {
    this.#sending.delete(entry)
    entry.requests.abort()
    entry.phase = 'failed'
    entry.failure = failure
    this.#changed()
  }

  #cancel(entries: UploadEntry[]): void {
    if (entries.length === 0) return
    for (const entry of entries) {
      entry.isCancelled = true
      entry.life.abort()
      entry.requests.abort()
      this.#sending.delete(entry)
      if (entry.uploadId !== undefined) void this.#takeBack(entry, entry.uploadId)
    }
    this.#entries = this.#entries.filter((entry) => !entry.isCancelled)
    const keys = entries.map((entry) => entry.key)
    this.#keep(this.#deps.store.removeFiles(this.#deps.portal.portalId, keys))
    this.#pump()
  }

  async #takeBack(entry: UploadEntry, uploadId: string): Promise<void> {
    try {
      await this.#deps.api.cancel(uploadId, this.#handOver?.uploadToken ?? '')
    } catch (error) {
      // It was faster and is received: the list must not hide that.
      if (error instanceof ApiProblem && error.code === 'UPLOAD_CLOSED' && entry.isCancelled) {
        entry.isCancelled = false
        entry.uploadId = uploadId
        this.#entries.push(entry)
        this.#received([entry])
      } else if (!(error instanceof ApiProblem || error instanceof NetworkError)) {
        throw error
      }
      // Any other answer: the reservation ends by itself after 15 minutes.
    }
  }

  /** Its tokens open nothing any more: what is not received goes into a new hand-over. */
  #forgetHandOver(error: unknown): void {
    this.#watch.stop()
    this.#lostHandOvers += 1
    this.#handOver = undefined
    this.#ready = []
    this.#keep(this.#deps.store.clear(this.#deps.portal.portalId))
    const unfinished = this.#entries.filter((entry) => isUnderWay(entry.phase))
    for (const entry of unfinished) {
      this.#drop(entry)
      entry.phase = 'waiting'
    }
    this.#waiting = unfinished
    this.#entries = this.#entries.filter((entry) => entry.phase !== 'missing')
    if (unfinished.length === 0) {
      this.#entries = []
      this.#state = 'collecting'
    }
    if (this.#lostHandOvers > LOST_HAND_OVERS) this.#stumble(error)
    this.#pump()
  }

  /** Stops everything for a reason that every file shares. */
  #stumble(error: unknown): void {
    if (error instanceof NetworkError) this.#obstacle = { kind: 'NETWORK', detail: '' }
    else if (!(error instanceof ApiProblem)) throw error
    else if (isPortalClosed(error)) {
      this.#obstacle = { kind: 'PORTAL_CLOSED', detail: error.message }
    } else this.#obstacle = { kind: 'SERVER', detail: error.message }
    this.pause()
  }

  // Helpers

  /** What would be refused anyway is refused at once, before anything is sent. */
  #objection(file: UploadItem): Failure | undefined {
    if (file.size > this.#deps.portal.maxFileBytes) return { reason: 'TOO_LARGE' }
    const isNameBad = file.name.length > MAX_FILE_NAME_LENGTH || /[/\\]/.test(file.name)
    const isPathBad = file.relativePath.length > MAX_RELATIVE_PATH_LENGTH
    return isNameBad || isPathBad ? { reason: 'BAD_NAME' } : undefined
  }

  #missingByFingerprint(): Map<string, UploadEntry> {
    const missing = new Map<string, UploadEntry>()
    for (const entry of this.#entries) {
      if (entry.phase !== 'missing') continue
      missing.set(looseFingerprint(entry), entry)
      missing.set(fingerprint(entry), entry)
    }
    return missing
  }

  #aheadBytes(): number {
    const speed = this.#speed.bytesPerSecond(this.#deps.wire.clock.now())
    return Math.max(LEAST_AHEAD_BYTES, speed * AHEAD_SECONDS)
  }

  #find(key: string): UploadEntry | undefined {
    return this.#entries.find((entry) => entry.key === key)
  }

  #save(entries: UploadEntry[]): void {
    if (entries.length === 0) return
    const saved = entries.map((entry) => entry.saved)
    this.#keep(this.#deps.store.saveFiles(this.#deps.portal.portalId, saved))
  }

  #keep(writing: Promise<void>): void {
    writing.catch(() => {
      // A full or forbidden store costs the resumption after a reload, not the upload.
    })
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** Queues keep entries that were cancelled or have arrived meanwhile until they are looked at. */
function isWaiting(entry: UploadEntry): boolean {
  return entry.phase === 'waiting' && !entry.isCancelled
}

function isLarge(entry: UploadEntry): boolean {
  return entry.size > SINGLE_PUT_MAX_BYTES
}
