/** What the uploader needs of HTTP: one request, its progress, one reply. */
export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  url: string
  headers: Readonly<Record<string, string>>
  body?: Blob | string
  signal?: AbortSignal
  /** Bytes of the body that left so far, of this attempt. */
  onSent?: (bytes: number) => void
}

export interface HttpReply {
  status: number
  header(name: string): string | null
  body: string
}

/** Resolves with any reply; rejects with NetworkError without one, or with the signal's reason. */
export type Http = (request: HttpRequest) => Promise<HttpReply>

export class NetworkError extends Error {
  override name = 'NetworkError' as const
}

export function isSuccess(reply: HttpReply): boolean {
  return reply.status >= 200 && reply.status < 300
}
