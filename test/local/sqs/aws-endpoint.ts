import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../../../infra/local/clock.ts'
import { type AccessRequest, type AwsEngine, AwsError } from '../../../infra/local/engine.ts'

export interface AwsEndpoint {
  url: string
  /** What each call asked permission for, in order. */
  accessRequests: AccessRequest[][]
  close(): Promise<void>
}

/** Time that moves when a test says so. */
export class TestClock implements Clock {
  #nowMs = Date.parse('2026-08-01T10:00:00Z')

  now(): number {
    return this.#nowMs
  }

  advance(seconds: number): void {
    this.#nowMs += seconds * 1000
  }
}

/** Settings of an SDK client that talks to an endpoint of this file; nothing is verified there. */
export function clientOptions(endpoint: string) {
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' }
  return { endpoint, region: 'us-east-1', credentials, maxAttempts: 1 }
}

/** One engine behind HTTP, without the gateway's signatures and policies. */
export async function serveEngine(service: string, engine: AwsEngine): Promise<AwsEndpoint> {
  const accessRequests: AccessRequest[][] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const target = String(request.headers['x-amz-target'] ?? '')
    const call = {
      requestId: 'request-1',
      service,
      operation: target.split('.').at(-1) ?? '',
      principalArn: 'arn:aws:iam::111122223333:role/tester',
      request,
      url: new URL(request.url ?? '/', 'http://127.0.0.1'),
      input: JSON.parse(Buffer.concat(chunks).toString() || '{}') as Record<string, unknown>,
      payloadHash: 'UNSIGNED-PAYLOAD',
      presigned: false,
    }
    try {
      accessRequests.push(await engine.accessRequests(call))
      await engine.handle(call, response)
    } catch (error) {
      const { code, message, status, details } =
        error instanceof AwsError ? error : new AwsError('InternalFailure', String(error), 500)
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
      response.end(JSON.stringify({ __type: code, message, ...details }))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accessRequests,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
