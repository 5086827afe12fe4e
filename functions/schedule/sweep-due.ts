import { deliveryStore } from '../../shared/deliveries/delivery-store.ts'
import { sweepDue } from '../../shared/deliveries/sweep-due.ts'
import { environmentQueue, environmentTable } from '../../shared/platform/clients.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import { scheduleHandler } from '../../shared/platform/wakers.ts'
import { uploadStore } from '../../shared/uploads/upload-store.ts'

const table = environmentTable()
const deps = {
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

export const handler = scheduleHandler(async () => ({ asked: await sweepDue(deps) }))
