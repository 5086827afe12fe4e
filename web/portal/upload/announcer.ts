/**
 * Announces files in batches shortly before they are sent: URLs and reservations live 15 minutes.
 * The first announcement begins the hand-over, the others add to it.
 */
import type { IntentReply, IntentRequest } from '../../../shared/contract/uploads.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import type { Clock } from './clock.ts'
import type { HandOver } from './hand-over.ts'
import type { PortalApi } from './portal-api.ts'
import { clientProblems, fileProblems, isHandOverFull } from './problems.ts'
import { Transfer } from './transfer.ts'
import type { UploadEntry } from './upload-entry.ts'
import type { UploadQueue } from './upload-queue.ts'

interface AnnouncerDeps {
  api: Pick<PortalApi, 'announce'>
  clock: Pick<Clock, 'now'>
  portalId: string
  /** What a right password gave, in a portal that asks for one. */
  portalToken: () => string | undefined
  queue: UploadQueue
  handOver: HandOver
  /** How much is worth announcing ahead. */
  aheadBytes: () => number
  /** Files that were cancelled while they were announced. */
  onUnwanted: (entry: UploadEntry, uploadId: string) => void
  /** The batch waits again; the server did not take it, for a reason that is not its files'. */
  onFailed: (error: unknown) => void
  /** The next batch may be announced. */
  onDone: () => void
}

export class Announcer {
  readonly #deps: AnnouncerDeps
  #isBusy = false

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps
  }

  /** Announces the next batch, unless one is under way or enough files are ready. */
  async announceNext(): Promise<void> {
    const { queue, aheadBytes, onDone } = this.#deps
    if (this.#isBusy) return
    const batch = queue.nextBatch(aheadBytes())
    if (batch.length === 0) return
    this.#isBusy = true
    try {
      await this.#announce(batch)
    } finally {
      this.#isBusy = false
    }
    onDone()
  }

  async #announce(batch: UploadEntry[]): Promise<void> {
    const { api, handOver } = this.#deps
    const { current } = handOver
    for (const entry of batch) entry.uploadId = undefined
    // Of a hand-over that was lost meanwhile all files wait already for the next announcement.
    const isStill = () => handOver.current === current
    await api.announce(this.#intentFor(batch), current?.uploadToken).then(
      (reply) => {
        if (isStill()) this.#succeeded(batch, reply)
      },
      (error) => {
        if (isStill()) this.#failed(batch, error)
      },
    )
  }

  #succeeded(batch: UploadEntry[], reply: IntentReply): void {
    const { clock, queue, handOver, onUnwanted } = this.#deps
    const isFirst = handOver.current === undefined
    handOver.begin(reply)
    for (const [index, plan] of reply.uploads.entries()) {
      const entry = batch[index]
      if (!entry) continue
      const transfer = new Transfer(plan, entry.size)
      transfer.keepUrls(plan.partUrls, clock.now())
      queue.announced(entry, transfer)
      if (entry.isCancelled) onUnwanted(entry, plan.uploadId)
    }
    handOver.saveFiles(isFirst ? queue.entries.filter((entry) => entry.file) : batch)
  }

  #intentFor(batch: UploadEntry[]): IntentRequest {
    const { portalId, portalToken, handOver } = this.#deps
    const { current, client } = handOver
    const token = portalToken()
    return {
      portalId,
      ...(token === undefined ? {} : { token }),
      ...(current ? { submissionId: current.submissionId } : client),
      files: batch.map(({ name, size, type, relativePath, lastModified }) => ({
        fileName: name,
        fileSize: size,
        mimeType: type,
        ...(relativePath === '' ? {} : { relativePath }),
        lastModified,
      })),
    }
  }

  #failed(batch: UploadEntry[], error: unknown): void {
    const isAboutFiles =
      error instanceof ApiProblem &&
      (error.status === 400 || error.status === 413) &&
      !isHandOverFull(error) &&
      clientProblems(error).length === 0
    if (isAboutFiles) {
      this.#refuseSome(batch, error)
      return
    }
    this.#deps.queue.putBack(batch)
    this.#deps.onFailed(error)
  }

  /** Fails the files that the server names, or all when it names none; the others are announced again. */
  #refuseSome(batch: UploadEntry[], problem: ApiProblem): void {
    const { queue } = this.#deps
    const messages = fileProblems(problem)
    const good: UploadEntry[] = []
    for (const [index, entry] of batch.entries()) {
      const detail = messages.get(index) ?? problem.message
      if (messages.size > 0 && !messages.has(index)) good.push(entry)
      else queue.fail(entry, { reason: 'REFUSED', detail })
    }
    queue.putBack(good)
  }
}
