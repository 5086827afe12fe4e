/**
 * Capabilities: claims that we signed, under a key of their own purpose, so that one can never
 * stand for another.
 *
 *   base64url(JSON claims) "." base64url(HMAC-SHA256(key, "portage:" audience ":" claims))
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import type { Clock } from './clock.ts'
import type { SigningKeys } from './secrets.ts'

/** Members that every capability has beside its own. */
export const commonClaims = {
  audience: z.string(),
  keyId: z.string(),
  expiresAtMs: z.number(),
}

interface CommonClaims {
  audience: string
  keyId: string
  expiresAtMs: number
}

export type KeyReader = () => Promise<SigningKeys>

export async function signToken<Claims extends CommonClaims>(
  readKeys: KeyReader,
  claims: Omit<Claims, 'keyId'>,
): Promise<string> {
  const { currentKeyId, keys } = await readKeys()
  const key = keys.get(currentKeyId)
  if (!key) throw new Error(`Signing key ${currentKeyId} is not among the live ones`)
  const body = Buffer.from(JSON.stringify({ ...claims, keyId: currentKeyId })).toString('base64url')
  return `${body}.${signature(key, claims.audience, body).toString('base64url')}`
}

/** The claims of a token whose form, signature, audience and expiry hold; undefined when it is not ours, `expired` when it was. */
export async function openToken<Claims extends CommonClaims>(
  schema: z.ZodType<Claims>,
  readKeys: (audience: Claims['audience']) => KeyReader | undefined,
  clock: Clock,
  token: string,
): Promise<Claims | 'expired' | undefined> {
  const [body = '', mac = '', ...rest] = token.split('.')
  const claims = readClaims(schema, body)
  if (!claims || rest.length > 0) return undefined
  const keys = await readKeys(claims.audience)?.()
  const key = keys?.keys.get(claims.keyId)
  const given = Buffer.from(mac, 'base64url')
  const expected = key && signature(key, claims.audience, body)
  if (!expected || given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return undefined
  }
  return clock.now() >= claims.expiresAtMs ? 'expired' : claims
}

function signature(key: Buffer, audience: string, body: string): Buffer {
  return createHmac('sha256', key).update(`portage:${audience}:${body}`).digest()
}

function readClaims<Claims>(schema: z.ZodType<Claims>, body: string): Claims | undefined {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))).data
  } catch {
    // Not JSON: the token is not one of ours, which the caller answers like a wrong signature.
    return undefined
  }
}
