/**
 * Texts, resources and variables of policies, with their wildcards
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
 */
import { PolicyError, type RequestContext } from '../policy-document.ts'

// Wildcards and literals share one string: `*` and `?` of the policy are kept as private code points,
// so that a star that came from a variable's value stays a literal star.
const ANY = '\uE000'
const ONE = '\uE001'

interface VariablePart {
  key: string
  fallback: string | undefined
}

export interface Pattern {
  /** The whole pattern when it has no variables. */
  fixed: string | undefined
  literal: boolean
  parts: readonly (string | VariablePart)[]
}

export interface ResourcePattern {
  everything: boolean
  pattern: Pattern
  /** Components of a pattern without variables. */
  parts: readonly string[] | undefined
}

export function compilePattern(text: string, withVariables: boolean): Pattern {
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

/** The policy's text with its stars taken literally, for operators that know no wildcards. */
export function plain(wanted: string): string {
  return wanted.replaceAll(ANY, '*').replaceAll(ONE, '?')
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

/** A variable without a default: what a comparison with it means when it has no value is not told. */
export function needsValue(pattern: Pattern): boolean {
  return pattern.parts.some((part) => typeof part !== 'string' && part.fallback === undefined)
}

export function hasVariable(resource: ResourcePattern): boolean {
  return resource.pattern.fixed === undefined
}

/** The pattern with its variables filled in; undefined when one of them has no single value. */
export function resolvePattern(pattern: Pattern, context: RequestContext): string | undefined {
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

export function matchPattern(pattern: Pattern, text: string, context: RequestContext): boolean {
  if (pattern.literal) return pattern.fixed === text
  const resolved = resolvePattern(pattern, context)
  return resolved !== undefined && glob(resolved, text)
}

/** Linear-time wildcard match: on a mismatch only the last star takes one more character. */
export function glob(pattern: string, text: string): boolean {
  if (pattern === text || pattern === ANY) return true
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

export function compileResource(text: string, withVariables: boolean): ResourcePattern {
  const everything = text === '*'
  const pattern = compilePattern(text, withVariables)
  if (!everything && arnParts(text.replaceAll(/\$\{[^}]*\}/g, 'x')) === undefined) {
    throw new PolicyError(`Resource ${text} is neither * nor a complete ARN`)
  }
  const { fixed } = pattern
  return { everything, pattern, parts: fixed === undefined ? undefined : arnParts(fixed) }
}

export function matchResource(
  resource: ResourcePattern,
  text: string,
  context: RequestContext,
): boolean {
  if (resource.everything) return true
  if (resource.pattern.literal) return resource.pattern.fixed === text
  if (resource.parts) return partsLike(resource.parts, askedParts(text))
  const resolved = resolvePattern(resource.pattern, context)
  return resolved !== undefined && arnLike(resolved, text)
}

/** All statements of a caller are asked for one resource after another. */
let asked: { text: string; parts: readonly string[] | undefined } = { text: '', parts: undefined }

function askedParts(text: string): readonly string[] | undefined {
  if (asked.text !== text) asked = { text, parts: arnParts(text) }
  return asked.parts
}

function partsLike(wanted: readonly string[], given: readonly string[] | undefined): boolean {
  return given !== undefined && wanted.every((part, index) => glob(part, given[index] ?? ''))
}

/**
 * "Each of the six colon-delimited components of the ARN is checked separately":
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
export function arnLike(pattern: string, text: string): boolean {
  const wanted = arnParts(pattern)
  const given = arnParts(text)
  if (!wanted || !given) return pattern === ANY && text.length > 0
  return partsLike(wanted, given)
}

function arnParts(text: string): string[] | undefined {
  const parts = text.split(':')
  if (parts.length < 6 || parts[0] !== 'arn') return undefined
  return [...parts.slice(0, 5), parts.slice(5).join(':')]
}

/** Condition keys are not case-sensitive; engines spell them as IAM documents them. */
export function contextValues(context: RequestContext, key: string): readonly string[] | undefined {
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
