/** Portals as their owner makes and sees them. */
import type * as z from 'zod'
import type { Account } from '../accounts/account.ts'
import { canCreateUploads } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import type { createPortalRequest, PortalReply } from '../contract/portals.ts'
import { PortageError } from '../errors.ts'
import { type Clock, isoTime } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { newId } from '../platform/ids.ts'
import { type Table, TransactionRefused, transact } from '../platform/table.ts'
import { getPortalUploadAcceptance, type Portal } from './portal.ts'
import type { PortalStore } from './portal-store.ts'

export interface PortalDeps {
  table: Table
  portals: PortalStore
  accounts: AccountStore
  clock: Clock
}

/** Checks that a portal may be bound to the chosen account: the owner's own, ACTIVE, of that provider. */
export function validatePortalCreationWithStorage(
  userId: string,
  storageProvider: Account['provider'],
  account: Account | undefined,
): Account {
  if (account?.userId !== userId) {
    throw new PortageError(
      'ACCOUNT_NOT_FOUND',
      'You have no such storage account. Connect it first.',
      {
        fields: [{ field: 'storageAccountId', message: 'is not one of your storage accounts' }],
      },
    )
  }
  if (account.provider !== storageProvider) {
    throw new PortageError('INVALID_REQUEST', 'The storage account belongs to another provider.', {
      fields: [
        {
          field: 'storageProvider',
          message: `does not match the account, which is ${account.provider}`,
        },
      ],
    })
  }
  if (!canCreateUploads(account.status)) {
    throw new PortageError(
      'ACCOUNT_NOT_ACTIVE',
      'Reactivate or reconnect the storage account, then create the portal.',
    )
  }
  return account
}

export async function createPortalWithStorageBinding(
  deps: PortalDeps,
  userId: string,
  request: z.output<typeof createPortalRequest>,
): Promise<PortalReply> {
  const account = validatePortalCreationWithStorage(
    userId,
    request.storageProvider,
    await deps.accounts.find(request.storageAccountId),
  )
  const now = isoTime(deps.clock.now())
  const portal: Portal = {
    ...request,
    id: newId('portal', deps.clock.now()),
    userId,
    isActive: true,
    deactivatedBy: null,
    deactivatedAt: null,
    deactivationReason: null,
    autoDeactivatedAccountId: null,
    version: 1,
    createdAt: now,
    updatedAt: now,
  }
  try {
    await transact(deps.table, [
      ...deps.portals.create(portal),
      deps.accounts.mustBeActive(account.id),
      eventPut(deps.table, deps.clock, 'portal.created', {
        userId,
        actor: userId,
        subjectId: portal.id,
        after: account.id,
      }),
    ])
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    if (error.items[0]) {
      throw new PortageError('SLUG_TAKEN', 'Choose another link: this one is in use.', {
        fields: [{ field: 'slug', message: 'is already taken' }],
      })
    }
    throw new PortageError('ACCOUNT_NOT_ACTIVE', 'The storage account was stopped just now.', {
      cause: error,
    })
  }
  return portalReply(portal, account, 0)
}

export async function listPortals(
  deps: PortalDeps,
  userId: string,
  limit: number,
  cursor: string | undefined,
): Promise<{ portals: PortalReply[]; cursor: string | undefined }> {
  const page = await deps.portals.list(userId, limit, cursor)
  const accountIds = [...new Set(page.records.map((portal) => portal.storageAccountId))]
  const [counts, accounts] = await Promise.all([
    deps.portals.countUploads(page.records.map((portal) => portal.id)),
    Promise.all(accountIds.map((accountId) => deps.accounts.find(accountId))),
  ])
  const byId = new Map(accounts.map((account) => [account?.id, account]))
  return {
    portals: page.records.map((portal) =>
      portalReply(portal, byId.get(portal.storageAccountId), counts.get(portal.id) ?? 0),
    ),
    cursor: page.cursor,
  }
}

export async function getPortal(
  deps: PortalDeps,
  userId: string,
  portalId: string,
): Promise<PortalReply> {
  const portal = await deps.portals.find(portalId)
  if (portal?.userId !== userId)
    throw new PortageError('PORTAL_NOT_FOUND', 'You have no such portal.')
  const [account, counts] = await Promise.all([
    deps.accounts.find(portal.storageAccountId),
    deps.portals.countUploads([portalId]),
  ])
  return portalReply(portal, account, counts.get(portalId) ?? 0)
}

function portalReply(portal: Portal, account: Account | undefined, uploads: number): PortalReply {
  const { acceptsUploads, reason, requiresUserAction } = getPortalUploadAcceptance(portal, account)
  return {
    id: portal.id,
    name: portal.name,
    slug: portal.slug,
    storageProvider: portal.storageProvider,
    storageAccountId: portal.storageAccountId,
    isActive: portal.isActive,
    _count: { uploads },
    requireClientName: portal.requireClientName,
    requireClientEmail: portal.requireClientEmail,
    acceptsUploads,
    ...(reason === undefined ? {} : { reason }),
    requiresUserAction,
    version: portal.version,
    createdAt: portal.createdAt,
    updatedAt: portal.updatedAt,
  }
}
