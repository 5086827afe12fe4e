import { uploadsQuery } from '../../shared/contract/uploads.ts'
import { downloadReply } from '../../shared/http/download-reply.ts'
import { environmentOwnerEdge } from '../../shared/http/edge.ts'
import { api, json, owner, page, refuseCrossSite } from '../../shared/http/endpoint.ts'
import { downloadUpload } from '../../shared/uploads/download-upload.ts'
import { environmentOwnerUploads } from '../../shared/uploads/environment.ts'
import * as files from '../../shared/uploads/owner-uploads.ts'

const deps = environmentOwnerUploads()

export const handler = api(environmentOwnerEdge(), {
  'GET /api/v1/uploads': owner({ query: uploadsQuery }, async ({ userId, query }) => {
    const { uploads, cursor } = await files.listUploads(deps, userId, query)
    return page({ uploads }, cursor)
  }),
  'GET /api/uploads/{id}': owner({}, async ({ userId, params }) =>
    json(200, await files.getUpload(deps, userId, params.id)),
  ),
  'DELETE /api/uploads/{id}': owner({}, async ({ userId, params }) =>
    json(200, await files.deleteFromCloudStorageWithCascade(deps, userId, params.id)),
  ),
  'GET /api/uploads/{id}/download': owner({}, async (request) => {
    refuseCrossSite(request)
    return downloadReply(await downloadUpload(deps, request.userId, request.params.id))
  }),
})
