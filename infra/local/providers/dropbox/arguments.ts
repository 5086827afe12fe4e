/** Types that several functions take, as https://github.com/dropbox/dropbox-api-spec writes them. */
import * as z from 'zod'

/** `/…`, `id:…`, `rev:…` or `ns:…`. */
export const readPath = z
  .string()
  .regex(/^(\/[\s\S]*|id:.*|rev:[0-9a-f]{9,}|ns:[0-9]+(\/[\s\S]*)?)$/)
export const writePath = z.string().regex(/^(\/[\s\S]*|ns:[0-9]+(\/[\s\S]*)?)$/)
export const writePathOrId = z.string().regex(/^(\/[\s\S]*|ns:[0-9]+(\/[\s\S]*)?|id:.*)$/)
/** A path that can be the root. */
export const folderPath = z.string().regex(/^((\/[\s\S]*)?|id:.*|ns:[0-9]+(\/[\s\S]*)?)$/)
export const contentHashHex = z.string().regex(/^[0-9a-f]{64}$/)

/** "Void tags may be written as strings." */
function voidTag<Tag extends string>(tag: Tag) {
  return z
    .union([z.literal(tag), z.strictObject({ '.tag': z.literal(tag) })])
    .transform(() => ({ tag }))
}

export const sessionType = z.union([voidTag('sequential'), voidTag('concurrent')])

const writeMode = z.union([
  voidTag('add'),
  voidTag('overwrite'),
  z
    .strictObject({ '.tag': z.literal('update'), update: z.string().regex(/^[0-9a-f]{9,}$/) })
    .transform(({ update }) => ({ tag: 'update' as const, rev: update })),
])

export const commitInfo = z.strictObject({
  path: writePathOrId,
  mode: writeMode.default({ tag: 'add' }),
  autorename: z.boolean().default(false),
  client_modified: z
    .string()
    .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    .optional(),
  mute: z.boolean().default(false),
  property_groups: z.array(z.never()).optional(),
  strict_conflict: z.boolean().default(false),
})
export type CommitInfo = z.infer<typeof commitInfo>

export const sessionCursor = z.strictObject({
  session_id: z.string(),
  offset: z.int().min(0),
})
