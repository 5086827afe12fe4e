/**
 * The one transaction of an intent. Its conditions say what may stand in the way, and each has its
 * own way on: another intent of this address, an account that has stopped, a portal that is full,
 * a day's room that is used up.
 */
import type { Account } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import { PortageError } from '../errors.ts'
import type { AddressStore, OpenSubmissions } from '../limits/open-submissions.ts'
import {
  type CapRefusal,
  DEPLOYMENT_PLACES,
  type Reservations,
  type Reserved,
  type Room,
} from '../limits/reservations.ts'
import { type Clock, DAY_MS, isoTime, MINUTE_MS, SECOND_MS } from '../platform/clock.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import { type Table, type TransactItem, TransactionRefused, transact } from '../platform/table.ts'
import { accountsOf, type Portal } from '../portals/portal.ts'
import { readDueBetween } from '../schedule/due-store.ts'
import { expireUpload } from './expire-upload.ts'
import { getUploadRules } from './file-binding.ts'
import type { SubmissionStore } from './submission-store.ts'
import type { Upload } from './upload.ts'
import { RESERVATION_MS } from './upload-arrival.ts'
import type { UploadStore } from './upload-store.ts'

export interface ReserveDeps {
  table: Table
  accounts: AccountStore
  uploads: UploadStore
  submissions: SubmissionStore
  staging: StagingBucket
  addresses: AddressStore
  reservations: Reservations
  openSubmissionsPerAddress: number
  clock: Clock
  random: () => number
}

/** Where the files of an intent will go, and what it holds until they are there. */
export interface Placed {
  account: Pick<Account, 'id' | 'provider'>
  reserved: Omit<Reserved, 'bytes'>
}

/** An intent as far as its transaction goes. */
export interface RoomIntent {
  portal: Portal
  room: Room
  /** Of a first intent: who hands over, from where, and what is open from there. */
  opening?: { submissionId: string; address: string; seen: OpenSubmissions }
  /** The writes of submission and uploads, once it is known where they go. */
  writes: (placed: Placed) => TransactItem[]
}

/** Each attempt gets one of the things out of the way that may stand there. */
const ATTEMPTS = 4 + 2 * DEPLOYMENT_PLACES
/** A reservation without a byte yields after this to whoever needs its room. */
const IDLE_MS = 2 * MINUTE_MS
/** Older ones have ended or S3 has some of them, but for those that the sweep has not come to yet. */
const NEVER_IDLE_MS = 2 * RESERVATION_MS
/** Uploads of a portal that are looked at when some have to yield: a stranger asks for this. */
const LOOKED_AT = 1000
const PAGE = 100
/** No more end than have to, give or take these. */
const AT_ONCE = 10

/** Opens at this address; 429 when too much is open there already. */
export async function mayOpen(deps: ReserveDeps, address: string): Promise<OpenSubmissions> {
  const seen = await deps.addresses.find(address)
  if (Object.keys(seen.open).length < deps.openSubmissionsPerAddress) return seen
  const open = await stillOpen(deps, seen.open)
  const ends = Object.values(open)
  if (ends.length < deps.openSubmissionsPerAddress) return { ...seen, open }
  throw new PortageError(
    'TOO_MANY_SUBMISSIONS',
    'Finish or cancel what you have begun to send, or wait for some minutes.',
    { facts: { retryAfterSeconds: secondsUntil(deps.clock, Math.min(...ends)) } },
  )
}

/**
 * Those of which something is still to come; looked up only when the address has no more room. One
 * too long for a look counts until its time is over, or what is still to come could hide at its end.
 */
async function stillOpen(
  deps: ReserveDeps,
  open: OpenSubmissions['open'],
): Promise<OpenSubmissions['open']> {
  const entries = await Promise.all(
    Object.entries(open).map(async (entry) => {
      const { uploads, cursor } = await deps.submissions.listUploads(entry[0], undefined)
      const hasMore = cursor !== undefined
      return hasMore || uploads.some(({ status }) => status === 'pending') ? [entry] : []
    }),
  )
  return Object.fromEntries(entries.flat())
}

/** Writes the intent; returns where its files go. Throws the problem that a client can read. */
export async function reserveRoom(deps: ReserveDeps, intent: RoomIntent): Promise<Placed> {
  const { portal, room } = intent
  if (deps.reservations.neverFits(room)) throw moreThanADayTakes()
  let account: Placed['account'] = { id: portal.storageAccountId, provider: portal.storageProvider }
  let place = Math.floor(deps.random() * DEPLOYMENT_PLACES)
  let placesTried = 1
  let { opening } = intent
  let hasYielded = false
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const taken = deps.reservations.take(portal, room, place)
    const steps: [TransactItem, Refusal][] = [
      ...intent.writes({ account, reserved: taken.reserved }).map(asStep('INTENT')),
      [deps.accounts.mustBeActive(account.id), 'ACCOUNT'],
      ...(opening ? [[openingWrite(deps, opening), 'ADDRESS'] as [TransactItem, Refusal]] : []),
      ...taken.writes,
    ]
    try {
      await transact(
        deps.table,
        steps.map(([item]) => item),
      )
      return { account, reserved: taken.reserved }
    } catch (error) {
      if (!(error instanceof TransactionRefused)) throw error
      const refusals = new Set(
        steps.flatMap(([, name], n) => (error.items[n] === undefined ? [] : name)),
      )
      if (refusals.has('INTENT')) throw busy(error)
      if (refusals.has('ADDRESS') && opening) {
        opening = { ...opening, seen: await mayOpen(deps, opening.address) }
      } else if (refusals.has('ACCOUNT')) {
        account = await acceptingAccount(deps, portal)
      } else if (refusals.has('PORTAL_FULL') || refusals.has('PORTAL_CAP')) {
        if (hasYielded || !(await yieldIdle(deps, ofPortal(deps, portal.id), room))) {
          throw refusals.has('PORTAL_FULL') ? full() : dailyLimit(deps.clock)
        }
        hasYielded = true
      } else {
        if (placesTried === DEPLOYMENT_PLACES) {
          if (hasYielded || !(await yieldIdle(deps, anywhere(deps), room))) {
            throw dailyLimit(deps.clock)
          }
          hasYielded = true
          placesTried = 0
        }
        place += 1
        placesTried += 1
      }
    }
  }
  throw busy(undefined)
}

type Refusal = CapRefusal | 'INTENT' | 'ACCOUNT' | 'ADDRESS'

function asStep(refusal: Refusal): (item: TransactItem) => [TransactItem, Refusal] {
  return (item) => [item, refusal]
}

function openingWrite(
  deps: ReserveDeps,
  { submissionId, address, seen }: NonNullable<RoomIntent['opening']>,
): TransactItem {
  return deps.addresses.save(address, seen, {
    ...seen.open,
    [submissionId]: deps.clock.now() + RESERVATION_MS,
  })
}

/** The portal's own account has stopped: the first of its backups that takes files, if any. */
async function acceptingAccount(deps: ReserveDeps, portal: Portal): Promise<Placed['account']> {
  const accounts = await Promise.all(accountsOf(portal).map((id) => deps.accounts.find(id)))
  const known = accounts.filter((account) => account !== undefined)
  const { storageAccountId, storageProvider, backupStorageAccountIds } = portal
  const rules = getUploadRules(storageAccountId, storageProvider, known, backupStorageAccountIds)
  const account = rules.canUpload && known.find(({ id }) => id === rules.storageAccountId)
  if (account) return account
  throw new PortageError(
    'PORTAL_CANNOT_ACCEPT_UPLOADS',
    'It is paused at the moment. Please try again later or ask its owner.',
  )
}

/** Ends as many of these reservations, of which S3 has no byte, as make the room; true when there was one. */
async function yieldIdle(
  deps: ReserveDeps,
  candidates: AsyncIterable<Upload[]>,
  room: Room,
): Promise<boolean> {
  const ended: Upload[] = []
  const isEnough = () =>
    ended.length >= room.files && ended.reduce((sum, each) => sum + each.fileSize, 0) >= room.bytes
  for await (const uploads of candidates) {
    const pending = uploads.filter((upload) => upload.status === 'pending')
    for (let first = 0; first < pending.length && !isEnough(); first += AT_ONCE) {
      const some = pending.slice(first, first + AT_ONCE)
      const outcomes = await Promise.all(some.map((upload) => endIfIdle(deps, upload)))
      ended.push(...some.filter((_, index) => outcomes[index]))
    }
    if (isEnough()) break
  }
  return ended.length > 0
}

/** Uploads of a portal that may be idle; not those that have just begun, behind which older ones could hide. */
async function* ofPortal(deps: ReserveDeps, portalId: string): AsyncGenerator<Upload[]> {
  const nowMs = deps.clock.now()
  const period = { from: isoTime(nowMs - NEVER_IDLE_MS), to: isoTime(nowMs - IDLE_MS) }
  let cursor: string | undefined
  for (let looked = 0; looked < LOOKED_AT; looked += PAGE) {
    const page = await deps.uploads.list({ portalId }, PAGE, cursor, period)
    yield page.records
    cursor = page.cursor
    if (cursor === undefined) return
  }
}

/** Uploads of the whole deployment that may be idle: their reservations end within what is left of a quarter of an hour. */
async function* anywhere(deps: ReserveDeps): AsyncGenerator<Upload[]> {
  const nowMs = deps.clock.now()
  const due = await readDueBetween(deps.table, nowMs, nowMs + RESERVATION_MS - IDLE_MS + 1)
  const ids = due.filter(({ kind }) => kind === 'upload').map(({ id }) => id)
  for (let first = 0; first < ids.length; first += PAGE) {
    const some = ids.slice(first, first + PAGE)
    const uploads = await Promise.all(some.map((id) => deps.uploads.find(id)))
    yield uploads.flatMap((upload) =>
      upload && Date.parse(upload.createdAt) <= nowMs - IDLE_MS ? [upload] : [],
    )
  }
}

async function endIfIdle(deps: ReserveDeps, upload: Upload): Promise<boolean> {
  const { stagingKey, multipartUploadId } = upload
  const hasBytes =
    multipartUploadId === undefined
      ? (await deps.staging.head(stagingKey)) !== undefined
      : ((await deps.staging.listParts(stagingKey, multipartUploadId)) ?? []).length > 0
  return !hasBytes && expireUpload(deps, upload)
}

function full(): PortageError {
  return new PortageError(
    'PORTAL_CANNOT_ACCEPT_UPLOADS',
    'It has taken as many files as its owner allows. Send fewer, or ask its owner.',
  )
}

/** Unlike a day that is used up, this does not pass by waiting. */
function moreThanADayTakes(): PortageError {
  return new PortageError(
    'FILE_TOO_LARGE',
    'It is more than may be handed over here in one day. Send less at once, or ask the owner.',
  )
}

function dailyLimit(clock: Clock): PortageError {
  const tomorrowMs = Date.parse(isoTime(clock.now()).slice(0, 10)) + DAY_MS
  return new PortageError(
    'DAILY_LIMIT_REACHED',
    'Today no more files of this size can be taken. Please try again tomorrow.',
    { facts: { retryAfterSeconds: secondsUntil(clock, tomorrowMs) } },
  )
}

function busy(cause: unknown): PortageError {
  return new PortageError(
    'BUSY',
    'Another part of this hand-over was being added. Please try again.',
    { facts: { retryAfterSeconds: 1 }, cause },
  )
}

function secondsUntil(clock: Clock, atMs: number): number {
  return Math.max(1, Math.ceil((atMs - clock.now()) / SECOND_MS))
}
