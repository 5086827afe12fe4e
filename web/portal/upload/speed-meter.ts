/** Bytes per second over the last moments, steady enough to be read. */
const WINDOW_SECONDS = 12

export class SpeedMeter {
  readonly #bySecond = new Map<number, number>()
  #startedAt: number | undefined

  /** Counts bytes that were sent now. */
  add(bytes: number, nowMs: number): void {
    if (bytes <= 0) return
    const second = Math.floor(nowMs / 1000)
    this.#startedAt ??= nowMs
    this.#bySecond.set(second, (this.#bySecond.get(second) ?? 0) + bytes)
    for (const old of this.#bySecond.keys()) {
      if (old > second - WINDOW_SECONDS) break
      this.#bySecond.delete(old)
    }
  }

  /** Zero before anything was sent. */
  bytesPerSecond(nowMs: number): number {
    if (this.#startedAt === undefined) return 0
    const oldest = Math.floor(nowMs / 1000) - WINDOW_SECONDS
    let bytes = 0
    for (const [second, sent] of this.#bySecond) if (second > oldest) bytes += sent
    const seconds = Math.min(WINDOW_SECONDS, Math.max(1, (nowMs - this.#startedAt) / 1000))
    return bytes / seconds
  }

  /** A pause must not count as slowness. */
  reset(): void {
    this.#bySecond.clear()
    this.#startedAt = undefined
  }
}
