import { describe, expect, it } from 'vitest'
import { evaluatePolicies } from '../../../infra/local/gateway/policy.ts'
import {
  type PolicyDocument,
  PolicyError,
  type PolicyStatement,
  type RequestContext,
} from '../../../infra/local/policy-document.ts'

const ROLE = { arn: 'arn:aws:iam::111122223333:role/worker' }
const OBJECT = 'arn:aws:s3:::staging/safe/a'

/** A policy variable, written so that it is not taken for a template's. */
function variable(name: string): string {
  return `$\u007b${name}}`
}

function document(statement: Partial<PolicyStatement>, version = '2012-10-17'): PolicyDocument {
  return {
    Version: version,
    Statement: [{ Effect: 'Allow', ...statement } as PolicyStatement],
  }
}

function decide(
  statements: Partial<PolicyStatement>[],
  over: {
    action?: string
    resource?: string
    context?: RequestContext
    resourcePolicies?: PolicyDocument[]
  } = {},
) {
  return evaluatePolicies(
    statements.map((it) => document(it)),
    over.resourcePolicies ?? [],
    {
      action: over.action ?? 's3:GetObject',
      resource: over.resource ?? OBJECT,
      context: over.context ?? {},
    },
    ROLE,
  )
}

describe('actions and resources', () => {
  it.each<[Partial<PolicyStatement>, boolean]>([
    [{ Action: 's3:GetObject', Resource: OBJECT }, true],
    [{ Action: 'S3:getobject', Resource: OBJECT }, true],
    [{ Action: ['s3:PutObject', 's3:Get*'], Resource: '*' }, true],
    [{ Action: '*', Resource: 'arn:aws:s3:::staging/safe/?' }, true],
    [{ Action: 's3:Get?bject', Resource: 'arn:aws:s3:::staging/*' }, true],
    [{ Action: 's3:*Object', Resource: 'arn:aws:s3:::*/safe/*' }, true],
    [{ Action: 's3:GetObject', Resource: 'arn:aws:s3:::Staging/*' }, false],
    [{ Action: 's3:GetObject', Resource: 'arn:aws:s3:::staging' }, false],
    [{ Action: 's3:GetObject', Resource: 'arn:aws:s3:::staging/scan/*' }, false],
    [{ Action: 's3:GetObjects', Resource: '*' }, false],
    [{ Action: 's3:GetObjec?t', Resource: '*' }, false],
    [{ Action: 'dynamodb:*', Resource: '*' }, false],
    [{ NotAction: 's3:PutObject', Resource: '*' }, true],
    [{ NotAction: 's3:*', Resource: '*' }, false],
    [{ Action: 's3:*', NotResource: 'arn:aws:s3:::staging/scan/*' }, true],
    [{ Action: 's3:*', NotResource: ['arn:aws:s3:::x/*', 'arn:aws:s3:::staging/*'] }, false],
  ])('%j allows: %s', (statement, allowed) => {
    expect(decide([statement])).toEqual({
      allowed,
      reason: allowed ? 'identity-allow' : 'no-identity-allow',
    })
  })

  it('matches each part of an ARN by itself', () => {
    const resource = 'arn:aws:sqs:us-east-1:111122223333:intake:copy'

    const allows = (pattern: string) =>
      decide([{ Action: '*', Resource: pattern }], { resource }).allowed
    expect(allows('arn:aws:sqs:*:*:intake:copy')).toBe(true)
    expect(allows('arn:aws:sqs:us-east-1:111122223333:*')).toBe(true)
    expect(allows('arn:aws:sqs:*:intake:*:*')).toBe(false)
    expect(allows('arn:aws:*:us-east-1:111122223333:x')).toBe(false)
  })

  it('takes a star in a request literally', () => {
    expect(decide([{ Action: 's3:GetObject', Resource: OBJECT }], { resource: '*' }).allowed).toBe(
      false,
    )
  })

  it('stays fast on patterns made to be slow', () => {
    const pattern = `arn:aws:s3:::${'*a'.repeat(40)}`
    const resource = `arn:aws:s3:::${'a'.repeat(2_000)}b`
    const start = performance.now()

    expect(decide([{ Action: '*', Resource: pattern }], { resource }).allowed).toBe(false)

    expect(performance.now() - start).toBeLessThan(200)
  })
})

describe('order of decision', () => {
  const everything: Partial<PolicyStatement> = { Action: '*', Resource: '*' }

  it('denies without any policy', () => {
    expect(decide([])).toEqual({ allowed: false, reason: 'no-identity-allow' })
  })

  it('lets an explicit deny win over any allow, wherever it stands', () => {
    const deny: Partial<PolicyStatement> = { ...everything, Effect: 'Deny' }

    expect(decide([deny, everything]).reason).toBe('identity-deny')
    expect(decide([everything, deny]).reason).toBe('identity-deny')
  })

  it('lets a deny of the resource win over the caller, the unrestricted one too', () => {
    const policy = document({ ...everything, Effect: 'Deny', Principal: '*' })

    expect(decide([everything], { resourcePolicies: [policy] }).reason).toBe('resource-deny')
    expect(
      evaluatePolicies(
        'unrestricted',
        [policy],
        { action: 's3:GetObject', resource: OBJECT, context: {} },
        ROLE,
      ).allowed,
    ).toBe(false)
  })

  it.each<[PolicyStatement['Principal'], boolean]>([
    ['*', true],
    [{ AWS: '*' }, true],
    [{ AWS: ROLE.arn }, true],
    [{ AWS: ['arn:aws:iam::111122223333:role/other', ROLE.arn] }, true],
    [{ AWS: 'arn:aws:iam::111122223333:role/other' }, false],
    // The account lets its identities' own policies decide.
    [{ AWS: 'arn:aws:iam::111122223333:root' }, false],
    [{ Service: 'cloudfront.amazonaws.com' }, false],
  ])('a resource policy for %j allows by itself: %s', (principal, allowed) => {
    const policy = document({ ...everything, Principal: principal ?? {} })

    expect(decide([], { resourcePolicies: [policy] }).allowed).toBe(allowed)
  })

  it('names services by their own principal', () => {
    const policy = document({
      Action: 's3:GetObject',
      Resource: 'arn:aws:s3:::site/*',
      Principal: { Service: 'cloudfront.amazonaws.com' },
      Condition: { StringEquals: { 'AWS:SourceArn': 'arn:aws:cloudfront::111122223333:d/E1' } },
    })
    const request = (arn: string) => ({
      action: 's3:GetObject',
      resource: 'arn:aws:s3:::site/index.html',
      context: { 'aws:SourceArn': arn },
    })
    const service = { service: 'cloudfront.amazonaws.com' }

    const right = request('arn:aws:cloudfront::111122223333:d/E1')
    expect(evaluatePolicies([], [policy], right, service).allowed).toBe(true)
    const foreign = request('arn:aws:cloudfront::111122223333:d/E2')
    expect(evaluatePolicies([], [policy], foreign, service).allowed).toBe(false)
  })

  it('hears identity policies about a key only when the key policy lets the account speak', () => {
    const own = { Action: 'kms:Decrypt', Resource: '*' }
    const ask = { action: 'kms:Decrypt', resource: 'arn:aws:kms:us-east-1:111122223333:key/k' }
    const keyPolicy = (principal: string) =>
      document({ Action: 'kms:*', Resource: '*', Principal: { AWS: principal } })

    const delegating = keyPolicy('arn:aws:iam::111122223333:root')
    expect(decide([own], { ...ask, resourcePolicies: [delegating] }).allowed).toBe(true)
    expect(decide([], { ...ask, resourcePolicies: [delegating] }).reason).toBe('no-identity-allow')
    const closed = keyPolicy('arn:aws:iam::111122223333:role/other')
    expect(decide([own], { ...ask, resourcePolicies: [closed] }).reason).toBe('no-resource-allow')
  })
})

describe('conditions', () => {
  const key = 'dynamodb:LeadingKeys'
  const one = (value: string) => ({ 'aws:Key': value })

  it.each<[PolicyStatement['Condition'], RequestContext, boolean]>([
    [{ StringEquals: { 'aws:Key': 'a' } }, one('a'), true],
    [{ StringEquals: { 'aws:Key': ['b', 'a'] } }, one('a'), true],
    [{ StringEquals: { 'aws:Key': 'A' } }, one('a'), false],
    [{ StringEquals: { 'aws:Key': 'a*' } }, one('ab'), false],
    [{ StringEquals: { 'AWS:key': 'a' } }, one('a'), true],
    [{ StringEquals: { 'aws:Key': 'a' } }, {}, false],
    [{ StringEqualsIfExists: { 'aws:Key': 'a' } }, {}, true],
    [{ StringEqualsIfExists: { 'aws:Key': 'a' } }, one('b'), false],
    [{ StringNotEquals: { 'aws:Key': ['a', 'b'] } }, one('b'), false],
    [{ StringNotEquals: { 'aws:Key': ['a', 'b'] } }, one('c'), true],
    [{ StringNotEquals: { 'aws:Key': 'a' } }, {}, true],
    [{ StringEqualsIgnoreCase: { 'aws:Key': 'A' } }, one('a'), true],
    [{ StringNotEqualsIgnoreCase: { 'aws:Key': 'A' } }, one('a'), false],
    [{ StringLike: { 'aws:Key': 'user#*' } }, one('user#1'), true],
    [{ StringLike: { 'aws:Key': 'user#?' } }, one('user#12'), false],
    [{ StringNotLike: { 'aws:Key': 'user#*' } }, one('user#1'), false],
    [{ ArnLike: { 'aws:Key': 'arn:aws:s3:::*' } }, one('arn:aws:s3:::b/k:x'), true],
    [{ ArnEquals: { 'aws:Key': 'arn:aws:s3:*:*:b' } }, one('arn:aws:s3:::b'), true],
    [{ ArnEquals: { 'aws:Key': 'arn:aws:s3:::b' } }, one('not an arn'), false],
    [{ ArnNotLike: { 'aws:Key': 'arn:aws:s3:::b*' } }, one('arn:aws:s3:::c'), true],
    [{ NumericEquals: { 'aws:Key': '5' } }, one('5.0'), true],
    [{ NumericNotEquals: { 'aws:Key': '5' } }, one('5.0'), false],
    [
      { NumericGreaterThan: { 's3:signatureAge': '900000' } },
      { 's3:signatureAge': '900001' },
      true,
    ],
    [{ NumericGreaterThan: { 's3:signatureAge': 900000 } }, { 's3:signatureAge': '900000' }, false],
    [{ NumericGreaterThan: { 's3:signatureAge': '900000' } }, {}, false],
    [{ NumericLessThanEquals: { 'aws:Key': '5' } }, one('5'), true],
    [{ NumericLessThan: { 'aws:Key': '5' } }, one('many'), false],
    [{ DateGreaterThan: { 'aws:Key': '2026-11-22T00:00:00Z' } }, one('2026-11-22T00:00:01Z'), true],
    [{ DateLessThan: { 'aws:Key': '2026-11-22T00:00:00Z' } }, one('1795305600'), false],
    [{ DateEquals: { 'aws:Key': '2026-11-22T00:00:00Z' } }, one('1795305600'), true],
    [{ Bool: { 'aws:Key': 'false' } }, one('FALSE'), true],
    [{ Bool: { 'aws:Key': false } }, one('true'), false],
    [{ BinaryEquals: { 'aws:Key': 'YQ==' } }, one('YQ=='), true],
    [{ IpAddress: { 'aws:Key': '10.0.0.0/8' } }, one('10.200.3.4'), true],
    [{ IpAddress: { 'aws:Key': ['127.0.0.1', '2001:db8::/32'] } }, one('2001:db8:1::1'), true],
    [{ IpAddress: { 'aws:Key': '10.0.0.0/8' } }, one('11.0.0.1'), false],
    [{ NotIpAddress: { 'aws:Key': '10.0.0.0/8' } }, one('11.0.0.1'), true],
    [{ Null: { 'aws:Key': 'true' } }, {}, true],
    [{ Null: { 'aws:Key': 'true' } }, one('a'), false],
    [{ Null: { 'aws:Key': 'false' } }, one('a'), true],
    [{ 'ForAllValues:StringLike': { [key]: ['a#*', 'b#*'] } }, { [key]: ['a#1', 'b#1'] }, true],
    [{ 'ForAllValues:StringLike': { [key]: ['a#*'] } }, { [key]: ['a#1', 'b#1'] }, false],
    [{ 'ForAllValues:StringLike': { [key]: ['a#*'] } }, {}, true],
    [{ 'ForAllValues:StringNotEquals': { [key]: ['a'] } }, { [key]: ['b', 'a'] }, false],
    [{ 'ForAnyValue:StringEquals': { [key]: ['a'] } }, { [key]: ['b', 'a'] }, true],
    [{ 'ForAnyValue:StringEquals': { [key]: ['a'] } }, { [key]: ['b'] }, false],
    [{ 'ForAnyValue:StringEquals': { [key]: ['a'] } }, {}, false],
    [{ 'ForAnyValue:StringNotEquals': { [key]: ['a'] } }, { [key]: ['b', 'a'] }, true],
    [{ StringLike: { [key]: ['a#*'] } }, { [key]: ['a#1'] }, true],
    [
      { StringEquals: { 'aws:Key': 'a' }, Bool: { 'aws:SecureTransport': 'true' } },
      one('a'),
      false,
    ],
    [{ StringEquals: { 'aws:Key': 'a', 'aws:Other': 'b' } }, one('a'), false],
  ])('%j on %j holds: %s', (condition, context, allowed) => {
    const statement = { Action: '*', Resource: '*', Condition: condition ?? {} }

    expect(decide([statement], { context }).allowed).toBe(allowed)
  })

  it('throws for several values without a set operator', () => {
    const statement = { Action: '*', Resource: '*', Condition: { StringLike: { [key]: 'a#*' } } }

    expect(() => decide([statement], { context: { [key]: ['a#1', 'a#2'] } })).toThrow(PolicyError)
  })
})

describe('policy variables', () => {
  const own: Partial<PolicyStatement> = {
    Action: '*',
    Resource: `arn:aws:s3:::staging/${variable('aws:PrincipalArn')}/*`,
  }

  it('stand for the value of the request, stars in it taken literally', () => {
    const ask = (name: string, path: string) =>
      decide([own], {
        resource: `arn:aws:s3:::staging/${path}/x`,
        context: { 'aws:PrincipalArn': name },
      }).allowed
    expect(ask('me', 'me')).toBe(true)
    expect(ask('me', 'you')).toBe(false)
    expect(ask('*', 'you')).toBe(false)
    expect(ask('*', '*')).toBe(true)
  })

  it('match nothing without a value, unless they have a default', () => {
    expect(decide([own], { resource: 'arn:aws:s3:::staging//x' }).allowed).toBe(false)
    const withDefault = {
      Action: '*',
      Resource: '*',
      Condition: { StringEquals: { 'aws:Key': variable("aws:PrincipalTag/team, 'none'") } },
    }
    expect(decide([withDefault], { context: { 'aws:Key': 'none' } }).allowed).toBe(true)
  })

  it('write wildcards as themselves', () => {
    const statement = { Action: '*', Resource: `arn:aws:s3:::staging/${variable('*')}` }

    expect(decide([statement], { resource: 'arn:aws:s3:::staging/*' }).allowed).toBe(true)
    expect(decide([statement], { resource: 'arn:aws:s3:::staging/a' }).allowed).toBe(false)
  })

  it('are plain text in policies of the older version', () => {
    const older = document(
      { Action: '*', Resource: `arn:aws:s3:::${variable('aws:x')}` },
      '2008-10-17',
    )
    const request = {
      action: 's3:GetObject',
      resource: `arn:aws:s3:::${variable('aws:x')}`,
      context: {},
    }

    expect(evaluatePolicies([older], [], request, ROLE).allowed).toBe(true)
  })
})

describe('what it cannot judge', () => {
  it.each<[string, Partial<PolicyStatement>]>([
    ['an unknown operator', { Condition: { StringMatches: { 'aws:Key': 'a' } } }],
    ['an unknown set operator', { Condition: { 'ForSome:StringLike': { 'aws:Key': 'a' } } }],
    ['a number that is none', { Condition: { NumericEquals: { 'aws:Key': 'five' } } }],
    ['a date that is none', { Condition: { DateEquals: { 'aws:Key': 'soon' } } }],
    ['an address that is none', { Condition: { IpAddress: { 'aws:Key': 'home' } } }],
    ['a Null that is neither', { Condition: { Null: { 'aws:Key': 'perhaps' } } }],
    ['a resource that is no ARN', { Resource: 'staging/*' }],
    ['an incomplete ARN', { Resource: 'arn:aws:s3' }],
    ['an unknown variable', { Resource: `arn:aws:s3:::${variable('what')}` }],
    ['no action', { Action: [] }],
    ['no resource', { Resource: [] }],
    ['a condition without values', { Condition: { StringEquals: { 'aws:Key': [] } } }],
    ['an action without its service', { Action: 'GetObject' }],
    ['an action that is none', { Action: 's3:Get Object' }],
    ['a Bool that is neither', { Condition: { Bool: { 'aws:Key': 'yes' } } }],
    ['a number in another notation', { Condition: { NumericEquals: { 'aws:Key': '0x10' } } }],
    ['a date in words', { Condition: { DateEquals: { 'aws:Key': '22 Nov 2026' } } }],
    ['an address range of no bits', { Condition: { IpAddress: { 'aws:Key': '10.0.0.0/' } } }],
    ['an address range of 33 bits', { Condition: { IpAddress: { 'aws:Key': '10.0.0.0/33' } } }],
    ['Null that may be absent', { Condition: { NullIfExists: { 'aws:Key': 'true' } } }],
    ['a Principal in the policy of an identity', { Principal: '*' }],
    [
      'a variable in a negated comparison',
      { Condition: { StringNotEquals: { 'aws:Key': variable('aws:PrincipalArn') } } },
    ],
    ['an unknown member', { Resources: '*' } as Partial<PolicyStatement>],
    ['NotPrincipal', { NotPrincipal: '*' }],
    ['another effect', { Effect: 'Maybe' as 'Allow' }],
  ])('throws for %s', (_what, statement) => {
    const whole = { Action: '*', Resource: '*', ...statement }

    expect(() => decide([whole])).toThrow(PolicyError)
  })

  it('throws for a version that it does not know', () => {
    const request = { action: 's3:GetObject', resource: OBJECT, context: {} }
    const later = document({ Action: '*', Resource: '*' }, '2026-11-22')

    expect(() => evaluatePolicies([later], [], request, ROLE)).toThrow(PolicyError)
  })

  it('throws for a variable inside NotResource', () => {
    const statement = { Action: '*', NotResource: `arn:aws:s3:::${variable('aws:PrincipalArn')}` }

    expect(() => decide([statement])).toThrow(/NotResource/)
  })
})
