/** Tells the server that files are sent: large ones each at once, small ones as many as gathered. */
import { MAX_FILES_PER_INTENT } from '../../../shared/contract/limits.ts'
import type { CompleteRequest } from '../../../shared/contract/uploads.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import type { PortalApi } from './portal-api.ts'
import { isTransient } from './problems.ts'
import type { UploadEntry } from './upload-entry.ts'

interface CompleterDeps {
  api: Pick<PortalApi, 'complete' | 'completeMany'>
  handOver: () => { submissionId: string; uploadToken: string } | undefined
  onReceived: (entries: UploadEntry[]) => void
  onFailed: (entry: UploadEntry, error: unknown) => void
}

export class Completer {
  readonly #deps: CompleterDeps
  #small: UploadEntry[] = []
  #isBusy = false

  constructor(deps: CompleterDeps) {
    this.#deps = deps
  }

  /** Completes a file as soon as its hash is known, which is computed beside its sending. */
  add(entry: UploadEntry): void {
    const { transfer } = entry
    void entry.hash?.then((contentHash) => {
      if (entry.phase !== 'finishing' || entry.transfer !== transfer) return
      entry.contentHash = contentHash
      this.#complete(entry)
    })
  }

  #complete(entry: UploadEntry): void {
    if (entry.transfer?.method !== 'put') {
      void this.#completeOne(entry)
      return
    }
    this.#small.push(entry)
    this.#next()
  }

  /** What gathers during one call goes into the next. */
  #next(): void {
    if (this.#isBusy || this.#small.length === 0) return
    this.#isBusy = true
    void this.#completeMany(this.#small.splice(0, MAX_FILES_PER_INTENT)).finally(() => {
      this.#isBusy = false
      this.#next()
    })
  }

  async #completeMany(gathered: UploadEntry[]): Promise<void> {
    const { api, handOver, onReceived, onFailed } = this.#deps
    const entries = gathered.filter((entry) => entry.phase === 'finishing' && !entry.isCancelled)
    const target = handOver()
    const [first] = entries
    if (!first || !target) return
    if (entries.length === 1) return this.#completeOne(first)
    try {
      const uploads = entries.map((entry) => ({
        uploadId: entry.uploadId ?? '',
        ...completion(entry),
      }))
      await api.completeMany(target.submissionId, uploads, target.uploadToken)
      onReceived(entries)
    } catch (error) {
      if (error instanceof ApiProblem && !isTransient(error) && error.status !== 401) {
        // One file is in the way of the others: each is asked for by itself.
        await Promise.all(entries.map((entry) => this.#completeOne(entry)))
        return
      }
      for (const entry of entries) onFailed(entry, error)
    }
  }

  async #completeOne(entry: UploadEntry): Promise<void> {
    const { api, handOver, onReceived, onFailed } = this.#deps
    try {
      await api.complete(entry.uploadId ?? '', completion(entry), handOver()?.uploadToken ?? '')
      onReceived([entry])
    } catch (error) {
      onFailed(entry, error)
    }
  }
}

function completion(entry: UploadEntry): CompleteRequest {
  const parts = entry.transfer?.parts
  return {
    ...(entry.contentHash === undefined ? {} : { contentHash: entry.contentHash }),
    ...(parts === undefined ? {} : { parts }),
  }
}
