/** Portals as their owner makes and sees them. */
import type * as z from 'zod'
import { type Account, canCreateUploads } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import type { StorageProviderId } from '../contract/common.ts'
import type { createPortalRequest, PortalReply } from '../contract/portals.ts'
import { PortageError } from '../errors.ts'
import type { RateLimits, RateRule } from '../limits/rate-limits.ts'
import { isLimited } from '../limits/reservations.ts'
import { type Clock, DAY_MS, isoTime, SECOND_MS } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { newId } from '../platform/ids.ts'
import { type Table, TransactionRefused, transact } from '../platform/table.ts'
import { countedLimits, limitAdjustments } from './counted-limits.ts'
import {
  accountsOf,
  getPortalUploadAcceptance,
  type Portal,
  type RemainingLimits,
  type StatusOf,
} from './portal.ts'
import { DEFAULT_SETTINGS, mergeSettings, settingsOf } from './portal-settings.ts'
import type { PortalStore } from './portal-store.ts'

export interface PortalDeps {
  table: Table
  portals: PortalStore
  accounts: AccountStore
  clock: Clock
}

export interface LinkDeps extends PortalDeps {
  limits: RateLimits
}

/** A link stays with its owner for good, and one that is taken says so: nobody may try out or keep many. */
const LINKS: RateRule = { purpose: 'link', times: 500, perMs: DAY_MS }

/** Counts a link that an owner asks for, be it a new portal's or another for one. */
export async function countLink(deps: LinkDeps, userId: string): Promise<void> {
  const { retryAfterMs } = await deps.limits.take(LINKS, userId)
  if (retryAfterMs === 0) return
  throw new PortageError(
    'TOO_MANY_ATTEMPTS',
    'You have asked for very many links today. Please go on tomorrow.',
    { facts: { retryAfterSeconds: Math.ceil(retryAfterMs / SECOND_MS) } },
  )
}

/** Checks that a portal may be bound to the chosen account: the owner's own, ACTIVE, of that provider. */
export function validatePortalCreationWithStorage(
  userId: string,
  storageProvider: StorageProviderId | undefined,
  account: Account | undefined,
): Account {
  const own = mustBeOwn(userId, account, 'storageAccountId')
  mustBeOf(storageProvider, own)
  if (!canCreateUploads(own.status)) {
    throw new PortageError(
      'ACCOUNT_NOT_ACTIVE',
      'Reactivate or reconnect the storage account, then create the portal.',
    )
  }
  return own
}

function mustBeOwn(userId: string, account: Account | undefined, field: string): Account {
  if (account?.userId === userId) return account
  throw new PortageError(
    'ACCOUNT_NOT_FOUND',
    'You have no such storage account. Connect it first.',
    { fields: [{ field, message: 'is not one of your storage accounts' }] },
  )
}

function mustBeOf(storageProvider: StorageProviderId | undefined, account: Account): void {
  if (storageProvider === undefined || storageProvider === account.provider) return
  const message = `does not match the account, which is ${account.provider}`
  throw new PortageError('INVALID_REQUEST', 'The storage account belongs to another provider.', {
    fields: [{ field: 'storageProvider', message }],
  })
}

/** The accounts that a portal names, by id; all are the owner's own, and the first is no backup of itself. */
export async function usableAccounts(
  deps: Pick<PortalDeps, 'accounts'>,
  userId: string,
  chosen: Pick<Portal, 'storageAccountId' | 'backupStorageAccountIds'> & {
    storageProvider: StorageProviderId | undefined
  },
): Promise<Map<string, Account>> {
  if (chosen.backupStorageAccountIds.includes(chosen.storageAccountId)) {
    const message = 'may not name the account that they stand in for'
    throw new PortageError('INVALID_REQUEST', `backupStorageAccountIds ${message}.`, {
      fields: [{ field: 'backupStorageAccountIds', message }],
    })
  }
  const [main, ...backups] = await Promise.all(
    accountsOf(chosen).map((accountId) => deps.accounts.find(accountId)),
  )
  const own = mustBeOwn(userId, main, 'storageAccountId')
  mustBeOf(chosen.storageProvider, own)
  const all = [
    own,
    ...backups.map((backup) => mustBeOwn(userId, backup, 'backupStorageAccountIds')),
  ]
  return new Map(all.map((account) => [account.id, account]))
}

export async function createPortalWithStorageBinding(
  deps: LinkDeps,
  userId: string,
  request: z.output<typeof createPortalRequest>,
): Promise<PortalReply> {
  const { name, slug, storageProvider, storageAccountId, cloneOf } = request
  const before = cloneOf ? settingsOf(await ownPortal(deps, userId, cloneOf)) : DEFAULT_SETTINGS
  const settings = await mergeSettings(before, request)
  const { backupStorageAccountIds } = settings
  const accounts = await usableAccounts(deps, userId, {
    storageAccountId,
    storageProvider,
    backupStorageAccountIds,
  })
  validatePortalCreationWithStorage(userId, storageProvider, accounts.get(storageAccountId))
  await countLink(deps, userId)
  const now = isoTime(deps.clock.now())
  const portal: Portal = {
    id: newId('portal', deps.clock.now()),
    userId,
    name,
    slug,
    storageProvider,
    storageAccountId,
    storageFolderId: null,
    ...settings,
    ...countedLimits(DEFAULT_SETTINGS, settings),
    isActive: true,
    deactivatedBy: null,
    deactivatedAt: null,
    deactivationReason: null,
    autoDeactivatedAccountId: null,
    deletedAt: null,
    version: 1,
    createdAt: now,
    updatedAt: now,
  }
  const remaining = deps.portals.adjustRemaining(
    portal.id,
    limitAdjustments(DEFAULT_SETTINGS, portal, { files: 0, bytes: 0 }),
  )
  try {
    await transact(deps.table, [
      ...deps.portals.create(portal),
      deps.accounts.mustBeActive(storageAccountId),
      ...(remaining ? [remaining] : []),
      eventPut(deps.table, deps.clock, 'portal.created', {
        userId,
        actor: userId,
        subjectId: portal.id,
        after: storageAccountId,
      }),
    ])
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    if (error.items[0] !== undefined) throw slugTaken(error)
    throw new PortageError('ACCOUNT_NOT_ACTIVE', 'The storage account was stopped just now.', {
      cause: error,
    })
  }
  return describePortal(deps, portal)
}

export function slugTaken(cause: unknown): PortageError {
  return new PortageError('SLUG_TAKEN', 'Choose another link: this one is in use.', {
    fields: [{ field: 'slug', message: 'is already taken' }],
    cause,
  })
}

export async function listPortals(
  deps: PortalDeps,
  userId: string,
  limit: number,
  cursor: string | undefined,
): Promise<{ portals: PortalReply[]; cursor: string | undefined }> {
  const page = await deps.portals.list(userId, limit, cursor)
  return { portals: await describePortals(deps, page.records), cursor: page.cursor }
}

/** The owner's portal; one that was deleted is not there any more. */
export async function ownPortal(
  deps: Pick<PortalDeps, 'portals'>,
  userId: string,
  portalId: string,
): Promise<Portal> {
  const portal = await deps.portals.find(portalId)
  if (portal?.userId !== userId || portal.deletedAt !== null) {
    throw new PortageError('PORTAL_NOT_FOUND', 'You have no such portal.')
  }
  return portal
}

export async function getPortal(
  deps: PortalDeps,
  userId: string,
  portalId: string,
): Promise<PortalReply> {
  return describePortal(deps, await ownPortal(deps, userId, portalId))
}

export async function describePortal(deps: PortalDeps, portal: Portal): Promise<PortalReply> {
  const [described] = await describePortals(deps, [portal])
  if (!described) throw new Error('A portal was not described')
  return described
}

/** Portals with what is known of their accounts, their files and what they still take, read together. */
async function describePortals(deps: PortalDeps, portals: Portal[]): Promise<PortalReply[]> {
  const accountIds = [...new Set(portals.flatMap(accountsOf))]
  const limited = portals.filter(isLimited).map(({ id }) => id)
  const [totals, remaining, accounts] = await Promise.all([
    deps.portals.totalsOf(portals.map(({ id }) => id)),
    deps.portals.remainingOf(limited),
    Promise.all(accountIds.map((accountId) => deps.accounts.find(accountId))),
  ])
  const statuses = new Map(accounts.map((account) => [account?.id, account?.status]))
  return portals.map((portal) =>
    portalReply(portal, {
      uploads: totals.get(portal.id)?.files ?? 0,
      statusOf: (accountId) => statuses.get(accountId),
      remaining: remaining.get(portal.id),
      nowMs: deps.clock.now(),
    }),
  )
}

function portalReply(
  portal: Portal,
  now: {
    uploads: number
    statusOf: StatusOf
    remaining: RemainingLimits | undefined
    nowMs: number
  },
): PortalReply {
  const { acceptsUploads, reason, requiresUserAction } = getPortalUploadAcceptance(portal, now)
  return {
    id: portal.id,
    name: portal.name,
    slug: portal.slug,
    storageProvider: portal.storageProvider,
    storageAccountId: portal.storageAccountId,
    isActive: portal.isActive,
    _count: { uploads: now.uploads },
    requireClientName: portal.fields.clientName === 'required',
    requireClientEmail: portal.fields.clientEmail === 'required',
    fields: portal.fields,
    instructions: portal.instructions,
    allowedTypes: portal.allowedTypes,
    maxFileBytes: portal.maxFileBytes,
    maxFiles: portal.maxFiles,
    maxTotalBytes: portal.maxTotalBytes,
    deadline: portal.deadline,
    graceMinutes: portal.graceMinutes,
    clientFolders: portal.clientFolders,
    storageFolderPath: portal.storageFolderPath,
    storageFolderId: portal.storageFolderId,
    backupStorageAccountIds: portal.backupStorageAccountIds,
    passwordRequired: portal.passwordHash !== null,
    deactivatedBy: portal.deactivatedBy,
    deactivatedAt: portal.deactivatedAt,
    deactivationReason: portal.deactivationReason,
    acceptsUploads,
    ...(reason === undefined ? {} : { reason }),
    requiresUserAction,
    version: portal.version,
    createdAt: portal.createdAt,
    updatedAt: portal.updatedAt,
  }
}
