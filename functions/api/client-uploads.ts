import * as contract from '../../shared/contract/uploads.ts'
import { announce } from '../../shared/http/announce.ts'
import { environmentEdge } from '../../shared/http/edge.ts'
import { api, holder, json, open, page } from '../../shared/http/endpoint.ts'
import { verifyToken } from '../../shared/uploads/capability.ts'
import {
  cancelUpload,
  completeSubmission,
  completeUpload,
} from '../../shared/uploads/complete-upload.ts'
import { environmentClient } from '../../shared/uploads/environment.ts'
import { getSubmissionStatus } from '../../shared/uploads/submission-status.ts'
import { listUploadParts, signParts } from '../../shared/uploads/transfer-parts.ts'

const deps = environmentClient()
const mayWrite = (bearer?: string) => verifyToken(deps.keys, deps.clock, bearer, ['write'])
const mayRead = (bearer?: string) => verifyToken(deps.keys, deps.clock, bearer, ['read', 'write'])

export const handler = api(environmentEdge(), {
  'POST /api/upload': open({}, async (request) => json(201, await announce(deps, request))),
  'POST /api/upload/{id}/parts': holder(
    mayWrite,
    { body: contract.signPartsRequest },
    async ({ claims, params, body }) =>
      json(200, await signParts(deps, claims, params.id, body.partNumbers)),
  ),
  'GET /api/upload/{id}/parts': holder(mayWrite, {}, async ({ claims, params }) =>
    json(200, await listUploadParts(deps, claims, params.id)),
  ),
  'POST /api/upload/{id}/complete': holder(
    mayWrite,
    { body: contract.completeRequest },
    async ({ claims, params, body }) =>
      json(202, await completeUpload(deps, claims, params.id, body)),
  ),
  'DELETE /api/upload/{id}': holder(mayWrite, {}, async ({ claims, params }) => {
    await cancelUpload(deps, claims, params.id)
    return { status: 204 }
  }),
  'GET /api/submissions/{id}': holder(
    mayRead,
    { query: contract.submissionQuery },
    async ({ claims, params, query }) => {
      const { reply, cursor } = await getSubmissionStatus(deps, claims, params.id, query.cursor)
      return page(reply, cursor)
    },
  ),
  'POST /api/submissions/{id}/complete': holder(
    mayWrite,
    { body: contract.completeSubmissionRequest },
    async ({ claims, params, body }) =>
      json(202, await completeSubmission(deps, claims, params.id, body.uploads)),
  ),
})
