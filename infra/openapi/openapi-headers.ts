/** Headers of replies, as components of the OpenAPI document. */
import type { ReplyHeader } from '../../shared/contract/route.ts'
import type { Json } from './openapi-schemas.ts'

const HEADERS: Record<ReplyHeader, { description: string; example: string }> = {
  ETag: { description: 'The version, for `If-Match`', example: '"3"' },
  Location: { description: 'Where the browser goes', example: '/' },
  'Retry-After': { description: 'Seconds to wait', example: '2' },
  'Set-Cookie': {
    description: 'The session, or what binds a sign-in to this browser; never for scripts',
    example: '__Host-portage_session=…; Path=/; HttpOnly; SameSite=Lax; Secure',
  },
  'X-Next-Cursor': {
    description: 'Cursor of the next page; absent on the last',
    example: 'MjAyNi0wMy0wMVQxMjowMDowMC4wMDBaI3VwbF8w',
  },
}

export function headerComponents(): Json {
  return Object.fromEntries(
    Object.entries(HEADERS).map(([name, { description, example }]) => [
      name,
      { description, schema: { type: 'string' }, example },
    ]),
  )
}

export function headerReferences(names: readonly ReplyHeader[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}
