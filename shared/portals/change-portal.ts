/** An owner changes a portal, or gives it up. */
import { isDeepStrictEqual } from 'node:util'
import type * as z from 'zod'
import { type Account, canCreateUploads } from '../accounts/account.ts'
import type { DeletePortalReply, PortalReply, updatePortalRequest } from '../contract/portals.ts'
import { PortageError } from '../errors.ts'
import { isoTime } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { type TransactItem, TransactionRefused, transact } from '../platform/table.ts'
import { countedLimits, limitAdjustments } from './counted-limits.ts'
import {
  countLink,
  describePortal,
  type LinkDeps,
  ownPortal,
  type PortalDeps,
  slugTaken,
  usableAccounts,
} from './manage-portals.ts'
import type { Portal } from './portal.ts'
import { mergeSettings } from './portal-settings.ts'

type UpdateRequest = z.output<typeof updatePortalRequest>

/** Members that are absent stay as they are. `ifMatch` is the version that the owner has seen. */
export async function updatePortal(
  deps: LinkDeps,
  userId: string,
  portalId: string,
  request: UpdateRequest,
  ifMatch: string | undefined,
): Promise<PortalReply> {
  const before = await ownPortal(deps, userId, portalId)
  mustBeSeen(before, ifMatch)
  const { name = before.name, slug = before.slug } = request
  const settings = await mergeSettings(before, request)
  const storageAccountId = request.storageAccountId ?? before.storageAccountId
  const moves = storageAccountId !== before.storageAccountId
  const accounts = await usableAccounts(deps, userId, {
    storageAccountId,
    storageProvider: request.storageProvider,
    backupStorageAccountIds: settings.backupStorageAccountIds,
  })
  const account = accounts.get(storageAccountId)
  if (moves && !takesUploads(account)) throw notActive('Choose an account that is active.')

  const now = isoTime(deps.clock.now())
  const after: Portal = {
    ...before,
    ...settings,
    ...countedLimits(before, settings),
    name,
    slug,
    storageAccountId,
    storageProvider: account?.provider ?? before.storageProvider,
    storageFolderId:
      moves || settings.storageFolderPath !== before.storageFolderPath
        ? null
        : before.storageFolderId,
    ...nextActivity(before, { asked: request.isActive, storageAccountId, accounts, now }),
    version: before.version + 1,
    updatedAt: now,
  }
  if (changedNames(before, after) === '') return describePortal(deps, before)
  if (slug !== before.slug) await countLink(deps, userId)
  const remaining = deps.portals.adjustRemaining(
    portalId,
    limitAdjustments(before, after, await totalsOf(deps, portalId)),
  )
  const [portalWrite, ...slugWrites] = deps.portals.change(before, after)
  await write(deps, [
    [portalWrite, stale],
    ...slugWrites.map((item) => [item, slugTaken] satisfies Step),
    ...(moves
      ? [[deps.accounts.mustBeActive(storageAccountId), stoppedMeanwhile] satisfies Step]
      : []),
    ...(remaining ? [[remaining, stale] satisfies Step] : []),
    [
      eventPut(deps.table, deps.clock, 'portal.updated', {
        userId,
        actor: userId,
        subjectId: portalId,
        before: String(before.version),
        after: String(after.version),
        reason: changedNames(before, after),
      }),
      stale,
    ],
  ])
  return describePortal(deps, after)
}

/** Its files stay where they are and in the owner's lists; its link leads nowhere. */
export async function deletePortal(
  deps: PortalDeps,
  userId: string,
  portalId: string,
): Promise<DeletePortalReply> {
  const before = await ownPortal(deps, userId, portalId)
  const now = isoTime(deps.clock.now())
  const after: Portal = {
    ...before,
    isActive: false,
    deactivatedBy: 'USER',
    deactivatedAt: now,
    deactivationReason: 'DELETED',
    autoDeactivatedAccountId: null,
    deletedAt: now,
    updatedAt: now,
    version: before.version + 1,
  }
  await write(deps, [
    ...deps.portals.delete(before, after).map((item) => [item, stale] satisfies Step),
    [
      eventPut(deps.table, deps.clock, 'portal.deleted', {
        userId,
        actor: userId,
        subjectId: portalId,
      }),
      stale,
    ],
  ])
  return { success: true, message: 'Portal deleted successfully' }
}

function mustBeSeen(portal: Portal, ifMatch: string | undefined): void {
  if (ifMatch === undefined) {
    throw new PortageError(
      'VERSION_REQUIRED',
      'Send the version that you have read as If-Match: "<version>".',
    )
  }
  // A weak tag never matches: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1-10
  const versions = ifMatch.split(',').map((tag) => tag.trim().replace(/^"(.*)"$/, '$1'))
  if (!versions.includes(String(portal.version))) throw stale()
}

function stale(cause?: unknown): PortageError {
  return new PortageError('VERSION_STALE', 'Load the portal again, then repeat your change.', {
    cause,
  })
}

/**
 * The owner's own switch and the automatic one are kept apart: a stop by hand while the system has
 * stopped it is the owner's from then on, and the system's own follows the accounts that are named.
 */
function nextActivity(
  before: Portal,
  change: {
    asked: boolean | undefined
    storageAccountId: string
    accounts: Map<string, Account>
    now: string
  },
): Pick<
  Portal,
  'isActive' | 'deactivatedBy' | 'deactivatedAt' | 'deactivationReason' | 'autoDeactivatedAccountId'
> {
  const { isActive, deactivatedBy, deactivatedAt, deactivationReason, autoDeactivatedAccountId } =
    before
  const asIs = {
    isActive,
    deactivatedBy,
    deactivatedAt,
    deactivationReason,
    autoDeactivatedAccountId,
  }
  const on = {
    isActive: true,
    deactivatedBy: null,
    deactivatedAt: null,
    deactivationReason: null,
    autoDeactivatedAccountId: null,
  }
  if (change.asked === false) {
    if (deactivatedBy === 'USER') return asIs
    return {
      isActive: false,
      deactivatedBy: 'USER',
      deactivatedAt: change.now,
      deactivationReason: 'CLOSED_BY_OWNER',
      autoDeactivatedAccountId: null,
    }
  }
  const anyTakes = [...change.accounts.values()].some(takesUploads)
  if (change.asked === true && !isActive) {
    if (!anyTakes) {
      throw notActive('Reactivate or reconnect its storage account, then open the portal.')
    }
    return on
  }
  if (anyTakes) return deactivatedBy === 'SYSTEM' ? on : asIs
  if (!isActive) return asIs
  const status = change.accounts.get(change.storageAccountId)?.status ?? 'DISCONNECTED'
  return {
    isActive: false,
    deactivatedBy: 'SYSTEM',
    deactivatedAt: change.now,
    deactivationReason: `STORAGE_${status}`,
    autoDeactivatedAccountId: change.storageAccountId,
  }
}

function takesUploads(account: Account | undefined): boolean {
  return account !== undefined && canCreateUploads(account.status)
}

function notActive(message: string): PortageError {
  return new PortageError('ACCOUNT_NOT_ACTIVE', message)
}

async function totalsOf(deps: PortalDeps, portalId: string) {
  const totals = await deps.portals.totalsOf([portalId])
  return totals.get(portalId) ?? { files: 0, bytes: 0 }
}

/** Names alone: what they hold may be about people. */
function changedNames(before: Portal, after: Portal): string {
  const quiet = ['version', 'updatedAt', 'passwordVersion', 'countedFiles', 'countedBytes']
  return (
    (Object.keys(after) as (keyof Portal)[])
      .filter((name) => !quiet.includes(name))
      // Not by their JSON: a record comes back with its members in another order.
      .filter((name) => !isDeepStrictEqual(before[name], after[name]))
      .sort()
      .join(',')
  )
}

/** A write of the transaction, and what its refusal means. */
type Step = [TransactItem, (cause: unknown) => PortageError]

async function write(deps: PortalDeps, steps: Step[]): Promise<void> {
  try {
    await transact(
      deps.table,
      steps.map(([item]) => item),
    )
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    const refused = steps.find((_, index) => error.items[index] !== undefined)
    throw refused ? refused[1](error) : error
  }
}

function stoppedMeanwhile(cause: unknown): PortageError {
  return new PortageError('ACCOUNT_NOT_ACTIVE', 'The storage account was stopped just now.', {
    cause,
  })
}
