import type { DownloadReply } from '../api/client.ts'

export interface DownloadDeps {
  request: (uploadId: string, signal: AbortSignal) => Promise<DownloadReply>
  wait: (ms: number, signal: AbortSignal) => Promise<void>
  /** Hands bytes to the browser to save. */
  saveBytes: (blob: Blob, fileName: string) => void
  /** Lets the browser fetch and save the file itself. */
  saveFromApi: (uploadId: string) => void
}

const MAX_WAIT_MS = 30_000
const GROWTH = 1.4

/** The API's own wish at first, then longer: a file of many gigabytes takes minutes to come back. */
export function nextWaitMs(retryAfterSeconds: number, attempt: number): number {
  const wished = Math.max(1, retryAfterSeconds) * 1000
  return Math.max(wished, Math.min(MAX_WAIT_MS, Math.round(wished * GROWTH ** attempt)))
}

/** Asks until the file is there, then has it saved. `onPreparing` is told once. */
export async function downloadFile(
  { request, wait, saveBytes, saveFromApi }: DownloadDeps,
  upload: { id: string; fileName: string },
  signal: AbortSignal,
  onPreparing: () => void,
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const reply = await request(upload.id, signal)
    switch (reply.kind) {
      case 'bytes':
        saveBytes(reply.blob, upload.fileName)
        return
      case 'elsewhere':
        saveFromApi(upload.id)
        return
      case 'preparing':
        if (attempt === 0) onPreparing()
        await wait(nextWaitMs(reply.retryAfterSeconds, attempt), signal)
    }
  }
}
