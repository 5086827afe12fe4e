/**
 * The sweep: every minute it reads what is due and nothing else, and asks the workers to look. It
 * repairs dead workers, lost S3 events and messages that were lost between a write and the queue.
 */
import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import { type Clock, isoTime, MINUTE_MS } from '../platform/clock.ts'
import type { UploadQueue } from '../platform/queues.ts'
import { DUE_PARTITIONS, type DueKind, INDEX, type Table } from '../platform/table.ts'
import type { UploadStore } from '../uploads/upload-store.ts'
import type { DeliveryStore } from './delivery-store.ts'

export interface SweepDeps {
  table: Table
  uploads: UploadStore
  deliveries: DeliveryStore
  queues: Record<DueKind, UploadQueue>
  clock: Clock
}

interface DueEntry {
  uploadId: string
  kind: DueKind
  dueSk: string
}

/** A worker that was asked has this long to claim before it is asked again. */
const ASK_AGAIN_MS = 2 * MINUTE_MS
/** Entries of one partition that one run takes up; what is left comes a minute later. */
const PER_PARTITION = 200
const KINDS: DueKind[] = ['upload', 'small-delivery', 'large-delivery']

/** Returns how many workers were asked. */
export async function sweepDue(deps: SweepDeps): Promise<number> {
  const partitions = Array.from({ length: DUE_PARTITIONS }, (_, partition) => partition)
  const due = (await Promise.all(partitions.map((partition) => readDue(deps, partition)))).flat()
  // One that fails is due still, and must not keep the others from being asked.
  const postponed = await Promise.allSettled(due.map((entry) => postpone(deps, entry)))
  const taken = due.filter((_, index) => {
    const outcome = postponed[index]
    return outcome?.status === 'fulfilled' && outcome.value
  })
  await Promise.all(
    KINDS.map((kind) =>
      deps.queues[kind].send(
        taken.filter((entry) => entry.kind === kind).map(({ uploadId }) => ({ uploadId })),
      ),
    ),
  )
  return taken.length
}

async function readDue(deps: SweepDeps, partition: number): Promise<DueEntry[]> {
  const reply = await deps.table.client.send(
    new QueryCommand({
      TableName: deps.table.name,
      IndexName: INDEX.due,
      KeyConditionExpression: 'duePk = :partition AND dueSk < :now',
      ExpressionAttributeValues: {
        ':partition': `due#${partition}`,
        ':now': isoTime(deps.clock.now()),
      },
      Limit: PER_PARTITION,
    }),
  )
  return (reply.Items ?? []).flatMap((item) => dueEntry(String(item['dueSk'])) ?? [])
}

function dueEntry(dueSk: string): DueEntry | undefined {
  const [, kind, uploadId] = dueSk.split('#')
  const known = KINDS.find((each) => each === kind)
  return known && uploadId ? { uploadId, kind: known, dueSk } : undefined
}

/** The entry is a hint: of several sweeps one moves it on and asks. */
function postpone(deps: SweepDeps, entry: DueEntry): Promise<boolean> {
  const atMs = deps.clock.now() + ASK_AGAIN_MS
  return entry.kind === 'upload'
    ? deps.uploads.postpone(entry.uploadId, entry.dueSk, atMs)
    : deps.deliveries.postpone(entry.uploadId, entry.kind, entry.dueSk, atMs)
}
