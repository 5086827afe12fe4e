import { uploadMessage } from '../../shared/contract/messages.ts'
import { queueHandler } from '../../shared/platform/wakers.ts'
import { restageDownload } from '../../shared/uploads/download-upload.ts'
import { environmentRestage } from '../../shared/uploads/environment.ts'

const deps = environmentRestage()

export const handler = queueHandler(uploadMessage, ({ uploadId }, { deadlineMs }) =>
  restageDownload(deps, uploadId, deadlineMs),
)
