/** HTTP by XMLHttpRequest: the only browser interface that reports the progress of a body sent. */
import { type Http, type HttpReply, NetworkError } from './http.ts'

/** Without a byte or a reply for so long a connection is dead: mobile networks drop them silently. */
const STALL_MS = 60_000

export const xhrHttp: Http = ({ method, url, headers, body, signal, onSent }) =>
  new Promise<HttpReply>((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const xhr = new XMLHttpRequest()
    let stall: ReturnType<typeof setTimeout>
    const watchStall = () => {
      clearTimeout(stall)
      stall = setTimeout(() => end(new NetworkError('The connection stalled')), STALL_MS)
    }
    const stop = () => end(signal?.reason)
    const end = (outcome: unknown) => {
      clearTimeout(stall)
      signal?.removeEventListener('abort', stop)
      xhr.onerror = xhr.onabort = null
      xhr.abort()
      reject(outcome)
    }
    xhr.open(method, url)
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value)
    xhr.upload.onprogress = (event) => {
      watchStall()
      onSent?.(event.loaded)
    }
    xhr.onerror = xhr.onabort = () => end(new NetworkError('The connection failed'))
    xhr.onload = () => {
      clearTimeout(stall)
      signal?.removeEventListener('abort', stop)
      resolve({
        status: xhr.status,
        header: (name) => xhr.getResponseHeader(name),
        body: xhr.responseText,
      })
    }
    signal?.addEventListener('abort', stop, { once: true })
    watchStall()
    xhr.send(body ?? null)
  })
