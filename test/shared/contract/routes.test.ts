/** The gateway, the handlers and the contract say the same of every endpoint. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type * as z from 'zod'
import { FUNCTIONS } from '../../../infra/constructs/function-list.ts'
import { type ApiFunctionName, ROUTES } from '../../../infra/constructs/routes.ts'
import { PROBLEMS } from '../../../shared/contract/problems.ts'
import {
  type JsonBody,
  methodOf,
  pathOf,
  problemsOf,
  type RouteContract,
} from '../../../shared/contract/route.ts'
import { CONTRACT, CONTRACT_ROWS, type ContractKey } from '../../../shared/contract/routes.ts'
import { ENV } from '../../../shared/platform/env-names.ts'
import { everyVariable } from '../../support/every-variable.ts'

const ROOT = join(import.meta.dirname, '../../..')
/** What no other route takes; it only says that there is nothing. */
const CATCH_ALL = 'ANY /api/{proxy+}'

interface HandlerRoute {
  caller: string
  schemas: { body?: z.ZodType; query?: z.ZodType }
}

let handlers: Map<string, Record<string, HandlerRoute>>

/** A function reads its variables when it is loaded. */
const VARIABLES: Record<string, string> = {
  ...everyVariable(),
  [ENV.signUp]: 'open',
  AWS_REGION: 'us-east-1',
}
const before = Object.keys(VARIABLES).map((name) => [name, process.env[name]] as const)

beforeAll(async () => {
  Object.assign(process.env, VARIABLES)
  const names = Object.keys(ROUTES) as ApiFunctionName[]
  handlers = new Map(
    await Promise.all(
      names.map(async (name) => {
        const module = await import(join(ROOT, FUNCTIONS[name].handler))
        return [name, module.handler.routes] as const
      }),
    ),
  )
})
afterAll(() => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

function handlerOf(key: ContractKey): HandlerRoute | undefined {
  return [...handlers.values()].find((routes) => key in routes)?.[key]
}

describe('every endpoint', () => {
  test('of the gateway stands in the contract, and of the contract in the gateway', () => {
    const gateway: string[] = Object.values(ROUTES).flat()
    expect(gateway).toContain(CATCH_ALL)
    expect(Object.keys(CONTRACT).sort()).toEqual(gateway.filter((key) => key !== CATCH_ALL).sort())
  })

  test.each(Object.entries(ROUTES))('of %s is answered by it, and nothing else', (name, keys) => {
    const own: string[] = keys.filter((key) => key !== CATCH_ALL)
    expect(Object.keys(handlers.get(name) ?? {}).sort()).toEqual(own.sort())
  })

  /** It looks the session up itself, because it renews it. */
  const OPEN_IN_CODE = ['GET /api/auth/session']
  /** It takes two kinds of body, and parses by the one that comes. */
  const PARSES_BY_ITSELF = ['POST /api/upload']

  test.each(CONTRACT_ROWS)('%s takes what the contract says, from whom it says', (key, row) => {
    const handler = handlerOf(key)
    const caller = row.caller === 'write' || row.caller === 'read' ? 'holder' : row.caller

    expect(handler?.caller).toBe(OPEN_IN_CODE.includes(key) ? 'anybody' : caller)
    expect(handler?.schemas.query).toBe(row.query)
    if (!PARSES_BY_ITSELF.includes(key)) expect(handler?.schemas.body).toBe(row.body?.schema)
  })

  test.each(CONTRACT_ROWS)('%s names the parameters of its path', (key, row) => {
    const named = [...pathOf(key).matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    expect(Object.keys(row.params ?? {})).toEqual(named)
  })

  test('has a name of its own', () => {
    const ids = CONTRACT_ROWS.map(([, { id }]) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test.each(CONTRACT_ROWS)('%s has a reply that is no problem, and known problems', (key, row) => {
    const statuses = Object.keys(row.replies).map(Number)
    expect(statuses.length).toBeGreaterThan(0)
    for (const status of statuses) expect(status).toBeLessThan(400)
    for (const code of problemsOf(key, row)) expect(PROBLEMS[code].status).toBeGreaterThan(399)
    if (methodOf(key) === 'GET') expect(row.body).toBeUndefined()
  })

  test('together can answer every problem', () => {
    const used = new Set(CONTRACT_ROWS.flatMap(([key, row]) => problemsOf(key, row)))
    expect([...used].sort()).toEqual(Object.keys(PROBLEMS).sort())
  })
})

describe('every example', () => {
  const bodies = CONTRACT_ROWS.flatMap(([key, row]: [string, RouteContract]) => [
    ...(row.body ? examplesOf(`${key} takes`, row.body) : []),
    ...Object.entries(row.replies).flatMap(([status, { json }]) =>
      json ? examplesOf(`${key} answers ${status}`, json) : [],
    ),
  ])

  function examplesOf(where: string, { schema, examples }: JsonBody) {
    return Object.entries(examples).map(([name, value]) => ({
      what: `${where}: ${name}`,
      schema,
      value,
    }))
  }

  test('is there', () => {
    expect(bodies.length).toBeGreaterThan(40)
  })

  test.each(bodies)('$what', ({ schema, value, what }) => {
    const result = schema.safeParse(value)
    expect(result.error?.issues).toBeUndefined()
    // Replies drop what they do not know; requests may add defaults.
    if (what.includes('answers')) expect(result.data).toEqual(value)
  })
})
