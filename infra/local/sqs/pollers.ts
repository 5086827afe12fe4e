import type { Clock } from '../clock.ts'

/** How often a waiting poll looks whether the clock was moved. */
const CLOCK_WATCH_MS = 200

interface Poller<T> {
  untilMs: number
  /** In the machine's time: a clock that stands still ends no wait. */
  untilRealMs: number
  take: () => T[]
  finish: (items: T[]) => void
}

/**
 * Those who wait for messages of one queue, served in the order in which they came: on a send,
 * when a delay or a visibility timeout ends, and when the clock was moved.
 */
export class Pollers<T> {
  readonly #clock: Clock
  readonly #nextVisibleMs: () => number | undefined
  #waiting: Poller<T>[] = []
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor(clock: Clock, nextVisibleMs: () => number | undefined) {
    this.#clock = clock
    this.#nextVisibleMs = nextVisibleMs
  }

  /** Resolves with what `take` gives as soon as it gives anything, or with nothing when the time is up. */
  wait(take: () => T[], waitMs: number, signal: AbortSignal | undefined): Promise<T[]> {
    const items = signal?.aborted === true ? [] : take()
    if (items.length > 0 || waitMs <= 0 || signal?.aborted === true) return Promise.resolve(items)
    return new Promise((resolve) => {
      const poller: Poller<T> = {
        untilMs: this.#clock.now() + waitMs,
        untilRealMs: performance.now() + waitMs,
        take,
        finish: (result) => {
          signal?.removeEventListener('abort', abort)
          this.#waiting = this.#waiting.filter((other) => other !== poller)
          resolve(result)
        },
      }
      const abort = (): void => poller.finish([])
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.push(poller)
      this.#watch()
    })
  }

  /** Serves the waiting soon; any number of calls in a row cost one look. */
  wake(): void {
    if (this.#waiting.length === 0 || this.#immediate !== undefined) return
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined
      this.#serve()
    })
  }

  close(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    for (const poller of [...this.#waiting]) poller.finish([])
  }

  #serve(): void {
    for (const poller of [...this.#waiting]) {
      const items = poller.take()
      if (items.length === 0) break
      poller.finish(items)
    }
    const nowMs = this.#clock.now()
    const realMs = performance.now()
    for (const poller of [...this.#waiting]) {
      if (poller.untilMs <= nowMs || poller.untilRealMs <= realMs) poller.finish([])
    }
    this.#watch()
  }

  #watch(): void {
    clearTimeout(this.#timer)
    if (this.#waiting.length === 0) return
    const realMs = performance.now()
    let delayMs = CLOCK_WATCH_MS
    for (const { untilRealMs } of this.#waiting) delayMs = Math.min(delayMs, untilRealMs - realMs)
    const nextMs = this.#nextVisibleMs()
    if (nextMs !== undefined) delayMs = Math.min(delayMs, nextMs - this.#clock.now())
    this.#timer = setTimeout(() => this.#serve(), Math.max(1, Math.ceil(delayMs)))
  }
}
