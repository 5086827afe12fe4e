/** Brings one part of a file to S3: URL at hand or signed just in time, signed again when refused. */
import { MAX_PARTS_PER_SIGNING } from '../../../shared/contract/limits.ts'
import type { SignedPart } from '../../../shared/contract/uploads.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import { isSuccess } from './http.ts'
import type { PortalApi } from './portal-api.ts'
import { sendReliably, type Wire } from './reliable-http.ts'
import type { Transfer } from './transfer.ts'

const LEAST_PARTS_SIGNED = 8
/** A URL that S3 refuses is signed again; refused so often, signing is not what is wrong. */
const REFUSALS_PER_PART = 3

/** The upload ended under the transfer: the file must start again. */
export class UploadEnded extends Error {
  override name = 'UploadEnded' as const
}

/** The file was moved, changed or taken away since it was chosen. */
export class FileUnreadable extends Error {
  override name = 'FileUnreadable' as const
}

interface PartSenderDeps {
  wire: Wire
  api: Pick<PortalApi, 'signParts'>
  token: () => string
  /** How much is worth signing ahead. */
  aheadBytes: () => number
  /** Bytes that have left, whether or not they arrive. */
  onSent: (bytes: number) => void
}

export interface PartToSend {
  file: Blob
  transfer: Transfer
  partNumber: number
  signal: AbortSignal
}

export class PartSender {
  readonly #deps: PartSenderDeps
  readonly #signings = new WeakMap<Transfer, Promise<void>>()

  constructor(deps: PartSenderDeps) {
    this.#deps = deps
  }

  /** The part's ETag; empty when the browser does not show it. */
  async send(part: PartToSend): Promise<string> {
    const { wire, onSent } = this.#deps
    const { transfer, partNumber, signal } = part
    const { from, to } = transfer.range(partNumber)
    // An empty type, or the browser would add a content-type that is not signed.
    const body = part.file.slice(from, to, '')
    await requireReadable(body)
    for (let refusals = 0; ; refusals += 1) {
      const signed = await this.#urlOf(part)
      let reported = 0
      const reply = await sendReliably(wire, {
        method: 'PUT',
        url: signed.url,
        headers: signed.headers,
        body,
        signal,
        onSent: (bytes) => {
          transfer.noteProgress(partNumber, bytes)
          onSent(bytes - reported)
          reported = bytes
        },
      })
      if (isSuccess(reply)) {
        onSent(to - from - reported)
        return reply.header('etag') ?? ''
      }
      // The object is there: the answer to an earlier attempt was lost.
      if (reply.status === 412 && transfer.method === 'put') return ''
      if (reply.status === 404) throw new UploadEnded('S3 no longer knows this upload')
      if (reply.status !== 403 || refusals === REFUSALS_PER_PART) {
        throw new ApiProblem(reply.status, {})
      }
      transfer.forgetUrl(partNumber)
    }
  }

  async #urlOf(part: PartToSend): Promise<SignedPart> {
    const { transfer, partNumber } = part
    for (;;) {
      const known = transfer.usableUrl(partNumber, this.#deps.wire.clock.now())
      if (known) return known
      const signing = this.#signings.get(transfer) ?? this.#sign(part)
      this.#signings.set(transfer, signing)
      try {
        await signing
      } finally {
        this.#signings.delete(transfer)
      }
    }
  }

  /** Signs this part and as many of the next as will be sent soon. */
  async #sign({ transfer, partNumber, signal }: PartToSend): Promise<void> {
    const { api, wire, token, aheadBytes } = this.#deps
    const soon = Math.ceil(aheadBytes() / transfer.partSize)
    const limit = Math.min(MAX_PARTS_PER_SIGNING, Math.max(LEAST_PARTS_SIGNED, soon))
    const next = transfer.partsToSign(limit - 1, wire.clock.now())
    const partNumbers = [partNumber, ...next.filter((each) => each !== partNumber)]
    const { parts } = await api.signParts(transfer.uploadId, partNumbers, token(), signal)
    transfer.keepUrls(parts, wire.clock.now())
  }
}

/** Reading one byte shows at once what the browser would report as a broken connection. */
async function requireReadable(part: Blob): Promise<void> {
  try {
    await part.slice(0, 1).arrayBuffer()
  } catch (cause) {
    throw new FileUnreadable('The file can no longer be read', { cause })
  }
}
