/** Schemas of the contract as OpenAPI components, called as the contract exports them. */
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import * as accounts from '../../shared/contract/accounts.ts'
import * as auth from '../../shared/contract/auth.ts'
import * as events from '../../shared/contract/events.ts'
import * as portals from '../../shared/contract/portals.ts'
import * as settings from '../../shared/contract/settings.ts'
import * as uploads from '../../shared/contract/uploads.ts'

export type Json = Record<string, unknown>

/** What a request may be, and what a reply is: defaults and conversions lie between them. */
type Direction = 'input' | 'output'

const NAMES = new Map<z.ZodType, string>(
  [accounts, auth, events, portals, settings, uploads].flatMap((module) =>
    Object.entries(module).flatMap(([name, value]): [z.ZodType, string][] =>
      value instanceof z.ZodType ? [[value, name.charAt(0).toUpperCase() + name.slice(1)]] : [],
    ),
  ),
)

/** Replies may grow. A format says enough: the pattern by which zod checks it is longer than all else. */
const STYLE = {
  input: {
    io: 'input',
    override: ({ jsonSchema }) => {
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern
    },
  },
  output: {
    io: 'output',
    // Requests are converted too, and dropped: what they are turned into has no schema.
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      delete jsonSchema.additionalProperties
    },
  },
} as const satisfies Record<Direction, Parameters<typeof z.toJSONSchema>[1]>

const URI = '#/components/schemas/'

export function inlineSchema(schema: z.ZodType): Json {
  return withoutIds(z.toJSONSchema(schema, STYLE.input))
}

export function referTo(schema: z.ZodType): Json {
  const name = NAMES.get(schema)
  if (name === undefined) throw new Error('The contract exports no such schema')
  return { $ref: `${URI}${name}` }
}

/** The components that these requests and replies need, with those that they refer to. */
export function componentsOf(requests: z.ZodType[], replies: z.ZodType[]): Json {
  const components: Json = {}
  const collect = (from: Json, name: string): void => {
    const known = components[name]
    if (known !== undefined) {
      if (isDeepStrictEqual(known, from[name])) return
      throw new Error(`${name} is another thing in a request than in a reply`)
    }
    components[name] = from[name]
    for (const [, next] of JSON.stringify(from[name]).matchAll(/#\/components\/schemas\/(\w+)/g)) {
      if (next !== undefined) collect(from, next)
    }
  }
  for (const [direction, schemas] of [
    ['input', requests],
    ['output', replies],
  ] as const) {
    const all = allSchemas(direction)
    for (const schema of schemas) collect(all, NAMES.get(schema) ?? '')
  }
  return Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function allSchemas(direction: Direction): Json {
  const registry = z.registry<{ id: string }>()
  for (const [schema, id] of NAMES) registry.add(schema, { id })
  const options = { ...STYLE[direction], uri: (id: string) => `${URI}${id}` }
  return Object.fromEntries(
    Object.entries(z.toJSONSchema(registry, options).schemas).map(([name, schema]) => [
      name,
      withoutIds(schema),
    ]),
  )
}

function withoutIds(schema: object): Json {
  const { $schema: _dialect, $id: _id, ...rest } = schema as Json
  return rest
}
