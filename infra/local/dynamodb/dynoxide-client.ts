import { AwsError } from '../engine.ts'
import { DynoxideConnection, type DynoxideReply } from './dynoxide-connection.ts'

export type JsonObject = Record<string, unknown>

/** It wants a signature of the right form and does not verify it: the gateway has done that. */
const REQUEST_HEAD = [
  'POST / HTTP/1.1',
  'host: 127.0.0.1',
  'authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none',
  'x-amz-date: 20260101T000000Z',
  'content-type: application/x-amz-json-1.0',
].join('\r\n')
const STREAM_OPERATIONS = new Set(['DescribeStream', 'GetShardIterator', 'GetRecords'])
/** More writers at once only wait for each other's commits. */
const MAX_CONNECTIONS = 64

/** Calls dynoxide over kept connections, wherever it listens at the moment. */
export class DynoxideClient {
  readonly #port: () => Promise<number>
  readonly #connections = new Set<DynoxideConnection>()
  /** Free ones, of which the last used comes first again, all to the same port. */
  #idle: DynoxideConnection[] = []
  #idlePort: number | undefined
  /** Calls that run or wait, and those of them that wait. */
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(port: () => Promise<number>) {
    this.#port = port
  }

  /**
   * Sends a body as it is to a target such as `DynamoDB_20120810.GetItem`. A database that dies
   * meanwhile is "InternalServerError: An error occurred on the server side", which clients retry
   * (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html).
   */
  async send(target: string, body: string): Promise<DynoxideReply> {
    if (this.#running >= MAX_CONNECTIONS) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else {
      this.#running += 1
    }
    try {
      return await this.#sendOn(await this.#port(), target, body)
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running -= 1
    }
  }

  async #sendOn(port: number, target: string, body: string): Promise<DynoxideReply> {
    const connection = this.#take(port)
    const head = `${REQUEST_HEAD}\r\nx-amz-target: ${target}\r\ncontent-length: ${Buffer.byteLength(body)}`
    try {
      const reply = await connection.send(`${head}\r\n\r\n${body}`)
      if (port === this.#idlePort) this.#idle.push(connection)
      else connection.close()
      return reply
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new AwsError('InternalServerError', `The database does not answer: ${reason}`, 500)
    }
  }

  #take(port: number): DynoxideConnection {
    if (port !== this.#idlePort) {
      for (const idle of this.#idle.splice(0)) idle.close()
      this.#idlePort = port
    }
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (idle.isUsable) return idle
    }
    const connection = new DynoxideConnection(port, () => this.#connections.delete(connection))
    this.#connections.add(connection)
    return connection
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
    for (const connection of this.#connections) connection.close()
  }
}
