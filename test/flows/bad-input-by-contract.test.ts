/**
 * Wrong values for every field that the contract has, made from the contract itself: each is refused
 * with the field named, nothing changes, and nothing that anybody sends makes an error of ours.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Problem } from '../../shared/contract/problems.ts'
import { pathOf, type RouteContract } from '../../shared/contract/route.ts'
import { CONTRACT_ROWS, type ContractKey } from '../../shared/contract/routes.ts'
import {
  fieldsOf,
  type JsonSchema,
  join,
  jsonSchemaOf,
  objectsOf,
  unknownNames,
  validValues,
  type WrongValue,
  withValue,
  wrongQueryValuesOf,
  wrongValuesOf,
} from '../support/contract-fields.ts'
import { problemByContract } from '../support/contract-reply.ts'
import { bearer } from '../support/local-cloud.ts'
import { dumpTable, type TableDump } from './security/attack.ts'
import {
  type ContractRequest,
  type ContractWorld,
  type Person,
  requestOf,
  sendAs,
  startContractWorld,
} from './security/contract-world.ts'

const AT_ONCE = 6
const SEED = 20_260_301

let world: ContractWorld

beforeAll(async () => {
  world = await startContractWorld()
})
afterAll(() => world.close())

/** A request that is wrong in one way, and the fields of which one must be named. */
interface WrongRequest {
  what: string
  request: ContractRequest
  fields: string[]
}

const withBody = rowsWith(({ body }) => body !== undefined)
const withQuery = rowsWith(({ query }) => query !== undefined)

function rowsWith(has: (row: RouteContract) => boolean): [ContractKey, RouteContract][] {
  return CONTRACT_ROWS.filter(([, row]) => has(row))
}

function bodySchemaOf({ body }: RouteContract): JsonSchema {
  if (!body) throw new Error('no body')
  return jsonSchemaOf(body.schema)
}

/** How often an address has tried something is counted, whatever it sends. */
async function dumpRecords(): Promise<TableDump> {
  const dump = await dumpTable(world.test)
  return new Map([...dump].filter(([key]) => !key.startsWith('rate#')))
}

function querySchemaOf({ query }: RouteContract): JsonSchema {
  if (!query) throw new Error('no query')
  return jsonSchemaOf(query)
}

/** Some at once; all of them are waited for, so that a failure leaves nothing under way. */
async function inTurns<Item>(items: Item[], act: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await act(next)
  }
  const outcomes = await Promise.allSettled(Array.from({ length: AT_ONCE }, work))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

async function expectRefused(key: ContractKey, wrong: WrongRequest[]): Promise<void> {
  expect(wrong.length).toBeGreaterThan(0)
  const before = await dumpRecords()
  await inTurns(wrong, (one) => refused(key, one))
  expect(await dumpRecords()).toEqual(before)
}

async function refused(key: ContractKey, { what, request, fields }: WrongRequest): Promise<void> {
  const response = await sendAs(world.test, key, world.owner, request)
  const problem = await problemByContract(key, response)
  const where = `${key}, ${what}`
  expect(problem?.code, `${where}: ${response.status}`).toBe('INVALID_REQUEST')
  expect(namesOneOf(problem, fields), `${where}: ${JSON.stringify(problem?.errors)}`).toBe(true)
}

/** By itself, or by something within it. */
function namesOneOf(problem: Problem | undefined, fields: string[]): boolean {
  return (problem?.errors ?? []).some(({ field: named }) =>
    fields.some((field) => named === field || named.startsWith(`${field}.`)),
  )
}

describe('every field of every body (requirements: wrong input is refused with the field named)', () => {
  it.each(withBody)('%s', async (key, row) => {
    const schema = bodySchemaOf(row)
    const good = requestOf(key, world.owner)
    const wrong = (what: string, path: string, value: unknown): WrongRequest => ({
      what,
      request: { ...good, json: withValue(good.json, path, value) },
      fields: [path],
    })
    await expectRefused(key, [
      ...fieldsOf(schema).flatMap((field) =>
        wrongValuesOf(field).map(({ what, value }) =>
          wrong(`${field.path}: ${what}`, field.path, value),
        ),
      ),
      ...objectsOf(schema).flatMap(({ path }) =>
        unknownNames().map((name) => wrong(`unknown ${name}`, join(path, name), 'x')),
      ),
      ...(schema.required ?? []).map((path) => wrong(`no ${path}`, path, undefined)),
    ])
  })

  it.each(withBody)('%s: what is no object at all', async (key) => {
    const good = requestOf(key, world.owner)
    await expectRefused(
      key,
      [null, true, 7, 'x', [], [[]]].map((json) => ({
        what: JSON.stringify(json),
        request: { ...good, json },
        fields: [''],
      })),
    )
  })
})

describe('every field of every form', () => {
  it.each(rowsWith(({ form }) => form !== undefined))('%s', async (key, row) => {
    if (!row.form) throw new Error('no form')
    const { json: _, ...good } = requestOf(key, world.owner)
    const wrong = (what: string, field: string, values: string[]): WrongRequest => {
      const body = new FormData()
      if (field !== 'portalId') body.append('portalId', world.owner.portal.id)
      for (const value of values) body.append(field, value)
      body.append('file', new Blob(['bytes']), 'a.txt')
      return { what: `${field}: ${what}`, request: { ...good, body }, fields: [field] }
    }
    await expectRefused(key, [
      ...fieldsOf(jsonSchemaOf(row.form)).flatMap((field) => [
        ...wrongQueryValuesOf(field).map(({ what, value }) =>
          wrong(what, field.path, [String(value)]),
        ),
        wrong('given twice', field.path, ['x', 'x']),
      ]),
      ...unknownNames().map((name) => wrong('unknown', name, ['x'])),
    ])
  })
})

describe('every field of every query', () => {
  /** Links to these come from elsewhere and may bring more. */
  const OPEN_QUERIES: ContractKey[] = [
    'GET /api/auth/login/{provider}',
    'GET /api/oauth/{provider}/start',
  ]

  it.each(withQuery)('%s', async (key, row) => {
    const schema = querySchemaOf(row)
    const good = requestOf(key, world.owner)
    const isStrict = schema.additionalProperties === false
    expect(isStrict).toBe(!OPEN_QUERIES.includes(key))
    const wrong = (what: string, field: string, query: string): WrongRequest => ({
      what: `${what} in ?${query.slice(0, 100)}`,
      request: { ...good, path: `${good.path}?${query}` },
      fields: [field],
    })
    await expectRefused(key, [
      ...fieldsOf(schema).flatMap((field) => [
        ...wrongQueryValuesOf(field).map(({ what, value }: WrongValue) =>
          wrong(what, field.path, new URLSearchParams([[field.path, String(value)]]).toString()),
        ),
        wrong('given twice', field.path, `${field.path}=1&${field.path}=1`),
      ]),
      ...(isStrict ? unknownNames() : []).map((name) => wrong('unknown', name, `${name}=x`)),
    ])
  })
})

/** Bodies that JSON or its readers are known to stumble over. */
const RAW_BODIES = [
  '',
  ' ',
  '{',
  '{"a":1,}',
  '{"a":1e400}',
  '{"a":-0}',
  '{"a":1,"a":2}',
  '{"__proto__":{"isAdmin":true}}',
  '{"constructor":{"prototype":{"isAdmin":true}}}',
  '{"\\ud800":"\\udfff"}',
  '\ufeff{}x',
  `${'{"a":'.repeat(500)}1${'}'.repeat(500)}`,
]
/** Bodies that would take all memory or time; one reader judges them for all. */
const HUGE_BODIES = [
  '['.repeat(1_000_000),
  `[${'{},'.repeat(500_000)}{}]`,
  `{"a":"${'x'.repeat(3_000_000)}"}`,
]
const REFUSALS = ['INVALID_REQUEST', 'MALFORMED_JSON', 'BODY_TOO_LARGE']

describe('whatever is sent, the answer is no error of ours', () => {
  const RUNS = 12

  it.each(withBody)('any JSON to %s', async (key, row) => {
    const values = fc.sample(fc.jsonValue({ maxDepth: 4 }), { numRuns: RUNS, seed: SEED })
    const wrong = values.filter((value) => !row.body?.schema.safeParse(value).success)
    const good = requestOf(key, world.owner)
    const before = await dumpRecords()
    for (const json of wrong) {
      const response = await sendAs(world.test, key, world.owner, { ...good, json })
      const problem = await problemByContract(key, response)
      expect(problem?.code, JSON.stringify(json)).toBe('INVALID_REQUEST')
    }
    expect(wrong.length).toBeGreaterThan(RUNS / 2)
    expect(await dumpRecords()).toEqual(before)
  })

  it.each(withBody)('any text to %s', async (key) => {
    const { json: _, ...good } = requestOf(key, world.owner)
    const before = await dumpRecords()
    const isLargest = key === 'POST /api/submissions/{id}/complete'
    for (const body of [...RAW_BODIES, ...(isLargest ? HUGE_BODIES : [])]) {
      const response = await sendAs(world.test, key, world.owner, {
        ...good,
        body,
        headers: { ...good.headers, 'content-type': 'application/json' },
      })
      const problem = await problemByContract(key, response)
      expect(REFUSALS, body.slice(0, 100)).toContain(problem?.code)
    }
    expect(await dumpRecords()).toEqual(before)
  })

  const ODD_IDS = [
    '..%2F..%2Fsession',
    '%00',
    '%E0%A4%A',
    '%ff%fe',
    '__proto__',
    'constructor',
    'portal%23prt_0000000000',
    '😀',
    'x'.repeat(300),
    ' ',
  ]

  it.each(rowsWith(({ params }) => params !== undefined))('any address of %s', async (key) => {
    const good = requestOf(key, world.owner)
    const before = await dumpRecords()
    // Ids of other kinds are no better than none.
    for (const odd of [...ODD_IDS, world.owner.accountId, world.owner.userId]) {
      const path = pathOf(key).replace(/\{\w+\}/, odd)
      const response = await sendAs(world.test, key, world.owner, { ...good, path })
      expect([400, 401, 404], `${key} as ${path}: ${response.status}`).toContain(response.status)
      await response.body?.cancel()
    }
    expect(await dumpRecords()).toEqual(before)
  })

  it.each(rowsWith(({ ifMatch }) => ifMatch !== undefined))('any version to %s', async (key) => {
    const good = requestOf(key, world.owner)
    const before = await dumpRecords()
    for (const version of [
      '*',
      '""',
      '"',
      '"x"',
      '"01"',
      '"-1", W/"0"',
      ',',
      '"1e0"',
      'x'.repeat(5000),
    ]) {
      const headers = { 'if-match': version }
      const response = await sendAs(world.test, key, world.owner, { ...good, headers })
      expect((await problemByContract(key, response))?.code, version).toBe('VERSION_STALE')
    }
    expect(await dumpRecords()).toEqual(before)
  })

  const ownersLists = withQuery.filter(([, { replies }]) => replies[200]?.headers)

  it.each(ownersLists)('whatever the query of %s allows', async (key, row) => {
    const good = requestOf(key, world.owner)
    await inTurns(fieldsOf(querySchemaOf(row)), async ({ path: name, schema }) => {
      for (const value of samples(schema)) {
        const query = new URLSearchParams([[name, String(value)]])
        const response = await sendAs(world.test, key, world.owner, {
          ...good,
          path: `${good.path}?${query}`,
        })
        await expectNoErrorOfOurs(key, response, `?${query}`)
      }
    })
  })

  // These change things: last, and at the very end what stops the account.
  const harmlessFirst = withBody.toSorted(
    ([, a], [, b]) => Number(a.tag === 'Storage accounts') - Number(b.tag === 'Storage accounts'),
  )

  it.each(harmlessFirst)('whatever each field of %s allows', async (key, row) => {
    let count = 0
    await inTurns(fieldsOf(bodySchemaOf(row)), async ({ path, schema }) => {
      for (const value of samples(schema)) {
        count += 1
        const good = requestOf(key, world.owner)
        const base = withMembers(good.json, FRESH[key]?.(count, world.owner) ?? {})
        const json = withValue(base, path, value)
        const headers = row.optionalToken ? bearer(world.owner.pending.uploadToken) : {}
        const response = await sendAs(world.test, key, world.owner, {
          ...good,
          headers: { ...good.headers, ...headers },
          json,
        })
        await expectNoErrorOfOurs(key, response, JSON.stringify(json))
      }
    })
    expect(count).toBeGreaterThan(0)
  })
})

const SAMPLES = 3

function samples(schema: JsonSchema): unknown[] {
  const { accountId, portal, otherPortalId, pending } = world.owner
  const ids = [accountId, portal.id, otherPortalId, pending.submissionId]
  return fc.sample(validValues(schema, ids), { numRuns: SAMPLES, seed: SEED })
}

/** What makes a repeated request another one, which gets further than the first check. */
const FRESH: Partial<Record<ContractKey, (count: number, of: Person) => object>> = {
  'POST /api/portals': (count) => ({ slug: `fresh-${count}` }),
  'POST /api/upload': (_count, { pending }) => ({ submissionId: pending.submissionId }),
}

function withMembers(json: unknown, members: object): unknown {
  return { ...(json as object), ...members }
}

async function expectNoErrorOfOurs(key: ContractKey, response: Response, sent: string) {
  const problem = await problemByContract(key, response)
  expect(problem?.status ?? response.status, `${key} ${sent}`).toBeLessThan(500)
}
