/** OAuth clients, and what every token endpoint does with a request of theirs. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Exchange } from './exchange.ts'
import { OAuthError } from './oauth-error.ts'

export interface OAuthClient {
  clientId: string
  clientSecret: string
  redirectUris: string[]
}

/** `client_secret_post` or `client_secret_basic` (RFC 6749, 2.3.1: both halves are form-encoded). */
export function clientCredentials(
  exchange: Exchange,
  form: URLSearchParams,
): { id: string; secret: string } {
  const header = exchange.request.headers.authorization
  if (!header?.startsWith('Basic ')) {
    return { id: form.get('client_id') ?? '', secret: form.get('client_secret') ?? '' }
  }
  const [user = '', ...password] = Buffer.from(header.slice(6), 'base64').toString().split(':')
  return { id: formDecode(user), secret: formDecode(password.join(':')) }
}

/** RFC 7636, 4.6; a challenge without a method is `plain`. */
export function verifierFits(
  verifier: string,
  challenge: string,
  method: string | undefined,
): boolean {
  if (method !== 'S256') return sameText(verifier, challenge)
  return sameText(createHash('sha256').update(verifier).digest('base64url'), challenge)
}

/** "Request and response parameters MUST NOT be included more than once." (RFC 6749, 3.2) */
export function refuseRepeated(form: URLSearchParams): void {
  const repeated = [...form.keys()].find((name) => form.getAll(name).length > 1)
  if (repeated === undefined) return
  const sentence = `OAuth 2 parameters can only have a single value: ${repeated}`
  throw new OAuthError(400, 'invalid_request', sentence)
}

export function requiredMember(form: URLSearchParams, name: string): string {
  const value = form.get(name)
  if (value) return value
  throw new OAuthError(400, 'invalid_request', `Missing required parameter: ${name}`)
}

function formDecode(text: string): string {
  return new URLSearchParams(`x=${text}`).get('x') ?? ''
}

export function sameText(left: string, right: string): boolean {
  const [one, other] = [left, right].map((text) => createHash('sha256').update(text).digest())
  return one !== undefined && other !== undefined && timingSafeEqual(one, other)
}
