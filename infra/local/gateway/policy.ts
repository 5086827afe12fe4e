/**
 * Decides whether policies allow a request, by IAM's own order: an explicit deny wins, then any
 * allow, else the implicit deny
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
 *
 * What it cannot judge it refuses to load: an unknown operator, a policy variable inside
 * NotResource and NotPrincipal throw `PolicyError`, so that no statement is ever half understood.
 * A condition on a key with several values needs ForAllValues or ForAnyValue and throws without.
 *
 * Gaps: permission boundaries, session policies, service control policies and other accounts do
 * not exist here. Policy documents are compiled once and must not be changed afterwards.
 */
import { BlockList, isIP } from 'node:net'
import { LOCAL_ACCOUNT_ID } from '../engine.ts'

type OneOrMany<T> = T | readonly T[]
type ConditionValue = string | number | boolean

export interface PolicyStatement {
  Sid?: string
  Effect: 'Allow' | 'Deny'
  Principal?: '*' | Readonly<Record<string, OneOrMany<string>>>
  NotPrincipal?: unknown
  Action?: OneOrMany<string>
  NotAction?: OneOrMany<string>
  Resource?: OneOrMany<string>
  NotResource?: OneOrMany<string>
  Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMany<ConditionValue>>>>>
}

/** A policy as templates spell it, intrinsics already resolved. */
export interface PolicyDocument {
  Version?: string
  Id?: string
  Statement: OneOrMany<PolicyStatement>
}

export type RequestContext = Readonly<Record<string, string | readonly string[]>>

/** One permission asked for; context keys of all kinds together, in any case. */
interface PolicyRequest {
  action: string
  resource: string
  context: RequestContext
}

/** Who asks: an IAM identity by its ARN or a service by its name (`cloudfront.amazonaws.com`). */
export type PolicyPrincipal = { arn: string } | { service: string }

export type DecisionReason =
  | 'identity-allow'
  | 'resource-allow'
  | 'identity-deny'
  | 'resource-deny'
  | 'no-identity-allow'
  | 'no-resource-allow'

interface PolicyDecision {
  allowed: boolean
  reason: DecisionReason
}

/** A policy that this evaluator cannot judge. */
export class PolicyError extends Error {
  override name = 'PolicyError' as const
}

/**
 * Decides one request. `policies` are the caller's own; `resourcePolicies` those attached to the
 * resource. `unrestricted` stands for AdministratorAccess: a deny on the resource still holds.
 */
export function evaluatePolicies(
  policies: readonly PolicyDocument[] | 'unrestricted',
  resourcePolicies: readonly PolicyDocument[],
  request: PolicyRequest,
  principal: PolicyPrincipal,
): PolicyDecision {
  let identityAllows = policies === 'unrestricted'
  let resourceAllows = false
  let accountDelegated = false

  if (policies !== 'unrestricted') {
    for (const document of policies) {
      for (const statement of compiled(document)) {
        if (statement.deny ? !matches(statement, request) : identityAllows) continue
        if (statement.deny) return { allowed: false, reason: 'identity-deny' }
        identityAllows = matches(statement, request)
      }
    }
  }
  for (const document of resourcePolicies) {
    for (const statement of compiled(document)) {
      const named = principalMatch(statement, principal)
      if (named === 'none' || !matches(statement, request)) continue
      if (statement.deny) return { allowed: false, reason: 'resource-deny' }
      if (named === 'account') accountDelegated = true
      else resourceAllows = true
    }
  }

  if (resourceAllows) return { allowed: true, reason: 'resource-allow' }
  // A key policy must let IAM policies of the account speak, other resources let them by default:
  // https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
  const identityIsHeard =
    accountDelegated || resourcePolicies.length === 0 || !/^kms:/i.test(request.action)
  if (!identityIsHeard) return { allowed: false, reason: 'no-resource-allow' }
  return identityAllows
    ? { allowed: true, reason: 'identity-allow' }
    : { allowed: false, reason: 'no-identity-allow' }
}

/** Compiles a document now, so that one which cannot be judged fails where it is registered. */
export function checkPolicy(document: PolicyDocument): void {
  compiled(document)
}

interface CompiledStatement {
  deny: boolean
  principal: PolicyStatement['Principal']
  actions: readonly Pattern[]
  notActions: boolean
  resources: readonly ResourcePattern[]
  notResources: boolean
  conditions: readonly Condition[]
}

const compiledDocuments = new WeakMap<PolicyDocument, readonly CompiledStatement[]>()

function compiled(document: PolicyDocument): readonly CompiledStatement[] {
  const known = compiledDocuments.get(document)
  if (known) return known
  const withVariables = document.Version === '2012-10-17'
  const statements = many(document.Statement).map((it) => compileStatement(it, withVariables))
  compiledDocuments.set(document, statements)
  return statements
}

const STATEMENT_MEMBERS = new Set([
  'Sid',
  'Effect',
  'Principal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
])

function compileStatement(statement: PolicyStatement, withVariables: boolean): CompiledStatement {
  const unknown = Object.keys(statement).find((member) => !STATEMENT_MEMBERS.has(member))
  if (unknown) throw new PolicyError(`Statement member ${unknown} is not supported`)
  if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny') {
    throw new PolicyError(`Effect ${String(statement.Effect)} is neither Allow nor Deny`)
  }
  const actions = statement.Action ?? statement.NotAction
  const resources = statement.Resource ?? statement.NotResource
  if (actions === undefined || (statement.Action && statement.NotAction)) {
    throw new PolicyError('A statement needs exactly one of Action and NotAction')
  }
  if (statement.Resource && statement.NotResource) {
    throw new PolicyError('A statement has both Resource and NotResource')
  }
  if (resources === undefined && statement.Principal === undefined) {
    throw new PolicyError('A statement needs one of Resource and NotResource')
  }
  const compiledResources = many(resources ?? '*').map((it) => compileResource(it, withVariables))
  if (statement.NotResource && compiledResources.some(hasVariable)) {
    throw new PolicyError(`A policy variable inside NotResource: ${many(statement.NotResource)}`)
  }
  return {
    deny: statement.Effect === 'Deny',
    principal: statement.Principal,
    // Action names are not case-sensitive.
    actions: many(actions).map((it) => compilePattern(it.toLowerCase(), false)),
    notActions: statement.NotAction !== undefined,
    resources: compiledResources,
    notResources: statement.NotResource !== undefined,
    conditions: Object.entries(statement.Condition ?? {}).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, values]) =>
        compileCondition(operator, key, many(values).map(String), withVariables),
      ),
    ),
  }
}

function matches(statement: CompiledStatement, request: PolicyRequest): boolean {
  const action = request.action.toLowerCase()
  const actionNamed = statement.actions.some((it) => matchPattern(it, action, request.context))
  if (actionNamed === statement.notActions) return false
  const resourceNamed = statement.resources.some((it) =>
    matchResource(it, request.resource, request.context),
  )
  if (resourceNamed === statement.notResources) return false
  return statement.conditions.every((it) => it.holds(request.context))
}

function principalMatch(
  statement: CompiledStatement,
  principal: PolicyPrincipal,
): 'named' | 'account' | 'none' {
  const named = statement.principal
  if (named === undefined) throw new PolicyError('A resource policy statement without Principal')
  if (named === '*') return 'named'
  let account = false
  for (const [type, values] of Object.entries(named)) {
    for (const value of many(values)) {
      if (type === 'Service') {
        if ('service' in principal && principal.service === value) return 'named'
      } else if (type === 'AWS' && 'arn' in principal) {
        if (value === '*' || value === principal.arn) return 'named'
        // The account stands for every identity in it: it denies directly, but allows only
        // what an identity's own policy allows as well.
        if (value === LOCAL_ACCOUNT_ID || value === `arn:aws:iam::${LOCAL_ACCOUNT_ID}:root`) {
          account = true
        }
      } else if (type === 'AWS' && value === '*') {
        return 'named'
      }
    }
  }
  return account ? 'account' : 'none'
}

// Patterns. Wildcards and literals share one string: `*` and `?` of the policy are kept as private
// code points, so that a star that came from a variable's value stays a literal star.
const ANY = '\uE000'
const ONE = '\uE001'

interface VariablePart {
  key: string
  fallback: string | undefined
}

interface Pattern {
  /** The whole pattern when it has no variables. */
  fixed: string | undefined
  literal: boolean
  parts: readonly (string | VariablePart)[]
}

interface ResourcePattern {
  everything: boolean
  pattern: Pattern
}

function compilePattern(text: string, withVariables: boolean): Pattern {
  const parts: (string | VariablePart)[] = []
  let at = 0
  while (withVariables) {
    const start = text.indexOf('${', at)
    if (start < 0) break
    const end = text.indexOf('}', start)
    if (end < 0) throw new PolicyError(`Unclosed policy variable in ${text}`)
    parts.push(wildcards(text.slice(at, start)), variablePart(text.slice(start + 2, end)))
    at = end + 1
  }
  parts.push(wildcards(text.slice(at)))
  const fixed = parts.every((part) => typeof part === 'string') ? parts.join('') : undefined
  return { fixed, literal: fixed !== undefined && !hasWildcard(fixed), parts }
}

function wildcards(text: string): string {
  if (hasWildcard(text)) throw new PolicyError('A policy uses reserved characters')
  return text.replaceAll('*', ANY).replaceAll('?', ONE)
}

function hasWildcard(text: string): boolean {
  return text.includes(ANY) || text.includes(ONE)
}

/** `${*}`, `${?}` and `${$}` are those characters themselves; `${key, 'default'}` has a fallback. */
function variablePart(source: string): string | VariablePart {
  if (source === '*' || source === '?' || source === '$') return source
  const [key = '', ...rest] = source.split(',')
  const fallback = rest.length === 0 ? undefined : rest.join(',').trim()
  if (!/^[\w.-]+:[\w./:@+=-]+$/.test(key.trim())) {
    throw new PolicyError(`Policy variable \${${source}} is not understood`)
  }
  if (fallback !== undefined && !/^'[^']*'$/.test(fallback)) {
    throw new PolicyError(`The default of \${${source}} must stand in single quotes`)
  }
  return { key: key.trim(), fallback: fallback?.slice(1, -1) }
}

function hasVariable(resource: ResourcePattern): boolean {
  return resource.pattern.fixed === undefined
}

/** The pattern with its variables filled in; undefined when one of them has no single value. */
function resolvePattern(pattern: Pattern, context: RequestContext): string | undefined {
  if (pattern.fixed !== undefined) return pattern.fixed
  let resolved = ''
  for (const part of pattern.parts) {
    if (typeof part === 'string') {
      resolved += part
      continue
    }
    const values = contextValues(context, part.key)
    const value = values?.length === 1 ? values[0] : values ? undefined : part.fallback
    if (value === undefined || hasWildcard(value)) return undefined
    resolved += value
  }
  return resolved
}

function matchPattern(pattern: Pattern, text: string, context: RequestContext): boolean {
  if (pattern.literal) return pattern.fixed === text
  const resolved = resolvePattern(pattern, context)
  return resolved !== undefined && glob(resolved, text)
}

/** Linear-time wildcard match: on a mismatch only the last star takes one more character. */
function glob(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let starText = 0
  while (t < text.length) {
    const wanted = pattern[p]
    if (wanted === ANY) {
      star = p++
      starText = t
    } else if (wanted !== undefined && (wanted === ONE || wanted === text[t])) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++starText
    } else {
      return false
    }
  }
  while (pattern[p] === ANY) p++
  return p === pattern.length
}

function compileResource(text: string, withVariables: boolean): ResourcePattern {
  const everything = text === '*'
  const pattern = compilePattern(text, withVariables)
  if (!everything && arnParts(text.replaceAll(/\$\{[^}]*\}/g, 'x')) === undefined) {
    throw new PolicyError(`Resource ${text} is neither * nor a complete ARN`)
  }
  return { everything, pattern }
}

function matchResource(resource: ResourcePattern, text: string, context: RequestContext): boolean {
  if (resource.everything) return true
  if (resource.pattern.literal) return resource.pattern.fixed === text
  const resolved = resolvePattern(resource.pattern, context)
  return resolved !== undefined && arnLike(resolved, text)
}

/**
 * "Each of the six colon-delimited components of the ARN is checked separately":
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
function arnLike(pattern: string, text: string): boolean {
  const wanted = arnParts(pattern)
  const given = arnParts(text)
  if (!wanted || !given) return pattern === ANY && text.length > 0
  return wanted.every((part, index) => glob(part, given[index] ?? ''))
}

function arnParts(text: string): string[] | undefined {
  const parts = text.split(':')
  if (parts.length < 6 || parts[0] !== 'arn') return undefined
  return [...parts.slice(0, 5), parts.slice(5).join(':')]
}

// Conditions.
interface Condition {
  holds(context: RequestContext): boolean
}

/** True when one value of the request meets one value of the policy. */
type Comparison = (given: string, wanted: Pattern, context: RequestContext) => boolean

interface Operator {
  compare: Comparison
  negated: boolean
  variables: boolean
  check?: (value: string) => void
}

function text(compare: (given: string, wanted: string) => boolean): Comparison {
  return (given, wanted, context) => {
    const resolved = resolvePattern(wanted, context)
    return resolved !== undefined && compare(given, resolved)
  }
}

const equals = text((given, wanted) => given === plain(wanted))
const equalsIgnoreCase = text(
  (given, wanted) => given.toLowerCase() === plain(wanted).toLowerCase(),
)
const like = text((given, wanted) => glob(wanted, given))
const arn = text((given, wanted) => arnLike(wanted, given))

/** The policy's text with its stars taken literally, for operators that know no wildcards. */
function plain(wanted: string): string {
  return wanted.replaceAll(ANY, '*').replaceAll(ONE, '?')
}

function fixedText(wanted: Pattern): string {
  return plain(wanted.fixed ?? '')
}

function ordered(
  parse: (value: string) => number,
  compare: (given: number, wanted: number) => boolean,
): Comparison {
  return (given, wanted) => {
    const value = parse(given)
    return !Number.isNaN(value) && compare(value, parse(fixedText(wanted)))
  }
}

function parseNumber(value: string): number {
  return value.trim() === '' ? Number.NaN : Number(value)
}

/** Dates are ISO 8601 or seconds since the epoch. */
function parseDate(value: string): number {
  return /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value)
}

function mustParse(parse: (value: string) => number, kind: string): (value: string) => void {
  return (value) => {
    if (Number.isNaN(parse(value))) throw new PolicyError(`${value} is not a ${kind}`)
  }
}

const addressRanges = new Map<string, BlockList>()

function addressRange(range: string): BlockList {
  const known = addressRanges.get(range)
  if (known) return known
  const [address = '', prefix] = range.split('/')
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  const bits = prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix)
  if (isIP(address) === 0 || !Number.isInteger(bits)) {
    throw new PolicyError(`${range} is not an address range`)
  }
  const list = new BlockList()
  list.addSubnet(address, bits, family)
  addressRanges.set(range, list)
  return list
}

const ipAddress: Comparison = (given, wanted) => {
  const family = isIP(given)
  if (family === 0) return false
  return addressRange(fixedText(wanted)).check(given, family === 6 ? 'ipv6' : 'ipv4')
}

const OPERATORS = new Map<string, Operator>()

function define(name: string, operator: Omit<Operator, 'negated'>, negatedName?: string): void {
  OPERATORS.set(name, { ...operator, negated: false })
  if (negatedName) OPERATORS.set(negatedName, { ...operator, negated: true })
}

define('StringEquals', { compare: equals, variables: true }, 'StringNotEquals')
define(
  'StringEqualsIgnoreCase',
  { compare: equalsIgnoreCase, variables: true },
  'StringNotEqualsIgnoreCase',
)
define('StringLike', { compare: like, variables: true }, 'StringNotLike')
define('ArnEquals', { compare: arn, variables: true }, 'ArnNotEquals')
define('ArnLike', { compare: arn, variables: true }, 'ArnNotLike')
define('BinaryEquals', { compare: equals, variables: false })
define('Bool', {
  compare: (given, wanted) => given.toLowerCase() === fixedText(wanted).toLowerCase(),
  variables: false,
})
define('IpAddress', { compare: ipAddress, variables: false, check: addressRange }, 'NotIpAddress')
for (const [family, parse, kind] of [
  ['Numeric', parseNumber, 'number'],
  ['Date', parseDate, 'date'],
] as const) {
  const check = mustParse(parse, kind)
  const comparison = (compare: (given: number, wanted: number) => boolean) => ({
    compare: ordered(parse, compare),
    variables: false,
    check,
  })
  define(
    `${family}Equals`,
    comparison((given, wanted) => given === wanted),
    `${family}NotEquals`,
  )
  define(
    `${family}LessThan`,
    comparison((given, wanted) => given < wanted),
  )
  define(
    `${family}LessThanEquals`,
    comparison((given, wanted) => given <= wanted),
  )
  define(
    `${family}GreaterThan`,
    comparison((given, wanted) => given > wanted),
  )
  define(
    `${family}GreaterThanEquals`,
    comparison((given, wanted) => given >= wanted),
  )
}

function compileCondition(
  spelled: string,
  key: string,
  values: readonly string[],
  withVariables: boolean,
): Condition {
  if (spelled === 'Null') return nullCondition(key, values)
  const [, setOperator, name = '', ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(spelled) ?? []
  const operator = OPERATORS.get(name)
  if (!operator) throw new PolicyError(`Condition operator ${spelled} is not known`)
  for (const value of values) operator.check?.(value)
  const wanted = values.map((value) => compilePattern(value, withVariables && operator.variables))
  const meets = (given: string, context: RequestContext): boolean =>
    wanted.some((it) => operator.compare(given, it, context)) !== operator.negated

  return {
    holds(context) {
      const given = contextValues(context, key)
      if (given === undefined || given.length === 0) {
        if (ifExists || setOperator === 'ForAllValues') return true
        return setOperator === undefined && operator.negated
      }
      if (setOperator === 'ForAllValues') return given.every((it) => meets(it, context))
      if (setOperator === 'ForAnyValue') return given.some((it) => meets(it, context))
      const [only = ''] = given
      if (given.length > 1) {
        throw new PolicyError(`${key} has several values: use ForAllValues or ForAnyValue`)
      }
      return meets(only, context)
    },
  }
}

/** `Null: true` holds when the key is absent. */
function nullCondition(key: string, values: readonly string[]): Condition {
  const wanted = values.map((value) => value.toLowerCase())
  if (wanted.some((value) => value !== 'true' && value !== 'false')) {
    throw new PolicyError(`Null of ${key} must be true or false`)
  }
  return {
    holds: (context) => wanted.includes(String((contextValues(context, key)?.length ?? 0) === 0)),
  }
}

/** Condition keys are not case-sensitive; engines spell them as IAM documents them. */
function contextValues(context: RequestContext, key: string): readonly string[] | undefined {
  if (Object.hasOwn(context, key)) return values(context[key])
  const lower = key.toLowerCase()
  for (const name in context) {
    if (name.length === key.length && name.toLowerCase() === lower) return values(context[name])
  }
  return undefined
}

function values(value: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof value === 'string' ? [value] : value
}

function many<T>(value: OneOrMany<T>): readonly T[] {
  return Array.isArray(value) ? value : [value as T]
}
