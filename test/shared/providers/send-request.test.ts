import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { sendRequest } from '../../../shared/providers/send-request.ts'

const PIECE = Buffer.alloc(64 * 1024, 7)
let server: Server | undefined

afterEach(() => {
  server?.close()
  server?.closeAllConnections()
})

async function serve(listener: RequestListener): Promise<URL> {
  server = createServer(listener)
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/files`)
}

async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < count; sent += 1) yield PIECE
}

function put(url: URL, count: number, body: AsyncIterable<Uint8Array> = pieces(count)) {
  const headers = { 'content-length': String(count * PIECE.length) }
  return sendRequest(url, { method: 'PUT', headers, body })
}

it('sends the pieces of a body under its length and returns the answer', async () => {
  let receivedBytes = 0
  const url = await serve((request, response) => {
    request.on('data', (piece: Buffer) => {
      receivedBytes += piece.length
    })
    request.on('end', () => {
      response.writeHead(308, { range: 'bytes=0-1', location: '/elsewhere' }).end('stored')
    })
  })

  const answer = await put(url, 100)

  expect(receivedBytes).toBe(100 * PIECE.length)
  expect(answer).toMatchObject({ status: 308, body: 'stored' })
  expect(answer.headers.get('range')).toBe('bytes=0-1')
})

it('keeps the connection for the next request', async () => {
  const ports = new Set<number | undefined>()
  const url = await serve((request, response) => {
    ports.add(request.socket.remotePort)
    request.resume().on('end', () => response.end())
  })

  for (let round = 0; round < 3; round += 1) await put(url, 2)

  expect(ports.size).toBe(1)
})

it('stops reading the body when the answer comes before its end, and returns it', async () => {
  const url = await serve((_request, response) => {
    response.writeHead(401).end('refused')
  })
  let isStopped = false
  async function* endless() {
    try {
      for (;;) {
        yield PIECE
        await new Promise((resolve) => setImmediate(resolve))
      }
    } finally {
      isStopped = true
    }
  }

  const answer = await put(url, 1_000_000, endless())

  expect(answer).toMatchObject({ status: 401, body: 'refused' })
  expect(isStopped).toBe(true)
})

it('fails with the error of the connection when it breaks before or within the answer', async () => {
  const url = await serve((request, response) => {
    if (request.headers['content-length'] === '0') response.writeHead(200, { 'content-length': 9 })
    response.write('half')
    setImmediate(() => request.socket.resetAndDestroy())
  })

  await expect(put(url, 1000)).rejects.toMatchObject({ code: expect.any(String) })
  await expect(put(url, 0)).rejects.toMatchObject({ code: expect.any(String) })
})

it('fails with the error of the body and hangs up, so that no shorter file is stored', async () => {
  const ended: boolean[] = []
  const closed = Promise.withResolvers<void>()
  const url = await serve((request) => {
    request.resume().on('close', () => {
      ended.push(request.complete)
      closed.resolve()
    })
  })
  const failure = new Error('the source broke')
  async function* broken() {
    yield PIECE
    throw failure
  }

  await expect(put(url, 2, broken())).rejects.toBe(failure)

  await closed.promise
  expect(ended).toEqual([false])
})

it('is not sent at all when its caller has stopped before', async () => {
  const reason = new Error('out of time')
  const url = new URL('http://127.0.0.1:1/')

  const sending = sendRequest(url, {
    method: 'PUT',
    headers: {},
    signal: AbortSignal.abort(reason),
  })

  await expect(sending).rejects.toBe(reason)
})
