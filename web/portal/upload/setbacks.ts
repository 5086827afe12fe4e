/**
 * Decides what every failure means: for one file, for the hand-over, or for everything. An error
 * never aborts the upload in S3, so that trying again sends only what is missing.
 */
import { ApiProblem } from '../../common/api-problem.ts'
import type { Clock } from './clock.ts'
import type { HandOver } from './hand-over.ts'
import { NetworkError } from './http.ts'
import { FileUnreadable, UploadEnded } from './part-sender.ts'
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
import type { RunState } from './run-state.ts'
import type { UploadEntry } from './upload-entry.ts'
import { isUnderWay } from './upload-item.ts'
import type { UploadQueue } from './upload-queue.ts'

/** Second looks at what S3 has of a file that the server finds incomplete. */
const REPAIRS_PER_FILE = 3
/** New hand-overs for tokens that were refused; more often, the clock or the server is wrong. */
const LOST_HAND_OVERS = 3

interface SetbacksDeps {
  run: RunState
  queue: UploadQueue
  handOver: HandOver
  api: Pick<PortalApi, 'status'>
  clock: Clock
  /** Asks the server whether the portal is open to whoever has the page's token. */
  isOpen: () => Promise<boolean>
  /** Stops sending everything, or one file; asking how far the received ones are. */
  pause: () => void
  stopSending: (entry: UploadEntry) => void
  stopWatching: () => void
  onReceived: (entries: UploadEntry[]) => void
  /** Something can be done that could not before. */
  onPossible: () => void
  onChanged: () => void
}

export class Setbacks {
  readonly #deps: SetbacksDeps
  #lostHandOvers = 0

  constructor(deps: SetbacksDeps) {
    this.#deps = deps
  }

  /** A batch waits again. */
  announcementFailed(error: unknown): void {
    const { run, handOver } = this.#deps
    if (handOver.current && isHandOverGone(error)) {
      this.loseHandOver(error)
    } else if (error instanceof ApiProblem && clientProblems(error).length > 0) {
      run.fieldProblems = clientProblems(error)
      run.state = 'collecting'
    } else if (isIntakeRefusal(error) || isHandOverFull(error)) {
      run.refusal = error
      this.tellRefusal()
    } else this.#standStill(error)
  }

  /** Acts on a refusal once nothing moves any more, and only while it still concerns a file. */
  tellRefusal(): void {
    const { run, queue, handOver, onPossible } = this.#deps
    const { refusal } = run
    if (refusal === undefined || queue.isMoving) return
    if (isHandOverFull(refusal)) {
      // Completing needs the tokens of the hand-over that is being left.
      if (queue.entries.some(({ phase }) => phase === 'finishing')) return
      handOver.forget()
      run.be('running')
      onPossible()
      return
    }
    run.refusal = undefined
    if (queue.hasUnannounced) this.#standStill(refusal)
  }

  /** Something of the file could not be sent. */
  transferFailed(entry: UploadEntry, error: unknown): void {
    const { queue, stopSending, onChanged } = this.#deps
    if (isHandOverGone(error)) this.loseHandOver(error)
    else if (error instanceof UploadEnded || isUploadOver(error)) queue.restart(entry)
    else if (error instanceof FileUnreadable) queue.fail(entry, { reason: 'UNREADABLE' })
    else if (error instanceof ApiProblem && !isTransient(error)) {
      queue.fail(entry, { reason: 'REFUSED', detail: error.message })
    } else {
      stopSending(entry)
      this.#standStill(error)
    }
    onChanged()
  }

  /** All of the file is sent, but the server does not call it received. */
  completionFailed(entry: UploadEntry, error: unknown): void {
    const { queue, onPossible } = this.#deps
    if (entry.isCancelled || entry.phase !== 'finishing') return
    if (isIncomplete(error) && entry.repairs < REPAIRS_PER_FILE) {
      // S3 is asked what it has, and the rest is sent.
      entry.repairs += 1
      entry.transfer = undefined
      queue.wait(entry)
    } else {
      if (isTransient(error)) queue.wait(entry)
      this.transferFailed(entry, error)
    }
    onPossible()
  }

  /** Its tokens open nothing any more: what is not received goes into a new hand-over. */
  loseHandOver(error: unknown): void {
    const { run, queue, handOver, stopWatching, onPossible } = this.#deps
    stopWatching()
    handOver.forget()
    queue.restartAll()
    if (queue.entries.length === 0) run.state = 'collecting'
    this.#lostHandOvers += 1
    if (this.#lostHandOvers > LOST_HAND_OVERS) this.#standStill(error)
    onPossible()
  }

  /** Stops everything for a reason that every file shares. */
  #standStill(error: unknown): void {
    const { run, clock, pause } = this.#deps
    const obstacle = obstacleOf(error, clock.now())
    run.obstacle = obstacle
    pause()
    if (obstacle.kind === 'PASSWORD') void this.#leaveOldPassword(obstacle, error)
    if (obstacle.untilMs !== undefined) void this.#goOnAt(obstacle.untilMs, obstacle)
  }

  async #goOnAt(untilMs: number, obstacle: Obstacle): Promise<void> {
    const { run, clock, onPossible } = this.#deps
    await clock.sleep(Math.max(0, untilMs - clock.now()))
    if (run.obstacle !== obstacle) return
    run.be('running')
    onPossible()
  }

  /** When the client's password is right, the hand-over is of an earlier one: the rest goes into a new one. */
  async #leaveOldPassword(obstacle: Obstacle, error: unknown): Promise<void> {
    const { run, queue, handOver, api, isOpen, onReceived, onChanged } = this.#deps
    const { current } = handOver
    if (!current) return
    try {
      if (!(await isOpen())) return
      // What arrived before its completion was refused must not be sent a second time.
      const uploads = await api.status(current.submissionId, current.readToken)
      if (run.obstacle !== obstacle || handOver.current !== current) return
      onReceived(queue.arrivedAmong(uploads))
    } catch (asking) {
      if (!(asking instanceof ApiProblem || asking instanceof NetworkError)) throw asking
      // Not known now: the client is asked for the password, and this is asked again after it.
      return
    }
    run.be('running')
    if (queue.entries.some((entry) => isUnderWay(entry.phase))) this.loseHandOver(error)
    onChanged()
  }
}
