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
import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { SignatureSeed } from '../engine.ts'
import { canonicalPath } from './canonical-uri.ts'
import {
  ALGORITHM,
  type DeclaredSignature,
  type FormSignature,
  type SignedRequest,
} from './declared-signature.ts'
import type { Principal } from './principals.ts'
import { SignatureFault } from './signature-fault.ts'

/** "the request must be within 15 minutes": both ways, as for presigned requests from the future. */
const MAX_SKEW_MS = 15 * 60 * 1000
const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'

/** What verification found. */
interface VerifiedSignature {
  /** Hash that was signed for the body: hex, `UNSIGNED-PAYLOAD` or a `STREAMING-…` name. */
  payloadHash: string
  signedAtMs: number
  seed: SignatureSeed
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
  if (headers.isIncomplete) throw mismatch()
  const canonicalRequest = [
    request.method ?? 'GET',
    canonicalPath(request.url ?? '/', declared.service),
    declared.canonicalQuery,
    headers.canonical,
    declared.signedHeaders.join(';'),
    declaredHash,
  ].join('\n')
  // Header bytes arrive as latin1; signers hash the bytes that they send.
  const hashed = hash('sha256', Buffer.from(canonicalRequest, 'latin1'), 'hex')
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
  const expected = createHmac('sha256', signingKey(principal, scope)).update(toSign).digest('hex')
  // The digits themselves are compared: another spelling of the same bytes was not signed.
  const given = Buffer.from(signature)
  if (given.length !== expected.length || !timingSafeEqual(given, Buffer.from(expected))) {
    throw mismatch()
  }
}

function mismatch(): SignatureFault {
  return new SignatureFault(
    'signature-mismatch',
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
  )
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
  /** A header that was signed has not arrived; an empty one would hash alike. */
  isIncomplete: boolean
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
    isIncomplete: false,
    amzDate: undefined,
    token: undefined,
    payloadHash: undefined,
  }
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    const value = (rawHeaders[at + 1] ?? '').trim().replace(/\s+/g, ' ')
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
    if (values[index] === undefined) collected.isIncomplete = true
    collected.canonical += `${name}:${values[index] ?? ''}\n`
  }
  return collected
}

/** Derived keys by principal and scope; a scope lasts one day. */
const signingKeys = new WeakMap<Principal, { scope: string; key: KeyObject }[]>()
/** One principal signs for some services in two days at most. */
const MAX_SIGNING_KEYS = 24

/** A key object signs in a seventh of the time that the same key takes as bytes. */
function signingKey(principal: Principal, scope: string): KeyObject {
  let keys = signingKeys.get(principal)
  const known = keys?.find((it) => it.scope === scope)
  if (known) return known.key
  if (!keys || keys.length >= MAX_SIGNING_KEYS) {
    keys = []
    signingKeys.set(principal, keys)
  }
  const bytes = [...scope.split('/'), 'aws4_request'].reduce<Buffer>(
    (previous, part) => createHmac('sha256', previous).update(part).digest(),
    Buffer.from(`AWS4${principal.secretAccessKey}`),
  )
  const key = createSecretKey(bytes)
  keys.push({ scope, key })
  return key
}
