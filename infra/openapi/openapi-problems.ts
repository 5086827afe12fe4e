/** Problems in the OpenAPI document: for each route and status the codes that it can answer. */
import { PROBLEMS, type ProblemCode } from '../../shared/contract/problems.ts'
import { problemsOf } from '../../shared/contract/route.ts'
import { CONTRACT_ROWS } from '../../shared/contract/routes.ts'
import { headerReferences } from './openapi-headers.ts'
import type { Json } from './openapi-schemas.ts'

/** After these a client waits: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
const WAITING_STATUSES = [429, 503]

/** The problems of a route by status; what several routes answer alike is a component. */
export function problemResponses(codes: ProblemCode[]): Record<number, Json> {
  return Object.fromEntries(
    byStatus(codes).map(([status, own]) => {
      const name = own.join('.')
      const isShared = SHARED_PROBLEMS.has(name)
      return [status, isShared ? { $ref: `#/components/responses/${name}` } : problemResponse(own)]
    }),
  )
}

function byStatus(codes: ProblemCode[]): [number, ProblemCode[]][] {
  const sorted = codes.toSorted()
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code].status))].sort()
  return statuses.map((status) => [
    status,
    sorted.filter((code) => PROBLEMS[code].status === status),
  ])
}

/** Groups of problems of one status that more than one route answers, by their joined codes. */
const SHARED_PROBLEMS = sharedProblems()

function sharedProblems(): Map<string, ProblemCode[]> {
  const groups = CONTRACT_ROWS.flatMap(([key, row]) => byStatus(problemsOf(key, row)))
  const shared = groups.flatMap(([, own], index): [string, ProblemCode[]][] => {
    const name = own.join('.')
    const isRepeated = groups.some(([, other], at) => at < index && other.join('.') === name)
    return isRepeated ? [[name, own]] : []
  })
  return new Map(shared.sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function sharedProblemResponses(): Json {
  return Object.fromEntries(
    [...SHARED_PROBLEMS].map(([name, codes]) => [name, problemResponse(codes)]),
  )
}

/** `codes` are of one status. */
function problemResponse(codes: ProblemCode[]): Json {
  const status = Math.max(...codes.map((code) => PROBLEMS[code].status))
  return {
    description: codes.map((code) => PROBLEMS[code].title).join(' · '),
    ...(WAITING_STATUSES.includes(status) ? { headers: headerReferences(['Retry-After']) } : {}),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: `#/components/schemas/Problem${status}` },
            { type: 'object', properties: { code: { enum: codes } } },
          ],
        },
        examples: Object.fromEntries(
          codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
        ),
      },
    },
  }
}

export function problemExamples(): Json {
  return Object.fromEntries(
    (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => [code, problemExample(code)]),
  )
}

function problemExample(code: ProblemCode): Json {
  const { status, title } = PROBLEMS[code]
  return {
    summary: title,
    value: {
      type: `urn:portage:problem:${code.toLowerCase().replaceAll('_', '-')}`,
      title,
      status,
      detail: 'What happened, and what to do about it.',
      code,
      requestId: 'JKJaXmPLvHcESHA=',
      ...(code === 'INVALID_REQUEST'
        ? { errors: [{ field: 'name', message: 'must not be empty' }] }
        : {}),
    },
  }
}

/** One schema for all problems, and for each status the codes that come with it. */
export function problemSchemas(): Json {
  const codes = Object.keys(PROBLEMS) as ProblemCode[]
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code].status))].sort()
  return {
    Problem: {
      description: 'https://www.rfc-editor.org/rfc/rfc9457',
      type: 'object',
      required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
      properties: {
        type: { type: 'string', format: 'uri' },
        title: { type: 'string' },
        status: { type: 'integer' },
        detail: { type: 'string' },
        code: { type: 'string', enum: codes },
        requestId: { type: 'string' },
        errors: {
          description: 'Fields that are not as they must be',
          type: 'array',
          items: {
            type: 'object',
            required: ['field', 'message'],
            properties: {
              field: { description: 'A dotted path', type: 'string' },
              message: { type: 'string' },
            },
          },
        },
        candidates: {
          description: 'Accounts to choose from, with AMBIGUOUS_ACCOUNT',
          type: 'array',
          items: {
            type: 'object',
            required: ['storageAccountId', 'email', 'name'],
            properties: {
              storageAccountId: { type: 'string' },
              email: { type: ['string', 'null'] },
              name: { type: 'string' },
            },
          },
        },
        connectUrl: {
          description: 'Where to reconnect, with RECONNECT_REQUIRED',
          type: 'string',
        },
      },
    },
    ...Object.fromEntries(
      statuses.map((status) => [
        `Problem${status}`,
        {
          allOf: [
            { $ref: '#/components/schemas/Problem' },
            {
              type: 'object',
              properties: {
                status: { const: status },
                code: { enum: codes.filter((code) => PROBLEMS[code].status === status) },
              },
            },
          ],
        },
      ]),
    ),
  }
}
