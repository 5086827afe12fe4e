import { uploadMessage } from '../../shared/contract/messages.ts'
import { deliverFile } from '../../shared/deliveries/deliver-file.ts'
import { environmentDelivery } from '../../shared/deliveries/environment.ts'
import { queueHandler } from '../../shared/platform/wakers.ts'

const deps = environmentDelivery()

export const handler = queueHandler(uploadMessage, ({ uploadId }, { deadlineMs }) =>
  deliverFile(deps, uploadId, deadlineMs),
)
