import type { PreparingReply } from '../contract/uploads.ts'
import type { DownloadReply } from '../uploads/download-upload.ts'
import { json, type Reply, redirect } from './endpoint.ts'

export function downloadReply(download: DownloadReply): Reply {
  switch (download.kind) {
    case 'inline':
      return { status: 200, body: download.bytes, headers: download.headers }
    case 'redirect':
      return redirect(download.url)
    case 'preparing':
      return json(
        202,
        {
          status: 'preparing',
          retryAfterSeconds: download.retryAfterSeconds,
        } satisfies PreparingReply,
        { 'retry-after': String(download.retryAfterSeconds) },
      )
  }
}
