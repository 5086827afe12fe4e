/** The calls of the client page, each repeated until it is answered; errors are ApiProblem or NetworkError. */
import type { PublicPortalReply, VerifyPasswordReply } from '../../../shared/contract/portals.ts'
import type {
  CompleteReply,
  CompleteRequest,
  IntentReply,
  IntentRequest,
  ListPartsReply,
  SignPartsReply,
  SubmissionReply,
} from '../../../shared/contract/uploads.ts'
import { ApiProblem, parseProblem } from '../../common/api-problem.ts'
import { type HttpReply, type HttpRequest, isSuccess } from './http.ts'
import { retryAfterMs, sendReliably, type Wire } from './reliable-http.ts'

const BAD_GATEWAY = 502
/** Somebody waits before an empty page: better to say soon that something is wrong. */
const FIRST_CALL_ATTEMPTS = 4

export type PortalApi = ReturnType<typeof createPortalApi>

export function createPortalApi(wire: Wire) {
  async function call(
    method: HttpRequest['method'],
    path: string,
    options: {
      token?: string | undefined
      body?: unknown
      signal?: AbortSignal | undefined
      maxAttempts?: number
    } = {},
  ): Promise<HttpReply> {
    const { token, body, signal, maxAttempts } = options
    const request: HttpRequest = {
      method,
      url: path,
      headers: {
        accept: 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    }
    const reply = await sendReliably(wire, request, maxAttempts)
    if (!isSuccess(reply)) throw parseProblem(reply.status, reply.body, retryAfterMs(reply))
    return reply
  }

  return {
    /** Whole when it asks for no password, or when `token` is what a right one gave. */
    async findPortal(slug: string, token?: string): Promise<PublicPortalReply> {
      return json(await call('GET', publicPath(slug), { token, maxAttempts: FIRST_CALL_ATTEMPTS }))
    },

    /** Once: every attempt counts, also one whose answer is lost. */
    async verifyPassword(slug: string, password: string): Promise<VerifyPasswordReply> {
      const path = `${publicPath(slug)}/verify`
      return json(await call('POST', path, { body: { password }, maxAttempts: 1 }))
    },

    /** A new hand-over, or more files for one when `token` is its write token. */
    async announce(intent: IntentRequest, token: string | undefined): Promise<IntentReply> {
      return json(await call('POST', '/api/upload', { body: intent, token }))
    },

    async signParts(
      uploadId: string,
      partNumbers: number[],
      token: string,
      signal: AbortSignal,
    ): Promise<SignPartsReply> {
      const body = { partNumbers }
      return json(await call('POST', `/api/upload/${uploadId}/parts`, { body, token, signal }))
    },

    async listParts(
      uploadId: string,
      token: string,
      signal?: AbortSignal,
    ): Promise<ListPartsReply> {
      return json(await call('GET', `/api/upload/${uploadId}/parts`, { token, signal }))
    },

    async complete(
      uploadId: string,
      request: CompleteRequest,
      token: string,
    ): Promise<CompleteReply> {
      return json(await call('POST', `/api/upload/${uploadId}/complete`, { body: request, token }))
    },

    async completeMany(
      submissionId: string,
      uploads: (CompleteRequest & { uploadId: string })[],
      token: string,
    ): Promise<{ uploads: CompleteReply[] }> {
      const path = `/api/submissions/${submissionId}/complete`
      return json(await call('POST', path, { body: { uploads }, token }))
    },

    async cancel(uploadId: string, token: string): Promise<void> {
      await call('DELETE', `/api/upload/${uploadId}`, { token })
    },

    /** Every file of the hand-over, however many pages that takes. */
    async status(
      submissionId: string,
      token: string,
      signal?: AbortSignal,
    ): Promise<SubmissionReply['uploads']> {
      const uploads: SubmissionReply['uploads'] = []
      let cursor: string | null = null
      do {
        const query: string = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`
        const reply = await call('GET', `/api/submissions/${submissionId}${query}`, {
          token,
          signal,
        })
        uploads.push(...json<SubmissionReply>(reply).uploads)
        cursor = reply.header('x-next-cursor')
      } while (cursor)
      return uploads
    },
  }
}

function publicPath(slug: string): string {
  return `/api/portals/public/${encodeURIComponent(slug)}`
}

function json<Reply>(reply: HttpReply): Reply {
  try {
    return JSON.parse(reply.body) as Reply
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    // The log-in page of a hotel's network answers 200 to everything.
    throw new ApiProblem(BAD_GATEWAY, { title: 'Something else answered in place of the server' })
  }
}
