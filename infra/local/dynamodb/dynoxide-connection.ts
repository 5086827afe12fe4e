/**
 * A kept connection to dynoxide, for one call at a time. It speaks as much of HTTP/1.1 as dynoxide
 * answers in: a status line, headers and a body of a known length. Node's own client costs a third
 * of what the whole call does.
 */
import { createConnection, type Socket } from 'node:net'

export interface DynoxideReply {
  status: number
  body: Buffer
}

interface PendingReply {
  resolve(reply: DynoxideReply): void
  reject(cause: Error): void
}

const HEADERS_END = '\r\n\r\n'

export class DynoxideConnection {
  readonly #socket: Socket
  #pending: PendingReply | undefined
  #received: Buffer[] = []
  #receivedBytes = 0
  /** Length of the reply with its headers, once these have come. */
  #replyBytes: number | undefined

  /** `onClose` hears that the connection serves no more. */
  constructor(port: number, onClose: () => void) {
    this.#socket = createConnection({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk) => this.#receive(chunk))
    this.#socket.on('error', (cause) => this.#fail(cause))
    this.#socket.on('close', () => {
      this.#fail(new Error('it closed the connection'))
      onClose()
    })
  }

  get isUsable(): boolean {
    return this.#socket.writable
  }

  /** Sends the text of a request; the one before has been answered. */
  send(request: string): Promise<DynoxideReply> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk)
    this.#receivedBytes += chunk.length
    try {
      this.#replyBytes ??= this.#expectedBytes()
    } catch (cause) {
      this.#fail(cause as Error)
      this.#socket.destroy()
      return
    }
    if (this.#replyBytes === undefined || this.#receivedBytes < this.#replyBytes) return
    const reply = this.#joined()
    const { resolve } = this.#pending ?? {}
    this.#pending = undefined
    this.#received = []
    this.#receivedBytes = 0
    this.#replyBytes = undefined
    resolve?.({
      status: Number(reply.toString('latin1', 9, 12)),
      body: reply.subarray(reply.indexOf(HEADERS_END) + HEADERS_END.length),
    })
  }

  #expectedBytes(): number | undefined {
    const received = this.#joined()
    const end = received.indexOf(HEADERS_END)
    if (end < 0) return undefined
    const length = /\r\ncontent-length: *(\d+)/i.exec(received.toString('latin1', 0, end))?.[1]
    if (length === undefined) throw new Error('its reply has no length')
    return end + HEADERS_END.length + Number(length)
  }

  #joined(): Buffer {
    const [first] = this.#received
    if (this.#received.length === 1 && first) return first
    const joined = Buffer.concat(this.#received)
    this.#received = [joined]
    return joined
  }

  #fail(cause: Error): void {
    const { reject } = this.#pending ?? {}
    this.#pending = undefined
    reject?.(cause)
  }
}
