import { sleep } from '../../common/sleep.ts'
import { downloadPath, requestDownload } from '../api/client.ts'
import type { DownloadDeps } from './download-file.ts'

/** The browser reads a blob's URL when it is ready to; afterwards the memory is given back. */
const BLOB_URL_LIFETIME_MS = 60_000

export const browserDownload: DownloadDeps = {
  request: requestDownload,
  wait: sleep,
  saveBytes: (blob, fileName) => {
    const url = URL.createObjectURL(blob)
    clickLink(url, fileName)
    setTimeout(() => URL.revokeObjectURL(url), BLOB_URL_LIFETIME_MS)
  },
  saveFromApi: (uploadId) => clickLink(downloadPath(uploadId), ''),
}

/** A link with `download` never leaves the page, even when the answer is an error. */
function clickLink(href: string, fileName: string): void {
  const link = document.createElement('a')
  link.href = href
  link.download = fileName
  document.body.append(link)
  link.click()
  link.remove()
}
