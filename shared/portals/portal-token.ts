/** What the right password gives: an hour in which this portal's page is open to whoever has it (security rule 10). */
import * as z from 'zod'
import { type Clock, HOUR_MS } from '../platform/clock.ts'
import { commonClaims, type KeyReader, openToken, signToken } from '../platform/signed-token.ts'
import type { Portal } from './portal.ts'

const claims = z.strictObject({
  ...commonClaims,
  audience: z.literal('portal'),
  portalId: z.string(),
  passwordVersion: z.number(),
})
type Claims = z.infer<typeof claims>

const PORTAL_TOKEN_MS = HOUR_MS

export async function issuePortalToken(
  deps: { portalKeys: KeyReader; clock: Clock },
  portal: Pick<Portal, 'id' | 'passwordVersion'>,
): Promise<{ token: string; expiresAtMs: number }> {
  const expiresAtMs = deps.clock.now() + PORTAL_TOKEN_MS
  const token = await signToken<Claims>(deps.portalKeys, {
    audience: 'portal',
    portalId: portal.id,
    passwordVersion: portal.passwordVersion,
    expiresAtMs,
  })
  return { token, expiresAtMs }
}

/**
 * Whether the token is of this portal and of its present password; a portal without one is open to
 * everybody. An expired one opens nothing and is no fault: a page that kept it asks for the password.
 */
export async function opensPortal(
  deps: { portalKeys: KeyReader; clock: Clock },
  portal: Pick<Portal, 'id' | 'passwordHash' | 'passwordVersion'>,
  token: string | undefined,
): Promise<boolean> {
  if (portal.passwordHash === null) return true
  if (token === undefined) return false
  const opened = await openToken(claims, () => deps.portalKeys, deps.clock, token)
  if (opened === undefined || opened === 'expired') return false
  return opened.portalId === portal.id && opened.passwordVersion === portal.passwordVersion
}
