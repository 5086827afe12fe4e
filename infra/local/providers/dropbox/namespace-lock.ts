/**
 * Commits of one account happen one after another; those that come while one is under way wait, or
 * are refused: "too many write operations happening in the user's Dropbox".
 * https://developers.dropbox.com/dbx-performance-guide#namespace-locks
 */
import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'

const settings = z.strictObject({
  /** What happens to a commit that comes while another one of the account is under way. */
  namespaceLock: z.enum(['wait', 'refuseEverySecond', 'refuseEvery']).optional(),
  /** How long a commit takes at least. */
  commitMs: z.int().min(0).max(60_000).optional(),
})
interface LockSettings {
  namespaceLock: 'wait' | 'refuseEverySecond' | 'refuseEvery'
  commitMs: number
}

/** Commits are instant here; without a length of its own none would ever meet another. */
const REFUSING_COMMIT_MS = 20

/** Another commit of the account is under way. */
export class NamespaceLockedError extends Error {
  override name = 'NamespaceLockedError' as const
}

export class NamespaceLock {
  #settings: LockSettings = { namespaceLock: 'wait', commitMs: 0 }
  readonly #underWay = new Map<string, Promise<unknown>>()
  #met = 0

  get settings(): Record<string, unknown> {
    return { ...this.#settings }
  }

  /** Throws a `ZodError` for settings that there are not. */
  change(input: unknown): void {
    const { namespaceLock = this.#settings.namespaceLock, commitMs } = settings.parse(input)
    const defaultMs = namespaceLock === 'wait' ? 0 : REFUSING_COMMIT_MS
    this.#settings = { namespaceLock, commitMs: commitMs ?? defaultMs }
    this.#met = 0
  }

  /** `work` itself is synchronous: whoever holds the lock sees nobody else's half of a commit. */
  async commit<T>(accountId: string, work: () => T): Promise<T> {
    const before = this.#underWay.get(accountId)
    if (before !== undefined) this.#meet()
    const result = (before ?? Promise.resolve()).then(async () => {
      const { commitMs } = this.#settings
      if (commitMs > 0) await delay(commitMs)
      return work()
    })
    const done = result.then(
      () => undefined,
      () => undefined,
    )
    this.#underWay.set(accountId, done)
    void done.then(() => {
      if (this.#underWay.get(accountId) === done) this.#underWay.delete(accountId)
    })
    return await result
  }

  #meet(): void {
    const { namespaceLock } = this.#settings
    this.#met += 1
    const refused = namespaceLock === 'refuseEvery' || this.#met % 2 === 1
    if (namespaceLock !== 'wait' && refused) throw new NamespaceLockedError()
  }
}
