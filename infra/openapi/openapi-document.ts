/**
 * The OpenAPI 3.1 document of the API, made from the contract alone
 * (https://spec.openapis.org/oas/v3.1.1.html).
 */
import type * as z from 'zod'
import {
  type Examples,
  type JsonBody,
  methodOf,
  pathOf,
  problemsOf,
  type ReplyContract,
  type RouteContract,
} from '../../shared/contract/route.ts'
import { CONTRACT_ROWS, type ContractKey } from '../../shared/contract/routes.ts'
import { compactJson } from './compact-json.ts'
import { headerComponents, headerReferences } from './openapi-headers.ts'
import {
  problemExamples,
  problemResponses,
  problemSchemas,
  sharedProblemResponses,
} from './openapi-problems.ts'
import { componentsOf, inlineSchema, type Json, referTo } from './openapi-schemas.ts'

export function openApiDocument(): Json {
  const paths: Record<string, Json> = {}
  for (const [key, route] of CONTRACT_ROWS) {
    const path = pathOf(key)
    paths[path] = { ...paths[path], [methodOf(key).toLowerCase()]: operation(key, route) }
  }
  return {
    openapi: '3.1.1',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'Portage',
      version: '1',
      summary:
        'Clients hand over files through a link; they arrive in the owner’s own cloud storage.',
      description:
        'Owners call with their session cookie, clients with the tokens that an announcement of files gives. Replies may grow; unknown members of a request are refused. Lists are newest first; follow `X-Next-Cursor` until it is absent.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The public origin of the deployment' }],
    tags: [...new Set(CONTRACT_ROWS.map(([, { tag }]) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { ...contractComponents(), ...problemSchemas() },
      responses: sharedProblemResponses(),
      headers: headerComponents(),
      examples: problemExamples(),
      securitySchemes: SECURITY_SCHEMES,
    },
  }
}

function contractComponents(): Json {
  const rows = CONTRACT_ROWS.map(([, row]) => row)
  return componentsOf(
    rows.flatMap(({ body }) => (body ? [body.schema] : [])),
    rows.flatMap(({ replies }) =>
      Object.values(replies).flatMap(({ json }) => (json ? [json.schema] : [])),
    ),
  )
}

const SECURITY_SCHEMES = {
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-portage_session',
    description:
      'Set by signing in. A call other than GET also needs an `Origin` that is the public one.',
  },
  writeToken: {
    type: 'http',
    scheme: 'bearer',
    description: '`uploadToken` of an announcement: adds to, sends and completes this hand-over.',
  },
  readToken: {
    type: 'http',
    scheme: 'bearer',
    description: '`readToken` of an announcement: shows how far this hand-over is.',
  },
  portalToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'What the right password of a portal gave, for an hour.',
  },
}

function securityOf({ caller, optionalToken }: RouteContract): Json[] {
  switch (caller) {
    case 'owner':
      return [{ session: [] }]
    case 'write':
      return [{ writeToken: [] }]
    case 'read':
      return [{ readToken: [] }, { writeToken: [] }]
    case 'anybody':
      return optionalToken === undefined ? [] : [{}, { [`${optionalToken}Token`]: [] }]
  }
}

function operation(key: ContractKey, route: RouteContract): Json {
  const parameters = [
    ...Object.entries(route.params ?? {}).map(([name, schema]) => ({
      name,
      in: 'path',
      required: true,
      schema: inlineSchema(schema),
    })),
    ...(route.query ? queryParameters(route.query) : []),
    ...(route.ifMatch ? [IF_MATCH] : []),
  ]
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    security: securityOf(route),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body ? { requestBody: requestBody(route.body, route.form) } : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.replies).map(([status, reply]) => [status, response(reply)]),
      ),
      ...problemResponses(problemsOf(key, route)),
    },
  }
}

const IF_MATCH = {
  name: 'If-Match',
  in: 'header',
  required: true,
  description: 'The version that is changed, as its `ETag` gave it',
  schema: { type: 'string' },
  example: '"3"',
}

function queryParameters(query: z.ZodObject): Json[] {
  const { properties = {}, required = [] } = inlineSchema(query) as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
}

function requestBody(body: JsonBody, form: z.ZodType | undefined): Json {
  return {
    required: true,
    content: {
      'application/json': jsonContent(body),
      ...(form ? { 'multipart/form-data': { schema: formSchema(form) } } : {}),
    },
  }
}

function formSchema(fields: z.ZodType): Json {
  const {
    properties,
    required = [],
    ...rest
  } = inlineSchema(fields) as {
    properties?: Json
    required?: string[]
  }
  const file = { type: 'string', contentMediaType: 'application/octet-stream' }
  return { ...rest, properties: { file, ...properties }, required: ['file', ...required] }
}

function response({ summary, json, isFile, headers }: ReplyContract): Json {
  return {
    description: summary,
    ...(headers ? { headers: headerReferences(headers) } : {}),
    ...(json ? { content: { 'application/json': jsonContent(json) } } : {}),
    ...(isFile ? { content: { 'application/octet-stream': {} } } : {}),
  }
}

function jsonContent({ schema, examples }: JsonBody): Json {
  return { schema: referTo(schema), examples: exampleObjects(examples) }
}

/** Names of examples are keys of a map, which may hold letters, digits, dots, hyphens and underscores. */
function exampleObjects(examples: Examples): Json {
  return Object.fromEntries(
    Object.entries(examples).map(([words, value]) => [
      words.replaceAll(/[^\w.]+/g, '-'),
      { summary: words, value },
    ]),
  )
}

/** The document as its file holds it. */
export function openApiText(): string {
  return `${compactJson(openApiDocument())}\n`
}
