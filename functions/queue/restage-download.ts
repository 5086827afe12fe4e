import { environmentProviders } from '../../shared/accounts/environment.ts'
import { uploadMessage } from '../../shared/contract/messages.ts'
import {
  environmentQueue,
  environmentStaging,
  environmentTable,
} from '../../shared/platform/clients.ts'
import { SECOND_MS, systemClock } from '../../shared/platform/clock.ts'
import { requireEnv } from '../../shared/platform/env.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import { queueHandler } from '../../shared/platform/wakers.ts'
import { downloadStore } from '../../shared/uploads/download-store.ts'
import { restageDownload } from '../../shared/uploads/download-upload.ts'
import { uploadStore } from '../../shared/uploads/upload-store.ts'

const table = environmentTable()
const deps = {
  ...environmentProviders(table),
  uploads: uploadStore(table, systemClock),
  downloads: downloadStore(table, systemClock),
  staging: environmentStaging(),
  queue: environmentQueue(ENV.downloadQueueUrl),
  workSliceMs: Number(requireEnv(ENV.workSliceSeconds)) * SECOND_MS,
}

export const handler = queueHandler(uploadMessage, ({ uploadId }, { deadlineMs }) =>
  restageDownload(deps, uploadId, deadlineMs),
)
