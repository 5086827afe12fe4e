/** A server on 127.0.0.1 that answers each request with the next of the answers it was given. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SeenRequest {
  method: string
  url: URL
  headers: IncomingMessage['headers']
  body: Buffer
}

export type FakeAnswer = (request: IncomingMessage, response: ServerResponse) => Promise<Buffer>

export interface FakeDriveServer {
  url: string
  /** What arrived, in order. */
  requests: SeenRequest[]
  /** Answers to the next requests; a request without one is answered 599. */
  answers: FakeAnswer[]
  close(): Promise<void>
}

export async function startFakeDriveServer(): Promise<FakeDriveServer> {
  const requests: SeenRequest[] = []
  const answers: FakeAnswer[] = []
  const server = createServer(async (request, response) => {
    const answer = answers.shift() ?? replies(599, 'unexpected request')
    const seen: SeenRequest = {
      method: request.method ?? '',
      url: new URL(request.url ?? '', url),
      headers: request.headers,
      body: Buffer.alloc(0),
    }
    requests.push(seen)
    seen.body = await answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    requests,
    answers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Reads the whole request, then answers: an object as JSON, a string as it is. */
export function replies(
  status: number,
  body: object | string = '',
  headers: Record<string, string> = {},
): FakeAnswer {
  return async (request, response) => {
    const received = await readBody(request)
    const isText = typeof body === 'string'
    response.writeHead(status, {
      'content-type': isText ? 'text/html; charset=UTF-8' : 'application/json; charset=UTF-8',
      ...headers,
    })
    response.end(isText ? body : JSON.stringify(body))
    return received
  }
}

/** Answers before the request's body is read. */
export function repliesEarly(status: number, body: object): FakeAnswer {
  return async (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
    response.end(JSON.stringify(body))
    return Buffer.alloc(0)
  }
}

/** Resets the connection once `sizeBytes` of the body have arrived. */
export function resetsAfter(sizeBytes: number): FakeAnswer {
  return (request) =>
    new Promise((resolve) => {
      const { socket } = request
      let receivedBytes = 0
      const resetWhenReached = () => {
        if (receivedBytes < sizeBytes) return
        socket.resetAndDestroy()
        resolve(Buffer.alloc(0))
      }
      request.on('data', (piece: Buffer) => {
        receivedBytes += piece.byteLength
        resetWhenReached()
      })
      request.on('error', () => resolve(Buffer.alloc(0)))
      resetWhenReached()
    })
}

/** A refusal in the form of Drive's handbook. */
export function refusal(code: number, reason: string, message = reason): object {
  return { error: { code, message, errors: [{ domain: 'global', reason, message }] } }
}

/** What arrives until the request ends or breaks off. */
function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('close', () => resolve(Buffer.concat(pieces)))
  })
}
