/**
 * The sweep: every minute it reads what is due and nothing else, and asks the workers to look. It
 * repairs dead workers, lost S3 events and messages that were lost between a write and the queue,
 * and calls the keepers of accounts.
 */
import type { AccountStore } from '../accounts/account-store.ts'
import type { DeliveryStore } from '../deliveries/delivery-store.ts'
import { type Clock, MINUTE_MS } from '../platform/clock.ts'
import type { AccountQueue, UploadQueue } from '../platform/queues.ts'
import type { DueKind, Table } from '../platform/table.ts'
import type { UploadStore } from '../uploads/upload-store.ts'
import { DUE_KINDS, type DueEntry, readDue } from './due-store.ts'

export interface SweepDeps {
  table: Table
  uploads: UploadStore
  deliveries: DeliveryStore
  accounts: Pick<AccountStore, 'postpone'>
  queues: Record<Exclude<DueKind, 'account'>, UploadQueue> & { account: AccountQueue }
  clock: Clock
}

/** A worker that was asked has this long to claim before it is asked again. */
const ASK_AGAIN_MS = 2 * MINUTE_MS

/** Returns how many workers were asked. */
export async function sweepDue(deps: SweepDeps): Promise<number> {
  const due = await readDue(deps.table, deps.clock.now())
  // One that fails is due still, and must not keep the others from being asked.
  const postponed = await Promise.allSettled(due.map((entry) => postpone(deps, entry)))
  const taken = due.filter((_, index) => {
    const outcome = postponed[index]
    return outcome?.status === 'fulfilled' && outcome.value
  })
  const idsOf = (kind: DueKind) => taken.filter((each) => each.kind === kind).map(({ id }) => id)
  await Promise.all(
    DUE_KINDS.map((kind) =>
      kind === 'account'
        ? deps.queues.account.send(idsOf(kind))
        : deps.queues[kind].send(idsOf(kind).map((uploadId) => ({ uploadId }))),
    ),
  )
  return taken.length
}

/** The entry is a hint: of several sweeps one moves it on and asks. */
function postpone(deps: SweepDeps, { id, kind, dueSk }: DueEntry): Promise<boolean> {
  const atMs = deps.clock.now() + ASK_AGAIN_MS
  if (kind === 'account') return deps.accounts.postpone(id, dueSk, atMs)
  if (kind === 'upload') return deps.uploads.postpone(id, dueSk, atMs)
  return deps.deliveries.postpone(id, kind, dueSk, atMs)
}
