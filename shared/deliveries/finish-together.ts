/**
 * Deliveries end in the transaction that counts their files. Each would wait for the others, because
 * all count in the same place, so those that end while a transaction runs end together in the next.
 */
import { type Table, TransactionRefused, transact } from '../platform/table.ts'
import type { PortalStore } from '../portals/portal-store.ts'
import type { Delivery, DeliveryStore } from './delivery-store.ts'

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

interface Waiting {
  delivery: Delivery
  resolve: () => void
  reject: (error: unknown) => void
}

export function finishTogether(deps: FinishDeps): FinishTogether {
  const waiting: Waiting[] = []
  let isRunning = false

  async function run(): Promise<void> {
    isRunning = true
    while (waiting.length > 0) {
      const group = waiting.splice(0, MOST_TOGETHER)
      try {
        await finishAll(
          deps,
          group.map(({ delivery }) => delivery),
        )
        for (const { resolve } of group) resolve()
      } catch (error) {
        // Recovery: each message fails, comes again and finds its file bound.
        for (const { reject } of group) reject(error)
      }
    }
    isRunning = false
  }

  return (delivery) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    waiting.push({ delivery, resolve, reject })
    if (!isRunning) void run()
    return promise
  }
}

async function finishAll(deps: FinishDeps, deliveries: Delivery[]): Promise<void> {
  const files = Map.groupBy(deliveries, ({ portalId }) => portalId)
  try {
    await transact(deps.table, [
      ...deliveries.map((delivery) => deps.deliveries.finish(delivery)),
      ...[...files].map(([portalId, ended]) =>
        deps.portals.addToCount(portalId, deps.countingPlace, {
          files: ended.length,
          bytes: ended.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        }),
      ),
    ])
  } catch (error) {
    if (!(error instanceof TransactionRefused)) throw error
    // One was ended by another worker, which has counted it; the others end without it.
    if (deliveries.length > 1) for (const delivery of deliveries) await finishAll(deps, [delivery])
  }
}
