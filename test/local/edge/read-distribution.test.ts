import { expect, it } from 'vitest'
import { readDistribution } from '../../../infra/local/edge/read-distribution.ts'
import type { JsonObject } from '../../../infra/local/template/json.ts'
import type { ResolvedResource } from '../../../infra/local/template/resolve-stacks.ts'

const resource = (ref: string, properties: JsonObject): ResolvedResource => ({
  stackName: 'app',
  logicalId: ref,
  type: 'AWS::CloudFront::Distribution',
  ref,
  properties,
  source: properties,
  attributes: {},
})

/** A distribution whose one behaviour has these policies. */
function read({ maxTtl = 1, originHeaders = ['x-mine'] }) {
  const cachePolicy = resource('Cache', {
    CachePolicyConfig: {
      MaxTTL: maxTtl,
      ParametersInCacheKeyAndForwardedToOrigin: {
        HeadersConfig: { HeaderBehavior: 'whitelist', Headers: ['Authorization'] },
        CookiesConfig: { CookieBehavior: 'none' },
        QueryStringsConfig: { QueryStringBehavior: 'none' },
      },
    },
  })
  const originRequestPolicy = resource('Forward', {
    OriginRequestPolicyConfig: {
      HeadersConfig: { HeaderBehavior: 'whitelist', Headers: originHeaders },
      CookiesConfig: { CookieBehavior: 'all' },
      QueryStringsConfig: { QueryStringBehavior: 'all' },
    },
  })
  const distribution = resource('Distribution', {
    DistributionConfig: {
      Enabled: true,
      Origins: [{ Id: 'api', DomainName: 'a1.execute-api.us-east-1.amazonaws.com' }],
      DefaultCacheBehavior: {
        TargetOriginId: 'api',
        CachePolicyId: 'Cache',
        OriginRequestPolicyId: 'Forward',
      },
    },
  })
  return readDistribution(distribution, {
    functions: [],
    cachePolicies: [cachePolicy],
    originRequestPolicies: [originRequestPolicy],
    responseHeadersPolicies: [],
    originAccessControls: [],
    trace: () => undefined,
  })
}

it('policies say what of a request reaches the origin', () => {
  expect(read({}).behaviors[0]).toMatchObject({
    cacheKey: { headers: ['authorization'], cookies: false, queryStrings: false },
    originRequest: { headerBehavior: 'whitelist', headers: ['x-mine'], cookies: true },
  })
})

it('a policy that CloudFront would refuse is an error that names it', () => {
  expect(() => read({ maxTtl: 0 })).toThrow('stack app, Cache: has a cache key, but caches nothing')
  expect(() => read({ originHeaders: ['Authorization'] })).toThrow(
    'stack app, Forward: may not name Authorization',
  )
})
