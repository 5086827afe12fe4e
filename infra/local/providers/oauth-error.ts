import { jsonReply, type Reply } from './exchange.ts'

/** A refusal of the token or revocation endpoint: `{"error","error_description"}`. */
export class OAuthError extends Error {
  override name = 'OAuthError' as const
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, description: string) {
    super(description)
    this.status = status
    this.code = code
  }

  toReply(): Reply {
    return oauthErrorReply(this.status, this.code, this.message)
  }
}

export function oauthErrorReply(status: number, code: string, description?: string): Reply {
  const body = { error: code, ...(description ? { error_description: description } : {}) }
  return jsonReply(status, body, { 'cache-control': 'no-store' })
}
