import { createHash } from 'node:crypto'
import { type AwsCall, type AwsEngine, LOCAL_REGION } from '../../../infra/local/engine.ts'
import { createGateway, type GatewayOptions } from '../../../infra/local/gateway/gateway.ts'
import { type Principal, PrincipalStore } from '../../../infra/local/gateway/principals.ts'
import type { PolicyDocument } from '../../../infra/local/policy-document.ts'

/** A clock that tests move both ways; the SDK clients sign by the machine's. */
class ShiftedClock {
  offsetMs = 0

  now(): number {
    return Date.now() + this.offsetMs
  }
}

export const ROLE_ARN = 'arn:aws:iam::111122223333:role/uploader'

export function makePrincipal(over: Partial<Principal> = {}): Principal {
  return {
    accessKeyId: 'AKIDUPLOADER',
    secretAccessKey: 'uploader-secret',
    arn: ROLE_ARN,
    policies: 'unrestricted',
    ...over,
  }
}

export function allow(
  action: string | string[],
  resource: string | string[],
  condition?: Record<string, Record<string, string | string[]>>,
): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: action,
        Resource: resource,
        ...(condition && { Condition: condition }),
      },
    ],
  }
}

/** What reached an engine. */
interface SeenCall {
  service: string
  operation: string
  principalArn: string
  path: string
  payloadHash: string
  presigned: boolean
  input: unknown
  bodySha256: string
}

/** An engine that answers every call with an empty success and remembers it. */
export class RecordingEngine implements AwsEngine {
  readonly seen: SeenCall[] = []
  policy: PolicyDocument | undefined
  readonly #action: (call: AwsCall) => { action: string; resource: string }

  constructor(action: (call: AwsCall) => { action: string; resource: string }) {
    this.#action = action
  }

  accessRequests(call: AwsCall) {
    return [this.#action(call)]
  }

  resourcePolicy() {
    return this.policy
  }

  async handle(call: AwsCall, response: Parameters<AwsEngine['handle']>[1]): Promise<void> {
    const hash = createHash('sha256')
    if (call.input === undefined) for await (const chunk of call.request) hash.update(chunk)
    this.seen.push({
      service: call.service,
      operation: call.operation,
      principalArn: call.principalArn,
      path: decodeURIComponent(call.url.pathname),
      payloadHash: call.payloadHash,
      presigned: call.presigned,
      input: call.input,
      bodySha256: hash.digest('hex'),
    })
    if (call.input) response.setHeader('content-type', 'application/x-amz-json-1.0')
    response.end(call.input ? '{}' : '')
  }

  async close() {}
}

const S3_ACTIONS: Record<string, string> = {
  PUT: 's3:PutObject',
  GET: 's3:GetObject',
  HEAD: 's3:GetObject',
  DELETE: 's3:DeleteObject',
}

export function recordingS3(): RecordingEngine {
  return new RecordingEngine(({ request, url }) => ({
    action: S3_ACTIONS[request.method ?? ''] ?? 's3:Unknown',
    resource: `arn:aws:s3:::${decodeURIComponent(url.pathname.slice(1))}`,
  }))
}

export function recordingJson(service: string, resource: string): RecordingEngine {
  return new RecordingEngine(({ operation }) => ({ action: `${service}:${operation}`, resource }))
}

/** A gateway on a free port with two principals at most, closed by `close`. */
export async function startGateway(
  engines: Record<string, AwsEngine>,
  principals: Principal[],
  over: Partial<GatewayOptions> = {},
) {
  const store = new PrincipalStore()
  for (const principal of principals) store.register(principal)
  const clock = new ShiftedClock()
  const failures: unknown[] = []
  const gateway = createGateway({
    engines,
    principals: store,
    clock,
    onFailure: (failure) => failures.push(failure),
    ...over,
  })
  const { port } = await gateway.listen(0)
  return { gateway, store, clock, failures, port, endpoint: `http://127.0.0.1:${port}` }
}

/** Client options for a principal: one attempt, so that a refusal is seen and not repaired. */
export function clientConfig(endpoint: string, principal: Principal) {
  const { accessKeyId, secretAccessKey, sessionToken } = principal
  return {
    endpoint,
    region: LOCAL_REGION,
    maxAttempts: 1,
    credentials: {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
    },
  }
}
