/**
 * Deliveries end in the transaction that counts their files. Each would wait for the others, because
 * all count in the same place, so those that come at the same time end together.
 */
import { inGroups } from '../platform/in-groups.ts'
import { type Table, TransactionRefused, transact } from '../platform/table.ts'
import type { PortalStore } from '../portals/portal-store.ts'
import type { Delivery } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'

export interface FinishDeps {
  table: Table
  deliveries: Pick<DeliveryStore, 'finish'>
  portals: Pick<PortalStore, 'addToCount'>
  /** Of the places in which a portal's files are counted, this environment's own. */
  countingPlace: number
}

/** Resolves when the delivery is ended and its file counted, by this worker or by another. */
export type FinishTogether = (delivery: Delivery) => Promise<void>

/** With a count for each of them fewer than the 100 items of a transaction. */
const MOST_TOGETHER = 40

export function finishTogether(deps: FinishDeps): FinishTogether {
  return inGroups(
    { most: MOST_TOGETHER, isOfOne: (error) => error instanceof TransactionRefused },
    async (deliveries) => {
      try {
        await finishAll(deps, deliveries)
      } catch (error) {
        // This one was ended by another worker, which has counted it.
        if (!(error instanceof TransactionRefused) || deliveries.length > 1) throw error
      }
    },
  )
}

async function finishAll(deps: FinishDeps, deliveries: Delivery[]): Promise<void> {
  const files = Map.groupBy(deliveries, ({ portalId }) => portalId)
  await transact(deps.table, [
    ...deliveries.map((delivery) => deps.deliveries.finish(delivery)),
    ...[...files].map(([portalId, ended]) =>
      deps.portals.addToCount(portalId, deps.countingPlace, {
        files: ended.length,
        bytes: ended.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      }),
    ),
  ])
}
