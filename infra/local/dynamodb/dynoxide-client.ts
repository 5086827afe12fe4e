import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { AwsError } from '../engine.ts'

export type JsonObject = Record<string, unknown>

export interface DynoxideReply {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** It wants a signature of the right form and does not verify it: the gateway has done that. */
const PLACEHOLDER_SIGNATURE = {
  authorization:
    'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none',
  'x-amz-date': '20260101T000000Z',
  'content-type': 'application/x-amz-json-1.0',
}
const STREAM_OPERATIONS = new Set(['DescribeStream', 'GetShardIterator', 'GetRecords'])
/** More writers at once only wait for each other's commits. */
const MAX_CONNECTIONS = 64

/** Calls dynoxide over kept connections, wherever it listens at the moment. */
export class DynoxideClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS })
  readonly #port: () => Promise<number>

  constructor(port: () => Promise<number>) {
    this.#port = port
  }

  /**
   * Sends a body as it is to a target such as `DynamoDB_20120810.GetItem`. A database that dies
   * meanwhile is "InternalServerError: An error occurred on the server side", which clients retry
   * (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html).
   */
  async send(target: string, body: Buffer | string): Promise<DynoxideReply> {
    const port = await this.#port()
    return await new Promise((resolve, reject) => {
      const unreachable = (cause: Error): void => {
        reject(
          new AwsError(
            'InternalServerError',
            `The database does not answer: ${cause.message}`,
            500,
          ),
        )
      }
      const outgoing = request({
        agent: this.#agent,
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/',
        headers: {
          ...PLACEHOLDER_SIGNATURE,
          'x-amz-target': target,
          'content-length': Buffer.byteLength(body),
        },
      })
      outgoing.once('error', unreachable)
      outgoing.once('response', (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.once('error', unreachable)
        incoming.once('end', () => {
          resolve({
            status: incoming.statusCode ?? 500,
            headers: incoming.headers,
            body: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks),
          })
        })
      })
      outgoing.end(body)
    })
  }

  /** Runs an operation of the engine's own; throws its refusal as `AwsError`. */
  async call(operation: string, input: JsonObject): Promise<JsonObject> {
    const api = STREAM_OPERATIONS.has(operation) ? 'DynamoDBStreams_20120810' : 'DynamoDB_20120810'
    const reply = await this.send(`${api}.${operation}`, JSON.stringify(input))
    const output = JSON.parse(reply.body.toString()) as JsonObject
    if (reply.status === 200) return output
    const type = String(output['__type'])
    throw new AwsError(
      type.slice(type.indexOf('#') + 1),
      String(output['message'] ?? output['Message'] ?? operation),
      reply.status,
    )
  }

  close(): void {
    this.#agent.destroy()
  }
}
