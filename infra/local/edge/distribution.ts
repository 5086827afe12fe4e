/**
 * A CloudFront distribution as its template describes it, reduced to what decides a request.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/distribution-web-values-specify.html
 * Known gaps: nothing is cached; aliases, certificates, price class, logging and web ACL are inert.
 */

/** Where requests of a behaviour go. */
export type EdgeOrigin =
  | { kind: 'bucket'; bucketName: string; originPath: string }
  | { kind: 'api'; apiId: string; domainName: string; customHeaders: Record<string, string> }

/** What of a viewer's request an origin gets to see. */
export interface OriginRequestRule {
  headerBehavior:
    | 'none'
    | 'whitelist'
    | 'allViewer'
    | 'allViewerAndWhitelistCloudFront'
    | 'allExcept'
  /** Lower-case names. */
  headers: string[]
  cookies: boolean
  queryStrings: boolean
}

export interface CacheKeyRule {
  /** Lower-case names. */
  headers: string[]
  cookies: boolean
  queryStrings: boolean
}

/** Headers that CloudFront sets on a reply. */
export interface ResponseHeadersRule {
  /** Lower-case name; without `override` a header of the origin's wins. */
  set: { name: string; value: string; override: boolean }[]
  remove: string[]
}

export interface EdgeBehavior {
  /** `*` for the default behaviour. */
  pathPattern: string
  originId: string
  allowedMethods: string[]
  /** True when the behaviour compresses and its cache policy lets it. */
  compress: boolean
  /** Logical name of a function in `EdgeDistribution.functions`. */
  viewerRequestFunction: string | undefined
  /** What of the request makes the cache key; the origin gets that whatever the policy below says. */
  cacheKey: CacheKeyRule
  originRequest: OriginRequestRule | undefined
  responseHeaders: ResponseHeadersRule | undefined
}

export interface EdgeDistribution {
  id: string
  domainName: string
  defaultRootObject: string
  origins: Map<string, EdgeOrigin>
  /** By precedence; the default behaviour is the last. */
  behaviors: EdgeBehavior[]
  /** Source of each CloudFront Function by its ARN. */
  functions: Map<string, string>
}

/**
 * The behaviour for a path: the first whose pattern matches. `*` stands for any characters, `?` for
 * one, and a pattern need not begin with a slash.
 */
export function behaviorFor(distribution: EdgeDistribution, path: string): EdgeBehavior {
  const behavior = distribution.behaviors.find(({ pathPattern }) => matches(pathPattern, path))
  if (behavior === undefined) throw new Error('a distribution without a default behaviour')
  return behavior
}

function matches(pattern: string, path: string): boolean {
  const withSlash = pattern.startsWith('/') || pattern.startsWith('*') ? pattern : `/${pattern}`
  const source = withSlash
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's').test(path)
}
