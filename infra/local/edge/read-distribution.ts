/** Reads `AWS::CloudFront::*` resources; a property whose effect is not played here is an error. */
import { type Json, type JsonObject, listOf, objectOf } from '../template/json.ts'
import type { ResolvedResource } from '../template/resolve-stacks.ts'
import { failureOf, type TemplateError } from '../template/template-error.ts'
import type {
  CacheKeyRule,
  EdgeBehavior,
  EdgeDistribution,
  EdgeOrigin,
  OriginRequestRule,
  ResponseHeadersRule,
} from './distribution.ts'

/** The resources that a distribution may refer to. */
export interface DistributionParts {
  functions: ResolvedResource[]
  cachePolicies: ResolvedResource[]
  originRequestPolicies: ResolvedResource[]
  responseHeadersPolicies: ResolvedResource[]
  originAccessControls: ResolvedResource[]
  /** The resource that a synthesized value points at; tells which bucket an origin means. */
  trace(value: Json): ResolvedResource | undefined
}

interface CachePolicy {
  compresses: boolean
  key: CacheKeyRule
}

const NOTHING: CacheKeyRule = { headers: [], cookies: false, queryStrings: false }

// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
const MANAGED_CACHE_POLICIES: Record<string, CachePolicy> = {
  // CachingDisabled
  '4135ea2d-6df8-44a3-9df3-4b5a84be39ad': { compresses: false, key: NOTHING },
  // CachingOptimized
  '658327ea-f89d-4fab-a63d-7e88639e58f6': { compresses: true, key: NOTHING },
}

// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
const MANAGED_ORIGIN_REQUEST_POLICIES: Record<string, OriginRequestRule> = {
  // AllViewer
  '216adef6-5c7f-47e4-b989-5492eafa07d3': {
    headerBehavior: 'allViewer',
    headers: [],
    cookies: true,
    queryStrings: true,
  },
  // AllViewerExceptHostHeader
  'b689b0a8-53d0-40ab-baf2-68738e2966ac': {
    headerBehavior: 'allExcept',
    headers: ['host'],
    cookies: true,
    queryStrings: true,
  },
}

const INERT_DISTRIBUTION_MEMBERS = [
  'Aliases',
  'Comment',
  'HttpVersion',
  'IPV6Enabled',
  'Logging',
  'PriceClass',
  'Restrictions',
  'ViewerCertificate',
  'WebACLId',
]
const DISTRIBUTION_MEMBERS = [
  ...INERT_DISTRIBUTION_MEMBERS,
  'CacheBehaviors',
  'DefaultCacheBehavior',
  'DefaultRootObject',
  'Enabled',
  'Origins',
]
const BEHAVIOR_MEMBERS = [
  'AllowedMethods',
  'CachedMethods',
  'CachePolicyId',
  'Compress',
  'FunctionAssociations',
  'OriginRequestPolicyId',
  'PathPattern',
  'ResponseHeadersPolicyId',
  'TargetOriginId',
  'ViewerProtocolPolicy',
]
const ORIGIN_MEMBERS = [
  'ConnectionAttempts',
  'ConnectionTimeout',
  'CustomOriginConfig',
  'DomainName',
  'Id',
  'OriginAccessControlId',
  'OriginCustomHeaders',
  'OriginPath',
  'S3OriginConfig',
]

export function readDistribution(
  resource: ResolvedResource,
  parts: DistributionParts,
): EdgeDistribution {
  const fail = failureOf(resource)
  const config = objectOf(resource.properties['DistributionConfig'])
  const source = objectOf(resource.source['DistributionConfig'])
  refuseOthers(config, DISTRIBUTION_MEMBERS, fail)
  if (config['Enabled'] !== true) throw fail('a distribution that is not enabled')

  const origins = new Map<string, EdgeOrigin>()
  const sources = listOf(source['Origins'])
  for (const [index, origin] of listOf(config['Origins']).entries()) {
    const fields = objectOf(origin)
    const meant = parts.trace(objectOf(sources[index])['DomainName'] ?? null)
    origins.set(String(fields['Id']), readOrigin(fields, meant, parts, fail))
  }
  const behaviors = [
    ...listOf(config['CacheBehaviors']).map((behavior) => objectOf(behavior)),
    { ...objectOf(config['DefaultCacheBehavior']), PathPattern: '*' },
  ].map((behavior) => readBehavior(behavior, origins, parts, fail))

  return {
    id: resource.ref,
    domainName: String(resource.attributes['DomainName']),
    defaultRootObject: String(config['DefaultRootObject'] ?? ''),
    origins,
    behaviors,
    functions: new Map(
      parts.functions.map((one) => [String(one.attributes['FunctionARN']), readFunction(one)]),
    ),
  }
}

function readOrigin(
  origin: JsonObject,
  meant: ResolvedResource | undefined,
  parts: DistributionParts,
  fail: (problem: string) => TemplateError,
): EdgeOrigin {
  refuseOthers(origin, ORIGIN_MEMBERS, fail)
  const domainName = String(origin['DomainName'])
  if (meant?.type === 'AWS::S3::Bucket') {
    const control = origin['OriginAccessControlId']
    if (!parts.originAccessControls.some(({ ref }) => ref === control)) {
      throw fail(`origin ${domainName} needs an origin access control`)
    }
    return { kind: 'bucket', bucketName: meant.ref, originPath: String(origin['OriginPath'] ?? '') }
  }
  const apiId = /^([a-z0-9]+)\.execute-api\./.exec(domainName)?.[1]
  if (apiId === undefined || (origin['OriginPath'] ?? '') !== '') {
    throw fail(`origin ${domainName} is neither a bucket nor an HTTP API`)
  }
  const customHeaders: Record<string, string> = {}
  for (const header of listOf(origin['OriginCustomHeaders'])) {
    const { HeaderName, HeaderValue } = objectOf(header)
    customHeaders[String(HeaderName).toLowerCase()] = String(HeaderValue)
  }
  return { kind: 'api', apiId, domainName, customHeaders }
}

function readBehavior(
  behavior: JsonObject,
  origins: Map<string, EdgeOrigin>,
  parts: DistributionParts,
  fail: (problem: string) => TemplateError,
): EdgeBehavior {
  refuseOthers(behavior, BEHAVIOR_MEMBERS, fail)
  const originId = String(behavior['TargetOriginId'])
  if (!origins.has(originId)) throw fail(`behaviour names the unknown origin ${originId}`)

  let viewerRequestFunction: string | undefined
  for (const association of listOf(behavior['FunctionAssociations'])) {
    const { EventType, FunctionARN } = objectOf(association)
    if (EventType !== 'viewer-request') throw fail(`unknown function event ${String(EventType)}`)
    if (!parts.functions.some(({ attributes }) => attributes['FunctionARN'] === FunctionARN)) {
      throw fail(`behaviour names the unknown function ${String(FunctionARN)}`)
    }
    viewerRequestFunction = String(FunctionARN)
  }
  const cachePolicy = readCachePolicy(String(behavior['CachePolicyId']), parts, fail)
  const responseHeadersId = behavior['ResponseHeadersPolicyId']
  const originRequestId = behavior['OriginRequestPolicyId']
  return {
    pathPattern: String(behavior['PathPattern']),
    originId,
    allowedMethods: listOf(behavior['AllowedMethods'] ?? ['GET', 'HEAD']).map(String),
    compress: behavior['Compress'] === true && cachePolicy.compresses,
    cacheKey: cachePolicy.key,
    viewerRequestFunction,
    originRequest:
      originRequestId === undefined
        ? undefined
        : readOriginRequest(String(originRequestId), parts, fail),
    responseHeaders:
      responseHeadersId === undefined
        ? undefined
        : readResponseHeaders(String(responseHeadersId), parts, fail),
  }
}

function readCachePolicy(
  id: string,
  parts: DistributionParts,
  fail: (problem: string) => TemplateError,
): CachePolicy {
  const managed = MANAGED_CACHE_POLICIES[id]
  if (managed !== undefined) return managed
  const policy = parts.cachePolicies.find(({ ref }) => ref === id)
  if (policy === undefined) throw fail(`unknown cache policy ${id}`)
  const config = objectOf(policy.properties['CachePolicyConfig'])
  const key = objectOf(config['ParametersInCacheKeyAndForwardedToOrigin'])
  const cacheKey: CacheKeyRule = {
    headers: headerNames(objectOf(key['HeadersConfig'])),
    cookies: isAll(objectOf(key['CookiesConfig'])['CookieBehavior'], fail),
    queryStrings: isAll(objectOf(key['QueryStringsConfig'])['QueryStringBehavior'], fail),
  }
  const isEmpty = cacheKey.headers.length === 0 && !cacheKey.cookies && !cacheKey.queryStrings
  // CloudFront refuses it as an invalid request: https://github.com/aws/aws-cdk/issues/13441
  if (config['MaxTTL'] === 0 && !isEmpty) {
    throw failureOf(policy)('has a cache key, but caches nothing')
  }
  return {
    compresses:
      key['EnableAcceptEncodingGzip'] === true || key['EnableAcceptEncodingBrotli'] === true,
    key: cacheKey,
  }
}

function headerNames(config: JsonObject): string[] {
  return listOf(config['Headers']).map((name) => String(name).toLowerCase())
}

/** Lists of single cookies or parameters are not played here. */
function isAll(behavior: Json | undefined, fail: (problem: string) => TemplateError): boolean {
  if (behavior === 'all') return true
  if (behavior === 'none') return false
  throw fail(`unknown behaviour ${String(behavior)} of cookies or query strings`)
}

function readOriginRequest(
  id: string,
  parts: DistributionParts,
  fail: (problem: string) => TemplateError,
): OriginRequestRule {
  const managed = MANAGED_ORIGIN_REQUEST_POLICIES[id]
  if (managed !== undefined) return managed
  const policy = parts.originRequestPolicies.find(({ ref }) => ref === id)
  if (policy === undefined) throw fail(`unknown origin request policy ${id}`)
  const config = objectOf(policy.properties['OriginRequestPolicyConfig'])
  const headers = objectOf(config['HeadersConfig'])
  const headerBehavior = String(headers['HeaderBehavior'])
  switch (headerBehavior) {
    case 'none':
    case 'whitelist':
    case 'allViewer':
    case 'allViewerAndWhitelistCloudFront':
    case 'allExcept':
      break
    default:
      throw fail(`unknown header behaviour ${headerBehavior}`)
  }
  const names = headerNames(headers)
  // "The parameter Headers contains Authorization that is not allowed"; a cache policy may name it.
  if (headerBehavior !== 'allExcept' && names.includes('authorization')) {
    throw failureOf(policy)('may not name Authorization')
  }
  return {
    headerBehavior,
    headers: names,
    cookies: isAll(objectOf(config['CookiesConfig'])['CookieBehavior'], fail),
    queryStrings: isAll(objectOf(config['QueryStringsConfig'])['QueryStringBehavior'], fail),
  }
}

function readResponseHeaders(
  id: string,
  parts: DistributionParts,
  fail: (problem: string) => TemplateError,
): ResponseHeadersRule {
  const policy = parts.responseHeadersPolicies.find(({ ref }) => ref === id)
  if (policy === undefined) throw fail(`unknown response headers policy ${id}`)
  const config = objectOf(policy.properties['ResponseHeadersPolicyConfig'])
  refuseOthers(
    config,
    ['Comment', 'CustomHeadersConfig', 'Name', 'RemoveHeadersConfig', 'SecurityHeadersConfig'],
    failureOf(policy),
  )
  const custom = listOf(objectOf(config['CustomHeadersConfig'])['Items']).map((item) => {
    const { Header, Value, Override } = objectOf(item)
    return { name: String(Header).toLowerCase(), value: String(Value), override: Override === true }
  })
  const removed = listOf(objectOf(config['RemoveHeadersConfig'])['Items'])
  return {
    set: [...securityHeaders(objectOf(config['SecurityHeadersConfig']), policy), ...custom],
    remove: removed.map((item) => String(objectOf(item)['Header']).toLowerCase()),
  }
}

function securityHeaders(config: JsonObject, policy: ResolvedResource): ResponseHeadersRule['set'] {
  return Object.entries(config).map(([member, value]) => {
    const fields = objectOf(value)
    return {
      ...securityHeader(member, fields, policy),
      override: fields['Override'] === true,
    }
  })
}

function securityHeader(
  member: string,
  fields: JsonObject,
  policy: ResolvedResource,
): { name: string; value: string } {
  switch (member) {
    case 'ContentSecurityPolicy':
      return {
        name: 'content-security-policy',
        value: String(fields['ContentSecurityPolicy']),
      }
    case 'ContentTypeOptions':
      return { name: 'x-content-type-options', value: 'nosniff' }
    case 'FrameOptions':
      return { name: 'x-frame-options', value: String(fields['FrameOption']) }
    case 'ReferrerPolicy':
      return { name: 'referrer-policy', value: String(fields['ReferrerPolicy']) }
    case 'StrictTransportSecurity': {
      const maxAge = `max-age=${String(fields['AccessControlMaxAgeSec'])}`
      const subdomains = fields['IncludeSubdomains'] === true ? '; includeSubDomains' : ''
      const preload = fields['Preload'] === true ? '; preload' : ''
      return { name: 'strict-transport-security', value: `${maxAge}${subdomains}${preload}` }
    }
    default:
      throw failureOf(policy)(`unknown security header ${member}`)
  }
}

function readFunction(resource: ResolvedResource): string {
  const runtime = objectOf(resource.properties['FunctionConfig'])['Runtime']
  if (runtime !== 'cloudfront-js-2.0') {
    throw failureOf(resource)(`unknown runtime ${String(runtime)}`)
  }
  return String(resource.properties['FunctionCode'])
}

function refuseOthers(
  config: JsonObject,
  known: string[],
  fail: (problem: string) => TemplateError,
): void {
  const other = Object.keys(config).find((key) => !known.includes(key))
  if (other !== undefined) throw fail(`${other} is not played by the local edge`)
}
