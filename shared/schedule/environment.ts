import { accountStore } from '../accounts/account-store.ts'
import { deliveryStore } from '../deliveries/delivery-store.ts'
import { environmentQueue, environmentTable, sqsClient } from '../platform/clients.ts'
import { systemClock } from '../platform/clock.ts'
import { requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import { accountQueue } from '../platform/queues.ts'
import { uploadStore } from '../uploads/upload-store.ts'
import type { SweepDeps } from './sweep-due.ts'

/** What the sweep is made of: who may be due, and whom to ask then. */
export function environmentSweep(): SweepDeps {
  const table = environmentTable()
  return {
    table,
    clock: systemClock,
    uploads: uploadStore(table, systemClock),
    deliveries: deliveryStore(table, systemClock),
    accounts: accountStore(table, systemClock),
    queues: {
      upload: environmentQueue(ENV.intakeQueueUrl),
      'small-delivery': environmentQueue(ENV.smallDeliveryQueueUrl),
      'large-delivery': environmentQueue(ENV.largeDeliveryQueueUrl),
      account: accountQueue(sqsClient(), requireEnv(ENV.accountQueueUrl)),
    },
  }
}
