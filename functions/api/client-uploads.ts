import * as contract from '../../shared/contract/uploads.ts'
import { announce } from '../../shared/http/announce.ts'
import { environmentEdge } from '../../shared/http/edge.ts'
import { api, json, open, page } from '../../shared/http/endpoint.ts'
import {
  cancelUpload,
  completeSubmission,
  completeUpload,
} from '../../shared/uploads/complete-upload.ts'
import { environmentClient } from '../../shared/uploads/environment.ts'
import { getSubmissionStatus } from '../../shared/uploads/submission-status.ts'
import { listUploadParts, signParts } from '../../shared/uploads/transfer-parts.ts'

const deps = environmentClient()

export const handler = api(environmentEdge(), {
  'POST /api/upload': open({}, async (request) => json(201, await announce(deps, request))),
  'POST /api/upload/{id}/parts': open(
    { body: contract.signPartsRequest },
    async ({ bearer, params, body }) =>
      json(200, await signParts(deps, bearer, params.id, body.partNumbers)),
  ),
  'GET /api/upload/{id}/parts': open({}, async ({ bearer, params }) =>
    json(200, await listUploadParts(deps, bearer, params.id)),
  ),
  'POST /api/upload/{id}/complete': open(
    { body: contract.completeRequest },
    async ({ bearer, params, body }) =>
      json(202, await completeUpload(deps, bearer, params.id, body)),
  ),
  'DELETE /api/upload/{id}': open({}, async ({ bearer, params }) => {
    await cancelUpload(deps, bearer, params.id)
    return { status: 204 }
  }),
  'GET /api/submissions/{id}': open(
    { query: contract.submissionQuery },
    async ({ bearer, params, query }) => {
      const { reply, cursor } = await getSubmissionStatus(deps, bearer, params.id, query.cursor)
      return page(reply, cursor)
    },
  ),
  'POST /api/submissions/{id}/complete': open(
    { body: contract.completeSubmissionRequest },
    async ({ bearer, params, body }) =>
      json(202, await completeSubmission(deps, bearer, params.id, body.uploads)),
  ),
})
