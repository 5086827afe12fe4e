/**
 * The one transaction of an intent. Its conditions say what may stand in the way, and each has its
 * own way on: another intent of this address, a portal that was changed, an account that has
 * stopped, a portal that is full, a day's room that is used up.
 */
import type { Account } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import { PortageError } from '../errors.ts'
import type { RateLimits, RateRule } from '../limits/rate-limits.ts'
import {
  type CapRefusal,
  DEPLOYMENT_PLACES,
  type Reserved,
  type Room,
} from '../limits/reservations.ts'
import { retryAfterSeconds } from '../limits/too-many-attempts.ts'
import { type Clock, DAY_MS, isoTime, MINUTE_MS, SECOND_MS } from '../platform/clock.ts'
import { type Item, type TransactItem, TransactionRefused, transact } from '../platform/table.ts'
import { accountsOf, getPortalUploadAcceptance, type Portal } from '../portals/portal.ts'
import type { PortalStore } from '../portals/portal-store.ts'
import { type AdmitDeps, type Announcer, admit, announcement } from './admit-intent.ts'
import {
  IDLE_MS,
  type YieldDeps,
  type Yielded,
  yieldAnywhere,
  yieldInPortal,
} from './yield-room.ts'

export interface ReserveDeps extends AdmitDeps, YieldDeps {
  accounts: AccountStore
  portals: PortalStore
  limits: RateLimits
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
  from: Announcer
  /** The writes of submission and uploads, once it is known where they go. */
  writes: (placed: Placed) => TransactItem[]
}

/** Each attempt gets one of the things out of the way that may stand there. */
const ATTEMPTS = 4 + 2 * DEPLOYMENT_PLACES
/** Looking for room that is not used costs a thousand times more than an intent does. */
const SEARCHES: RateRule = { purpose: 'room', times: 10, perMs: MINUTE_MS }

/** What is tried next, after what earlier attempts have got out of the way. */
interface Attempt {
  account: Placed['account']
  /** Where of the deployment's day its room is taken. */
  place: number
  placesTried: number
  from: Announcer
  hasYielded: boolean
}

/** Writes the intent; returns where its files go. Throws the problem that a client can read. */
export async function reserveRoom(deps: ReserveDeps, intent: RoomIntent): Promise<Placed> {
  const { portal, room } = intent
  if (deps.reservations.neverFits(room)) throw moreThanADayTakes()
  let attempt: Attempt = {
    account: { id: portal.storageAccountId, provider: portal.storageProvider },
    place: Math.floor(deps.random() * DEPLOYMENT_PLACES),
    placesTried: 1,
    from: intent.from,
    hasYielded: false,
  }
  for (let n = 1; n <= ATTEMPTS; n += 1) {
    const { reserved, steps } = stepsOf(deps, intent, attempt)
    try {
      await transact(
        deps.table,
        steps.map(([item]) => item),
      )
      return { account: attempt.account, reserved }
    } catch (error) {
      if (!(error instanceof TransactionRefused)) throw error
      attempt = await wayOn(deps, intent, attempt, refusalsOf(steps, error))
    }
  }
  throw busy('Too much is being handed over at once.')
}

/** The writes, each with what it means when its condition does not hold. */
function stepsOf(
  deps: ReserveDeps,
  { portal, room, writes }: RoomIntent,
  { account, place, from }: Attempt,
): { reserved: Placed['reserved']; steps: [TransactItem, Refusal][] } {
  const taken = deps.reservations.take(portal, room, place, from.seen.intents)
  const { reserved } = taken
  return {
    reserved,
    steps: [
      ...writes({ account, reserved }).map((item): [TransactItem, Refusal] => [item, 'INTENT']),
      [deps.portals.mustBeAsRead(portal), 'PORTAL'],
      [deps.accounts.mustBeActive(account.id), 'ACCOUNT'],
      [announcement(deps, from), 'ADDRESS'],
      ...taken.writes,
    ],
  }
}

/** What stands in the way, with the item that is there instead. */
type Refusals = Map<Refusal, Item | null>

function refusalsOf(steps: [TransactItem, Refusal][], { items }: TransactionRefused): Refusals {
  return new Map(
    steps.flatMap(([, refusal], n): [Refusal, Item | null][] => {
      const stands = items[n]
      return stands === undefined ? [] : [[refusal, stands]]
    }),
  )
}

/** One thing at a time, and the deployment's day last: who gets no further must not take of it. */
async function wayOn(
  deps: ReserveDeps,
  intent: RoomIntent,
  attempt: Attempt,
  refusals: Refusals,
): Promise<Attempt> {
  if (refusals.has('INTENT')) throw busy('Another part of this hand-over was being added.')
  if (refusals.has('PORTAL')) throw busy('The portal was changed just now.')
  if (refusals.has('ADDRESS')) {
    const { from } = attempt
    const seen = await deps.addresses.find(from.address)
    return { ...attempt, from: await admit(deps, { ...from, seen }) }
  }
  if (refusals.has('ACCOUNT')) {
    return { ...attempt, account: await acceptingAccount(deps, intent.portal) }
  }
  if (refusals.has('PORTAL_FULL') || refusals.has('PORTAL_CAP')) {
    return roomInPortal(deps, intent, attempt, refusals)
  }
  return roomElsewhere(deps, intent, attempt)
}

async function roomInPortal(
  deps: ReserveDeps,
  intent: RoomIntent,
  attempt: Attempt,
  refusals: Refusals,
): Promise<Attempt> {
  const day = refusals.get('PORTAL_CAP')
  const tooOften = deps.reservations.askedTooOften(day, attempt.from.seen.intents)
  if (tooOften) throw askedTooOften(deps.clock, tooOften.untilMs)
  const yielded = await search(deps, intent, attempt, yieldInPortal)
  if (yielded.outcome === 'made') return { ...attempt, hasYielded: true }
  throw refusals.has('PORTAL_FULL') ? full() : dailyLimit(deps.clock, yielded)
}

async function roomElsewhere(
  deps: ReserveDeps,
  intent: RoomIntent,
  attempt: Attempt,
): Promise<Attempt> {
  const { place, placesTried } = attempt
  if (placesTried < DEPLOYMENT_PLACES) {
    return { ...attempt, place: place + 1, placesTried: placesTried + 1 }
  }
  const yielded = await search(deps, intent, attempt, yieldAnywhere)
  if (yielded.outcome !== 'made') throw dailyLimit(deps.clock, yielded)
  return { ...attempt, place: yielded.place ?? place, placesTried: 1, hasYielded: true }
}

type Refusal = CapRefusal | 'INTENT' | 'PORTAL' | 'ACCOUNT' | 'ADDRESS'

/** Once for each intent, and not too often for one address. */
async function search(
  deps: ReserveDeps,
  { portal, room, from }: RoomIntent,
  { hasYielded }: Attempt,
  yieldIdle: typeof yieldInPortal,
): Promise<Yielded> {
  if (hasYielded) return { outcome: 'later' }
  const { retryAfterMs } = await deps.limits.take(SEARCHES, from.address)
  return retryAfterMs > 0 ? { outcome: 'later' } : yieldIdle(deps, portal.id, room)
}

/** The account that takes the portal's files when its own has stopped. */
async function acceptingAccount(deps: ReserveDeps, portal: Portal): Promise<Placed['account']> {
  const accounts = await Promise.all(accountsOf(portal).map((id) => deps.accounts.find(id)))
  const byId = new Map(accounts.map((account) => [account?.id, account]))
  const { storageAccountId } = getPortalUploadAcceptance(portal, {
    statusOf: (accountId) => byId.get(accountId)?.status,
    nowMs: deps.clock.now(),
  })
  const account = byId.get(storageAccountId)
  if (account) return account
  throw new PortageError(
    'PORTAL_CANNOT_ACCEPT_UPLOADS',
    'It is paused at the moment. Please try again later or ask its owner.',
  )
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

function dailyLimit(clock: Clock, { outcome }: Yielded): PortageError {
  const tomorrowMs = Date.parse(isoTime(clock.now()).slice(0, 10)) + DAY_MS
  return outcome === 'used'
    ? new PortageError(
        'DAILY_LIMIT_REACHED',
        'Today no more files of this size can be taken. Please try again tomorrow.',
        { facts: { retryAfterSeconds: retryAfterSeconds(tomorrowMs - clock.now()) } },
      )
    : new PortageError(
        'DAILY_LIMIT_REACHED',
        'What is left of today is kept for files that are on their way. Please try again in some minutes.',
        { facts: { retryAfterSeconds: IDLE_MS / SECOND_MS } },
      )
}

function askedTooOften(clock: Clock, untilMs: number): PortageError {
  return new PortageError(
    'TOO_MANY_ATTEMPTS',
    'Very many hand-overs begin at this portal. Please try again in some minutes.',
    { facts: { retryAfterSeconds: retryAfterSeconds(untilMs - clock.now()) } },
  )
}

function busy(what: string): PortageError {
  return new PortageError('BUSY', `${what} Please try again.`, { facts: { retryAfterSeconds: 1 } })
}
