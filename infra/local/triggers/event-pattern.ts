/**
 * Event patterns of EventBridge, compiled once; an operator that is not known here is an error
 * that names it when the template is loaded.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
type Predicate = (value: unknown) => boolean
/** Fields of a rule's event that are themselves objects are matched member by member. */
type Matcher = (value: unknown) => boolean

export class UnsupportedPatternError extends Error {
  override name = 'UnsupportedPatternError' as const
}

export function compilePattern(pattern: Record<string, unknown>): (event: object) => boolean {
  const matches = compileObject(pattern, '')
  return (event) => matches(event)
}

function compileObject(pattern: Record<string, unknown>, path: string): Matcher {
  const fields = Object.entries(pattern).map(([name, expected]): [string, Matcher] => {
    const fieldPath = path === '' ? name : `${path}.${name}`
    // `$or` and its like stand where a field's name is expected.
    if (name.startsWith('$')) throw new UnsupportedPatternError(`${name} in an event pattern`)
    if (Array.isArray(expected)) return [name, compileAlternatives(expected, fieldPath)]
    if (isObject(expected)) return [name, compileObject(expected, fieldPath)]
    throw new UnsupportedPatternError(`${fieldPath} must be a list of alternatives`)
  })
  const matchesObject: Matcher = (value) =>
    fields.every(([name, matches]) => matches(isObject(value) ? value[name] : undefined))
  return (value) => (Array.isArray(value) ? value.some(matchesObject) : matchesObject(value))
}

/** One of the alternatives must hold; of an array in the event, for one of its elements. */
function compileAlternatives(alternatives: unknown[], path: string): Matcher {
  const predicates = alternatives.map((alternative) => compileAlternative(alternative, path))
  return (value) => {
    const candidates = Array.isArray(value) ? value : [value]
    return predicates.some((holds) => candidates.some(holds))
  }
}

function compileAlternative(alternative: unknown, path: string): Predicate {
  if (!isObject(alternative)) return (value) => value === alternative
  const [operator, operand, ...more] = Object.entries(alternative).flat()
  const compile = OPERATORS[String(operator)]
  if (!compile || more.length > 0) {
    throw new UnsupportedPatternError(
      `operator ${JSON.stringify(alternative)} of ${path} in an event pattern`,
    )
  }
  return compile(operand, path)
}

const OPERATORS: Record<string, (operand: unknown, path: string) => Predicate> = {
  prefix: (operand, path) => affix(operand, path, 'startsWith'),
  suffix: (operand, path) => affix(operand, path, 'endsWith'),
  'equals-ignore-case': (operand, path) => {
    const expected = textOf(operand, path).toLowerCase()
    return (value) => typeof value === 'string' && value.toLowerCase() === expected
  },
  wildcard: (operand, path) => {
    // `*` stands for any text, `\*` for an asterisk.
    const source = textOf(operand, path).replaceAll(
      /\\([*\\])|\*|[.+?^${}()|[\]\\]/g,
      (found, escaped) => {
        if (found === '*') return '.*'
        return `\\${escaped ?? found}`
      },
    )
    const expression = new RegExp(`^${source}$`, 's')
    return (value) => typeof value === 'string' && expression.test(value)
  },
  exists: (operand, path) => {
    if (typeof operand !== 'boolean') throw new UnsupportedPatternError(`exists of ${path}`)
    // Only leaves exist: "Exists match only works on leaf nodes".
    return (value) => (value !== undefined && !isObject(value)) === operand
  },
  numeric: compileNumeric,
  'anything-but': (operand, path) => {
    const excluded = isObject(operand)
      ? compileExclusion(operand, path)
      : [operand].flat().map((entry) => compileAlternative(entry, path))
    return (value) => value !== undefined && !excluded.some((holds) => holds(value))
  },
}

function compileExclusion(operand: Record<string, unknown>, path: string): Predicate[] {
  const [operator, values] = Object.entries(operand)[0] ?? []
  if (!operator || !['prefix', 'suffix', 'wildcard', 'equals-ignore-case'].includes(operator)) {
    throw new UnsupportedPatternError(`anything-but ${JSON.stringify(operand)} of ${path}`)
  }
  return [values].flat().map((value) => compileAlternative({ [operator]: value }, path))
}

function affix(operand: unknown, path: string, test: 'startsWith' | 'endsWith'): Predicate {
  if (isObject(operand)) {
    const expected = textOf(operand['equals-ignore-case'], path).toLowerCase()
    return (value) => typeof value === 'string' && value.toLowerCase()[test](expected)
  }
  const expected = textOf(operand, path)
  return (value) => typeof value === 'string' && value[test](expected)
}

const COMPARISONS: Record<string, (value: number, bound: number) => boolean> = {
  '=': (value, bound) => value === bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
}

/** `[">", 0, "<=", 5]` */
function compileNumeric(operand: unknown, path: string): Predicate {
  const terms = Array.isArray(operand) ? operand : []
  const tests: ((value: number) => boolean)[] = []
  for (let index = 0; index < terms.length; index += 2) {
    const compare = COMPARISONS[String(terms[index])]
    const bound: unknown = terms[index + 1]
    if (!compare || typeof bound !== 'number') {
      throw new UnsupportedPatternError(`numeric ${JSON.stringify(operand)} of ${path}`)
    }
    tests.push((value) => compare(value, bound))
  }
  if (tests.length === 0)
    throw new UnsupportedPatternError(`numeric without a comparison of ${path}`)
  return (value) => typeof value === 'number' && tests.every((holds) => holds(value))
}

function textOf(operand: unknown, path: string): string {
  if (typeof operand === 'string') return operand
  throw new UnsupportedPatternError(`${JSON.stringify(operand)} where ${path} needs a text`)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
