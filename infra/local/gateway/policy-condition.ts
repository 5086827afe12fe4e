/**
 * The operators of policy conditions; an operator that is not known here throws `PolicyError`
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
 */
import { BlockList, isIP } from 'node:net'
import { PolicyError, type RequestContext } from '../policy-document.ts'
import {
  arnLike,
  compilePattern,
  contextValues,
  glob,
  needsValue,
  type Pattern,
  plain,
  resolvePattern,
} from './policy-pattern.ts'

export interface Condition {
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

/** "Integer and decimal values": no other spelling that a program would read as a number. */
function parseNumber(value: string): number {
  return /^[+-]?\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN
}

const W3C_DATE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/

/** Dates are "one of the W3C implementations of ISO 8601" or seconds since the epoch. */
function parseDate(value: string): number {
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000
  return W3C_DATE.test(value) ? Date.parse(value) : Number.NaN
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
  const [, address = '', prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(range) ?? []
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  const allBits = family === 'ipv6' ? 128 : 32
  const bits = prefix === undefined ? allBits : Number(prefix)
  if (isIP(address) === 0 || bits > allBits) {
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

function mustBeBoolean(value: string): void {
  if (!/^(true|false)$/i.test(value)) throw new PolicyError(`${value} is neither true nor false`)
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
  check: mustBeBoolean,
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

export function compileCondition(
  spelled: string,
  key: string,
  values: readonly string[],
  withVariables: boolean,
): Condition {
  if (values.length === 0) throw new PolicyError(`${spelled} of ${key} has no value`)
  if (spelled === 'Null') return nullCondition(key, values)
  const [, setOperator, name = '', ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(spelled) ?? []
  const operator = OPERATORS.get(name)
  if (!operator) throw new PolicyError(`Condition operator ${spelled} is not known`)
  for (const value of values) operator.check?.(value)
  const wanted = values.map((value) => compilePattern(value, withVariables && operator.variables))
  if (operator.negated && wanted.some(needsValue)) {
    throw new PolicyError(`${spelled} of ${key} has a policy variable without a default`)
  }
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
  values.forEach(mustBeBoolean)
  const wanted = values.map((value) => value.toLowerCase())
  return {
    holds: (context) => wanted.includes(String((contextValues(context, key)?.length ?? 0) === 0)),
  }
}
