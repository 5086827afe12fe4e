/**
 * The keeper of one account. After each change of its status, and about every 45 minutes besides:
 *
 *   portals follow → files that waited go on → token fresh, health probed, quota noted → rest
 *
 * Every step can be repeated, and the account stays due until the last one is done, so a keeper that
 * dies is followed by another within two minutes.
 */
import type { DeliveryStore } from '../deliveries/delivery-store.ts'
import { SECOND_MS } from '../platform/clock.ts'
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
function letGo(deps: TendDeps, account: Account, untilMs: number): Promise<boolean> {
  return deps.deliveries.releaseHeld(account.id, { untilMs, roomAgain: !isFull(account) })
}
