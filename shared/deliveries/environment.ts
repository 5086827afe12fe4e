import { environmentProviders } from '../accounts/environment.ts'
import type { TendDeps } from '../accounts/tend-account.ts'
import { environmentQueue, environmentStaging, environmentTable } from '../platform/clients.ts'
import { SECOND_MS, systemClock } from '../platform/clock.ts'
import { optionalEnv, requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import { sharedCalls } from '../platform/shared-calls.ts'
import { STATISTICS_PLACES } from '../portals/portal-store.ts'
import { environmentDrivers } from '../providers/environment.ts'
import { uploadStore } from '../uploads/upload-store.ts'
import type { DeliverDeps } from './deliver-file.ts'
import { deliveryStore } from './delivery-store.ts'
import { finishTogether } from './finish-together.ts'
import { folderStore } from './folder-store.ts'
import { idPool } from './id-pool.ts'
import { portalFolders } from './portal-folders.ts'
import { writeTogether } from './write-together.ts'

/** Files of one batch are through at nearly the same time; for so long the first waits for the others. */
const LINGER_MS = 30

/** What a delivery worker is made of; the queue that its stack gives it says which files are its own. */
export function environmentDelivery(): DeliverDeps {
  const table = environmentTable()
  const providers = environmentProviders(table)
  const deliveries = deliveryStore(table, systemClock)
  const large = optionalEnv(ENV.largeDeliveryQueueUrl) !== undefined
  return {
    ...providers,
    provider: environmentDrivers(),
    uploads: uploadStore(table, systemClock),
    deliveries,
    ids: idPool(systemClock),
    folders: portalFolders({ folders: folderStore(table), portals: providers.portals }),
    staging: environmentStaging(),
    queue: environmentQueue(large ? ENV.largeDeliveryQueueUrl : ENV.smallDeliveryQueueUrl),
    kind: large ? 'large-delivery' : 'small-delivery',
    random: Math.random,
    finish: finishTogether({
      table,
      deliveries,
      portals: providers.portals,
      countingPlace: Math.floor(Math.random() * STATISTICS_PLACES),
    }),
    write: writeTogether(table, LINGER_MS),
    readingAccounts: sharedCalls(),
    workSliceMs: Number(requireEnv(ENV.workSliceSeconds)) * SECOND_MS,
  }
}

/** What the keeper of accounts is made of. */
export function environmentKeeper(): TendDeps {
  const table = environmentTable()
  return {
    ...environmentProviders(table),
    deliveries: deliveryStore(table, systemClock),
    random: Math.random,
  }
}
