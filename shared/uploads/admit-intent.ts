/** Who may announce files now, judged by what its address has begun and how often it asked. */
import { PortageError } from '../errors.ts'
import type { AddressStore, OpenSubmissions } from '../limits/open-submissions.ts'
import { retryAfterSeconds, tooManyAttempts } from '../limits/too-many-attempts.ts'
import type { Clock } from '../platform/clock.ts'
import type { TransactItem } from '../platform/table.ts'
import type { SubmissionStore } from './submission-store.ts'
import { RESERVATION_MS } from './upload-arrival.ts'

export interface AdmitDeps {
  addresses: AddressStore
  submissions: SubmissionStore
  openSubmissionsPerAddress: number
  clock: Clock
}

/** From where a hand-over is begun or goes on, and what is known of that address. */
export interface Announcer {
  address: string
  submissionId: string
  begins: boolean
  seen: OpenSubmissions
}

/** Intents of a quarter of an hour, for each hand-over that an address may have open: with fifty files each more than anybody sends. */
const INTENTS_PER_OPEN = 60

/** As it was, or with what is open looked at more closely; 429 when it is too much. */
export async function admit(deps: AdmitDeps, from: Announcer): Promise<Announcer> {
  mayAsk(deps, from.seen)
  if (!from.begins) return from
  const mayHave = deps.openSubmissionsPerAddress
  if (Object.keys(from.seen.open).length < mayHave) return from
  const open = await stillOpen(deps, from.seen.open)
  const ends = Object.values(open)
  if (ends.length < mayHave) return { ...from, seen: { ...from.seen, open } }
  throw new PortageError(
    'TOO_MANY_SUBMISSIONS',
    'Finish or cancel what you have begun to send, or wait for some minutes.',
    { facts: { retryAfterSeconds: retryAfterSeconds(Math.min(...ends) - deps.clock.now()) } },
  )
}

function mayAsk(deps: AdmitDeps, { intents }: OpenSubmissions): void {
  if (intents.times < INTENTS_PER_OPEN * deps.openSubmissionsPerAddress) return
  throw tooManyAttempts(
    'Too many files were announced from here.',
    intents.windowEndsAtMs - deps.clock.now(),
  )
}

/**
 * Those of which something is still to come; looked up only when the address has no more room. One
 * too long for a look counts until its time is over, or what is still to come could hide at its end.
 */
async function stillOpen(
  deps: AdmitDeps,
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

/** The write that counts this intent, and its hand-over as open. */
export function announcement(
  deps: AdmitDeps,
  { address, submissionId, seen }: Announcer,
): TransactItem {
  return deps.addresses.save(address, seen, {
    ...seen.open,
    [submissionId]: deps.clock.now() + RESERVATION_MS,
  })
}
