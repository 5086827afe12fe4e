/** `POST /api/upload` has two bodies: a form that carries a small file, or JSON that announces files. */
import { intentRequest } from '../contract/uploads.ts'
import { type CreateSubmissionDeps, createSubmission } from '../uploads/create-submission.ts'
import { readForm, uploadForm } from '../uploads/form-upload.ts'
import { toIntent } from '../uploads/intent.ts'
import { clientAddress } from './client-address.ts'
import { type ApiRequest, parse, parseJson } from './endpoint.ts'

export async function announce(deps: CreateSubmissionDeps, request: ApiRequest) {
  const client = { bearer: request.bearer, address: clientAddress(request) }
  const contentType = request.headers['content-type'] ?? ''
  if (/^multipart\/form-data\b/i.test(contentType)) {
    return uploadForm(deps, await readForm(contentType, request.rawBody), client, parse)
  }
  const body = parseJson(intentRequest, request)
  const reply = await createSubmission(deps, toIntent(body), client)
  const [only] = reply.uploads
  if (body.files || !only) return reply
  const { uploadId, fileName, storageProvider, status } = only
  return { ...reply, uploadId, fileName, storageProvider, status }
}
