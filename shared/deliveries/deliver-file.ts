/**
 * One message, one file, one step nearer to its owner. What a worker may not outlive it saves:
 * the provider's id before the first byte, the session, and after each chunk how far the provider
 * is together with the state of our digests.
 *
 *   claim (lease, fence) → token → folder → id → session → chunks … → proof → bind → clean up
 *
 * An account that takes nothing hands the file on to a backup of the portal (`move-delivery.ts`).
 * A slice ends before Lambda's own time does; then the lease is given back and a message in the
 * owner's group goes on, so that owners take turns. The provider's offset beats ours; a file is
 * bound only when the provider's own size and hash equal ours.
 */
import type { Account } from '../accounts/account.ts'
import { canCreateUploads } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import { handleStorageAccountStatusChange } from '../accounts/change-account-status.ts'
import { type FreshToken, withToken } from '../accounts/fresh-token.ts'
import type { Grant } from '../accounts/grant.ts'
import type { GrantStore } from '../accounts/grant-store.ts'
import type { TokenVault } from '../accounts/token-vault.ts'
import type { StorageAccountStatus } from '../contract/accounts.ts'
import type { UploadReason } from '../contract/uploads.ts'
import { giveBack } from '../limits/reservations.ts'
import { type Clock, HOUR_MS, MINUTE_MS, SECOND_MS } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import type { UploadQueue } from '../platform/queues.ts'
import type { SharedCalls } from '../platform/shared-calls.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import {
  type DueKind,
  type Item,
  type Table,
  type TransactItem,
  TransactionRefused,
  transact,
} from '../platform/table.ts'
import type { PortalStore } from '../portals/portal-store.ts'
import {
  ProviderFailure,
  QuotaFull,
  ReconnectNeeded,
  Rejected,
  RetryLater,
  SessionLost,
} from '../providers/failures.ts'
import type { StorageProvider } from '../providers/provider.ts'
import type { UploadStore } from '../uploads/upload-store.ts'
import type { Delivery } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'
import type { FinishTogether } from './finish-together.ts'
import type { IdPool } from './id-pool.ts'
import { moveDelivery, nextAccount } from './move-delivery.ts'
import type { PortalFolders } from './portal-folders.ts'
import { type SentFile, sendFile, settleEarlier } from './send-file.ts'
import { ContentChanged, FencedOut, type SendJob, SliceOver } from './send-job.ts'
import type { WriteTogether } from './write-together.ts'

export interface DeliverDeps {
  table: Table
  uploads: UploadStore
  deliveries: DeliveryStore
  accounts: AccountStore
  grants: Pick<GrantStore, 'mustBeThatRead'>
  portals: PortalStore
  vault: TokenVault
  folders: PortalFolders
  ids: IdPool
  freshToken: FreshToken
  provider: (id: Account['provider']) => StorageProvider
  staging: Pick<StagingBucket, 'read' | 'remove' | 'removeTogether'>
  /** The worker's own queue, for going on later. */
  queue: UploadQueue
  kind: DueKind
  clock: Clock
  random: () => number
  finish: FinishTogether
  /** Writes of files of one batch. */
  write: WriteTogether
  /** Reads of one account by files of one batch. */
  readingAccounts: SharedCalls<Account | undefined>
  /** How long one invocation works on a file before another owner's turn. */
  workSliceMs: number
}

/** Time that a worker keeps for saving and binding before its deadline. */
const RESERVE_MS = 20 * SECOND_MS
/** A 5 TB file at 10 MB/s takes 2,900 slices of three minutes; more claims without a wait are a loop, which is slowed down. */
const MAX_CLAIMS = 5000
const LONGEST_WAIT_MS = HOUR_MS
/** Six weeks of an attempt an hour; what a provider keeps out of reach for longer stays there. */
const MAX_UNDO_FAILURES = 1000
/** Three renewals fit into one lease, so that one failed write does not lose it. */
const RENEW_EVERY_MS = 20 * SECOND_MS
/** A chunk in flight is given up this long before Lambda would kill the worker. */
const STOP_BEFORE_MS = 8 * SECOND_MS

/** `deadlineMs` is when the invocation ends, by the injected clock. */
export async function deliverFile(
  deps: DeliverDeps,
  uploadId: string,
  deadlineMs: number,
): Promise<void> {
  const delivery = await deps.deliveries.claim(uploadId, deps.kind)
  if (!delivery) return
  if (delivery.state === 'bound') return cleanUp(deps, delivery)
  if (delivery.state === 'abandoned') return undo(deps, delivery)
  if (delivery.claims > MAX_CLAIMS) return hold(deps, delivery, 'OUTCOME_UNKNOWN')

  const account = await deps.readingAccounts(delivery.accountId, () =>
    deps.accounts.find(delivery.accountId),
  )
  if (!account) return hold(deps, delivery, 'ACCOUNT_DISCONNECTED')
  const turn: Turn = {
    delivery,
    account,
    deadlineMs,
    sliceEndsMs: Math.min(deps.clock.now() + deps.workSliceMs, deadlineMs - RESERVE_MS),
    outcome: { isOpen: delivery.fileId !== undefined },
    soleFromMs: delivery.fileId === undefined ? 0 : (delivery.soleFromMs ?? 0),
  }
  if (!canCreateUploads(account.status)) return passOn(deps, turn, HELD_BY_STATUS[account.status])
  if (delivery.held) await deps.uploads.resume(uploadId)
  try {
    await bind(deps, delivery, account, await atProvider(deps, turn, sendFile))
  } catch (error) {
    await recover(deps, turn, error)
  }
}

/** What one worker does for one file, from its claim on. */
interface Turn {
  delivery: Delivery
  account: Account
  deadlineMs: number
  sliceEndsMs: number
  outcome: SendJob['outcome']
  /** From then on nothing that an earlier worker has sent can still arrive. */
  soleFromMs: number
  /** Whose token was used last. */
  grant?: Grant
}

function atProvider<Value>(
  deps: DeliverDeps,
  turn: Turn,
  work: (deps: DeliverDeps, job: SendJob) => Promise<Value>,
): Promise<Value> {
  const { delivery, account, deadlineMs, sliceEndsMs, outcome } = turn
  return withToken(deps, account, (accessToken, grant) => {
    turn.grant = grant
    return underLease(deps, delivery, deadlineMs, (signal) =>
      work(deps, {
        delivery,
        grant,
        provider: deps.provider(account.provider),
        auth: { accessToken },
        sliceEndsMs,
        outcome,
        signal,
      }),
    )
  })
}

const HELD_BY_STATUS: Record<StorageAccountStatus, UploadReason> = {
  ACTIVE: 'OUTCOME_UNKNOWN',
  INACTIVE: 'ACCOUNT_INACTIVE',
  DISCONNECTED: 'ACCOUNT_DISCONNECTED',
  ERROR: 'ACCOUNT_ERROR',
}

/** Keeps the lease while the work goes on, and stops the work when the lease or Lambda's time is lost. */
async function underLease<Value>(
  deps: DeliverDeps,
  delivery: Delivery,
  deadlineMs: number,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const stop = new AbortController()
  const renewal = setInterval(() => {
    deps.deliveries.renew(delivery).then(
      (mine) => {
        if (!mine) stop.abort(new FencedOut())
      },
      // A throttled renewal is made up by the next one; without any, the fence tells.
      () => undefined,
    )
  }, RENEW_EVERY_MS)
  const untilStopMs = Math.max(0, deadlineMs - STOP_BEFORE_MS - deps.clock.now())
  const deadline = setTimeout(() => stop.abort(new SliceOver()), untilStopMs)
  try {
    return await work(stop.signal)
  } catch (error) {
    // Whichever call noticed it in its own words: the work was stopped, and this is why.
    throw stop.signal.aborted ? stop.signal.reason : error
  } finally {
    clearInterval(renewal)
    clearTimeout(deadline)
  }
}

/**
 * The account takes nothing: the file goes to another that its portal names, or it waits. What the
 * first has of it is settled before: a file that is there and proved is bound there, and while nobody
 * can tell, it waits, because it must not arrive twice.
 */
async function passOn(deps: DeliverDeps, turn: Turn, reason: UploadReason): Promise<void> {
  const { delivery, account } = turn
  const next = await nextAccount(deps, delivery)
  if (!next) return hold(deps, delivery, reason)
  const soleInMs = turn.soleFromMs - deps.clock.now()
  if (soleInMs > 0) return hold(deps, delivery, reason, soleInMs)
  try {
    const earlier = turn.outcome.isOpen ? await atProvider(deps, turn, settleEarlier) : undefined
    if (earlier) return await bind(deps, delivery, account, earlier)
  } catch (error) {
    if (error instanceof ProviderFailure) return hold(deps, delivery, reason)
    return recover(deps, turn, error)
  }
  if (await moveDelivery(deps, delivery, next, reason)) return goOn(deps, delivery)
  await hold(deps, delivery, reason)
}

/** Another message takes the file up at once; its due entry makes up for one that is lost. */
function goOn(deps: DeliverDeps, { uploadId, userId }: Delivery): Promise<void> {
  return deps.queue.send([{ uploadId, userId }])
}

/** What each way of not finishing means for the file. */
async function recover(deps: DeliverDeps, turn: Turn, error: unknown): Promise<void> {
  const { delivery } = turn
  if (error instanceof FencedOut) return
  if (error instanceof SliceOver) {
    if (await deps.deliveries.release(delivery)) await goOn(deps, delivery)
    return
  }
  if (error instanceof ContentChanged) return fail(deps, delivery, 'rejected', 'CONTENT_CHANGED')
  if (!(error instanceof ProviderFailure)) throw error
  if (error instanceof RetryLater) {
    return hold(
      deps,
      delivery,
      'RATE_LIMITED',
      error.reason === 'DAILY_LIMIT' ? HOUR_MS : error.afterMs,
    )
  }
  if (error instanceof ReconnectNeeded) {
    if (error.tokenRejected && turn.grant && !(await grantIsRefused(deps, delivery, turn.grant))) {
      // The owner has consented anew meanwhile: whoever goes on does so with the new grant.
      if (await deps.deliveries.release(delivery)) await goOn(deps, delivery)
      return
    }
    return passOn(deps, turn, 'ACCOUNT_DISCONNECTED')
  }
  if (error instanceof QuotaFull) return passOn(deps, turn, 'PROVIDER_FULL')
  if (error instanceof SessionLost) return hold(deps, delivery, 'OUTCOME_UNKNOWN')
  if (error instanceof Rejected) return hold(deps, delivery, 'OUTCOME_UNKNOWN')
  throw error
}

/**
 * A token was refused even when fresh: only a new consent helps, and no further file may be taken in
 * before. False when there is one already, of which the refusal says nothing.
 */
async function grantIsRefused(
  deps: DeliverDeps,
  { accountId }: Delivery,
  used: Grant,
): Promise<boolean> {
  try {
    await handleStorageAccountStatusChange(deps, accountId, 'GRANT_REFUSED', {
      actor: 'system',
      reason: 'TOKEN_REFUSED',
      lastError: 'TOKEN_REFUSED',
      alongside: [deps.grants.mustBeThatRead(used)],
    })
    return true
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    return false
  }
}

/** The file waits where its owner can see it. */
async function hold(
  deps: DeliverDeps,
  delivery: Delivery,
  reason: UploadReason,
  afterMs = growingWaitMs(deps, delivery),
): Promise<void> {
  const untilMs = deps.clock.now() + Math.min(afterMs, LONGEST_WAIT_MS)
  await unlessOver(deps, [
    deps.uploads.hold(delivery.uploadId, reason, untilMs),
    deps.deliveries.wait(delivery, reason, untilMs),
  ])
}

/** Half a minute at first, an hour at most, spread so that files held together do not return together. */
function growingWaitMs(deps: DeliverDeps, delivery: Delivery): number {
  const growing = Math.min(LONGEST_WAIT_MS, (MINUTE_MS / 2) * 2 ** Math.min(delivery.failures, 10))
  return growing * (0.5 + deps.random() / 2)
}

async function fail(
  deps: DeliverDeps,
  delivery: Delivery,
  status: 'failed' | 'rejected',
  reason: UploadReason,
): Promise<void> {
  const ended = await unlessOver(deps, [
    deps.uploads.fail(delivery.uploadId, status, reason),
    deps.deliveries.end(delivery),
    ...giveBack(deps.table, delivery),
    eventPut(deps.table, deps.clock, 'upload.rejected', {
      userId: delivery.userId,
      actor: 'delivery',
      subjectId: delivery.uploadId,
      before: 'delivering',
      after: status,
      reason,
    }),
  ])
  if (ended) await undo(deps, delivery)
}

/** The proof is made: the file is bound to the account that holds it, in one transaction. */
async function bind(
  deps: DeliverDeps,
  delivery: Delivery,
  account: Account,
  sent: SentFile,
): Promise<void> {
  try {
    await deps.write([
      deps.uploads.bind(
        { id: delivery.uploadId, etag: delivery.etag },
        {
          accountId: account.id,
          fileId: sent.file.id,
          path: sent.path,
          ...sent.digests,
        },
      ),
      deps.deliveries.bound(delivery),
      eventPut(deps.table, deps.clock, 'upload.delivered', {
        userId: delivery.userId,
        actor: 'delivery',
        subjectId: delivery.uploadId,
        before: 'delivering',
        after: 'uploaded',
      }),
    ])
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    const [upload] = error.items
    // The browser hashed other bytes than those that arrived: what was delivered is not the client's file.
    if (
      upload?.['contentHash'] !== undefined &&
      upload['contentHash'] !== sent.digests.contentHash
    ) {
      if (sent.mayBeAnothers) delete delivery.fileId
      else delivery.fileId = sent.file.id
      return fail(deps, delivery, 'rejected', 'CONTENT_CHANGED')
    }
    // Deleted by its owner while the last bytes flowed: what arrived is taken back at once.
    if (upload && !isBound(upload) && upload['status'] === 'deleted' && !sent.mayBeAnothers) {
      await takeBack(deps, account, sent.file.id)
    }
    return
  }
  await deps.accounts.noteAccess(account)
  await cleanUp(deps, delivery)
}

async function takeBack(deps: DeliverDeps, account: Account, fileId: string): Promise<void> {
  await withToken(deps, account, (accessToken) =>
    deps.provider(account.provider).deleteFile({ accessToken }, fileId),
  )
}

/**
 * A reserved id is nobody else's. At a path another's file may stand, so only one that has the
 * upload's own content goes; where its client told none, what might be there stays.
 */
async function takeBackWhatIsThere(
  deps: DeliverDeps,
  account: Account,
  { fileId, uploadId }: Delivery,
): Promise<void> {
  if (fileId === undefined) return
  const provider = deps.provider(account.provider)
  if (provider.ids === 'reserved') return takeBack(deps, account, fileId)
  const file = await withToken(deps, account, (accessToken) =>
    provider.findFile({ accessToken }, fileId),
  )
  if (!file) return
  const upload = file.id === fileId ? undefined : await deps.uploads.find(uploadId)
  const isOurs = file.id === fileId || file.contentHash === (upload?.contentHash ?? 'unknown')
  if (isOurs) await takeBack(deps, account, file.id)
}

/** Of a file that will not be delivered nothing stays: not where it was staged, not at the provider, and not its name. */
async function undo(deps: DeliverDeps, delivery: Delivery): Promise<void> {
  await deps.staging.remove(delivery.stagingKey)
  const account = await deps.accounts.find(delivery.accountId)
  try {
    if (account) await takeBackWhatIsThere(deps, account, delivery)
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error
    // Out of reach for now; the delivery item remembers what is to be removed, though not for ever.
    if (delivery.failures < MAX_UNDO_FAILURES) {
      const untilMs = deps.clock.now() + growingWaitMs(deps, delivery)
      await unlessOver(deps, [deps.deliveries.waitToUndo(delivery, untilMs)])
      return
    }
  }
  await deps.deliveries.freeName(delivery)
  await deps.deliveries.forget(delivery.uploadId)
}

/**
 * After the proof: the staged object goes, and the delivery ends in the transaction that counts the
 * file. It is not counted with the binding, because files of one portal would wait for each other.
 */
async function cleanUp(deps: DeliverDeps, delivery: Delivery): Promise<void> {
  await deps.staging.removeTogether(delivery.stagingKey)
  await deps.finish(delivery)
}

/** Writes and returns true, unless another worker has taken over or the upload has ended, which abandons its delivery. */
async function unlessOver(deps: DeliverDeps, writes: TransactItem[]): Promise<boolean> {
  try {
    await transact(deps.table, writes)
    return true
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    return false
  }
}

function isBound(upload: Item): boolean {
  return 'storageAccountId' in upload
}
