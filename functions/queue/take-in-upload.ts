import { intakeMessage } from '../../shared/contract/messages.ts'
import { queueHandler } from '../../shared/platform/wakers.ts'
import { environmentIntake } from '../../shared/uploads/environment.ts'
import { takeInUpload } from '../../shared/uploads/take-in-upload.ts'

const deps = environmentIntake()

export const handler = queueHandler(intakeMessage, (message) => takeInUpload(deps, message))
