/**
 * The part of Dropbox that functions of the API need as well, by fetch alone: the SDK is a fifth of
 * what such a function may weigh.
 */
import { authorization, downloaded, downloadHeaders, withTimeout } from '../answers.ts'
import { Rejected } from '../failures.ts'
import type { ProviderAuth, StorageAccess } from '../provider.ts'
import type { Answer } from '../send-request.ts'
import { classifyAnswer, connectionFailure, unreadable } from './answers.ts'
import { argHeader, readLink, readQuota, routeUrl } from './wire.ts'

export interface DropboxOptions {
  /** Origin of the API, `https://api.dropboxapi.com`. */
  apiUrl: string
  /** Origin of what has a file's bytes in it, `https://content.dropboxapi.com`. */
  contentUrl: string
}

export function createDropboxAccess({ apiUrl, contentUrl }: DropboxOptions): StorageAccess {
  /** A control call: what comes back is small. A route without an argument takes no type either. */
  async function ask(
    route: string,
    argument: object | undefined,
    auth: ProviderAuth,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    try {
      const response = await fetch(routeUrl(apiUrl, route), {
        method: 'POST',
        headers: {
          ...authorization(auth),
          ...(argument && { 'content-type': 'application/json' }),
        },
        ...(argument && { body: JSON.stringify(argument) }),
        redirect: 'manual',
        signal: withTimeout(signal),
      })
      return { status: response.status, headers: response.headers, body: await response.text() }
    } catch (error) {
      throw connectionFailure(error, signal)
    }
  }

  return {
    id: 'dropbox',

    async download(auth, fileId, range, signal) {
      const response = await fetch(routeUrl(contentUrl, 'files/download'), {
        method: 'POST',
        headers: { ...downloadHeaders(auth, range), ...argHeader({ path: fileId }) },
        redirect: 'manual',
        ...(signal && { signal }),
      }).catch((error: unknown) => {
        throw connectionFailure(error, signal)
      })
      const { status, headers } = response
      if (!response.ok) throw classifyAnswer({ status, headers, body: await response.text() })
      const file = (await downloaded(response, range)) ?? unreadable(response)
      // Dropbox keeps no type of a file.
      return { ...file, mimeType: 'application/octet-stream' }
    },

    // https://www.dropbox.com/developers/documentation/http/documentation#files-get_temporary_link
    async downloadLink(auth, fileId, signal) {
      const answer = await ask('files/get_temporary_link', { path: fileId }, auth, signal)
      if (answer.status !== 200) throw classifyAnswer(answer)
      return readLink(answer.body) ?? unreadable(answer)
    },

    async deleteFile(auth, fileId, signal) {
      const answer = await ask('files/delete_v2', { path: fileId }, auth, signal)
      if (answer.status === 200) return 'deleted'
      const failure = classifyAnswer(answer)
      if (failure instanceof Rejected && failure.reason === 'NOT_FOUND') return 'already-gone'
      throw failure
    },

    async quota(auth, signal) {
      const answer = await ask('users/get_space_usage', undefined, auth, signal)
      if (answer.status !== 200) throw classifyAnswer(answer)
      return readQuota(answer.body) ?? unreadable(answer)
    },
  }
}
