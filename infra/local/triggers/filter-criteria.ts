/**
 * `FilterCriteria` of event source mappings: a record passes when one of the filters matches it.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
 */
import { AwsError } from '../engine.ts'
import { compilePattern } from './event-pattern.ts'

export interface FilterCriteria {
  /** Each pattern is JSON text. */
  Filters?: { Pattern?: string }[]
}

/** "By default, each event source can have up to five different filters." */
const MAX_FILTERS = 5
const MAX_PATTERN_CHARACTERS = 4096

type Pattern = Record<string, unknown>

export function compileFilters(
  criteria: FilterCriteria | undefined,
): (record: Readonly<Record<string, unknown>>) => boolean {
  const filters = criteria?.Filters ?? []
  if (filters.length === 0) return () => true
  if (filters.length > MAX_FILTERS) throw invalid(`more than ${MAX_FILTERS} filters`)
  const compiled = filters.map(({ Pattern = '{}' }) => {
    const pattern = parsePattern(Pattern)
    return { readsBody: pattern['body'] !== undefined, pattern, matches: compilePattern(pattern) }
  })
  return (record) =>
    compiled.some(({ readsBody, pattern, matches }) =>
      readsBody ? matches({ ...record, body: bodyFor(pattern, record['body']) }) : matches(record),
    )
}

/**
 * A pattern of members is for bodies that are JSON, a list of texts for bodies that are not; a body
 * of the other kind does not match.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
 */
function bodyFor(pattern: Pattern, body: unknown): unknown {
  const json = jsonOf(String(body))
  if (Array.isArray(pattern['body'])) return json === undefined ? body : undefined
  return json
}

/** Undefined for a text that is not an object or a list in JSON. */
function jsonOf(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    // A plain text is a body too.
    return undefined
  }
}

function parsePattern(text: string): Pattern {
  const pattern = jsonOf(text)
  if (pattern === undefined || Array.isArray(pattern) || text.length > MAX_PATTERN_CHARACTERS) {
    throw invalid(`the pattern ${text.slice(0, 100)}`)
  }
  return pattern as Pattern
}

const invalid = (what: string): AwsError =>
  new AwsError('InvalidParameterValueException', `Invalid filter criteria: ${what}`)
