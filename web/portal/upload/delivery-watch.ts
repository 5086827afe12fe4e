/** Asks how far the received files are, at 2, 4, 8 … 60 seconds, and not at all while nobody looks. */
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
  #target: { submissionId: string; readToken: string } | undefined
  #delayMs = FIRST_DELAY_MS
  #run: AbortController | undefined

  constructor(deps: DeliveryWatchDeps) {
    this.#deps = deps
  }

  /** Begins. Running already, it goes on in its own pace unless there is reason to ask soon. */
  watch(target: { submissionId: string; readToken: string }, options: { soon: boolean }): void {
    const isNew = this.#target?.submissionId !== target.submissionId
    this.#target = target
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

  /** Asks once, now: after a reload the page must say at once what arrived. */
  async askNow(target: { submissionId: string; readToken: string }): Promise<void> {
    this.#target = target
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
    const target = this.#target
    if (!target) return
    try {
      const uploads = await this.#deps.api.status(target.submissionId, target.readToken, signal)
      this.#deps.onStatus(uploads)
    } catch (error) {
      const isGone = isHandOverGone(error) || (error instanceof ApiProblem && error.status === 404)
      if (isGone) {
        this.stop()
        this.#deps.onGone(error)
        return
      }
      // What is received stays received: the next turn asks again.
      if (!(error instanceof ApiProblem || error instanceof NetworkError)) throw error
    }
  }
}
