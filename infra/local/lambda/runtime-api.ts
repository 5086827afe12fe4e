/**
 * The Runtime API of one environment on a loopback port of its own.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Invocation {
  requestId: string
  functionArn: string
  deadlineMs: number
  clockOffsetMs: number
  traceHeader: string
  body: string
}

export interface RuntimeApiListener {
  /** The runtime asks for work; by that it has ended the work before. */
  onNext(): void
  onAnswer(requestId: string, outcome: 'response' | 'error', body: Buffer): void
  onInitError(body: Buffer): void
}

export interface RuntimeApi {
  /** `127.0.0.1:port` for AWS_LAMBDA_RUNTIME_API. */
  address: string
  /** Answers the pending `next`. */
  deliver(invocation: Invocation): void
  close(): void
}

const ANSWER = /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/(response|error)$/

export async function startRuntimeApi(listener: RuntimeApiListener): Promise<RuntimeApi> {
  let pendingNext: ServerResponse | undefined

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = request.url ?? ''
    if (url === '/2018-06-01/runtime/invocation/next') {
      pendingNext = response
      listener.onNext()
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const [, requestId, outcome] = ANSWER.exec(url) ?? []
    if (requestId) {
      listener.onAnswer(decodeURIComponent(requestId), outcome as 'response' | 'error', body)
    } else if (url === '/2018-06-01/runtime/init/error') {
      listener.onInitError(body)
    } else {
      response.writeHead(404).end()
      return
    }
    response.writeHead(202).end('{}')
  }

  const server = createServer((request, response) => {
    // A killed environment breaks off in the middle of a request; its exit tells the host.
    answer(request, response).catch(() => response.destroy())
  })
  // A frozen environment keeps its connection for as long as it is frozen.
  server.keepAliveTimeout = 0
  server.requestTimeout = 0
  server.headersTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    deliver: ({ requestId, functionArn, deadlineMs, clockOffsetMs, traceHeader, body }) => {
      pendingNext
        ?.writeHead(200, {
          'content-type': 'application/json',
          'lambda-runtime-aws-request-id': requestId,
          'lambda-runtime-invoked-function-arn': functionArn,
          'lambda-runtime-deadline-ms': Math.round(deadlineMs),
          'lambda-runtime-trace-id': traceHeader,
          'lambda-runtime-clock-offset-ms': Math.round(clockOffsetMs),
        })
        .end(body)
      pendingNext = undefined
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
