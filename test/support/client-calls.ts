/** Calls that a client's page makes, one by one, for tests that look at each. */
import { createHash } from 'node:crypto'
import type { AppClient, AppRequest } from '../../infra/local/app-client.ts'
import type {
  IntentReply,
  ListPartsReply,
  SubmissionReply,
  UploadStatus,
} from '../../shared/contract/uploads.ts'
import { bearer } from './local-cloud.ts'
import { until } from './until.ts'

type Tokens = Pick<IntentReply, 'submissionId' | 'uploadToken' | 'readToken'>

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** A call with a client's token. */
export function withToken(
  http: AppClient,
  token: string,
  method: string,
  path: string,
  request: AppRequest = {},
): Promise<Response> {
  return http.send(method, path, { ...request, headers: { ...request.headers, ...bearer(token) } })
}

export function submissionStatus(http: AppClient, tokens: Tokens): Promise<SubmissionReply> {
  return http.call<SubmissionReply>('GET', `/api/submissions/${tokens.submissionId}`, {
    headers: bearer(tokens.readToken),
  })
}

/** The status of each file of a hand-over, in the order of their announcement. */
export async function statuses(http: AppClient, tokens: Tokens): Promise<UploadStatus[]> {
  return (await submissionStatus(http, tokens)).uploads.map(({ status }) => status)
}

/** Waits until every file of a hand-over is in the owner's cloud. */
export async function untilUploaded(http: AppClient, tokens: Tokens): Promise<SubmissionReply> {
  return until(
    async () => {
      const reply = await submissionStatus(http, tokens)
      return reply.uploads.every(({ status }) => status === 'uploaded') && reply
    },
    { timeoutMs: 30_000 },
  )
}

export function listParts(
  http: AppClient,
  uploadToken: string,
  uploadId: string,
): Promise<ListPartsReply> {
  return http.call<ListPartsReply>('GET', `/api/upload/${uploadId}/parts`, {
    headers: bearer(uploadToken),
  })
}

export function complete(
  http: AppClient,
  uploadToken: string,
  uploadId: string,
  json: unknown = {},
): Promise<Response> {
  return withToken(http, uploadToken, 'POST', `/api/upload/${uploadId}/complete`, { json })
}
