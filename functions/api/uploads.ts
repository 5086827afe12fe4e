import { environmentProviders } from '../../shared/accounts/environment.ts'
import { uploadsQuery } from '../../shared/contract/uploads.ts'
import { deliveryStore } from '../../shared/deliveries/delivery-store.ts'
import { downloadReply } from '../../shared/http/download-reply.ts'
import { environmentEdge } from '../../shared/http/edge.ts'
import { api, json, owner, page } from '../../shared/http/endpoint.ts'
import {
  environmentQueue,
  environmentStaging,
  environmentTable,
} from '../../shared/platform/clients.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import { downloadStore } from '../../shared/uploads/download-store.ts'
import { downloadUpload } from '../../shared/uploads/download-upload.ts'
import {
  deleteFromCloudStorageWithCascade,
  getUpload,
  listUploads,
} from '../../shared/uploads/owner-uploads.ts'
import { submissionStore } from '../../shared/uploads/submission-store.ts'
import { uploadStore } from '../../shared/uploads/upload-store.ts'
import { sessionStore } from '../../shared/users/session-store.ts'

const table = environmentTable()
const deps = {
  ...environmentProviders(table),
  uploads: uploadStore(table, systemClock),
  submissions: submissionStore(table),
  deliveries: deliveryStore(table, systemClock),
  downloads: downloadStore(table, systemClock),
  staging: environmentStaging(),
  queue: environmentQueue(ENV.downloadQueueUrl),
}

export const handler = api(environmentEdge(sessionStore(table, systemClock)), {
  'GET /api/v1/uploads': owner({ query: uploadsQuery }, async ({ userId, query }) => {
    const { uploads, cursor } = await listUploads(deps, userId, query)
    return page({ uploads }, cursor)
  }),
  'GET /api/uploads/{id}': owner({}, async ({ userId, params }) =>
    json(200, await getUpload(deps, userId, params['id'] ?? '')),
  ),
  'DELETE /api/uploads/{id}': owner({}, async ({ userId, params }) =>
    json(200, await deleteFromCloudStorageWithCascade(deps, userId, params['id'] ?? '')),
  ),
  'GET /api/uploads/{id}/download': owner({}, async ({ userId, params }) =>
    downloadReply(await downloadUpload(deps, userId, params['id'] ?? '')),
  ),
})
