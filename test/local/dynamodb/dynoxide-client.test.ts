import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { DynoxideClient } from '../../../infra/local/dynamodb/dynoxide-client.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

const TARGET = 'DynamoDB_20120810.GetItem'

/** A database that answers each request, told by its body, as the test wants. */
async function database(answer: (socket: Socket, body: string) => void) {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk.toString()
      const [head = '', body] = received.split('\r\n\r\n')
      const length = Number(/content-length: (\d+)/.exec(head)?.[1])
      if (body === undefined || Buffer.byteLength(body) < length) return
      received = ''
      answer(socket, body)
    })
    socket.on('error', () => undefined)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = new DynoxideClient(async () => port)
  cleanups.push(
    () => server.close(),
    () => client.close(),
  )
  return { client, sockets }
}

const reply = (body: string, status = '200 OK') =>
  `HTTP/1.1 ${status}\r\nserver: test\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

describe('calls to the database', () => {
  it('carry the body as it is and take the reply in whatever pieces it comes', async () => {
    const { client } = await database((socket, body) => {
      const bytes = Buffer.from(reply(`${body} ü`))
      const writeFrom = (start: number): void => {
        socket.write(bytes.subarray(start, start + 7), () => {
          if (start + 7 < bytes.length) setImmediate(() => writeFrom(start + 7))
        })
      }
      writeFrom(0)
    })

    const { status, body } = await client.send(TARGET, '{"ä":"\\r\\n"}')

    expect(status).toBe(200)
    expect(body.toString()).toBe('{"ä":"\\r\\n"} ü')
  })

  it('follow one another on one connection', async () => {
    const { client, sockets } = await database((socket, body) => socket.write(reply(body)))

    for (const text of ['first', 'second', 'third']) {
      expect((await client.send(TARGET, text)).body.toString()).toBe(text)
    }

    expect(sockets).toHaveLength(1)
  })

  it('share 64 connections, however many there are', async () => {
    const { client, sockets } = await database((socket, body) => {
      setImmediate(() => socket.write(reply(body, '400 Bad Request')))
    })
    const texts = Array.from({ length: 500 }, (_, index) => `call ${index}`)

    const replies = await Promise.all(texts.map((text) => client.send(TARGET, text)))

    expect(replies.map(({ body }) => body.toString())).toEqual(texts)
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([400]))
    expect(sockets).toHaveLength(64)
  })

  it.each([
    ['a connection that closes in the middle of a reply', reply('too long').slice(0, -3), true],
    ['a reply without a length', 'HTTP/1.1 200 OK\r\n\r\n{}', false],
  ])('fail as the database does not answer: %s', async (_, text, closes) => {
    const { client, sockets } = await database((socket, body) => {
      if (body === 'good') socket.write(reply(body))
      else if (closes) socket.end(text)
      else socket.write(text)
    })

    await expect(client.send(TARGET, 'bad')).rejects.toMatchObject({
      code: 'InternalServerError',
      status: 500,
      message: expect.stringContaining('The database does not answer'),
    })
    expect((await client.send(TARGET, 'good')).body.toString()).toBe('good')
    expect(sockets).toHaveLength(2)
  })

  it('leave a connection that was closed while nobody used it', async () => {
    const { client, sockets } = await database((socket, body) => socket.write(reply(body)))
    await client.send(TARGET, 'first')
    const closed = sockets.map((socket) => once(socket, 'close'))

    for (const socket of sockets) socket.end()
    await Promise.all(closed)

    expect((await client.send(TARGET, 'again')).body.toString()).toBe('again')
    expect(sockets).toHaveLength(2)
  })
})
