/**
 * The objects of an OpenAPI 3.1 document with the fields that they may have, as far as ours uses
 * them: https://spec.openapis.org/oas/v3.1.1.html#schema-0
 */
import * as z from 'zod'

const reference = z.strictObject({ $ref: z.string().startsWith('#/components/') })
const orReference = <Schema extends z.ZodType>(schema: Schema) => z.union([reference, schema])
/** Names of components: https://spec.openapis.org/oas/v3.1.1.html#fixed-fields-5 */
const componentName = z.string().regex(/^[a-zA-Z0-9.\-_]+$/)
const mapOf = <Schema extends z.ZodType>(schema: Schema) => z.record(componentName, schema)

/** Judged by itself: what is no JSON Schema cannot be turned into a validator. */
const jsonSchema = z.looseObject({})

const example = z.strictObject({ summary: z.string(), value: z.json() })
const header = z.strictObject({
  description: z.string(),
  schema: jsonSchema,
  example: z.string(),
})
const mediaType = z.strictObject({
  schema: jsonSchema.optional(),
  examples: mapOf(orReference(example)).optional(),
})
const content = z.record(z.string().regex(/^[a-z]+\/[a-z.+-]+$/), mediaType)
const response = z.strictObject({
  description: z.string().min(1),
  headers: z.record(z.string(), orReference(header)).optional(),
  content: content.optional(),
})
const parameter = z
  .strictObject({
    name: z.string(),
    in: z.enum(['path', 'query', 'header']),
    required: z.boolean(),
    description: z.string().optional(),
    schema: jsonSchema,
    example: z.string().optional(),
  })
  .refine((it) => it.in !== 'path' || it.required, 'a path parameter must be required')
const securityScheme = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('apiKey'),
    in: z.enum(['cookie', 'header', 'query']),
    name: z.string(),
    description: z.string(),
  }),
  z.strictObject({ type: z.literal('http'), scheme: z.literal('bearer'), description: z.string() }),
])
const operation = z.strictObject({
  operationId: z.string().regex(/^[a-zA-Z]+$/),
  tags: z.array(z.string()).length(1),
  summary: z.string().min(1).max(120),
  description: z.string().optional(),
  security: z.array(z.record(componentName, z.array(z.string()))),
  parameters: z.array(parameter).optional(),
  requestBody: z.strictObject({ required: z.literal(true), content }).optional(),
  responses: z.record(z.string().regex(/^[2-5]\d\d$/), orReference(response)),
})
const pathItem = z.strictObject({
  get: operation.optional(),
  put: operation.optional(),
  post: operation.optional(),
  delete: operation.optional(),
})

export const openApiRules = z.strictObject({
  openapi: z.string().regex(/^3\.1\.\d+$/),
  jsonSchemaDialect: z.literal('https://json-schema.org/draft/2020-12/schema'),
  info: z.strictObject({
    title: z.string(),
    version: z.string(),
    summary: z.string(),
    description: z.string(),
    license: z.strictObject({ name: z.string(), identifier: z.string() }),
  }),
  servers: z.array(z.strictObject({ url: z.string(), description: z.string() })),
  tags: z.array(z.strictObject({ name: z.string() })),
  paths: z.record(z.string().startsWith('/'), pathItem),
  components: z.strictObject({
    schemas: mapOf(jsonSchema),
    responses: mapOf(response),
    headers: mapOf(header),
    examples: mapOf(example),
    securitySchemes: mapOf(securityScheme),
  }),
})
export type Operation = z.infer<typeof operation>
