/**
 * The sweep: every minute it reads what is due and nothing else, and asks the workers to look. It
 * repairs dead workers, lost S3 events and messages that were lost between a write and the queue.
 */
import { type Clock, MINUTE_MS } from '../platform/clock.ts'
import type { UploadQueue } from '../platform/queues.ts'
import type { DueKind, Table } from '../platform/table.ts'
import type { UploadStore } from '../uploads/upload-store.ts'
import type { DeliveryStore } from './delivery-store.ts'
import { DUE_KINDS, type DueEntry, readDue } from './due-store.ts'

export interface SweepDeps {
  table: Table
  uploads: UploadStore
  deliveries: DeliveryStore
  queues: Record<DueKind, UploadQueue>
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
  await Promise.all(
    DUE_KINDS.map((kind) =>
      deps.queues[kind].send(
        taken.filter((entry) => entry.kind === kind).map(({ uploadId }) => ({ uploadId })),
      ),
    ),
  )
  return taken.length
}

/** The entry is a hint: of several sweeps one moves it on and asks. */
function postpone(deps: SweepDeps, entry: DueEntry): Promise<boolean> {
  const atMs = deps.clock.now() + ASK_AGAIN_MS
  return entry.kind === 'upload'
    ? deps.uploads.postpone(entry.uploadId, entry.dueSk, atMs)
    : deps.deliveries.postpone(entry.uploadId, entry.kind, entry.dueSk, atMs)
}
