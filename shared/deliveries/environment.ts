import { environmentProviders } from '../accounts/environment.ts'
import { environmentQueue, environmentStaging, environmentTable } from '../platform/clients.ts'
import { SECOND_MS, systemClock } from '../platform/clock.ts'
import { optionalEnv, requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import { inTurn } from '../platform/in-turn.ts'
import { STATISTICS_PLACES } from '../portals/portal-store.ts'
import { uploadStore } from '../uploads/upload-store.ts'
import type { DeliverDeps } from './deliver-file.ts'
import { deliveryStore } from './delivery-store.ts'
import { folderStore } from './folder-store.ts'
import { portalFolders } from './portal-folders.ts'
import type { SweepDeps } from './sweep-due.ts'

/** What a delivery worker is made of; the queue that its stack gives it says which files are its own. */
export function environmentDelivery(): DeliverDeps {
  const table = environmentTable()
  const providers = environmentProviders(table)
  const large = optionalEnv(ENV.largeDeliveryQueueUrl) !== undefined
  return {
    ...providers,
    uploads: uploadStore(table, systemClock),
    deliveries: deliveryStore(table, systemClock),
    folders: portalFolders({ folders: folderStore(table), portals: providers.portals }),
    staging: environmentStaging(),
    queue: environmentQueue(large ? ENV.largeDeliveryQueueUrl : ENV.smallDeliveryQueueUrl),
    kind: large ? 'large-delivery' : 'small-delivery',
    random: Math.random,
    countingPlace: Math.floor(Math.random() * STATISTICS_PLACES),
    counting: inTurn(),
    workSliceMs: Number(requireEnv(ENV.workSliceSeconds)) * SECOND_MS,
  }
}

export function environmentSweep(): SweepDeps {
  const table = environmentTable()
  return {
    table,
    clock: systemClock,
    uploads: uploadStore(table, systemClock),
    deliveries: deliveryStore(table, systemClock),
    queues: {
      upload: environmentQueue(ENV.intakeQueueUrl),
      'small-delivery': environmentQueue(ENV.smallDeliveryQueueUrl),
      'large-delivery': environmentQueue(ENV.largeDeliveryQueueUrl),
    },
  }
}
