import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluatePolicies } from '../../../infra/local/gateway/policy.ts'
import type { PolicyDocument, PolicyStatement } from '../../../infra/local/policy-document.ts'

/** The same draws in every run; another number searches elsewhere. */
const SEED = 20_261_122

const ROLE = 'arn:aws:iam::111122223333:role/worker'
const ACTIONS = ['s3:GetObject', 's3:PutObject', 'dynamodb:PutItem', 'kms:Decrypt']
const RESOURCES = [
  'arn:aws:s3:::a/x',
  'arn:aws:s3:::a/u#1/y',
  'arn:aws:dynamodb:us-east-1:111122223333:table/t',
  'arn:aws:kms:us-east-1:111122223333:key/k',
]
/** A policy variable, written so that it is not taken for a template's. */
const TEXT_VARIABLE = '$\u007baws:Text}'
const DEFAULT_VARIABLE = "$\u007baws:Text, 'u#1'}"

/** A kind of value: its keys, what requests carry and what policies compare with. */
interface Kind {
  keys: string[]
  given: string[]
  wanted: string[]
  operators: string[]
}

const TEXTS: Kind = {
  keys: ['aws:Text', 'kms:EncryptionContext:purpose'],
  given: ['u#1', 'U#1', 'u#12', 'v#1', '*', ''],
  wanted: ['u#1', 'U#1', 'u#*', 'u#?', '*', 'v#1', DEFAULT_VARIABLE],
  operators: [
    'StringEquals',
    'StringNotEquals',
    'StringEqualsIgnoreCase',
    'StringNotEqualsIgnoreCase',
    'StringLike',
    'StringNotLike',
  ],
}
const KINDS: Kind[] = [
  TEXTS,
  { keys: ['aws:Flag'], given: ['true', 'false'], wanted: ['true', 'False'], operators: ['Bool'] },
  {
    keys: ['aws:Count'],
    given: ['-1', '0', '5', '5.0', '1000', 'many'],
    wanted: ['0', '5', '999.5'],
    operators: [
      'Equals',
      'NotEquals',
      'LessThan',
      'LessThanEquals',
      'GreaterThan',
      'GreaterThanEquals',
    ].map((it) => `Numeric${it}`),
  },
  {
    keys: ['aws:When'],
    given: ['2026-11-22T00:00:00Z', '2026-11-22T00:00:01+00:00', '1795305600', '2026-11-23'],
    wanted: ['2026-11-22T00:00:00Z', '2026-11-22', '1795305601'],
    operators: [
      'Equals',
      'NotEquals',
      'LessThan',
      'LessThanEquals',
      'GreaterThan',
      'GreaterThanEquals',
    ].map((it) => `Date${it}`),
  },
  {
    keys: ['aws:SourceIp'],
    given: ['10.1.2.3', '10.1.2.4', '192.168.0.1', '8.8.8.8'],
    wanted: ['10.1.2.3', '10.1.2.0/24', '10.0.0.0/8', '192.168.0.0/16', '0.0.0.0/0'],
    operators: ['IpAddress', 'NotIpAddress'],
  },
]
const MANY_KEY = 'dynamodb:LeadingKeys'

interface DrawnCondition {
  set: '' | 'ForAllValues:' | 'ForAnyValue:'
  operator: string
  ifExists: boolean
  key: string
  wanted: string[]
}

const single = fc.constantFrom(...KINDS).chain((kind) =>
  fc.record<DrawnCondition>({
    set: fc.constant(''),
    operator: fc.constantFrom(...kind.operators),
    ifExists: fc.boolean(),
    key: fc.constantFrom(...kind.keys),
    wanted: fc.subarray(kind.wanted, { minLength: 1 }),
  }),
)
const several = fc.record<DrawnCondition>({
  set: fc.constantFrom('ForAllValues:', 'ForAnyValue:'),
  operator: fc.constantFrom(...TEXTS.operators),
  ifExists: fc.boolean(),
  key: fc.constant(MANY_KEY),
  wanted: fc.subarray(TEXTS.wanted, { minLength: 1 }),
})
const absence = fc.record<DrawnCondition>({
  set: fc.constant(''),
  operator: fc.constant('Null'),
  ifExists: fc.constant(false),
  key: fc.constantFrom(MANY_KEY, ...KINDS.flatMap((it) => it.keys)),
  wanted: fc.subarray(['true', 'false'], { minLength: 1 }),
})

interface DrawnStatement {
  deny: boolean
  notAction: boolean
  actions: string[]
  notResource: boolean
  resources: string[]
  conditions: DrawnCondition[]
  principal: PolicyStatement['Principal']
}

const statement = fc.record<DrawnStatement>({
  deny: fc.boolean(),
  notAction: fc.boolean(),
  actions: fc.subarray([...ACTIONS, 's3:*', '*', 'S3:?etobject', 'dynamodb:Put*'], {
    minLength: 1,
    maxLength: 3,
  }),
  notResource: fc.boolean(),
  resources: fc.subarray(
    [
      ...RESOURCES,
      '*',
      'arn:aws:s3:::a/*',
      'arn:aws:s3:::?/x',
      `arn:aws:s3:::a/${TEXT_VARIABLE}/*`,
    ],
    { minLength: 1, maxLength: 3 },
  ),
  conditions: fc.array(fc.oneof(single, several, absence), { maxLength: 3 }),
  principal: fc.constantFrom<PolicyStatement['Principal'][]>(
    '*',
    { AWS: '*' },
    { AWS: ROLE },
    { AWS: 'arn:aws:iam::111122223333:role/other' },
    { AWS: 'arn:aws:iam::111122223333:root' },
    { Service: 's3.amazonaws.com' },
    { Service: 's3.amazonaws.com', AWS: [ROLE] },
  ),
})

type Context = Record<string, string | string[]>
const context = fc.record(
  {
    ...Object.fromEntries(
      KINDS.flatMap((kind) => kind.keys.map((key) => [key, fc.constantFrom(...kind.given)])),
    ),
    [MANY_KEY]: fc.subarray(TEXTS.given),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Context>

/** Conditions of one operator stand together; a second one of the same operator and key is left out. */
function distinct({ conditions, ...rest }: DrawnStatement): DrawnStatement {
  const seen = new Set<string>()
  return {
    ...rest,
    // A variable inside NotResource is refused, as the policy's own tests show.
    resources:
      rest.notResource && rest.resources.some((it) => it.includes(TEXT_VARIABLE))
        ? ['arn:aws:s3:::a/x']
        : rest.resources,
    conditions: conditions.filter((it) => {
      const name = `${it.set}${it.operator}${it.ifExists} ${it.key}`
      return !seen.has(name) && seen.add(name)
    }),
  }
}

function written(drawn: DrawnStatement, withPrincipal: boolean): PolicyDocument {
  const Condition: Record<string, Record<string, string[]>> = {}
  for (const { set, operator, ifExists, key, wanted } of drawn.conditions) {
    const name = `${set}${operator}${ifExists ? 'IfExists' : ''}`
    Condition[name] = { ...Condition[name], [key]: wanted }
  }
  return {
    Version: '2012-10-17',
    Statement: {
      Effect: drawn.deny ? 'Deny' : 'Allow',
      [drawn.notAction ? 'NotAction' : 'Action']: drawn.actions,
      [drawn.notResource ? 'NotResource' : 'Resource']: drawn.resources,
      ...(withPrincipal && drawn.principal !== undefined && { Principal: drawn.principal }),
      Condition,
    },
  }
}

/**
 * The reference: what IAM's documentation says, in the plainest words. It shares no code with the
 * evaluator.
 */
const reference = {
  wild(pattern: string, text: string): boolean {
    const source = pattern
      .split('')
      .map((it) => (it === '*' ? '[^]*' : it === '?' ? '[^]' : it.replace(/\W/, '\\$&')))
      .join('')
    return new RegExp(`^${source}$`).test(text)
  },

  /** A value's stars are its own: only those of the policy are wildcards. */
  like(pattern: string, text: string, request: Context): boolean {
    const value = [request['aws:Text']].flat()[0]
    if (pattern.includes(TEXT_VARIABLE) && value === undefined) return false
    const [before = '', after] = pattern.split(TEXT_VARIABLE)
    if (after === undefined) return reference.wild(pattern, text)
    return Array.from({ length: text.length + 1 }, (_, at) => at).some(
      (at) =>
        reference.wild(before, text.slice(0, at)) &&
        text.startsWith(value ?? '', at) &&
        reference.wild(after, text.slice(at + (value ?? '').length)),
    )
  },

  address(text: string): number {
    return text.split('.').reduce((sum, it) => sum * 256 + Number(it), 0)
  },

  seconds(text: string): number {
    return text.includes('-') ? new Date(text).getTime() / 1000 : Number(text)
  },

  ordered(name: string, given: number, wanted: number): boolean {
    if (Number.isNaN(given)) return false
    if (name === 'LessThan') return given < wanted
    if (name === 'LessThanEquals') return given <= wanted
    if (name === 'GreaterThan') return given > wanted
    return name === 'GreaterThanEquals' ? given >= wanted : given === wanted
  },

  meets(positive: string, given: string, spelled: string, request: Context): boolean {
    const text = [request['aws:Text']].flat()[0] ?? 'u#1'
    const isVariable = spelled === DEFAULT_VARIABLE
    const wanted = isVariable ? text : spelled
    if (positive === 'StringEquals') return given === wanted
    if (positive === 'StringEqualsIgnoreCase') return given.toLowerCase() === wanted.toLowerCase()
    if (positive === 'StringLike')
      return isVariable ? given === wanted : reference.wild(wanted, given)
    if (positive === 'Bool') return given === wanted.toLowerCase()
    if (positive.startsWith('Numeric')) {
      return reference.ordered(positive.slice(7), Number(given), Number(wanted))
    }
    if (positive.startsWith('Date')) {
      return reference.ordered(
        positive.slice(4),
        reference.seconds(given),
        reference.seconds(wanted),
      )
    }
    const [network = '', bits = '32'] = wanted.split('/')
    const size = 2 ** (32 - Number(bits))
    const block = (it: string) => Math.floor(reference.address(it) / size)
    return block(given) === block(network)
  },

  condition({ set, operator, ifExists, key, wanted }: DrawnCondition, request: Context): boolean {
    const given = [request[key] ?? []].flat()
    if (operator === 'Null') return wanted.includes(String(given.length === 0))
    const isNegated = operator.includes('Not')
    const positive = operator.replace('Not', '')
    // "OR" among the values of a condition, "NOR" among those of a negated one.
    const hit = (it: string) =>
      wanted.some((other) => reference.meets(positive, it, other, request)) !== isNegated
    if (given.length === 0) {
      // "IfExists: if the key is not present, evaluate the condition element as true."
      // "ForAllValues returns true if there are no keys in the request"; "ForAnyValue false".
      // "A negated matching operator returns true if the key is not present."
      return ifExists || set === 'ForAllValues:' || (set === '' && isNegated)
    }
    return set === 'ForAnyValue:' ? given.some(hit) : given.every(hit)
  },

  applies(drawn: DrawnStatement, action: string, resource: string, request: Context): boolean {
    const isAction = drawn.actions.some((it) =>
      reference.wild(it.toLowerCase(), action.toLowerCase()),
    )
    const isResource = drawn.resources.some((it) => reference.like(it, resource, request))
    return (
      isAction !== drawn.notAction &&
      isResource !== drawn.notResource &&
      drawn.conditions.every((it) => reference.condition(it, request))
    )
  },

  names(principal: PolicyStatement['Principal']): 'role' | 'account' | 'nobody' {
    const aws: (string | undefined)[] =
      typeof principal === 'object' ? [principal['AWS'] ?? []].flat() : [principal]
    if (aws.includes('*') || aws.includes(ROLE)) return 'role'
    return aws.some((it) => it?.endsWith(':root')) ? 'account' : 'nobody'
  },
}

describe('the evaluator and a reference of its own', () => {
  it('decide alike on random policies of identities', () => {
    const seen = { allowed: 0, denied: 0, undecided: 0 }
    fc.assert(
      fc.property(
        fc.array(statement.map(distinct), { maxLength: 4 }),
        fc.constantFrom(...ACTIONS),
        fc.constantFrom(...RESOURCES),
        context,
        (drawn, action, resource, request) => {
          const found = drawn.filter((it) => reference.applies(it, action, resource, request))
          const expected = found.some((it) => it.deny)
            ? 'identity-deny'
            : found.length > 0
              ? 'identity-allow'
              : 'no-identity-allow'
          if (expected === 'identity-allow') seen.allowed++
          else if (expected === 'identity-deny') seen.denied++
          else seen.undecided++

          const decision = evaluatePolicies(
            drawn.map((it) => written(it, false)),
            [],
            { action, resource, context: request },
            { arn: ROLE },
          )

          expect(decision).toEqual({ allowed: expected === 'identity-allow', reason: expected })
        },
      ),
      { seed: SEED, numRuns: 3_000 },
    )
    expect(Math.min(seen.allowed, seen.denied, seen.undecided)).toBeGreaterThan(100)
  })

  it('decide alike when the resource has a policy too', () => {
    const seen = { allowed: 0, refused: 0, byResource: 0, keys: 0 }
    fc.assert(
      fc.property(
        fc.array(statement.map(distinct), { maxLength: 2 }),
        fc.array(statement.map(distinct), { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...ACTIONS),
        fc.constantFrom(...RESOURCES),
        context,
        (own, others, action, resource, request) => {
          const applies = (it: DrawnStatement) => reference.applies(it, action, resource, request)
          const mine = own.filter(applies)
          const theirs = others.filter(
            (it) => applies(it) && reference.names(it.principal) !== 'nobody',
          )
          const named = theirs.filter((it) => reference.names(it.principal) === 'role')
          const isDenied = [...mine, ...theirs].some((it) => it.deny)
          // A key's policy alone decides, unless it lets the account's own policies speak.
          const isHeard = !action.startsWith('kms:') || theirs.length > named.length
          const expected = !isDenied && (named.length > 0 || (isHeard && mine.length > 0))
          if (action.startsWith('kms:')) seen.keys++
          if (expected && mine.length === 0) seen.byResource++
          if (expected) seen.allowed++
          else seen.refused++

          const decision = evaluatePolicies(
            own.map((it) => written(it, false)),
            others.map((it) => written(it, true)),
            { action, resource, context: request },
            { arn: ROLE },
          )

          expect(decision.allowed).toBe(expected)
        },
      ),
      { seed: SEED, numRuns: 2_500 },
    )
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(50)
  })
})
