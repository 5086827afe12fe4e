/**
 * Verifies AWS Signature Version 4, in the Authorization header or in the query, over the request
 * exactly as it arrived: raw path, raw query, raw headers
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html,
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
 *
 * Pure: time, principal and body hash are handed in; every refusal is a `SignatureFault`, which
 * the gateway words as the service would.
 *
 * Gaps: SigV4a and the plain `Date` header instead of `X-Amz-Date` are refused.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { SignatureSeed } from '../engine.ts'
import type { Principal } from './principals.ts'

/** "the request must be within 15 minutes": both ways, as for presigned requests from the future. */
const MAX_SKEW_MS = 15 * 60 * 1000
/** "604800 seconds (7 days)" is the longest life of a presigned URL. */
const MAX_EXPIRES_SECONDS = 604_800
const ALGORITHM = 'AWS4-HMAC-SHA256'
const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'

export type SignatureFaultKind =
  | 'malformed-request'
  | 'malformed-header'
  | 'malformed-query'
  | 'malformed-form'
  | 'two-mechanisms'
  | 'wrong-region'
  | 'wrong-token'
  | 'skewed'
  | 'not-yet-valid'
  | 'expired'
  | 'unsigned-headers'
  | 'missing-payload-hash'
  | 'payload-mismatch'
  | 'signature-mismatch'

/** Why a signature does not hold. */
export class SignatureFault extends Error {
  override name = 'SignatureFault' as const
  readonly kind: SignatureFaultKind
  /** Facts that the service puts into the error body. */
  readonly details: Record<string, string>

  constructor(kind: SignatureFaultKind, message: string, details: Record<string, string> = {}) {
    super(message)
    this.kind = kind
    this.details = details
  }
}

/** The parts of an incoming request that are signed; Node's IncomingMessage has this shape. */
interface SignedRequest {
  method?: string | undefined
  url?: string | undefined
  rawHeaders: readonly string[]
  headers: { readonly authorization?: string | undefined }
}

/** A signature as its request declares it, not yet verified. */
export interface DeclaredSignature {
  presigned: boolean
  accessKeyId: string
  /** `20261122/us-east-1/s3`. */
  scope: string
  region: string
  service: string
  signedHeaders: readonly string[]
  signature: string
  /** Life of a presigned URL. */
  expiresSeconds: number | undefined
  /** `X-Amz-Date` of a presigned URL; a header signature has it among the headers. */
  queryDate: string | undefined
  queryToken: string | undefined
  queryPayloadHash: string | undefined
  canonicalQuery: string
}

/** What verification found. */
interface VerifiedSignature {
  /** Hash that was signed for the body: hex, `UNSIGNED-PAYLOAD` or a `STREAMING-…` name. */
  payloadHash: string
  signedAtMs: number
  seed: SignatureSeed
}

/** Reads the signature of a request; undefined when it is not signed at all. */
export function readSignature(request: SignedRequest): DeclaredSignature | undefined {
  const rawUrl = request.url ?? '/'
  if (!/^[\x21-\x7e]*$/.test(rawUrl)) {
    throw new SignatureFault('malformed-request', "Couldn't parse the specified URI.")
  }
  const mark = rawUrl.indexOf('?')
  const query = parseQuery(mark < 0 ? '' : rawUrl.slice(mark + 1))
  const inQuery = query.some(([name]) => name === 'X-Amz-Algorithm' || name === 'X-Amz-Signature')
  const header = request.headers.authorization

  if (header !== undefined && inQuery) {
    throw new SignatureFault(
      'two-mechanisms',
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
    )
  }
  if (header !== undefined) return readHeader(header, query)
  return inQuery ? readQuery(query) : undefined
}

/**
 * Checks a declared signature against the principal that its access key names. `bodyHash` is the
 * hex SHA-256 of a body that was read already; without it (S3) the declared hash is what was
 * signed, and the engine verifies it while streaming.
 */
export function verifySignature(
  request: SignedRequest,
  declared: DeclaredSignature,
  principal: Principal,
  now: number,
  bodyHash?: string,
): VerifiedSignature {
  const headers = collectHeaders(request.rawHeaders, declared)
  const amzDate = declared.presigned ? declared.queryDate : headers.amzDate
  const signedAtMs = parseAmzDate(amzDate)
  if (amzDate === undefined || signedAtMs === undefined) {
    throw new SignatureFault(
      declared.presigned ? 'malformed-query' : 'malformed-header',
      'AWS authentication requires a valid Date or x-amz-date header',
    )
  }
  if (!declared.scope.startsWith(`${amzDate.slice(0, 8)}/`)) {
    throw new SignatureFault(
      'malformed-header',
      `Invalid credential date in ${declared.scope}: it is not the day of ${amzDate}`,
    )
  }
  if ((declared.presigned ? declared.queryToken : headers.token) !== principal.sessionToken) {
    throw wrongToken()
  }
  checkTime(declared, amzDate, signedAtMs, now)
  if (headers.unsigned.length > 0) {
    throw new SignatureFault(
      'unsigned-headers',
      'There were headers present in the request which were not signed',
      { HeadersNotSigned: headers.unsigned.join(', ') },
    )
  }

  const declaredHash = declared.presigned
    ? (declared.queryPayloadHash ?? headers.payloadHash ?? bodyHash ?? UNSIGNED_PAYLOAD)
    : (headers.payloadHash ?? bodyHash)
  if (declaredHash === undefined) {
    throw new SignatureFault(
      'missing-payload-hash',
      'Missing required header for this request: x-amz-content-sha256',
    )
  }
  const canonicalRequest = [
    request.method ?? 'GET',
    canonicalPath(request.url ?? '/', declared.service),
    declared.canonicalQuery,
    headers.canonical,
    declared.signedHeaders.join(';'),
    declaredHash,
  ].join('\n')
  // Header bytes arrive as latin1; signers hash the bytes that they send.
  const hashed = createHash('sha256').update(canonicalRequest, 'latin1').digest('hex')
  const toSign = `${ALGORITHM}\n${amzDate}\n${declared.scope}/aws4_request\n${hashed}`
  requireSignature(principal, declared, toSign)
  if (bodyHash !== undefined && declaredHash !== bodyHash) {
    throw new SignatureFault(
      'payload-mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )
  }
  const seed: SignatureSeed = {
    signature: declared.signature,
    amzDate,
    scope: `${declared.scope}/aws4_request`,
    sign: (text) =>
      createHmac('sha256', signingKey(principal, declared.scope)).update(text).digest('hex'),
  }
  return { payloadHash: declaredHash, signedAtMs, seed }
}

function requireSignature(
  principal: Principal,
  { scope, signature }: Pick<DeclaredSignature, 'scope' | 'signature'>,
  toSign: string,
): void {
  const expected = createHmac('sha256', signingKey(principal, scope)).update(toSign).digest()
  const given = Buffer.from(signature, 'hex')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new SignatureFault(
      'signature-mismatch',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    )
  }
}

type FormSignature = Pick<
  DeclaredSignature,
  'accessKeyId' | 'scope' | 'region' | 'service' | 'signature'
>

/**
 * Reads the signature of a browser's upload form; undefined when its fields hold no policy.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
 */
export function readFormSignature(fields: ReadonlyMap<string, string>): FormSignature | undefined {
  if (!fields.has('policy')) return undefined
  const [algorithm, credential, signature] = ['algorithm', 'credential', 'signature'].map((name) =>
    fields.get(`x-amz-${name}`),
  )
  if (algorithm !== ALGORITHM || !credential || !signature) {
    throw new SignatureFault(
      'malformed-form',
      "Bucket POST must contain fields named 'X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date' and 'X-Amz-Signature'. If they are specified, please check the order of the fields.",
    )
  }
  return { ...readCredential(credential, 'malformed-form'), signature }
}

/** Checks a form's signature, whose string to sign is the encoded policy; the policy has its own expiry. */
export function verifyFormSignature(
  fields: ReadonlyMap<string, string>,
  declared: FormSignature,
  principal: Principal,
): void {
  const amzDate = fields.get('x-amz-date')
  if (
    parseAmzDate(amzDate) === undefined ||
    !declared.scope.startsWith(`${amzDate?.slice(0, 8)}/`)
  ) {
    throw new SignatureFault('malformed-form', 'X-Amz-Date must be the date of the credential')
  }
  if (fields.get('x-amz-security-token') !== principal.sessionToken) throw wrongToken()
  requireSignature(principal, declared, fields.get('policy') ?? '')
}

function wrongToken(): SignatureFault {
  return new SignatureFault('wrong-token', 'The security token included in the request is invalid.')
}

type QueryPair = readonly [name: string, value: string]

function parseQuery(raw: string): QueryPair[] {
  if (raw === '') return []
  return raw
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=')
      return equals < 0
        ? ([decode(part), ''] as const)
        : ([decode(part.slice(0, equals)), decode(part.slice(equals + 1))] as const)
    })
}

/** A plus sign is a space, as the engines' `URL` reads it: what is verified is what is obeyed. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (cause) {
    if (!(cause instanceof URIError)) throw cause
    throw new SignatureFault('malformed-request', "Couldn't parse the specified URI.")
  }
}

/** "UriEncode every byte except the unreserved characters A-Z a-z 0-9 - . _ ~". */
function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (it) => `%${it.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function canonicalQuery(query: readonly QueryPair[]): string {
  const pairs: QueryPair[] = []
  for (const [name, value] of query) {
    if (name !== 'X-Amz-Signature') pairs.push([uriEncode(name), uriEncode(value)])
  }
  pairs.sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
  return pairs.map(([name, value]) => `${name}=${value}`).join('&')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function readHeader(header: string, query: readonly QueryPair[]): DeclaredSignature {
  const fields =
    /^AWS4-HMAC-SHA256\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9a-f]{64})$/.exec(
      header.trim(),
    )
  if (!fields) {
    throw new SignatureFault(
      'malformed-header',
      'The authorization header is malformed; it needs AWS4-HMAC-SHA256 with Credential, SignedHeaders and Signature.',
    )
  }
  const [, credential = '', signedHeaders = '', signature = ''] = fields
  return {
    ...readCredential(credential, 'malformed-header'),
    presigned: false,
    signedHeaders: signedHeaders.split(';'),
    signature,
    expiresSeconds: undefined,
    queryDate: undefined,
    queryToken: undefined,
    queryPayloadHash: undefined,
    canonicalQuery: canonicalQuery(query),
  }
}

function readQuery(query: readonly QueryPair[]): DeclaredSignature {
  const only = (name: string): string | undefined => {
    const found = query.filter((pair) => pair[0] === name)
    if (found.length > 1) {
      throw new SignatureFault('malformed-query', `Query parameter ${name} is given twice`)
    }
    return found[0]?.[1]
  }
  const algorithm = only('X-Amz-Algorithm')
  const credential = only('X-Amz-Credential')
  const signature = only('X-Amz-Signature')
  const queryDate = only('X-Amz-Date')
  const signedHeaders = only('X-Amz-SignedHeaders')
  const expires = only('X-Amz-Expires')
  if (!algorithm || !credential || !signature || !queryDate || !signedHeaders || !expires) {
    throw new SignatureFault(
      'malformed-query',
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    )
  }
  if (algorithm !== ALGORITHM) {
    throw new SignatureFault('malformed-query', `X-Amz-Algorithm only supports "${ALGORITHM}"`)
  }
  const expiresSeconds = /^\d{1,9}$/.test(expires) ? Number(expires) : Number.NaN
  if (!(expiresSeconds >= 1 && expiresSeconds <= MAX_EXPIRES_SECONDS)) {
    throw new SignatureFault(
      'malformed-query',
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
    )
  }
  return {
    ...readCredential(credential, 'malformed-query'),
    presigned: true,
    signedHeaders: signedHeaders.split(';'),
    signature,
    expiresSeconds,
    queryDate,
    queryToken: only('X-Amz-Security-Token'),
    queryPayloadHash: only('X-Amz-Content-Sha256'),
    canonicalQuery: canonicalQuery(query),
  }
}

function readCredential(
  credential: string,
  kind: 'malformed-header' | 'malformed-query' | 'malformed-form',
): Pick<DeclaredSignature, 'accessKeyId' | 'scope' | 'region' | 'service'> {
  const fields = /^([^/]+)\/((\d{8})\/([^/]+)\/([^/]+))\/aws4_request$/.exec(credential)
  if (!fields) {
    throw new SignatureFault(
      kind,
      'Error parsing the Credential; it must be "<access key>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    )
  }
  const [, accessKeyId = '', scope = '', , region = '', service = ''] = fields
  return { accessKeyId, scope, region, service }
}

function parseAmzDate(text: string | undefined): number | undefined {
  const fields = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '')
  if (!fields) return undefined
  const [, year, month, day, hour, minute, second] = fields.map(Number)
  return Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second)
}

function amzTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}

function checkTime(
  declared: DeclaredSignature,
  amzDate: string,
  signedAtMs: number,
  now: number,
): void {
  if (declared.expiresSeconds === undefined) {
    if (Math.abs(now - signedAtMs) <= MAX_SKEW_MS) return
    throw new SignatureFault(
      'skewed',
      'The difference between the request time and the current time is too large.',
      {
        RequestTime: amzDate,
        ServerTime: amzTime(now),
        MaxAllowedSkewMilliseconds: String(MAX_SKEW_MS),
      },
    )
  }
  if (signedAtMs - now > MAX_SKEW_MS) {
    throw new SignatureFault('not-yet-valid', 'Request is not yet valid', {
      ServerTime: amzTime(now),
    })
  }
  const expiresAtMs = signedAtMs + declared.expiresSeconds * 1000
  if (now > expiresAtMs) {
    throw new SignatureFault('expired', 'Request has expired', {
      'X-Amz-Expires': String(declared.expiresSeconds),
      Expires: amzTime(expiresAtMs),
      ServerTime: amzTime(now),
    })
  }
}

interface CollectedHeaders {
  /** Canonical headers with their closing empty line. */
  canonical: string
  /** Headers that had to be signed and were not. */
  unsigned: string[]
  amzDate: string | undefined
  token: string | undefined
  payloadHash: string | undefined
}

/**
 * One pass over the raw headers. "The host header and any x-amz-* header in the request must be
 * signed, and Content-Type if it is present": the last holds for header signatures only, since a
 * presigned URL cannot know it
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
 */
function collectHeaders(
  rawHeaders: readonly string[],
  declared: DeclaredSignature,
): CollectedHeaders {
  const { signedHeaders } = declared
  const values: (string | undefined)[] = []
  const collected: CollectedHeaders = {
    canonical: '',
    unsigned: signedHeaders.includes('host') ? [] : ['host'],
    amzDate: undefined,
    token: undefined,
    payloadHash: undefined,
  }
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    const value = (rawHeaders[at + 1] ?? '').trim().replace(/ {2,}/g, ' ')
    const index = signedHeaders.indexOf(name)
    if (index >= 0) {
      const before = values[index]
      values[index] = before === undefined ? value : `${before},${value}`
    } else if (name.startsWith('x-amz-') || (name === 'content-type' && !declared.presigned)) {
      collected.unsigned.push(name)
    }
    if (name === 'x-amz-date') collected.amzDate = value
    else if (name === 'x-amz-security-token') collected.token = value
    else if (name === 'x-amz-content-sha256') collected.payloadHash = value
  }
  for (const [index, name] of signedHeaders.entries()) {
    collected.canonical += `${name}:${values[index] ?? ''}\n`
  }
  return collected
}

/** "For Amazon S3 the path is URI-encoded once and not normalised; for other services twice." */
function canonicalPath(rawUrl: string, service: string): string {
  const mark = rawUrl.indexOf('?')
  const path = mark < 0 ? rawUrl : rawUrl.slice(0, mark)
  if (path === '/') return path
  const once = path
    .split('/')
    .map((segment) => uriEncode(decode(segment.replaceAll('+', '%2B'))))
    .join('/')
  return service === 's3' ? once : once.split('/').map(uriEncode).join('/')
}

/** Derived keys by principal and scope; a scope lasts one day. */
const signingKeys = new WeakMap<Principal, { scope: string; key: Buffer }[]>()
/** One principal signs for some services in two days at most. */
const MAX_SIGNING_KEYS = 24

function signingKey(principal: Principal, scope: string): Buffer {
  let keys = signingKeys.get(principal)
  const known = keys?.find((it) => it.scope === scope)
  if (known) return known.key
  if (!keys || keys.length >= MAX_SIGNING_KEYS) {
    keys = []
    signingKeys.set(principal, keys)
  }
  const key = [...scope.split('/'), 'aws4_request'].reduce<Buffer>(
    (previous, part) => createHmac('sha256', previous).update(part).digest(),
    Buffer.from(`AWS4${principal.secretAccessKey}`),
  )
  keys.push({ scope, key })
  return key
}
