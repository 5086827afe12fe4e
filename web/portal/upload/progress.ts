/** How far all files are together, how fast they go, and how much is therefore worth preparing. */
import type { Clock } from './clock.ts'
import { SpeedMeter } from './speed-meter.ts'
import { isUnderWay, type Phase, type UploadItem } from './upload-item.ts'

/** What is announced or signed ahead should be sent within this time. */
const AHEAD_SECONDS = 60
const LEAST_AHEAD_BYTES = 64 * 1024 * 1024
/** What a file costs beside its bytes: the round trips of announcing, sending and completing it. */
const FILE_WEIGHT_BYTES = 64 * 1024

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

export class Progress {
  readonly #clock: Pick<Clock, 'now'>
  readonly #speed = new SpeedMeter()
  /** As the speed, with the weight of each file that is done. */
  readonly #pace = new SpeedMeter()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** Counts bytes that have left. */
  noteSent(bytes: number): void {
    const now = this.#clock.now()
    this.#speed.add(bytes, now)
    this.#pace.add(bytes, now)
  }

  /** Counts files that are done. */
  noteReceived(files: number): void {
    this.#pace.add(files * FILE_WEIGHT_BYTES, this.#clock.now())
  }

  /** A pause must not count as slowness. */
  reset(): void {
    this.#speed.reset()
    this.#pace.reset()
  }

  /** The speed of the line. */
  get bytesPerSecond(): number {
    return this.#speed.bytesPerSecond(this.#clock.now())
  }

  /** How much is worth announcing and signing ahead. */
  get aheadBytes(): number {
    return Math.max(LEAST_AHEAD_BYTES, this.bytesPerSecond * AHEAD_SECONDS)
  }

  /** Figures of all files; the remaining time only while they are moving. */
  totals(items: readonly UploadItem[], options: { isRunning: boolean }): Totals {
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
    for (const item of items) {
      byPhase[item.phase] += 1
      if (item.phase === 'failed' || item.phase === 'missing') continue
      totalBytes += item.size
      sentBytes += item.sentBytes
      work += item.size + FILE_WEIGHT_BYTES
      done += item.sentBytes + (isUnderWay(item.phase) ? 0 : FILE_WEIGHT_BYTES)
    }
    const pace = this.#pace.bytesPerSecond(this.#clock.now())
    return {
      files: items.length,
      byPhase,
      totalBytes,
      sentBytes,
      bytesPerSecond: this.bytesPerSecond,
      fraction: work === 0 ? 0 : done / work,
      remainingMs: options.isRunning && pace > 0 ? ((work - done) / pace) * 1000 : undefined,
    }
  }
}
