/** The hand-over under way: its tokens and its client's details, kept so that both outlive a reload. */
import type { IntentReply } from '../../../shared/contract/uploads.ts'
import type { HandOverStore, SavedFile, SavedHandOver } from './hand-over-store.ts'
import type { UploadEntry } from './upload-entry.ts'
import type { ClientDetails } from './upload-item.ts'

export class HandOver {
  readonly #store: HandOverStore
  readonly #portalId: string
  #current: SavedHandOver | undefined
  /** What the client said of themselves; a hand-over that begins later has it too. */
  client: ClientDetails = {}

  constructor(store: HandOverStore, portalId: string) {
    this.#store = store
    this.#portalId = portalId
  }

  /** Undefined until files are announced. */
  get current(): SavedHandOver | undefined {
    return this.#current
  }

  /** Opens every call about files of this hand-over. */
  get uploadToken(): string {
    return this.#current?.uploadToken ?? ''
  }

  /** Brings back what an earlier visit left; returns its files. */
  async load(): Promise<SavedFile[] | undefined> {
    const saved = await this.#store.load(this.#portalId)
    if (!saved) return undefined
    this.#current = saved.handOver
    this.client = saved.handOver.client
    return saved.files
  }

  /** Goes on with the tokens of the latest announcement. */
  begin({ submissionId, uploadToken, readToken }: IntentReply): void {
    const { client } = this
    this.#current = { portalId: this.#portalId, submissionId, uploadToken, readToken, client }
    keep(this.#store.saveHandOver(this.#current))
  }

  /** Writes down how files are; before the first announcement there is nothing to come back to. */
  saveFiles(entries: readonly UploadEntry[]): void {
    if (!this.#current || entries.length === 0) return
    const saved = entries.map((entry) => entry.saved)
    keep(this.#store.saveFiles(this.#portalId, saved))
  }

  /** Files that a reload must not bring back. */
  removeFiles(entries: readonly UploadEntry[]): void {
    const keys = entries.map((entry) => entry.key)
    keep(this.#store.removeFiles(this.#portalId, keys))
  }

  /** Ends it for this page, and whatever a reload would bring back. */
  forget(): void {
    this.#current = undefined
    keep(this.#store.clear(this.#portalId))
  }
}

function keep(writing: Promise<void>): void {
  writing.catch(() => {
    // A full or forbidden store costs the resumption after a reload, not the upload.
  })
}
