import { intakeMessage } from '../../shared/contract/messages.ts'
import { deliveryStore } from '../../shared/deliveries/delivery-store.ts'
import {
  environmentQueue,
  environmentStaging,
  environmentTable,
} from '../../shared/platform/clients.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import { queueHandler } from '../../shared/platform/wakers.ts'
import { takeInUpload } from '../../shared/uploads/take-in-upload.ts'
import { uploadStore } from '../../shared/uploads/upload-store.ts'

const table = environmentTable()
const deps = {
  table,
  clock: systemClock,
  uploads: uploadStore(table, systemClock),
  deliveries: deliveryStore(table, systemClock),
  staging: environmentStaging(),
  queues: {
    'small-delivery': environmentQueue(ENV.smallDeliveryQueueUrl),
    'large-delivery': environmentQueue(ENV.largeDeliveryQueueUrl),
  },
}

export const handler = queueHandler(intakeMessage, (message) => takeInUpload(deps, message))
