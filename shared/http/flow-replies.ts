/** Replies of the OAuth flows: one redirect, and the cookies that bind a flow or a session to a browser. */
import { FLOW_LIFETIME_MS } from '../users/flow-store.ts'
import { SESSION_ABSOLUTE_MS } from '../users/session-store.ts'
import { readCookie, setCookie } from './cookies.ts'
import { type ApiRequest, type Reply, redirect } from './endpoint.ts'

type Bound = Pick<ApiRequest, 'cookies' | 'origin'>

export function sessionToken(request: Bound): string | undefined {
  return readCookie(request.cookies, 'portage_session', request.origin)
}

function browserToken(request: Bound): string | undefined {
  return readCookie(request.cookies, 'portage_oauth', request.origin)
}

/** A provider's answer, as the flow that it belongs to wants it. */
export function callbackOf(request: ApiRequest) {
  const { params, origin, rawQuery } = request
  return { provider: params['provider'], origin, rawQuery, browserToken: browserToken(request) }
}

/** To the provider's page, with the cookie that its answer must come back with. */
export function toProvider({ origin }: Bound, begun: { url: URL; browserToken: string }): Reply {
  const maxAgeSeconds = FLOW_LIFETIME_MS / 1000
  return redirect(begun.url.href, [
    setCookie('portage_oauth', begun.browserToken, { origin, maxAgeSeconds }),
  ])
}

/** Into the app, with a new session when there is one; the flow's cookie has done its work. */
export function intoApp({ origin }: Bound, location: string, newSession?: string): Reply {
  const cookies = [setCookie('portage_oauth', '', { origin, maxAgeSeconds: 0 })]
  if (newSession !== undefined) {
    const maxAgeSeconds = SESSION_ABSOLUTE_MS / 1000
    cookies.push(setCookie('portage_session', newSession, { origin, maxAgeSeconds }))
  }
  return redirect(location, cookies)
}

export function signedOut({ origin }: Bound): Reply {
  return { status: 204, cookies: [setCookie('portage_session', '', { origin, maxAgeSeconds: 0 })] }
}
