import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { openApiText } from '../../../infra/openapi/openapi-document.ts'
import { PROBLEMS, type ProblemCode } from '../../../shared/contract/problems.ts'
import { type Operation, openApiRules } from './openapi-rules.ts'

const FILE = join(import.meta.dirname, '../../../docs/openapi.json')

const document = openApiRules.parse(JSON.parse(openApiText()))

const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({
    path,
    method,
    operation: operation as Operation,
  })),
)

/** Every object of the document with where it stands. */
function* objectsIn(value: unknown, where = '#'): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield [where, value as Record<string, unknown>]
  for (const [name, member] of Object.entries(value)) yield* objectsIn(member, `${where}/${name}`)
}

const objects = [...objectsIn(document)]
const references = objects.flatMap(([where, { $ref }]) =>
  typeof $ref === 'string' ? [{ where, $ref }] : [],
)

function resolve($ref: string): unknown {
  return $ref
    .slice('#/'.length)
    .split('/')
    .reduce<unknown>((value, name) => (value as Record<string, unknown>)?.[name], document)
}

/** The same without references. */
function inFull(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(inFull)
  if ('$ref' in value && typeof value.$ref === 'string') return inFull(resolve(value.$ref))
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, inFull(member)]))
}

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0]

function validatorOf(schema: unknown): z.ZodType {
  return z.fromJSONSchema(inFull(schema) as JsonSchema)
}

test('docs/openapi.json is what the contract says now; `npm run openapi` writes it', async () => {
  expect((await readFile(FILE, 'utf8')) === openApiText()).toBe(true)
})

describe('the document', () => {
  test('is of OpenAPI 3.1, with every operation of the contract', () => {
    expect(openApiRules.safeParse(document).error).toBeUndefined()
    expect(operations.length).toBeGreaterThan(30)
  })

  test('refers to what is there', () => {
    expect(references.length).toBeGreaterThan(200)
    for (const { where, $ref } of references)
      expect(resolve($ref), `${where}: ${$ref}`).toBeDefined()
  })

  test('holds no component that nothing refers to', () => {
    const used = new Set(references.map(({ $ref }) => $ref))
    const { securitySchemes, ...referred } = document.components
    for (const [kind, components] of Object.entries(referred)) {
      for (const name of Object.keys(components)) {
        const $ref = `#/components/${kind}/${name}`
        expect(used.has($ref), $ref).toBe(true)
      }
    }
    const schemes = operations.flatMap(({ operation }) => operation.security.flatMap(Object.keys))
    expect(new Set(schemes)).toEqual(new Set(Object.keys(securitySchemes)))
  })

  test('names each operation once', () => {
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('names the tags of its operations', () => {
    const tags = operations.flatMap(({ operation }) => operation.tags)
    expect(document.tags.map(({ name }) => name)).toEqual([...new Set(tags)])
  })

  test.each(operations)('$method $path has the parameters that its path names', (row) => {
    const named = [...row.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const declared = (row.operation.parameters ?? []).filter((it) => it.in === 'path')
    expect(declared.map(({ name }) => name)).toEqual(named)
  })

  test('leaves no schema empty: what zod cannot tell would stand as `{}`', () => {
    const schemaPlaces = /\/(schema|items|properties\/[^/]+|(?:anyOf|allOf|oneOf)\/\d+)$/
    const empty = objects.filter(
      ([where, value]) => schemaPlaces.test(where) && Object.keys(value).length === 0,
    )
    expect(empty.map(([where]) => where)).toEqual([])
  })
})

describe('every example is as its schema says', () => {
  const contents = objects.flatMap(([where, value]) =>
    'schema' in value && 'examples' in value
      ? Object.entries(value['examples'] as Record<string, unknown>).map(([name, example]) => ({
          what: `${where} ${name}`,
          schema: value['schema'],
          example: (inFull(example) as { value: unknown }).value,
        }))
      : [],
  )

  test('and there are many', () => {
    expect(contents.length).toBeGreaterThan(100)
  })

  test('in all of them', () => {
    for (const { what, schema, example } of contents) {
      expect(validatorOf(schema).safeParse(example).error, what).toBeUndefined()
    }
  })
})

describe('problems', () => {
  test('all stand among the codes, and each among those of its status', () => {
    const codes = Object.keys(PROBLEMS) as ProblemCode[]
    for (const code of codes) {
      const { status, title } = PROBLEMS[code]
      const problem = { type: 'urn:x', title, status, detail: 'x', code, requestId: 'x' }
      const statuses = [...new Set(Object.values(PROBLEMS).map((row) => row.status))]
      for (const other of statuses) {
        const { success } = validatorOf({
          $ref: `#/components/schemas/Problem${other}`,
        }).safeParse(problem)
        expect(success, `${code} as ${other}`).toBe(other === status)
      }
    }
  })

  test.each(operations)('of $method $path are of the type that says so', ({ operation }) => {
    const replies = Object.entries(operation.responses)
    expect(replies.some(([status]) => status < '400')).toBe(true)
    for (const [status, reply] of replies) {
      const { content = {} } = inFull(reply) as { content?: Record<string, unknown> }
      const isProblem = Object.keys(content).includes('application/problem+json')
      expect(isProblem, status).toBe(status >= '400')
    }
  })

  test('who must sign in is told so, and nobody else', () => {
    for (const { operation, path } of operations) {
      const isOwners = operation.security.some((scheme) => 'session' in scheme)
      const text = JSON.stringify(operation.responses['401'] ?? '')
      expect(text.includes('SESSION_REQUIRED'), path).toBe(isOwners)
    }
  })
})
