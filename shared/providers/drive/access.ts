/**
 * The part of Drive that functions of the API need as well, by fetch alone: googleapis is a fifth of
 * what such a function may weigh.
 */
import { authorization, downloaded, downloadHeaders, withTimeout } from '../answers.ts'
import type { Download, ProviderAuth, StorageAccess } from '../provider.ts'
import { classifyAnswer, connectionFailure, unreadable } from './answers.ts'
import { aboutUrl, contentUrl, fileUrl, readQuota } from './wire.ts'

interface DriveOptions {
  /** Origin of the API, `https://www.googleapis.com`. */
  apiUrl: string
}

export function createDriveAccess({ apiUrl }: DriveOptions): StorageAccess {
  /** A control call: what comes back is small. */
  async function ask(
    method: 'GET' | 'DELETE',
    url: URL,
    auth: ProviderAuth,
    signal: AbortSignal | undefined,
  ) {
    try {
      const headers = authorization(auth)
      const response = await fetch(url, {
        method,
        headers,
        redirect: 'manual',
        signal: withTimeout(signal),
      })
      return { status: response.status, headers: response.headers, body: await response.text() }
    } catch (error) {
      throw connectionFailure(error, signal)
    }
  }

  return {
    id: 'google_drive',

    async download(auth, fileId, range, signal): Promise<Download> {
      const response = await fetch(contentUrl(apiUrl, fileId), {
        headers: downloadHeaders(auth, range),
        redirect: 'manual',
        ...(signal && { signal }),
      }).catch((error: unknown) => {
        throw connectionFailure(error, signal)
      })
      const { status, headers } = response
      if (!response.ok) throw classifyAnswer({ status, headers, body: await response.text() })
      const file = (await downloaded(response, range)) ?? unreadable(response)
      return { ...file, mimeType: headers.get('content-type') ?? 'application/octet-stream' }
    },

    async deleteFile(auth, fileId, signal) {
      const answer = await ask('DELETE', fileUrl(apiUrl, fileId), auth, signal)
      if (answer.status === 204 || answer.status === 200) return 'deleted'
      if (answer.status === 404) return 'already-gone'
      throw classifyAnswer(answer)
    },

    async quota(auth, signal) {
      const answer = await ask('GET', aboutUrl(apiUrl), auth, signal)
      if (answer.status !== 200) throw classifyAnswer(answer)
      return readQuota(answer.body) ?? unreadable(answer)
    },
  }
}
