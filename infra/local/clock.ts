/** The time of the local cloud: real time plus what tests and the control route have added. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
}

/** A clock that runs with the machine's and can be moved forward, never back. */
export class LocalClock implements Clock {
  #offsetMs = 0

  now(): number {
    return Date.now() + this.#offsetMs
  }

  /** Milliseconds by which this clock is ahead of the machine's. */
  get offsetMs(): number {
    return this.#offsetMs
  }

  advance(seconds: number): void {
    this.#offsetMs += seconds * 1000
  }
}
