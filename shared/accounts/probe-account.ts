/** Asks the provider whether an account still works, and how much room it has. */
import { OauthRefused } from '../oauth/oauth-provider.ts'
import { isoTime } from '../platform/clock.ts'
import { TransactionRefused } from '../platform/table.ts'
import { ProviderFailure, ReconnectNeeded, RetryLater } from '../providers/failures.ts'
import type { AccessRegistry } from '../providers/registry.ts'
import { type Account, untilNextProbeMs } from './account.ts'
import { handleStorageAccountStatusChange, type StatusDeps } from './change-account-status.ts'
import { type FreshToken, withToken } from './fresh-token.ts'
import type { Grant } from './grant.ts'
import type { GrantStore } from './grant-store.ts'

export interface ProbeDeps extends StatusDeps {
  freshToken: FreshToken
  grants: Pick<GrantStore, 'mustBeThatRead'>
  provider: AccessRegistry
  random: () => number
}

export type Probe =
  | { outcome: 'works'; quota: NonNullable<Account['quota']> }
  /** The grant is no more: the account is DISCONNECTED by now. */
  | { outcome: 'refused' }
  /** The provider limits us, or answered for a grant that is replaced: neither says anything about the account. */
  | { outcome: 'limited' }
  | { outcome: 'fails'; lastError: string }

/** One question to the provider; of the answers only a dead grant changes the account's status. */
export async function probeAccount(deps: ProbeDeps, account: Account): Promise<Probe> {
  let used: Grant | undefined
  try {
    const { usedBytes, totalBytes = null } = await withToken(
      deps,
      account,
      (accessToken, grant) => {
        used = grant
        return deps.provider(account.provider).quota({ accessToken })
      },
    )
    return { outcome: 'works', quota: { usedBytes, totalBytes } }
  } catch (error) {
    if (error instanceof ReconnectNeeded) {
      return disconnectUnlessConsentedAnew(deps, account, used)
    }
    if (error instanceof RetryLater && LIMITS.includes(error.reason)) return { outcome: 'limited' }
    if (error instanceof ProviderFailure) {
      return { outcome: 'fails', lastError: 'PROVIDER_UNAVAILABLE' }
    }
    // A fault of this deployment, such as a wrong client secret: the owner's grant may be fine.
    if (error instanceof OauthRefused) return { outcome: 'fails', lastError: 'CONNECTION_REFUSED' }
    throw error
  }
}

/** The provider refused this very grant; a consent that came meanwhile says nothing about the new one. */
async function disconnectUnlessConsentedAnew(
  deps: ProbeDeps,
  account: Account,
  used: Grant | undefined,
): Promise<Probe> {
  try {
    await handleStorageAccountStatusChange(deps, account.id, 'GRANT_REFUSED', {
      actor: 'system',
      reason: 'PROBE_REFUSED',
      lastError: 'GRANT_REFUSED',
      ...(used ? { alongside: [deps.grants.mustBeThatRead(used)] } : {}),
    })
    return { outcome: 'refused' }
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    return { outcome: 'limited' }
  }
}

const LIMITS: string[] = ['RATE_LIMITED', 'DAILY_LIMIT']

/** Notes what a probe found; returns when the account is to be looked at next. */
export async function noteProbe(
  deps: Pick<ProbeDeps, 'accounts' | 'clock' | 'random'>,
  account: Account,
  probe: Extract<Probe, { outcome: 'works' | 'fails' | 'limited' }>,
): Promise<{ failures: number; probeAtMs: number | null }> {
  const failures =
    probe.outcome === 'works'
      ? 0
      : probe.outcome === 'fails'
        ? account.failures + 1
        : account.failures
  const waitMs = untilNextProbeMs({ status: account.status, failures }, deps.random())
  const probeAtMs = waitMs === null ? null : deps.clock.now() + waitMs
  await deps.accounts.noteProbe(account, {
    failures,
    probeAtMs,
    lastError:
      probe.outcome === 'works'
        ? null
        : probe.outcome === 'fails'
          ? probe.lastError
          : account.lastError,
    lastAccessedAt: probe.outcome === 'works' ? isoTime(deps.clock.now()) : account.lastAccessedAt,
    quota: probe.outcome === 'works' ? probe.quota : account.quota,
  })
  return { failures, probeAtMs }
}
