/**
 * Asks how far the received files are, at 2, 4, 8 … 60 seconds, and not at all while nobody looks.
 * Files may have gone into several hand-overs, one after the other: all of them are asked about.
 */
import type { SubmissionReply } from '../../../shared/contract/uploads.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import type { Clock } from './clock.ts'
import { NetworkError } from './http.ts'
import type { PortalApi } from './portal-api.ts'
import { isHandOverGone } from './problems.ts'

const FIRST_DELAY_MS = 2_000
const LONGEST_DELAY_MS = 60_000

export interface Visibility {
  whenVisible(): Promise<void>
}

interface DeliveryWatchDeps {
  api: Pick<PortalApi, 'status'>
  clock: Clock
  visibility: Visibility
  onStatus: (uploads: SubmissionReply['uploads']) => void
  /** The hand-over no longer exists, or its read token has ended. */
  onGone: (error: unknown) => void
  /** True when no answer could change anything any more. */
  isSettled: () => boolean
}

export class DeliveryWatch {
  readonly #deps: DeliveryWatchDeps
  /** Read tokens by submission; the last one is the hand-over under way. */
  readonly #targets = new Map<string, string>()
  #delayMs = FIRST_DELAY_MS
  #run: AbortController | undefined

  constructor(deps: DeliveryWatchDeps) {
    this.#deps = deps
  }

  /** Begins. Running already, it goes on in its own pace unless there is reason to ask soon. */
  watch(target: { submissionId: string; readToken: string }, options: { soon: boolean }): void {
    const isNew = !this.#targets.has(target.submissionId)
    this.#targets.set(target.submissionId, target.readToken)
    if (this.#run && !isNew && !(options.soon && this.#delayMs > FIRST_DELAY_MS)) return
    this.stop()
    this.#delayMs = FIRST_DELAY_MS
    const run = new AbortController()
    this.#run = run
    void this.#loop(run).finally(() => {
      if (this.#run === run) this.#run = undefined
    })
  }

  /** Asks no more until `watch` is called again. */
  stop(): void {
    this.#run?.abort()
    this.#run = undefined
  }

  /** Stops, and lets go of every hand-over. */
  forget(): void {
    this.stop()
    this.#targets.clear()
  }

  /** Asks once, now: after a reload the page must say at once what arrived. */
  async askNow(target: { submissionId: string; readToken: string }): Promise<void> {
    this.#targets.set(target.submissionId, target.readToken)
    await this.#ask()
  }

  async #loop({ signal }: AbortController): Promise<void> {
    try {
      while (!this.#deps.isSettled()) {
        await this.#deps.clock.sleep(this.#delayMs, signal)
        await this.#deps.visibility.whenVisible()
        signal.throwIfAborted()
        await this.#ask(signal)
        this.#delayMs = Math.min(this.#delayMs * 2, LONGEST_DELAY_MS)
      }
    } catch (error) {
      // Stopped, or begun anew with a short delay: the newer run goes on.
      if (!signal.aborted) throw error
    }
  }

  async #ask(signal?: AbortSignal): Promise<void> {
    const submissionIds = [...this.#targets.keys()]
    for (const submissionId of submissionIds) {
      await this.#askAbout(submissionId, submissionId === submissionIds.at(-1), signal)
    }
  }

  async #askAbout(submissionId: string, isLast: boolean, signal?: AbortSignal): Promise<void> {
    const { api, onStatus, onGone } = this.#deps
    try {
      onStatus(await api.status(submissionId, this.#targets.get(submissionId) ?? '', signal))
    } catch (error) {
      if (isHandOverGone(error) || (error instanceof ApiProblem && error.status === 404)) {
        this.#targets.delete(submissionId)
        if (!isLast) return
        this.stop()
        onGone(error)
        return
      }
      // What is received stays received: the next turn asks again.
      if (!(error instanceof ApiProblem || error instanceof NetworkError)) throw error
    }
  }
}
