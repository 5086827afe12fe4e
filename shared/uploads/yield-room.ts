/**
 * Room that is reserved and not used yields to who needs it (security rule 8). In a portal that is
 * what S3 has nothing of after two minutes: no object and no whole part. In the whole deployment also
 * what was reserved just now, for portals that hold more of the day than the portal that asks would
 * have: nobody can take the day from other portals without sending anything.
 */
import type { Reservations, Room } from '../limits/reservations.ts'
import { type Clock, isoTime, MINUTE_MS } from '../platform/clock.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import type { Table } from '../platform/table.ts'
import { readDueBetween } from '../schedule/due-store.ts'
import { type ExpireDeps, expireUpload } from './expire-upload.ts'
import { type Upload, wholeParts } from './upload.ts'
import { RESERVATION_MS } from './upload-arrival.ts'
import type { UploadStore } from './upload-store.ts'

export interface YieldDeps extends ExpireDeps {
  table: Table
  uploads: UploadStore
  staging: StagingBucket
  reservations: Reservations
  clock: Clock
}

/** `later`: nothing yields yet, and some of it will, unless its bytes come. */
export type Yielded = { outcome: 'made'; place?: number } | { outcome: 'later' | 'used' }

/** A reservation without a byte yields after this to whoever needs its room. */
export const IDLE_MS = 2 * MINUTE_MS
/** Older ones have ended or S3 has some of them, but for those that the sweep has not come to yet. */
const NEVER_IDLE_MS = 2 * RESERVATION_MS
/** Uploads of a portal that are looked at when some have to yield: a stranger asks for this. */
const LOOKED_AT = 1000
const PAGE = 100
/** No more end than have to, give or take these. */
const AT_ONCE = 10

/** Makes room in a portal that is full, or whose day is. */
export async function yieldInPortal(
  deps: YieldDeps,
  portalId: string,
  room: Room,
): Promise<Yielded> {
  const nowMs = deps.clock.now()
  const idle = { from: isoTime(nowMs - NEVER_IDLE_MS), to: isoTime(nowMs - IDLE_MS) }
  const toEnd = endUntilEnough(deps, room)
  let cursor: string | undefined
  for (let looked = 0; looked < LOOKED_AT; looked += PAGE) {
    const page = await deps.uploads.list({ portalId }, PAGE, cursor, idle)
    if (await toEnd(page.records)) break
    cursor = page.cursor
    if (cursor === undefined) break
  }
  if (toEnd.hasEnded()) return { outcome: 'made' }
  const fresh = await deps.uploads.list({ portalId }, PAGE, undefined, {
    from: isoTime(nowMs - IDLE_MS),
  })
  return { outcome: fresh.records.some(isPending) ? 'later' : 'used' }
}

/** Makes room in the deployment's day, in one of its places. */
export async function yieldAnywhere(
  deps: YieldDeps,
  portalId: string,
  room: Room,
): Promise<Yielded> {
  const pending = await pendingUploads(deps)
  const places = Map.groupBy(yielding(deps, pending, portalId, room), placeOf)
  const { shareOfDay } = deps.reservations
  const byRoom = [...places].toSorted(
    ([, one], [, other]) => shareOfDay(sum(other)) - shareOfDay(sum(one)),
  )
  // S3 may have bytes of all that lies in one place.
  for (const [place, uploads] of byRoom) {
    const toEnd = endUntilEnough(deps, room)
    await toEnd(uploads)
    if (toEnd.hasEnded()) return { outcome: 'made', place }
  }
  return { outcome: pending.length > 0 ? 'later' : 'used' }
}

/** As far as one look at the due index goes, which sees the oldest of a flood. */
async function pendingUploads(deps: YieldDeps): Promise<Upload[]> {
  const nowMs = deps.clock.now()
  const due = await readDueBetween(deps.table, nowMs, nowMs + RESERVATION_MS + 1)
  const ids = due.filter(({ kind }) => kind === 'upload').map(({ id }) => id)
  return (await deps.uploads.findMany(ids)).filter(isPending)
}

/** What may end for this portal's sake, in this order: what has been idle for long, then what is fresh and of those who hold the most. */
function yielding(deps: YieldDeps, pending: Upload[], portalId: string, room: Room): Upload[] {
  const { shareOfDay } = deps.reservations
  const [idle = [], fresh = []] = partition(pending, (upload) => isIdle(deps.clock, upload))
  const held = new Map<string, Room>()
  for (const upload of fresh) {
    held.set(upload.portalId, add(held.get(upload.portalId), roomOf(upload)))
  }
  const asked = shareOfDay(add(held.get(portalId), room))
  const shareOf = (upload: Upload) => shareOfDay(held.get(upload.portalId) ?? roomOf(upload))
  const yieldsNow = fresh
    .toSorted((one, other) => shareOf(other) - shareOf(one))
    .filter((upload) => {
      if (upload.portalId === portalId || shareOf(upload) <= asked) return false
      held.set(upload.portalId, add(held.get(upload.portalId), negative(roomOf(upload))))
      return true
    })
  return [...idle, ...yieldsNow]
}

/** Ends uploads of which S3 has nothing until what they held is enough; says when it is. */
function endUntilEnough(deps: YieldDeps, room: Room) {
  let ended: Room = { files: 0, bytes: 0 }
  const isEnough = () => ended.files >= room.files && ended.bytes >= room.bytes
  const end = async (uploads: Upload[]): Promise<boolean> => {
    const pending = uploads.filter(isPending)
    for (let first = 0; first < pending.length && !isEnough(); first += AT_ONCE) {
      const some = pending.slice(first, first + AT_ONCE)
      const outcomes = await Promise.all(some.map((upload) => endWithoutBytes(deps, upload)))
      ended = add(ended, sum(some.filter((_, index) => outcomes[index])))
    }
    return isEnough()
  }
  return Object.assign(end, { hasEnded: () => ended.files > 0 })
}

async function endWithoutBytes(deps: YieldDeps, upload: Upload): Promise<boolean> {
  const { stagingKey, multipartUploadId } = upload
  const hasBytes =
    multipartUploadId === undefined
      ? (await deps.staging.head(stagingKey)) !== undefined
      : wholeParts(upload, await deps.staging.listParts(stagingKey, multipartUploadId)).length > 0
  return !hasBytes && expireUpload(deps, upload)
}

function isPending({ status }: Upload): boolean {
  return status === 'pending'
}

function isIdle(clock: Clock, { createdAt }: Upload): boolean {
  return Date.parse(createdAt) <= clock.now() - IDLE_MS
}

function placeOf({ reserved }: Upload): number {
  return reserved?.place ?? 0
}

function roomOf({ fileSize }: Upload): Room {
  return { files: 1, bytes: fileSize }
}

function add(room: Room = { files: 0, bytes: 0 }, more: Room): Room {
  return { files: room.files + more.files, bytes: room.bytes + more.bytes }
}

function negative({ files, bytes }: Room): Room {
  return { files: -files, bytes: -bytes }
}

function sum(uploads: Upload[]): Room {
  return uploads.map(roomOf).reduce(add, { files: 0, bytes: 0 })
}

function partition<Value>(values: Value[], isFirst: (value: Value) => boolean): Value[][] {
  return [values.filter(isFirst), values.filter((value) => !isFirst(value))]
}
