/**
 * Who asks, as far as limits go: the address that the distribution saw. A header that the client can
 * set is never looked at (security rule 13).
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/adding-cloudfront-headers.html
 */
import { isIPv6 } from 'node:net'

const HEADER = 'cloudfront-viewer-address'
/** One household or office has a /64 of IPv6 to itself, so that is one client. */
const IPV6_NETWORK_GROUPS = 4

/** `198.51.100.10`, or the first 64 bits of an IPv6 address. */
export function clientAddress(request: { headers: Record<string, string | undefined> }): string {
  const value = request.headers[HEADER] ?? ''
  const address = value.slice(0, value.lastIndexOf(':')).replace(/^\[|\]$/g, '')
  if (!isIPv6(address)) return address === '' ? 'unknown' : address
  return `${networkGroups(address).join(':')}::/64`
}

function networkGroups(address: string): string[] {
  const [head = '', tail] = address.toLowerCase().split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after]
    .slice(0, IPV6_NETWORK_GROUPS)
    .map((group) => Number.parseInt(group, 16).toString(16))
}
