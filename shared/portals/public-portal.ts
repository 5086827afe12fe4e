/** What anybody with the link may know of a portal: never its owner, never its account. */
import type { AccountStore } from '../accounts/account-store.ts'
import { MAX_FILES_PER_INTENT } from '../contract/limits.ts'
import type {
  AcceptanceReason,
  PublicPortalReply,
  PublicReason,
  VerifyPasswordReply,
} from '../contract/portals.ts'
import { PortageError } from '../errors.ts'
import type { RateLimits, RateRule } from '../limits/rate-limits.ts'
import { isLimited } from '../limits/reservations.ts'
import { tooManyAttempts } from '../limits/too-many-attempts.ts'
import { type Clock, isoTime, MINUTE_MS, SECOND_MS } from '../platform/clock.ts'
import type { KeyReader } from '../platform/signed-token.ts'
import { largestFileBytes } from './largest-file.ts'
import { accountsOf, getPortalUploadAcceptance, type Portal } from './portal.ts'
import { isPassword } from './portal-password.ts'
import type { PortalStore } from './portal-store.ts'
import { issuePortalToken, opensPortal } from './portal-token.ts'

export interface PublicPortalDeps {
  portals: PortalStore
  accounts: AccountStore
  limits: RateLimits
  portalKeys: KeyReader
  clock: Clock
}

/** Who asks: the client's address, and the token that a right password gave. */
export interface Visitor {
  address: string
  token: string | undefined
}

/** Somebody who mistypes a link may do so now and then; somebody who tries them out may not. */
const MISSES: RateRule = { purpose: 'slug-miss', times: 30, perMs: 15 * MINUTE_MS }
const GUESSES: RateRule = { purpose: 'password', times: 5, perMs: 15 * MINUTE_MS }
/** Guesses from everywhere together: beyond them each waits a little, and nobody is locked out. */
const GUESSES_OF_ALL: RateRule = { purpose: 'password-all', times: 20, perMs: MINUTE_MS }
const SLOW_DOWN_MS = 2 * SECOND_MS

const PUBLIC_REASON: Record<AcceptanceReason, PublicReason> = {
  PORTAL_CLOSED: 'closed',
  DEADLINE_PASSED: 'late',
  LIMIT_REACHED: 'full',
  STORAGE_INACTIVE: 'paused',
  STORAGE_DISCONNECTED: 'paused',
  STORAGE_ERROR: 'paused',
}

export async function getPublicPortal(
  deps: PublicPortalDeps,
  slug: string,
  visitor: Visitor,
): Promise<PublicPortalReply> {
  const portal = await portalOfSlug(deps, slug, visitor.address)
  if (!(await opensPortal(deps, portal, visitor.token))) {
    return { portalId: portal.id, name: portal.name, passwordRequired: true }
  }
  const [accounts, remaining] = await Promise.all([
    Promise.all(accountsOf(portal).map((accountId) => deps.accounts.find(accountId))),
    isLimited(portal) ? deps.portals.remainingOf([portal.id]) : undefined,
  ])
  const { acceptsUploads, reason } = getPortalUploadAcceptance(portal, {
    statusOf: (accountId) => accounts.find((account) => account?.id === accountId)?.status,
    remaining: remaining?.get(portal.id),
    nowMs: deps.clock.now(),
  })
  return {
    portalId: portal.id,
    name: portal.name,
    passwordRequired: portal.passwordHash !== null,
    instructions: portal.instructions,
    fields: portal.fields,
    limits: {
      maxFileBytes: largestFileBytes(portal),
      maxFilesPerIntent: MAX_FILES_PER_INTENT,
      allowedTypes: portal.allowedTypes,
    },
    deadline: portal.deadline,
    acceptsUploads,
    ...(reason === undefined ? {} : { reason: PUBLIC_REASON[reason] }),
  }
}

/** The attempt is counted before the password is computed, so that many at once count as many. */
export async function verifyPortalPassword(
  deps: PublicPortalDeps & { sleep: (ms: number) => Promise<void> },
  slug: string,
  password: string,
  address: string,
): Promise<VerifyPasswordReply> {
  const portal = await portalOfSlug(deps, slug, address)
  const guesser = `${portal.id}#${address}`
  const { retryAfterMs } = await deps.limits.take(GUESSES, guesser)
  if (retryAfterMs > 0)
    throw tooManyAttempts('Too many passwords were tried from here.', retryAfterMs)
  if ((await deps.limits.take(GUESSES_OF_ALL, portal.id)).retryAfterMs > 0) {
    await deps.sleep(SLOW_DOWN_MS)
  }
  if (portal.passwordHash !== null && !(await isPassword(password, portal.passwordHash))) {
    throw new PortageError('WRONG_PASSWORD', 'Check it for typing errors, or ask for it again.')
  }
  // Who knows it does not guess: a whole office behind one address may come in.
  await deps.limits.giveBack(GUESSES, guesser)
  const { token, expiresAtMs } = await issuePortalToken(deps, portal)
  return { token, expiresAt: isoTime(expiresAtMs) }
}

/** Unknown and deleted links answer alike, and whoever meets many of them waits. */
async function portalOfSlug(
  deps: PublicPortalDeps,
  slug: string,
  address: string,
): Promise<Portal> {
  const [portal, missed] = await Promise.all([
    deps.portals.findBySlug(slug),
    deps.limits.look(MISSES, address),
  ])
  if (missed.retryAfterMs > 0) {
    throw tooManyAttempts(
      'Too many links that lead nowhere were tried from here.',
      missed.retryAfterMs,
    )
  }
  if (portal) return portal
  await deps.limits.take(MISSES, address)
  throw new PortageError(
    'PORTAL_NOT_FOUND',
    'This link leads nowhere. Check it for typing errors, or ask for a new one.',
  )
}
