/** What was asked of a provider emulator, without anything secret: no query, body or header. */

/** Enough for a run of some thousand uploads; older entries make room. */
const MAX_ENTRIES = 50_000

interface LoggedRequest {
  at: string
  method: string
  path: string
  operation: string
  /** 0 when the connection broke before a reply. */
  status: number
  account?: string
  session?: number
  /** Content received from or sent to the client. */
  bytes: number
  fault?: string
  /** Published rules that the request broke; the provider may answer it all the same. */
  brokenRules?: string[]
}

export class RequestLog {
  #entries: LoggedRequest[] = []

  add(entry: LoggedRequest): void {
    this.#entries.push(entry)
    if (this.#entries.length > MAX_ENTRIES) this.#entries.splice(0, MAX_ENTRIES / 10)
  }

  list(): LoggedRequest[] {
    return [...this.#entries]
  }

  /** How many upload sessions the logged requests belong to. */
  get sessionCount(): number {
    return new Set(this.#entries.flatMap((entry) => entry.session ?? [])).size
  }

  clear(): void {
    this.#entries = []
  }
}
