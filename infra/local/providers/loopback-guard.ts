/**
 * Who may talk to an emulator. A page in the developer's browser can send requests to any port of
 * this machine: names that resolve here from elsewhere are refused by Host, and control calls
 * cannot be made by a foreign page, because they need a content type and an Origin it cannot send.
 */
import type { IncomingMessage } from 'node:http'
import { type Reply, textReply } from './exchange.ts'

/** Reply to a request whose Host is neither this machine nor a name of the provider. */
export function refuseForeignHost(
  request: IncomingMessage,
  port: number,
  providerHosts: readonly string[],
): Reply | undefined {
  const host = (request.headers.host ?? '').toLowerCase()
  if (host === `127.0.0.1:${port}` || host === `localhost:${port}`) return undefined
  if (providerHosts.includes(host.replace(/:443$/, ''))) return undefined
  return textReply(421, 'Misdirected request')
}

/** Reply to a control call that may come from a foreign page. */
export function refuseForeignControlCall(request: IncomingMessage): Reply | undefined {
  const { origin, host } = request.headers
  if (origin !== undefined && origin !== `http://${host}`) {
    return textReply(403, 'Control calls are for this origin only')
  }
  if (request.method === 'GET' || request.method === 'HEAD') return undefined
  const contentType = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (contentType !== 'application/json') {
    return textReply(415, 'Control calls need Content-Type: application/json')
  }
  return undefined
}
