/** What the steps of sending one file have in common. */
import type { Grant } from '../accounts/grant.ts'
import type { TokenVault } from '../accounts/token-vault.ts'
import type { Clock } from '../platform/clock.ts'
import type { StagingBucket } from '../platform/staging-bucket.ts'
import type { Digests } from '../providers/content-hash.ts'
import { QuotaFull, ReconnectNeeded } from '../providers/failures.ts'
import { nextName } from '../providers/names.ts'
import type { ProviderAuth, RemoteFile, StorageProvider } from '../providers/provider.ts'
import { withRetry } from '../providers/retry.ts'
import type { Delivery } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'
import type { IdPool } from './id-pool.ts'
import type { PortalFolders } from './portal-folders.ts'
import type { StagedFile } from './staged-file.ts'

export interface SendDeps {
  deliveries: DeliveryStore
  vault: TokenVault
  folders: PortalFolders
  ids: IdPool
  staging: Pick<StagingBucket, 'read'>
  clock: Clock
  random: () => number
}

export interface SendJob {
  delivery: Delivery
  grant: Grant
  provider: StorageProvider
  auth: ProviderAuth
  /** By the injected clock: no chunk begins after it, but one does in every invocation. */
  sliceEndsMs: number
  /** Whether the provider may have a file of the delivery's id, of which nobody knows yet. */
  outcome: { isOpen: boolean }
  signal: AbortSignal
}

/** A job under way. */
export interface Sending extends SendJob {
  staged: StagedFile
}

/** A file that the provider has; with our digests of it when they were taken on the way. */
export interface Sent {
  file: RemoteFile
  /** It stood under the id already: at a path it may be another's. */
  found?: boolean
  digests?: Digests
}

/** Another worker has the lease: whatever this one still does is not to be saved. */
export class FencedOut extends Error {
  override name = 'FencedOut' as const
}

/** The slice is over; another message goes on. */
export class SliceOver extends Error {
  override name = 'SliceOver' as const
}

/** The staged object is gone, or another one lies in its place. */
export class ContentChanged extends Error {
  override name = 'ContentChanged' as const
}

export function retrying<Value>(
  deps: SendDeps,
  job: SendJob,
  operation: () => Promise<Value>,
): Promise<Value> {
  return withRetry(operation, { signal: job.signal, random: deps.random })
}

export function mustBeMine(mine: boolean): void {
  if (!mine) throw new FencedOut()
}

export async function lookUp(
  deps: SendDeps,
  job: SendJob,
  fileId: string,
): Promise<RemoteFile | undefined> {
  const file = await retrying(deps, job, () => job.provider.findFile(job.auth, fileId, job.signal))
  job.outcome.isOpen = file !== undefined
  return file
}

/** Runs a request that may make the file; only a refusal says that this one has not. */
export async function making<Value>(
  { outcome }: SendJob,
  request: () => Promise<Value>,
): Promise<Value> {
  const wasOpen = outcome.isOpen
  outcome.isOpen = true
  try {
    return await request()
  } catch (error) {
    if (error instanceof QuotaFull || error instanceof ReconnectNeeded) outcome.isOpen = wasOpen
    throw error
  }
}

/** Fixes an id before the first byte, so that a repeated create finds its own file. */
export async function reserveFileId(deps: SendDeps, job: SendJob): Promise<string> {
  const { delivery } = job
  const fileId = await nextFileId(deps, job)
  mustBeMine(await deps.deliveries.saveFileId(delivery, fileId))
  job.outcome.isOpen = false
  delivery.fileId = fileId
  delete delivery.sealedSession
  delete delivery.sessionKey
  delete delivery.digests
  return fileId
}

/** Where ids are paths, the delivery's own place is the id. */
export async function nextFileId(deps: SendDeps, job: SendJob): Promise<string> {
  const { provider, auth, delivery, signal } = job
  if (provider.ids === 'paths') {
    const { folderId } = await retrying(deps, job, () =>
      deps.folders.ensure(provider, auth, delivery, signal),
    )
    return provider.idAt({ parentId: folderId, name: delivery.name })
  }
  return retrying(deps, job, () => deps.ids(provider, auth, delivery.accountId))
}

/** At its path another's file stands, which stays: the delivery takes the next name that is free among ours. */
export async function takeNextName(
  deps: SendDeps,
  { delivery, outcome }: SendJob,
  idOf: (delivery: Delivery) => string,
): Promise<void> {
  for (let name = nextName(delivery.name); ; name = nextName(name)) {
    const fileId = idOf({ ...delivery, name })
    const renamed = await deps.deliveries.rename(delivery, { name, fileId })
    mustBeMine(renamed !== 'fenced-out')
    if (renamed === 'taken') continue
    outcome.isOpen = false
    Object.assign(delivery, { name, fileId })
    return
  }
}
