/** The parts of one file: which are sent, which are on their way, which URLs are at hand. */
import { SINGLE_PUT_MAX_BYTES } from '../../../shared/contract/limits.ts'
import type { ListPartsReply, SignedPart, UploadPlan } from '../../../shared/contract/uploads.ts'

/** URLs live 15 minutes; a request must begin while its URL is alive. */
export const URL_USABLE_MS = 13 * 60_000

export class Transfer {
  readonly uploadId: string
  readonly method: 'put' | 'multipart'
  readonly #fileSize: number
  readonly #partSize: number
  readonly #partCount: number
  /** Descending, so that the next part is the last element. */
  #unsent: number[]
  readonly #sentByPart = new Map<number, number>()
  readonly #etags = new Map<number, string>()
  #doneBytes = 0
  readonly #urls = new Map<number, { part: SignedPart; signedAtMs: number }>()

  constructor(
    plan: Pick<UploadPlan, 'uploadId' | 'method' | 'partSize' | 'partCount'>,
    fileSize: number,
  ) {
    this.uploadId = plan.uploadId
    this.method = plan.method
    this.#fileSize = fileSize
    this.#partSize = plan.partSize
    this.#partCount = plan.partCount
    this.#unsent = descending(this.#partNumbers())
  }

  /** An upload that an earlier visit began, as S3 knows it. */
  static resumed(uploadId: string, fileSize: number, listed: ListPartsReply): Transfer {
    const method = fileSize <= SINGLE_PUT_MAX_BYTES ? 'put' : 'multipart'
    const transfer = new Transfer({ ...listed, uploadId, method }, fileSize)
    transfer.#takeStock(listed)
    return transfer
  }

  /** Trusts S3 alone: what it lists in full length is sent, everything else is not. */
  #takeStock(listed: Pick<ListPartsReply, 'parts'>): void {
    this.#etags.clear()
    this.#doneBytes = 0
    for (const { partNumber, size, etag } of listed.parts) {
      const { from, to } = this.range(partNumber)
      if (size === to - from) this.noteSent(partNumber, etag)
    }
    this.#unsent = descending(this.#partNumbers().filter((part) => !this.#etags.has(part)))
    this.#sentByPart.clear()
  }

  /** Where the part's bytes are in the file; `to` is not among them. */
  range(partNumber: number): { from: number; to: number } {
    const from = (partNumber - 1) * this.#partSize
    return { from, to: Math.min(this.#fileSize, from + this.#partSize) }
  }

  /** Bytes of every part but the last. */
  get partSize(): number {
    return this.#partSize
  }

  /** True while `take` has something to give. */
  get hasUnsentParts(): boolean {
    return this.#unsent.length > 0
  }

  /** How many parts are on their way. */
  get inFlight(): number {
    return this.#sentByPart.size
  }

  /** True when every part has arrived. */
  get isSent(): boolean {
    return this.#etags.size === this.#partCount
  }

  /** What has arrived, and what has left of the parts on their way. */
  get sentBytes(): number {
    let bytes = this.#doneBytes
    for (const sent of this.#sentByPart.values()) bytes += sent
    return Math.min(bytes, this.#fileSize)
  }

  /** What completes the upload; undefined when S3 must be asked, because a browser hid an ETag. */
  get parts(): { partNumber: number; etag: string }[] | undefined {
    if (this.method === 'put') return undefined
    const parts = this.#partNumbers().map((partNumber) => ({
      partNumber,
      etag: this.#etags.get(partNumber) ?? '',
    }))
    return parts.some((part) => part.etag === '') ? undefined : parts
  }

  /** The next part to send, from now on its way. */
  take(): number | undefined {
    const partNumber = this.#unsent.pop()
    if (partNumber !== undefined) this.#sentByPart.set(partNumber, 0)
    return partNumber
  }

  /** The part did not arrive: it is sent again. */
  putBack(partNumber: number): void {
    this.#sentByPart.delete(partNumber)
    if (!this.#etags.has(partNumber)) this.#unsent = descending([...this.#unsent, partNumber])
  }

  /** So many bytes of the part have left. */
  noteProgress(partNumber: number, sentBytes: number): void {
    if (this.#sentByPart.has(partNumber)) this.#sentByPart.set(partNumber, sentBytes)
  }

  /** The part has arrived. */
  noteSent(partNumber: number, etag: string): void {
    this.#sentByPart.delete(partNumber)
    this.#urls.delete(partNumber)
    if (!this.#etags.has(partNumber)) {
      const { from, to } = this.range(partNumber)
      this.#doneBytes += to - from
    }
    this.#etags.set(partNumber, etag)
  }

  /** Keeps signed URLs until they are used or end. */
  keepUrls(parts: SignedPart[], nowMs: number): void {
    for (const part of parts) this.#urls.set(part.partNumber, { part, signedAtMs: nowMs })
  }

  /** The part's URL, when there is one that lives long enough. */
  usableUrl(partNumber: number, nowMs: number): SignedPart | undefined {
    const url = this.#urls.get(partNumber)
    return url && nowMs - url.signedAtMs < URL_USABLE_MS ? url.part : undefined
  }

  /** S3 refused the URL: another must be signed. */
  forgetUrl(partNumber: number): void {
    this.#urls.delete(partNumber)
  }

  /** The next parts that have no URL, in the order in which they will be sent. */
  partsToSign(limit: number, nowMs: number): number[] {
    const parts: number[] = []
    for (let index = this.#unsent.length - 1; index >= 0 && parts.length < limit; index -= 1) {
      const partNumber = this.#unsent[index]
      if (partNumber !== undefined && !this.usableUrl(partNumber, nowMs)) parts.push(partNumber)
    }
    return parts
  }

  #partNumbers(): number[] {
    return Array.from({ length: this.#partCount }, (_, index) => index + 1)
  }
}

function descending(partNumbers: number[]): number[] {
  return partNumbers.sort((a, b) => b - a)
}
