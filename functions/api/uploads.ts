import {
  deleteUploadQuery,
  eraseClientRequest,
  uploadsQuery,
} from '../../shared/contract/uploads.ts'
import { downloadReply } from '../../shared/http/download-reply.ts'
import { environmentOwnerEdge } from '../../shared/http/edge.ts'
import { api, json, owner, page, refuseCrossSite } from '../../shared/http/endpoint.ts'
import { downloadUpload } from '../../shared/uploads/download-upload.ts'
import { environmentOwnerUploads } from '../../shared/uploads/environment.ts'
import { eraseClient } from '../../shared/uploads/erase-client.ts'
import { getUpload, listUploads } from '../../shared/uploads/list-uploads.ts'
import {
  deleteFromCloudStorageWithCascade,
  retryUpload,
} from '../../shared/uploads/owner-uploads.ts'

const deps = environmentOwnerUploads()

export const handler = api(environmentOwnerEdge(), {
  'GET /api/v1/uploads': owner({ query: uploadsQuery }, async ({ userId, query }) => {
    const { uploads, cursor } = await listUploads(deps, userId, query)
    return page({ uploads }, cursor)
  }),
  'GET /api/uploads/{id}': owner({}, async ({ userId, params }) =>
    json(200, await getUpload(deps, userId, params.id)),
  ),
  'DELETE /api/uploads/{id}': owner(
    { query: deleteUploadQuery },
    async ({ userId, params, query }) => {
      const recordOnly = query.recordOnly === 'true'
      const deleted = await deleteFromCloudStorageWithCascade(deps, userId, params.id, {
        recordOnly,
      })
      return json(200, { message: 'File deleted successfully', ...deleted })
    },
  ),
  'POST /api/uploads/{id}/retry': owner({}, async ({ userId, params }) =>
    json(202, await retryUpload(deps, userId, params.id)),
  ),
  'GET /api/uploads/{id}/download': owner({}, async (request) => {
    refuseCrossSite(request)
    return downloadReply(await downloadUpload(deps, request.userId, request.params.id))
  }),
  'POST /api/clients/erase': owner({ body: eraseClientRequest }, async ({ userId, body }) =>
    json(200, await eraseClient(deps, userId, body)),
  ),
})
