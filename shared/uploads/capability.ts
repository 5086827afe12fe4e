/** The two capabilities of a client's hand-over (security rule 6), each with a key of its own. */
import * as z from 'zod'
import { PortageError } from '../errors.ts'
import { type Clock, DAY_MS } from '../platform/clock.ts'
import { commonClaims, type KeyReader, openToken, signToken } from '../platform/signed-token.ts'

export type Audience = 'write' | 'read'

const claims = z.strictObject({
  ...commonClaims,
  audience: z.enum(['write', 'read']),
  submissionId: z.string(),
  portalId: z.string(),
  passwordVersion: z.number(),
})
export type Claims = z.infer<typeof claims>

export interface CapabilityKeys {
  write: KeyReader
  read: KeyReader
}

export const WRITE_TOKEN_MS = DAY_MS
/** Appending renews the write token, but never beyond this age of the submission. */
export const WRITE_TOKEN_RENEWABLE_MS = 7 * DAY_MS
export const READ_TOKEN_MS = 30 * DAY_MS

export function issueToken(keys: CapabilityKeys, issued: Omit<Claims, 'keyId'>): Promise<string> {
  return signToken<Claims>(keys[issued.audience], issued)
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
  const readKeys = (audience: Audience) =>
    audiences.includes(audience) ? keys[audience] : undefined
  const opened = await openToken(claims, readKeys, clock, token)
  if (!opened) {
    throw new PortageError('TOKEN_INVALID', 'Start the upload again to get a new token.')
  }
  if (opened === 'expired') {
    throw new PortageError('TOKEN_EXPIRED', 'Too much time has passed. Please start again.')
  }
  return opened
}
