/** What CloudFront sends to an origin: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html */
import type { IncomingHttpHeaders } from 'node:http'
import type { CacheKeyRule, OriginRequestRule } from './distribution.ts'

/** Headers that end at each hop, and those that CloudFront never takes from a viewer. */
const NEVER_FORWARDED = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-forwarded-proto',
  'x-real-ip',
])

/** Sent to every origin whatever the policy says. */
const ALWAYS_FORWARDED = new Set(['content-length', 'content-type', 'content-encoding'])

const VIEWER_ADDRESS = 'cloudfront-viewer-address'

/** What a behaviour lets through: the cache key in any case, and more by its origin request policy. */
export interface OriginRules {
  cacheKey: CacheKeyRule
  originRequest: OriginRequestRule | undefined
}

export interface Viewer {
  address: string
  port: number
}

/** The headers for the origin: the viewer's by the policy, then CloudFront's own, then the origin's custom ones. */
export function originRequestHeaders(
  viewerHeaders: IncomingHttpHeaders,
  viewer: Viewer,
  { cacheKey, originRequest }: OriginRules,
  origin: { domainName: string; customHeaders: Record<string, string> },
): Record<string, string> {
  const headers: Record<string, string> = {}
  const passes = (name: string): boolean =>
    cacheKey.headers.includes(name) || forwards(originRequest, name)
  const cookies = cacheKey.cookies || originRequest?.cookies === true
  for (const [name, value] of Object.entries(viewerHeaders)) {
    if (value === undefined || NEVER_FORWARDED.has(name)) continue
    // Only CloudFront may say who the viewer is, and only the distribution may prove itself.
    if (name.startsWith('cloudfront-') || name.startsWith('x-amz-cf-')) continue
    if (name in origin.customHeaders) continue
    if (name === 'cookie' ? cookies : passes(name)) {
      headers[name] = Array.isArray(value) ? value.join(', ') : value
    }
  }
  if (passes(VIEWER_ADDRESS)) {
    headers[VIEWER_ADDRESS] = `${viewer.address}:${viewer.port}`
  }
  const forwardedFor = viewerHeaders['x-forwarded-for']
  headers['x-forwarded-for'] =
    forwardedFor === undefined ? viewer.address : `${String(forwardedFor)}, ${viewer.address}`
  headers['user-agent'] ??= 'Amazon CloudFront'
  headers['host'] ??= origin.domainName
  return { ...headers, ...origin.customHeaders }
}

/** Whether the policy lets a header through; names of CloudFront's own headers are judged alike. */
function forwards(rule: OriginRequestRule | undefined, name: string): boolean {
  if (ALWAYS_FORWARDED.has(name)) return true
  const isListed = rule?.headers.includes(name) ?? false
  const isCloudFront = name.startsWith('cloudfront-')
  switch (rule?.headerBehavior) {
    case undefined:
    case 'none':
      return false
    case 'whitelist':
      return isListed
    case 'allViewer':
      return !isCloudFront
    case 'allViewerAndWhitelistCloudFront':
      return !isCloudFront || isListed
    case 'allExcept':
      return !isListed
  }
}
