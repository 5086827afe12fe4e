/** What the contract says of each field, and values that it must refuse there or may take. */
import fc from 'fast-check'
import * as z from 'zod'

export interface JsonSchema {
  type?: string
  enum?: unknown[]
  anyOf?: JsonSchema[]
  properties?: Record<string, JsonSchema>
  required?: string[]
  additionalProperties?: unknown
  items?: JsonSchema
  pattern?: string
  format?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
}

export interface Field {
  /** Dotted, `0` for the members of a list. */
  path: string
  schema: JsonSchema
}

export interface WrongValue {
  what: string
  value: unknown
}

export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input' }) as JsonSchema
}

/** Every field of a body, with those of objects and lists within it. */
export function fieldsOf(schema: JsonSchema, path = ''): Field[] {
  return alternatives(schema).flatMap(({ properties = {}, items }) => [
    ...Object.entries(properties).flatMap(([name, member]) =>
      fieldAndInner(join(path, name), member),
    ),
    ...(items ? fieldAndInner(join(path, '0'), items) : []),
  ])
}

function fieldAndInner(path: string, schema: JsonSchema): Field[] {
  return [{ path, schema }, ...fieldsOf(schema, path)]
}

/** Where objects stand, as each must refuse what it does not know; the body itself is ''. */
export function objectsOf(schema: JsonSchema): Field[] {
  return [{ path: '', schema }, ...fieldsOf(schema)].filter(
    ({ schema: { properties } }) => properties,
  )
}

export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

function alternatives(schema: JsonSchema): JsonSchema[] {
  return schema.anyOf ? schema.anyOf.flatMap(alternatives) : [schema]
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return 'integer'
  return typeof value
}

/** One of each kind of JSON. */
const OF_EVERY_TYPE = [null, true, 7, 'x', ['x'], { a: {} }]
/** Names that objects of the language have, and what moves or hides in a text. */
const PROTOTYPE_NAMES = ['__proto__', 'constructor', 'toString']
const INVISIBLE = ['a\u0000b', 'a\u202eb']
/** These may hold anything: they are compared, or cleaned before they are used. */
const FREE_TEXTS = /(^|\.)(fileName|relativePath|password|token|q|returnTo|cursor)$/
/** Beyond what any word or id has; a URL takes it. */
const FAR_TOO_LONG = 5000

/** Values that a field must refuse, whatever else the body holds. */
export function wrongValuesOf({ path, schema }: Field): WrongValue[] {
  const kinds = alternatives(schema)
  const types = kinds.map(({ type }) => type)
  const wrong: WrongValue[] = OF_EVERY_TYPE.filter((value) => !types.includes(typeOf(value))).map(
    (value) => ({ what: `${JSON.stringify(value)} for ${types}`, value }),
  )
  const texts = kinds.filter(({ type }) => type === 'string')
  const isBound = texts.some((text) => text.enum ?? text.pattern ?? text.format)
  for (const { maxLength, minLength = 0 } of texts) {
    const length = maxLength === undefined ? FAR_TOO_LONG : maxLength + 1
    const others = [
      ...(minLength > 0 || isBound ? [''] : []),
      ...(isBound || !FREE_TEXTS.test(path) ? INVISIBLE : []),
      ...(isBound ? PROTOTYPE_NAMES : []),
    ]
    wrong.push(
      { what: `${length} characters`, value: 'x'.repeat(length) },
      ...others
        .filter((value) => !texts.some((text) => fits(text, value)))
        .map((value) => ({ what: JSON.stringify(value), value })),
    )
  }
  for (const { type, minimum, maximum } of kinds) {
    if (type !== 'integer') continue
    wrong.push({ what: 'half', value: 1.5 })
    if (minimum !== undefined) wrong.push({ what: 'less', value: minimum - 1 })
    if (maximum !== undefined) wrong.push({ what: 'more', value: maximum + 1 })
  }
  for (const { minItems, maxItems, items } of kinds) {
    if (minItems) wrong.push({ what: 'an empty list', value: [] })
    if (maxItems !== undefined && items) {
      const [item] = fc.sample(validValues(items), { numRuns: 1, seed: 1 })
      const value = Array.from({ length: maxItems + 1 }, () => item)
      wrong.push({ what: `${maxItems + 1} members`, value })
    }
  }
  return wrong
}

/** A link may be called `constructor`, and a type may be nothing. */
function fits({ pattern }: JsonSchema, text: string): boolean {
  return pattern !== undefined && new RegExp(pattern).test(text)
}

/** The same as texts of a query. */
export function wrongQueryValuesOf(field: Field): WrongValue[] {
  const isNumber = field.schema.type === 'integer'
  const words = isNumber ? ['', 'x', '1.5', '-1', '1e9', 'Infinity', 'NaN', 'null'] : []
  return [
    ...wrongValuesOf(field).filter(
      ({ value }) => typeof value === (isNumber ? 'number' : 'string'),
    ),
    ...words.map((value) => ({ what: JSON.stringify(value), value })),
  ]
}

export function unknownNames(): string[] {
  return ['userId', ...PROTOTYPE_NAMES]
}

/** A copy of a body with one field as it is given; lists and objects on the way are made. */
export function withValue(body: unknown, path: string, value: unknown): unknown {
  const [name = '', ...rest] = path.split('.')
  if (path === '') return value
  if (/^\d+$/.test(name)) {
    const list = Array.isArray(body) ? [...body] : []
    list[Number(name)] = withValue(list[Number(name)], rest.join('.'), value)
    return list
  }
  const copy: Record<string, unknown> = { ...(body as object | undefined) }
  // `__proto__` as a member of its own, as JSON has it.
  Object.defineProperty(copy, name, {
    value: withValue(copy[name], rest.join('.'), value),
    enumerable: true,
  })
  return copy
}

const ODD_TEXTS = [
  '\u0000',
  '\ud800',
  '😀'.repeat(20),
  'a\u0301\u202e',
  '<svg onload=alert(1)>',
  '=1+1',
  "'; DROP TABLE x",
  '%00%2e%2e/',
  '.',
  '..',
  ' ',
  '/',
  'a/../../b',
  'con',
  '__proto__',
  '\r\nx-injected: 1',
]

/** Anything that the JSON schema allows; further rules of the contract may refuse it. */
export function validValues(
  schema: JsonSchema,
  ids: readonly string[] = [],
): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => validValues(one, ids)))
  if (schema.enum) return fc.constantFrom(...schema.enum)
  switch (schema.type) {
    case 'string':
      return validTexts(schema, ids)
    case 'integer':
      return fc.integer({
        min: schema.minimum ?? 0,
        max: schema.maximum ?? Number.MAX_SAFE_INTEGER,
      })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return fc.array(validValues(schema.items ?? {}, ids), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? MOST_MEMBERS, MOST_MEMBERS),
      })
    case 'object': {
      const members = Object.entries(schema.properties ?? {})
      return fc.record(
        Object.fromEntries(members.map(([name, member]) => [name, validValues(member, ids)])),
        { requiredKeys: schema.required ?? [] },
      )
    }
    default:
      return fc.jsonValue()
  }
}

const MOST_MEMBERS = 4
const MOST_CHARACTERS = 100

function validTexts(schema: JsonSchema, ids: readonly string[]): fc.Arbitrary<string> {
  const { pattern, format, minLength = 0, maxLength = MOST_CHARACTERS } = schema
  if (format === 'date-time') {
    const date = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
    return date.map((time) => time.toISOString())
  }
  if (format === 'date') return fc.constantFrom('2026-02-28', '0001-01-01', '9999-12-31')
  if (format === 'email') return fc.emailAddress().filter((address) => address.length <= maxLength)
  if (pattern !== undefined) {
    const real = ids.filter((id) => new RegExp(pattern).test(id))
    const made = fc.stringMatching(new RegExp(pattern))
    return real.length > 0
      ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...real) }, made)
      : made
  }
  const odd = ODD_TEXTS.filter((text) => text.length >= minLength && text.length <= maxLength)
  return fc.oneof(
    fc.string({ unit: 'binary', minLength, maxLength: Math.min(maxLength, MOST_CHARACTERS) }),
    fc.constantFrom(...odd, 'x'.repeat(maxLength)),
  )
}
