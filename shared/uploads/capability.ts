/**
 * The two capabilities of a client (security rule 6). Each is an HMAC over its own claims, under a
 * key of its own purpose, so that one can never stand for the other.
 *
 *   base64url(JSON claims) "." base64url(HMAC-SHA256(key, "portage:" audience ":" claims))
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import { PortageError } from '../errors.ts'
import { type Clock, DAY_MS } from '../platform/clock.ts'
import type { SigningKeys } from '../platform/secrets.ts'

export type Audience = 'write' | 'read'

const claims = z.strictObject({
  audience: z.enum(['write', 'read']),
  keyId: z.string(),
  submissionId: z.string(),
  portalId: z.string(),
  passwordVersion: z.number(),
  expiresAtMs: z.number(),
})
export type Claims = z.infer<typeof claims>

export interface CapabilityKeys {
  write: () => Promise<SigningKeys>
  read: () => Promise<SigningKeys>
}

export const WRITE_TOKEN_MS = DAY_MS
/** Appending renews the write token, but never beyond this age of the submission. */
export const WRITE_TOKEN_RENEWABLE_MS = 7 * DAY_MS
export const READ_TOKEN_MS = 30 * DAY_MS

export async function issueToken(
  keys: CapabilityKeys,
  issued: Omit<Claims, 'keyId'>,
): Promise<string> {
  const { currentKeyId, keys: values } = await keys[issued.audience]()
  const key = values.get(currentKeyId)
  if (!key) throw new Error(`Signing key ${currentKeyId} is not among the live ones`)
  const body = Buffer.from(JSON.stringify({ ...issued, keyId: currentKeyId })).toString('base64url')
  return `${body}.${signature(key, issued.audience, body).toString('base64url')}`
}

/** The claims of a token whose signature, audience and expiry hold; 401 otherwise. */
export async function verifyToken(
  keys: CapabilityKeys,
  clock: Clock,
  token: string | undefined,
  audiences: Audience[],
): Promise<Claims> {
  if (token === undefined) {
    throw new PortageError(
      'TOKEN_REQUIRED',
      'Send the token that came with the upload as Authorization: Bearer.',
    )
  }
  const invalid = new PortageError('TOKEN_INVALID', 'Start the upload again to get a new token.')
  const [body = '', mac = '', ...rest] = token.split('.')
  const parsed = readClaims(body)
  if (!parsed || rest.length > 0 || !audiences.includes(parsed.audience)) throw invalid
  const key = (await keys[parsed.audience]()).keys.get(parsed.keyId)
  const given = Buffer.from(mac, 'base64url')
  const expected = key && signature(key, parsed.audience, body)
  if (!expected || given.length !== expected.length || !timingSafeEqual(given, expected))
    throw invalid
  if (clock.now() >= parsed.expiresAtMs) {
    throw new PortageError('TOKEN_EXPIRED', 'Too much time has passed. Start the upload again.')
  }
  return parsed
}

function signature(key: Buffer, audience: Audience, body: string): Buffer {
  return createHmac('sha256', key).update(`portage:${audience}:${body}`).digest()
}

function readClaims(body: string): Claims | undefined {
  try {
    return claims.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))).data
  } catch {
    // Not JSON: the token is not one of ours, which the caller answers like a wrong signature.
    return undefined
  }
}
