/**
 * Commits take a lock that an account has once: those that come together lose with
 * `too_many_write_operations` (https://www.dropbox.com/developers/reference/data-ingress-guide). So
 * an account's commits stand in one lane here, where those that wait while a batch is under way go
 * together in the next one; what another process keeps out goes again after a pause.
 */
import { sleep as sleepOnMachine } from '../../platform/clock.ts'
import { type ProviderFailure, RetryLater } from '../failures.ts'
import type { ProviderAuth, RemoteFile, UploadTarget } from '../provider.ts'
import { isWorthRetrying, retryDelayMs } from '../retry.ts'

/** "Up to 1000 entries" in a batch; one of a hundred answers well within its time. */
const MOST_TOGETHER = 100
/** Rounds in which a commit may be kept out; then its bytes are sent again by whoever asked. */
const MAX_ROUNDS = 8
/** A commit takes some tens of milliseconds: about so long another one is in the way. */
const FIRST_WAIT_MS = 50

export interface Commit {
  sessionId: string
  target: UploadTarget
}

export interface LaneDeps {
  /** What became of each, in the same order; throws what befell them all. */
  finish(auth: ProviderAuth, commits: Commit[]): Promise<(RemoteFile | ProviderFailure)[]>
  sleep?: (ms: number) => Promise<void>
  random?: () => number
}

export interface CommitLanes {
  commit(auth: ProviderAuth, commit: Commit, signal?: AbortSignal): Promise<RemoteFile>
  /** Does something else that takes the lock, in its turn. */
  inTurn<Value>(auth: ProviderAuth, work: () => Promise<Value>): Promise<Value>
}

interface Waiting {
  commit: Commit
  rounds: number
  resolve: (file: RemoteFile) => void
  reject: (error: unknown) => void
}

interface Lane {
  waiting: Waiting[]
  /** Ends when everything that was asked for so far is done. */
  turn: Promise<void>
}

export function commitLanes({
  finish,
  sleep = sleepOnMachine,
  random = Math.random,
}: LaneDeps): CommitLanes {
  /** By access token, which the files of one account share; a lane is forgotten when it is empty. */
  const lanes = new Map<string, Lane>()

  function laneOf({ accessToken }: ProviderAuth): Lane {
    const lane = lanes.get(accessToken) ?? { waiting: [], turn: Promise.resolve() }
    lanes.set(accessToken, lane)
    return lane
  }

  function queue({ accessToken }: ProviderAuth, lane: Lane, work: () => Promise<void>): void {
    const turn = lane.turn.then(work)
    lane.turn = turn
    void turn.then(() => {
      if (lane.turn === turn) lanes.delete(accessToken)
    })
  }

  /** Commits all that wait, in as many batches as it takes. */
  async function drain(auth: ProviderAuth, lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      const batch = lane.waiting.splice(0, MOST_TOGETHER)
      const keptOut = await commitBatch(auth, batch)
      if (keptOut.length === 0) continue
      const rounds = Math.max(...keptOut.map((one) => one.waiting.rounds))
      const afterMs = Math.max(...keptOut.map(({ failure }) => failure.afterMs ?? 0))
      lane.waiting.unshift(...keptOut.map((one) => one.waiting))
      // Those who are told the same wait must not come back together either.
      await sleep(afterMs + retryDelayMs(rounds, undefined, random, FIRST_WAIT_MS))
    }
  }

  /** Settles those of the batch that are decided, and returns those that were kept out. */
  async function commitBatch(auth: ProviderAuth, batch: Waiting[]) {
    const keptOut: { waiting: Waiting; failure: RetryLater }[] = []
    const outcomes = await finish(
      auth,
      batch.map(({ commit }) => commit),
    ).catch((error: unknown) => batch.map(() => error))
    for (const [index, waiting] of batch.entries()) {
      const outcome = outcomes[index]
      waiting.rounds += 1
      if (isKeptOut(outcome) && waiting.rounds < MAX_ROUNDS) {
        keptOut.push({ waiting, failure: outcome })
      } else if (isFile(outcome)) waiting.resolve(outcome)
      else waiting.reject(outcome)
    }
    return keptOut
  }

  return {
    commit(auth, commit, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason)
      const { promise, resolve, reject } = Promise.withResolvers<RemoteFile>()
      const lane = laneOf(auth)
      const waiting: Waiting = { commit, rounds: 0, resolve, reject }
      lane.waiting.push(waiting)
      queue(auth, lane, () => drain(auth, lane))
      // Who gives up while waiting is no longer committed; what is under way may still become a file.
      const giveUp = () => {
        lane.waiting = lane.waiting.filter((one) => one !== waiting)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', giveUp, { once: true })
      return promise.finally(() => signal?.removeEventListener('abort', giveUp))
    },

    inTurn(auth, work) {
      return new Promise((resolve, reject) => {
        queue(auth, laneOf(auth), () => work().then(resolve, reject))
      })
    },
  }
}

function isFile(outcome: unknown): outcome is RemoteFile {
  return typeof outcome === 'object' && outcome !== null && 'sizeBytes' in outcome
}

function isKeptOut(outcome: unknown): outcome is RetryLater {
  return (
    outcome instanceof RetryLater && outcome.reason === 'RATE_LIMITED' && isWorthRetrying(outcome)
  )
}
