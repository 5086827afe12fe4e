type Close = () => Promise<void> | void

/** What is to be closed, the last that was opened first. */
export class Closers {
  readonly #closers: Close[] = []

  add(close: Close): void {
    this.#closers.push(close)
  }

  async closeAll(): Promise<void> {
    const failures: unknown[] = []
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await close()
      } catch (error) {
        // What cannot be closed must not keep the rest open: processes, files and the lock.
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'The local cloud closed badly')
  }
}
