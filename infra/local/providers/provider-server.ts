/**
 * The HTTP front that every provider emulator shares: loopback only, foreign hosts refused, control
 * calls, faults, request log. The provider itself is one function from an exchange to a reply.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import { type ControlledProvider, handleControlCall } from './control-api.ts'
import { deliveredPage } from './delivered-page.ts'
import {
  BodyAbortedError,
  BodyTooLargeError,
  type Exchange,
  htmlReply,
  isBlobRange,
  type Reply,
  RequestBody,
  textReply,
  writeReply,
} from './exchange.ts'
import { type Fault, type FaultPlan, faultStatus } from './fault-plan.ts'
import { refuseForeignHost } from './loopback-guard.ts'
import type { RequestLog } from './request-log.ts'

interface ProviderServerParts {
  providerName: string
  /** The provider's own host names, for clients that are led here by a TLS proxy. */
  providerHosts: readonly string[]
  clock: Clock
  faults: FaultPlan
  log: RequestLog
  provider: ControlledProvider
  /** Answers every request that is not a page or control call of the emulator. */
  answer(exchange: Exchange): Promise<Reply>
  /** Names of the provider's published rules that the request broke; asked after it was answered. */
  brokenRules(exchange: Exchange): string[]
  /** The provider's own shape of an error that a fault asks for. */
  faultReply(exchange: Exchange, status: number, fault: Fault, reason?: string): Reply
}

export interface ProviderServer {
  listen(port: number): Promise<{ url: string }>
  close(): Promise<void>
}

export function createProviderServer(parts: ProviderServerParts): ProviderServer {
  const running = new Set<Promise<void>>()
  const server = createServer((request, response) => {
    const done = serve(parts, request, response).catch((error: unknown) => {
      // A bug of the emulator must not look like the provider's answer, nor take the runner down.
      process.stderr.write(`${parts.providerName} emulator: ${String(error)}\n`)
      response.destroy()
    })
    running.add(done)
    void done.finally(() => running.delete(done))
  })
  // One PUT may carry gigabytes over a slow link.
  server.requestTimeout = 0
  // Longer than a client keeps a connection, so that the client and not the server ends it.
  server.keepAliveTimeout = 65_000

  return {
    async listen(port) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, '127.0.0.1', resolve)
      })
      return { url: `http://127.0.0.1:${portOf(server.address())}` }
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
      await Promise.all(running)
    },
  }
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not listening')
  return address.port
}

async function serve(
  parts: ProviderServerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const exchange = exchangeOf(request)
  const { url } = exchange
  const refusal = refuseForeignHost(request, request.socket.localPort ?? 0, parts.providerHosts)
  if (refusal) return writeReply(response, refusal, exchange)
  if (url.pathname === '/' && exchange.method === 'GET') {
    return writeReply(
      response,
      htmlReply(200, await deliveredPage(parts.providerName, parts.provider)),
      exchange,
    )
  }
  if (url.pathname.startsWith('/_emulator/')) {
    return writeReply(response, await handleControlCall(parts, exchange), exchange)
  }

  exchange.fault = parts.faults.take(exchange.method, url)
  let status = 0
  try {
    const reply = await answerWithFault(parts, exchange)
    if (reply) {
      status = reply.status
      await writeReply(response, reply, exchange, replyCut(exchange, reply))
    }
  } catch (error) {
    const wentAway = error instanceof BodyAbortedError || response.destroyed
    if (!wentAway) throw error
  } finally {
    record(parts, exchange, status)
  }
}

function exchangeOf(request: IncomingMessage): Exchange {
  const host = request.headers.host ?? 'localhost'
  const scheme = host.startsWith('127.0.0.1') || host.startsWith('localhost') ? 'http' : 'https'
  const origin = `${scheme}://${host}`
  return {
    request,
    method: request.method ?? 'GET',
    url: new URL(`http://127.0.0.1${request.url?.startsWith('/') ? request.url : '/'}`),
    origin,
    body: new RequestBody(request),
    fault: undefined,
    operation: 'unknown',
    sentBytes: 0,
  }
}

/** The reply to send; undefined when the fault has broken the connection already. */
async function answerWithFault(
  parts: ProviderServerParts,
  exchange: Exchange,
): Promise<Reply | undefined> {
  const { fault } = exchange
  if (fault?.action === 'slow') await waitWithClient(exchange, fault.ms)
  const refused = fault && faultStatus(fault.action)
  if (fault && refused) {
    await exchange.body.drain()
    return refusalOf(parts, exchange, refused.status, fault, refused.reason)
  }
  if (fault?.action === 'reset') cutBody(exchange, fault)

  const reply = await answer(parts, exchange)
  if (fault?.action === 'apply-then-503') return refusalOf(parts, exchange, 503, fault)
  if (fault?.action === 'reset' && !isBlobRange(reply.body)) {
    exchange.request.socket.resetAndDestroy()
    return undefined
  }
  return reply
}

function refusalOf(
  parts: ProviderServerParts,
  exchange: Exchange,
  status: number,
  fault: Fault,
  reason?: string,
): Reply {
  const reply = parts.faultReply(exchange, status, fault, reason)
  if (fault.retryAfterSeconds === undefined) return reply
  const wait = { 'retry-after': String(fault.retryAfterSeconds) }
  return { ...reply, headers: { ...reply.headers, ...wait } }
}

/** Waits as long as somebody waits for the reply; a client that left, or a shutdown, ends it. */
async function waitWithClient(exchange: Exchange, ms: number): Promise<void> {
  const gone = new AbortController()
  const leave = () => gone.abort()
  const { socket } = exchange.request
  socket.once('close', leave)
  try {
    await delay(ms, undefined, { signal: gone.signal })
  } catch (error) {
    throw new BodyAbortedError('the client did not wait', { cause: error })
  } finally {
    socket.off('close', leave)
  }
}

async function answer(parts: ProviderServerParts, exchange: Exchange): Promise<Reply> {
  try {
    const reply = await parts.answer(exchange)
    // Whatever the handler did not want still has to leave the connection before the reply.
    await exchange.body.drain()
    return reply
  } catch (error) {
    if (error instanceof BodyTooLargeError) return textReply(413, error.message)
    throw error
  }
}

function cutBody(exchange: Exchange, fault: Fault): void {
  const declared = exchange.body.declaredBytes
  if (declared === 0) return
  exchange.body.cutAfter(fault.bytes ?? Math.floor((declared ?? 0) / 2))
}

/** After how many bytes a download is to break off. */
function replyCut(exchange: Exchange, reply: Reply): number | undefined {
  const { fault } = exchange
  if (!isBlobRange(reply.body)) return undefined
  if (fault?.action !== 'reset' && fault?.action !== 'partial') return undefined
  return fault.bytes ?? Math.floor((reply.body.end - reply.body.start) / 2)
}

function record(parts: ProviderServerParts, exchange: Exchange, status: number): void {
  const brokenRules = parts.brokenRules(exchange)
  parts.log.add({
    at: new Date(parts.clock.now()).toISOString(),
    method: exchange.method,
    path: exchange.url.pathname,
    operation: exchange.operation,
    status,
    ...(exchange.account === undefined ? {} : { account: exchange.account }),
    ...(exchange.session === undefined ? {} : { session: exchange.session }),
    bytes: Math.max(exchange.body.receivedBytes, exchange.sentBytes),
    ...(exchange.fault === undefined ? {} : { fault: exchange.fault.action }),
    ...(brokenRules.length === 0 ? {} : { brokenRules }),
  })
}
