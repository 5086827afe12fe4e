/**
 * The keeper of one account. After each change of its status, and about every 45 minutes besides:
 *
 *   portals follow → files that waited go on, also those that it can take in another account's place
 *   → token fresh, health probed, quota noted → rest
 *
 * Every step can be repeated, and the account stays due until the last one is done, so a keeper that
 * dies is followed by another within two minutes.
 */
import type { DeliveryStore } from '../deliveries/delivery-store.ts'
import { SECOND_MS } from '../platform/clock.ts'
import { accountsOf } from '../portals/portal.ts'
import { type Account, canCreateUploads, FAILURES_UNTIL_ERROR, isFull } from './account.ts'
import { handleStorageAccountStatusChange } from './change-account-status.ts'
import { followPortals } from './follow-portals.ts'
import { noteProbe, type ProbeDeps, probeAccount } from './probe-account.ts'

export interface TendDeps extends ProbeDeps {
  deliveries: Pick<DeliveryStore, 'releaseHeld'>
}

/** Kept free at the end of an invocation for one more chunk and the last write. */
const RESERVE_MS = 20 * SECOND_MS

/** `deadlineMs` is when the invocation ends, by the injected clock. What is not done by then is still due. */
export async function tendAccount(
  deps: TendDeps,
  accountId: string,
  deadlineMs: number,
): Promise<void> {
  const untilMs = deadlineMs - RESERVE_MS
  const account = await deps.accounts.find(accountId)
  if (!account) return
  if (!(await followPortals(deps, account, untilMs))) return
  if (canCreateUploads(account.status) && !(await letGo(deps, account, untilMs))) return
  if (account.probeAtMs === null || account.probeAtMs > deps.clock.now()) {
    return deps.accounts.rest(account, account.probeAtMs)
  }

  const probe = await probeAccount(deps, account)
  // The refusal has changed the account, which is due again for what follows from it.
  if (probe.outcome === 'refused') return
  const { failures, probeAtMs } = await noteProbe(deps, account, probe)
  if (probe.outcome === 'works' && account.status === 'ERROR') {
    await handleStorageAccountStatusChange(deps, account.id, 'RECOVERED', {
      actor: 'system',
      reason: 'PROBE_SUCCEEDED',
    })
    return
  }
  if (probe.outcome === 'fails' && failures >= FAILURES_UNTIL_ERROR) {
    const changed = await handleStorageAccountStatusChange(deps, account.id, 'FAILING', {
      actor: 'system',
      reason: probe.lastError,
      lastError: probe.lastError,
    })
    if (changed?.account.status !== account.status) return
  }
  await deps.accounts.rest(account, probeAtMs)
}

/** Files that waited for the account go on; those that waited for room do when there is some. */
async function letGo(deps: TendDeps, account: Account, untilMs: number): Promise<boolean> {
  const roomAgain = !isFull(account)
  if (!(await deps.deliveries.releaseHeld(account.id, { untilMs, roomAgain }))) return false
  return roomAgain ? standIn(deps, account, untilMs) : true
}

/** Files of portals that name this account as a backup need wait for their own no longer. */
async function standIn(deps: TendDeps, account: Account, untilMs: number): Promise<boolean> {
  const waitingAt = new Map<string, Set<string>>()
  for await (const portals of deps.portals.pagesByBackup(account.id)) {
    for (const portal of portals) {
      for (const accountId of accountsOf(portal).filter((id) => id !== account.id)) {
        waitingAt.set(accountId, (waitingAt.get(accountId) ?? new Set()).add(portal.id))
      }
    }
  }
  for (const [accountId, ofPortals] of waitingAt) {
    const release = { untilMs, roomAgain: true, ofPortals }
    if (!(await deps.deliveries.releaseHeld(accountId, release))) return false
  }
  return true
}
