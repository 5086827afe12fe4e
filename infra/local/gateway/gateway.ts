/**
 * The AWS endpoint of this machine. For every call: Host, signature, permissions, then the engine.
 *
 * - A Host that is not this server's loopback name is 421; the service is the one in the
 *   signature's credential scope.
 * - JSON bodies are read and hashed before the signature is judged; S3 bodies stream to the engine
 *   untouched, which verifies the signed hash.
 * - Every permission that the engine names is evaluated against the caller's policies and the
 *   resource's own. A presigned URL is judged as its signer is at the time of use.
 * - An unsigned call of S3 is anonymous: only the bucket's policy can allow it. A browser's upload
 *   form is signed by its policy field.
 * - Replies carry the local cloud's time in `Date`, so that SDK clients follow a moved clock.
 *
 * Gaps: one region and one account; hosts named after a bucket are 421; no throttling of its own
 * (an interceptor refuses or delays calls on demand). Nothing is on disk: access keys are registered
 * anew at each start.
 */
import { hash, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import {
  type AccessRequest,
  type AwsCall,
  type AwsEngine,
  AwsError,
  LOCAL_ACCOUNT_ID,
  LOCAL_REGION,
} from '../engine.ts'
import type { PolicyDocument, RequestContext } from '../policy-document.ts'
import { type DeclaredSignature, readFormSignature, readSignature } from './declared-signature.ts'
import { signatureError, unknownKeyError, unsignedError, writeError } from './error-reply.ts'
import { type DecisionReason, evaluatePolicies } from './policy.ts'
import { callerArn, type Principal, type PrincipalStore } from './principals.ts'
import { SignatureFault } from './signature-fault.ts'
import { verifyFormSignature, verifySignature } from './sigv4.ts'

/** The largest JSON request of any service here is BatchWriteItem's 16 MB. */
const MAX_JSON_BODY_BYTES = 17 * 1024 * 1024
/** Calls that still run when the gateway closes get this long. */
const CLOSE_GRACE_MS = 2_000

/** What a fault hook makes of a call: let it pass, refuse it, or delay it. */
type Interception = AwsError | { delayMs: number } | undefined
type Interceptor = (call: AwsCall) => Interception | Promise<Interception>

/** How often a principal ran an operation. */
interface CallCount {
  service: string
  operation: string
  principalArn: string
  count: number
}

/** Nobody in particular: what a resource's own policy gives to everyone. */
const ANONYMOUS: Principal = {
  accessKeyId: '',
  secretAccessKey: '',
  arn: 'anonymous',
  policies: [],
}

/** Who calls, and how that is known. */
interface Caller extends Pick<AwsCall, 'payloadHash' | 'presigned' | 'seed' | 'form'> {
  principal: Principal
  rawBody: Buffer | undefined
  signedAtMs: number
  /** Value of `s3:authType`; absent when nothing was signed. */
  authType?: 'REST-HEADER' | 'REST-QUERY-STRING' | 'POST'
}

export interface GatewayOptions {
  /** Engines by the signing name of their service. */
  engines: Readonly<Record<string, AwsEngine>>
  principals: PrincipalStore
  clock: Clock
  /** Value of `aws:SecureTransport`: loopback counts as secure unless a test says otherwise. */
  secureTransport?: () => boolean
  /** Receives failures of engines and policies; never secrets. */
  onFailure?: (failure: unknown, call: { service: string; operation: string }) => void
}

export interface Gateway {
  /** Serves on 127.0.0.1; port 0 takes a free one. */
  listen(port: number): Promise<{ port: number }>
  /** Stops serving; the engines stay open. */
  close(): Promise<void>
  /** Adds a fault hook that sees every authorized call; returns what takes it away again. */
  intercept(interceptor: Interceptor): () => void
  /** Authorized calls since the start or the last reset. */
  calls(): CallCount[]
  resetCalls(): void
}

export function createGateway(options: GatewayOptions): Gateway {
  const { engines, principals, clock } = options
  const secureTransport = options.secureTransport ?? (() => true)
  const onFailure = options.onFailure ?? reportFailure
  const interceptors = new Set<Interceptor>()
  const counts = new Map<string, CallCount>()
  let hosts: readonly string[] = []

  const server = createServer(
    { keepAliveTimeout: 65_000, requestTimeout: 0 },
    (request, response) => {
      void serve(request, response)
    },
  )

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const host = request.headers.host ?? ''
    response.setHeader('date', new Date(clock.now()).toUTCString())
    if (!hosts.includes(host.toLowerCase())) {
      response.statusCode = 421
      response.setHeader('content-type', 'text/plain')
      response.end('Misdirected Request\n')
      return
    }
    const target = headerText(request.headers['x-amz-target'])
    const operation = target.slice(target.lastIndexOf('.') + 1)
    let service = target === '' ? 's3' : 'json'
    const requestId = target === '' ? randomBytes(8).toString('hex').toUpperCase() : randomUUID()
    response.setHeader('x-amz-request-id', requestId)
    if (target !== '') response.setHeader('x-amzn-requestid', requestId)

    try {
      const url = parseUrl(request.url ?? '/', host, target === '')
      const s3 = engines['s3']
      if (target === '' && request.method === 'OPTIONS') {
        if (s3?.handlePreflight?.(request, response, url)) return
        throw new AwsError(
          'AccessForbidden',
          'CORSResponse: This CORS request is not allowed.',
          403,
        )
      }
      if (target === '' && request.headers.origin !== undefined) {
        s3?.addCorsHeaders?.(request, response, url)
      }
      const declared = readSignature(request)
      service = declared?.service ?? service
      const engine = Object.hasOwn(engines, service) ? engines[service] : undefined
      if (!engine) {
        throw declared
          ? new AwsError('UnknownEndpoint', `No engine serves ${service} on this machine`, 404)
          : unsignedError(service)
      }
      const caller = declared
        ? await signedCaller(declared, request)
        : await unsignedCaller(engine, request)
      try {
        await call(engine, service, caller, request, response, url, operation, requestId)
      } finally {
        await caller.form?.release()
      }
    } catch (failure) {
      refuse(failure, service, operation, request, response, requestId)
    }
  }

  async function signedCaller(
    declared: DeclaredSignature,
    request: IncomingMessage,
  ): Promise<Caller> {
    const { service, presigned } = declared
    const principal = signer(declared)
    const rawBody = service === 's3' ? undefined : await readBody(request)
    const bodyHash = rawBody && hash('sha256', rawBody, 'hex')
    const verified = verifySignature(request, declared, principal, clock.now(), bodyHash)
    const authType = presigned ? 'REST-QUERY-STRING' : 'REST-HEADER'
    return { ...verified, principal, rawBody, presigned, authType }
  }

  /** Only S3 has forms and anonymous callers. */
  async function unsignedCaller(engine: AwsEngine, request: IncomingMessage): Promise<Caller> {
    const form = await engine.readUploadForm?.(request)
    const caller: Caller = {
      principal: ANONYMOUS,
      rawBody: undefined,
      payloadHash: headerText(request.headers['x-amz-content-sha256']) || 'UNSIGNED-PAYLOAD',
      presigned: false,
      signedAtMs: clock.now(),
    }
    if (!form) return caller
    const declared = readFormSignature(form.fields)
    if (!declared) return { ...caller, form }
    const principal = signer(declared)
    verifyFormSignature(form.fields, declared, principal)
    return { ...caller, principal, form, authType: 'POST' }
  }

  function signer({
    service,
    accessKeyId,
    region,
  }: Pick<DeclaredSignature, 'service' | 'accessKeyId' | 'region'>): Principal {
    const principal = principals.find(accessKeyId)
    if (!principal) throw unknownKeyError(service, accessKeyId)
    if (region !== LOCAL_REGION) {
      throw new SignatureFault(
        'wrong-region',
        `The authorization header is malformed; the region '${region}' is wrong; expecting '${LOCAL_REGION}'`,
        { Region: LOCAL_REGION },
      )
    }
    return principal
  }

  async function call(
    engine: AwsEngine,
    service: string,
    caller: Caller,
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    operation: string,
    requestId: string,
  ): Promise<void> {
    const { principal, rawBody } = caller
    const refusalOf = (access: AccessRequest) =>
      authorize(engine, access, common, principal, service)
    const awsCall: AwsCall = {
      requestId,
      service,
      operation: service === 's3' ? '' : operation,
      principalArn: principal.arn,
      request,
      url,
      input: rawBody && parseInput(rawBody),
      payloadHash: caller.payloadHash,
      presigned: caller.presigned,
      ...(caller.seed && { seed: caller.seed }),
      ...(caller.form && { form: caller.form }),
      refusalOf,
    }
    const common = commonContext(awsCall, caller)
    const accessRequests = await engine.accessRequests(awsCall)
    for (const access of accessRequests) {
      const refusal = refusalOf(access)
      if (refusal) throw refusal
    }
    count(awsCall, accessRequests)
    for (const interceptor of interceptors) {
      const interception = await interceptor(awsCall)
      if (interception instanceof AwsError) throw interception
      if (interception) await delay(interception.delayMs)
    }
    await engine.handle(awsCall, response)
  }

  function commonContext(awsCall: AwsCall, caller: Caller): RequestContext {
    const now = clock.now()
    const { principal, authType, presigned, signedAtMs } = caller
    const context: Record<string, string> = {
      'aws:SecureTransport': String(secureTransport()),
      'aws:PrincipalIsAWSService': 'false',
      'aws:ResourceAccount': LOCAL_ACCOUNT_ID,
      'aws:RequestedRegion': LOCAL_REGION,
      'aws:SourceIp': awsCall.request.socket.remoteAddress ?? '127.0.0.1',
      'aws:CurrentTime': new Date(now).toISOString(),
      'aws:EpochTime': String(Math.floor(now / 1000)),
    }
    if (principal !== ANONYMOUS) {
      context['aws:PrincipalArn'] = principal.arn
      context['aws:PrincipalAccount'] = LOCAL_ACCOUNT_ID
    }
    if (awsCall.service === 's3' && authType) {
      context['s3:authType'] = authType
      context['s3:signatureversion'] = 'AWS4-HMAC-SHA256'
      context['s3:x-amz-content-sha256'] = awsCall.payloadHash
      // "This condition works only for presigned URLs":
      // https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html
      if (presigned) context['s3:signatureAge'] = String(Math.max(0, now - signedAtMs))
    }
    return context
  }

  function authorize(
    engine: AwsEngine,
    access: AccessRequest,
    common: RequestContext,
    principal: Principal,
    service: string,
  ): AwsError | undefined {
    const own = engine.resourcePolicy?.(access.resource)
    const resourcePolicies: PolicyDocument[] = own ? [own] : []
    const context = access.context ? { ...access.context, ...common } : common
    const decision = evaluatePolicies(
      principal.policies,
      resourcePolicies,
      { action: access.action, resource: access.resource, context },
      principal,
    )
    if (decision.allowed) return undefined
    // What nobody in particular may not do is refused without a word about policies.
    if (principal === ANONYMOUS) return unsignedError(service)
    return accessDenied(service, principal, access, decision.reason)
  }

  function count(awsCall: AwsCall, accessRequests: readonly AccessRequest[]): void {
    const { service, principalArn } = awsCall
    const action = accessRequests[0]?.action ?? ''
    const operation = awsCall.operation || action.slice(action.indexOf(':') + 1)
    const key = `${service} ${operation} ${principalArn}`
    const known = counts.get(key)
    if (known) known.count++
    else counts.set(key, { service, operation, principalArn, count: 1 })
  }

  function refuse(
    failure: unknown,
    service: string,
    operation: string,
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): void {
    const known =
      failure instanceof SignatureFault
        ? signatureError(service, failure)
        : failure instanceof AwsError
          ? failure
          : undefined
    // A caller that hung up needs no reply, and its broken stream is not the engine's failure.
    if (!known && !request.destroyed && !response.destroyed) {
      onFailure(failure, { service, operation })
    }
    if (response.headersSent) {
      response.destroy()
      return
    }
    const error =
      known ??
      new AwsError(
        service === 's3' ? 'InternalError' : 'InternalServerError',
        'We encountered an internal error. Please try again.',
        500,
      )
    writeError(response, service, error, requestId, {
      contentType: request.headers['content-type'],
      head: request.method === 'HEAD',
    })
  }

  return {
    async listen(port) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, '127.0.0.1', () => {
          server.off('error', reject)
          resolve()
        })
      })
      const bound = (server.address() as AddressInfo).port
      hosts = [`127.0.0.1:${bound}`, `localhost:${bound}`]
      return { port: bound }
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
      await closed
      clearTimeout(cut)
    },
    intercept(interceptor) {
      interceptors.add(interceptor)
      return () => interceptors.delete(interceptor)
    },
    calls: () => [...counts.values()].map((it) => ({ ...it })),
    resetCalls: () => counts.clear(),
  }
}

function reportFailure(failure: unknown, call: { service: string; operation: string }): void {
  const text = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
  process.stderr.write(`aws ${call.service} ${call.operation}: ${text}\n`)
}

function headerText(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** Of a key with `.` or `..` segments only the query becomes a URL: the path would be folded. */
function parseUrl(rawUrl: string, host: string, isS3: boolean): URL {
  const mark = rawUrl.indexOf('?')
  const path = mark < 0 ? rawUrl : rawUrl.slice(0, mark)
  const isFolded = path.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment))
  const target = isFolded && isS3 && mark >= 0 ? `/${rawUrl.slice(mark)}` : isFolded ? '/' : rawUrl
  // What `URL` would cut or turn round is not what was signed.
  const isPlain = rawUrl.startsWith('/') && !/[\\#]/.test(rawUrl) && (isS3 || !isFolded)
  const url = isPlain ? URL.parse(`http://${host}${target}`) : null
  if (!url) throw new AwsError('InvalidURI', "Couldn't parse the specified URI.", 400)
  return url
}

function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MAX_JSON_BODY_BYTES) {
        chunks.push(chunk)
        return
      }
      reject(new AwsError('RequestEntityTooLargeException', 'Request size exceeded the limit', 413))
      request.destroy()
    })
    request.once('end', () => {
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks))
    })
    request.once('error', reject)
  })
}

function parseInput(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {}
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString())
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new AwsError('SerializationException', 'The request body is not JSON')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new AwsError('SerializationException', 'The request body is not a JSON object')
  }
  return parsed as Record<string, unknown>
}

function accessDenied(
  service: string,
  principal: Principal,
  access: AccessRequest,
  reason: DecisionReason,
): AwsError {
  const because = {
    'identity-deny': 'with an explicit deny in an identity-based policy',
    'resource-deny': 'with an explicit deny in a resource-based policy',
    'no-resource-allow': `because no resource-based policy allows the ${access.action} action`,
    'no-identity-allow': `because no identity-based policy allows the ${access.action} action`,
    'identity-allow': '',
    'resource-allow': '',
  }[reason]
  const resource = service === 's3' ? `"${access.resource}"` : access.resource
  const message = `User: ${callerArn(principal)} is not authorized to perform: ${access.action} on resource: ${resource} ${because}`
  return service === 's3'
    ? new AwsError('AccessDenied', message, 403)
    : new AwsError('AccessDeniedException', message, 400)
}
