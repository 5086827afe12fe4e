import type { RequestBody } from './exchange.ts'

/**
 * One request at a time for each key, and the newest wins: a client that was stopped in the middle
 * of a chunk keeps its connection open, and whoever takes over must not wait for it.
 */
export class NewestRequest {
  readonly #running = new Map<string, { body: RequestBody; done: Promise<unknown> }>()

  async run<T>(key: string, body: RequestBody, work: () => Promise<T>): Promise<T> {
    for (let other = this.#running.get(key); other; other = this.#running.get(key)) {
      other.body.abort()
      await other.done
    }
    const result = work()
    const done = result.then(
      () => this.#running.delete(key),
      () => this.#running.delete(key),
    )
    this.#running.set(key, { body, done })
    return await result
  }
}
