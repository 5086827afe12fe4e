/**
 * One HTTP request with a small answer, by `node:http` and not by fetch: fetch carries a body
 * through web streams, which costs a fifth of the speed and tens of megabytes.
 */
import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request } from 'node:http'
import { Agent as HttpsAgent, request as requestTls } from 'node:https'
import { text } from 'node:stream/consumers'

export interface Answer {
  status: number
  headers: Headers
  body: string
}

export interface RequestToSend {
  method: 'POST' | 'PUT'
  headers: Record<string, string>
  /** A body of pieces needs a `content-length` of exactly their sum. */
  body?: string | AsyncIterable<Uint8Array>
  signal?: AbortSignal | undefined
}

/** A batch of ten files speaks at once, and again at once: a connection is kept for each. */
const CONNECTIONS = { keepAlive: true, maxFreeSockets: 32 }
const plainAgent = new HttpAgent(CONNECTIONS)
const tlsAgent = new HttpsAgent(CONNECTIONS)

/**
 * Sends and resolves with the answer, which may come before the body was read to its end; no
 * redirection is followed. Rejects with the error of the connection, of the body or of the signal.
 */
export async function sendRequest(
  url: URL,
  { method, headers, body, signal }: RequestToSend,
): Promise<Answer> {
  signal?.throwIfAborted()
  const options = { method, headers, ...(signal && { signal }) }
  const sending =
    url.protocol === 'https:'
      ? requestTls(url, { ...options, agent: tlsAgent })
      : request(url, { ...options, agent: plainAgent })
  const answered = answerTo(sending)
  // Whichever of the two fails first is thrown; the other one fails because of it.
  answered.catch(() => undefined)
  try {
    if (body === undefined || typeof body === 'string') sending.end(body)
    else await write(sending, body)
    return await answered
  } catch (error) {
    sending.destroy()
    throw error
  }
}

function answerTo(sending: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    sending.once('error', reject)
    sending.once('response', (response: IncomingMessage) => {
      text(response).then((body) => {
        const { statusCode: status = 0 } = response
        resolve({ status, headers: headersOf(response), body })
        // An answer to half a request: what is left of it must not stay in the connection.
        if (!sending.writableFinished) sending.destroy()
      }, reject)
    })
  })
}

/** Writes piece by piece as fast as the connection takes them, until an answer says that it is enough. */
async function write(sending: ClientRequest, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  let isAnswered = false
  sending.once('response', () => {
    isAnswered = true
  })
  for await (const piece of pieces) {
    if (isAnswered || sending.destroyed) return
    if (!sending.write(piece)) await roomIn(sending)
  }
  sending.end()
}

/** Resolves when the request takes more, or never will. */
function roomIn(sending: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'response', 'close'] as const
    const go = () => {
      for (const event of events) sending.off(event, go)
      resolve()
    }
    for (const event of events) sending.once(event, go)
  })
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const entries = Object.entries(headersDistinct)
  return new Headers(
    entries.flatMap(([name, values = []]) =>
      values.map((value): [string, string] => [name, value]),
    ),
  )
}
