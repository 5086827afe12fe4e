/**
 * One request at a provider emulator and the reply to it. Handlers return a reply instead of
 * writing it, so that a fault can drop, delay, cut or replace it after its effect took place.
 */
import { createReadStream } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Fault } from './fault-plan.ts'

/** Metadata, forms and control calls are small; what is larger is file content and goes another way. */
const MAX_TEXT_BYTES = 1024 * 1024

/** Bytes of a file, `end` exclusive. */
interface BlobRange {
  blobPath: string
  start: number
  end: number
}

export interface Reply {
  status: number
  headers?: Record<string, string>
  body?: string | Buffer | BlobRange
}

/** What the request log and the handlers learn about a request while it is handled. */
export interface Exchange {
  request: IncomingMessage
  method: string
  url: URL
  /** `scheme://host` as the client spelt it: addresses handed out must stay on the host that was asked. */
  origin: string
  body: RequestBody
  fault: Fault | undefined
  /** Name of the operation for the request log, for example `drive.files.create`. */
  operation: string
  /** E-mail of the account that the request acted for. */
  account?: string
  /** Number of the upload session; its address is a secret, its number is not. */
  session?: number
  /** Form or metadata of the request, once it was read. */
  text?: string
  /** Bytes of content sent to the client. */
  sentBytes: number
}

/** The client went away, or was made to, before its whole body arrived. */
export class BodyAbortedError extends Error {
  override name = 'BodyAbortedError' as const
}

/** A text body above what any caller needs. */
export class BodyTooLargeError extends Error {
  override name = 'BodyTooLargeError' as const
}

/** The body of a request, read once. */
export class RequestBody implements AsyncIterable<Buffer> {
  readonly #request: IncomingMessage
  /** Reset the connection once this many bytes were handed on. */
  #cutAfterBytes = Number.POSITIVE_INFINITY
  #aborted = false
  receivedBytes = 0

  constructor(request: IncomingMessage) {
    this.#request = request
  }

  /** Declared length; undefined when the body is sent chunked. */
  get declaredBytes(): number | undefined {
    const header = this.#request.headers['content-length']
    if (header !== undefined) return Number(header)
    return this.#request.headers['transfer-encoding'] === undefined ? 0 : undefined
  }

  cutAfter(bytes: number): void {
    this.#cutAfterBytes = bytes
  }

  /** Ends the reading from outside; the reader sees a `BodyAbortedError`, unless it has read everything. */
  abort(): void {
    if (this.#request.readableEnded) return
    this.#aborted = true
    this.#request.destroy()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      // Leaving early must not destroy the request: the refusal still has to reach the client.
      for await (const chunk of this.#request.iterator({ destroyOnReturn: false })) {
        const buffer: Buffer = chunk
        const room = this.#cutAfterBytes - this.receivedBytes
        if (buffer.length >= room) {
          this.receivedBytes += room
          yield buffer.subarray(0, room)
          this.#request.socket.resetAndDestroy()
          throw new BodyAbortedError('connection reset in the middle of the body')
        }
        this.receivedBytes += buffer.length
        yield buffer
      }
    } catch (error) {
      if (this.#aborted || this.#request.destroyed) {
        throw new BodyAbortedError('body ended early', { cause: error })
      }
      throw error
    }
    if (this.#aborted) throw new BodyAbortedError('body ended early')
  }

  /** Reads what is left and forgets it, so that the connection can be used again. */
  async drain(): Promise<void> {
    if (this.#request.readableEnded) return
    for await (const chunk of this) void chunk
  }

  async text(): Promise<string> {
    const chunks: Buffer[] = []
    for await (const chunk of this) {
      chunks.push(chunk)
      if (this.receivedBytes > MAX_TEXT_BYTES) throw new BodyTooLargeError('body above 1 MiB')
    }
    return Buffer.concat(chunks).toString('utf8')
  }
}

/** The whole body, kept for whoever looks at the exchange afterwards. */
export async function readText(exchange: Exchange): Promise<string> {
  exchange.text = await exchange.body.text()
  return exchange.text
}

export async function readForm(exchange: Exchange): Promise<URLSearchParams> {
  return new URLSearchParams(await readText(exchange))
}

/** The token of an `Authorization: Bearer` header (RFC 6750, 2.1). */
export function bearerToken(exchange: Exchange): string | undefined {
  return /^Bearer +(\S+)$/i.exec(exchange.request.headers.authorization ?? '')?.[1]
}

export function jsonReply(
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=UTF-8', ...headers },
    body: JSON.stringify(value),
  }
}

export function textReply(status: number, text: string): Reply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: text }
}

/** Pages run no script and load nothing; forms may lead anywhere, because the redirect does. */
export function htmlReply(status: number, html: string): Reply {
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    },
    body: html,
  }
}

export function isBlobRange(body: Reply['body']): body is BlobRange {
  return typeof body === 'object' && !Buffer.isBuffer(body)
}

/** Writes the reply; with `cutAfterBytes` the connection is reset after so much of the content. */
export async function writeReply(
  response: ServerResponse,
  reply: Reply,
  exchange: Exchange,
  cutAfterBytes?: number,
): Promise<void> {
  const { body } = reply
  const headers = { 'x-content-type-options': 'nosniff', ...reply.headers }
  if (isBlobRange(body)) {
    const length = body.end - body.start
    response.writeHead(reply.status, { ...headers, 'content-length': length })
    const sent = Math.min(length, cutAfterBytes ?? length)
    if (sent > 0) {
      const source = createReadStream(body.blobPath, {
        start: body.start,
        end: body.start + sent - 1,
        highWaterMark: MAX_TEXT_BYTES,
      })
      await pipeline(source, response, { end: cutAfterBytes === undefined })
    } else if (cutAfterBytes === undefined) response.end()
    exchange.sentBytes = sent
    if (cutAfterBytes !== undefined) response.socket?.resetAndDestroy()
    return
  }
  const content = Buffer.from(body ?? '')
  // A 204 carries no length; every other reply says how long it is, empty ones too.
  response.writeHead(
    reply.status,
    reply.status === 204 ? headers : { ...headers, 'content-length': content.length },
  )
  response.end(content)
}
