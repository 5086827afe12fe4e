/**
 * A file whose account takes nothing goes to the next account that its portal names for this, before
 * it is bound and never after. The move is one transaction, conditional on the fence.
 */
import { type Account, isFull } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import type { UploadReason } from '../contract/uploads.ts'
import type { Clock } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { type Table, TransactionRefused, transact } from '../platform/table.ts'
import { accountsOf } from '../portals/portal.ts'
import type { PortalStore } from '../portals/portal-store.ts'
import { factsOf } from '../providers/providers.ts'
import { getUploadRules } from '../uploads/file-binding.ts'
import type { UploadStore } from '../uploads/upload-store.ts'
import type { Delivery } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'
import { nameInFolder } from './name-in-folder.ts'

export interface MoveDeps {
  table: Table
  uploads: UploadStore
  deliveries: DeliveryStore
  accounts: AccountStore
  portals: PortalStore
  clock: Clock
}

/**
 * The account that takes the file instead: after its own the portal's next, then from the first on.
 * None when the portal names no backup, or when the file has been everywhere since it last waited,
 * so that accounts which are all full do not hand it on for ever.
 */
export async function nextAccount(
  deps: Pick<MoveDeps, 'accounts' | 'portals'>,
  delivery: Delivery,
): Promise<Account | undefined> {
  const portal = await deps.portals.find(delivery.portalId)
  if (!portal || (delivery.moves ?? 0) >= portal.backupStorageAccountIds.length) return undefined
  const all = accountsOf(portal)
  const place = all.indexOf(delivery.accountId)
  // The owner has given the portal another account since: later files are for that one alone.
  const order =
    place < 0 ? portal.backupStorageAccountIds : [...all.slice(place + 1), ...all.slice(0, place)]
  const accounts = await Promise.all(order.map((accountId) => deps.accounts.find(accountId)))
  const withRoom = accounts.flatMap((each) =>
    each && !isFull(each) && delivery.sizeBytes <= factsOf(each.provider).maxFileBytes ? each : [],
  )
  const [first = null, ...others] = order
  const rules = getUploadRules(first, portal.storageProvider, withRoom, others)
  return withRoom.find(({ id }) => rules.canUpload && id === rules.storageAccountId)
}

/**
 * Nothing of the file may be at the first account, nor still be on its way there. Returns false when
 * the other account has stopped meanwhile, or this worker has lost its lease.
 */
export async function moveDelivery(
  deps: MoveDeps,
  delivery: Delivery,
  to: Account,
  reason: UploadReason,
): Promise<boolean> {
  const upload = await deps.uploads.find(delivery.uploadId)
  if (!upload) return false
  for (let attempt = 1; ; attempt += 1) {
    const name = nameInFolder(upload, to.provider, attempt)
    try {
      await transact(deps.table, [
        deps.uploads.move(upload.id, delivery.accountId, to),
        ...deps.deliveries.move(delivery, { accountId: to.id, name }),
        deps.accounts.mustBeActive(to.id),
        eventPut(deps.table, deps.clock, 'upload.moved', {
          userId: upload.userId,
          actor: 'delivery',
          subjectId: upload.id,
          before: delivery.accountId,
          after: to.id,
          reason,
        }),
      ])
      return true
    } catch (error) {
      if (!(error instanceof TransactionRefused)) throw error
      const [uploadRefused, deliveryRefused, nameTaken, , accountStopped] = error.items
      if ([uploadRefused, deliveryRefused, accountStopped].some((item) => item !== undefined)) {
        return false
      }
      if (nameTaken === undefined) throw error
    }
  }
}
