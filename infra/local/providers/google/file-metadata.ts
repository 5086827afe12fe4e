/** The metadata that a client may write, checked and turned into ours. */
import * as z from 'zod'
import { DriveError, invalidValue } from './drive-error.ts'

/** "Maximum of 124 bytes per property (including both key and value) string in UTF-8"; "30 private properties from any one application". https://developers.google.com/workspace/drive/api/guides/properties */
const MAX_PROPERTY_BYTES = 124
const MAX_APP_PROPERTIES = 30

const properties = z.record(z.string(), z.string().nullable())
const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))

/** Members that Drive itself decides are ignored, as Drive does. */
const schema = z.object({
  id: z.string().optional(),
  name: z.string().optional(),
  mimeType: z.string().optional(),
  description: z.string().optional(),
  starred: z.boolean().optional(),
  trashed: z.boolean().optional(),
  parents: z.array(z.string()).optional(),
  properties: properties.optional(),
  appProperties: properties.optional(),
  createdTime: time.optional(),
  modifiedTime: time.optional(),
})

export type FileMetadata = z.output<typeof schema>

export function parseMetadata(text: string): FileMetadata {
  if (text.trim() === '') return {}
  const parsed = schema.safeParse(parseJson(text))
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.join('.') ?? 'body'
    throw invalidValue(path, `Invalid value for field ${path}`)
  }
  const metadata = parsed.data
  if (metadata.parents && metadata.parents.length > 1) {
    throw invalidValue('parents', 'A file has exactly one parent.')
  }
  checkProperties(metadata.appProperties)
  checkProperties(metadata.properties)
  return metadata
}

function checkProperties(values: Record<string, string | null> | undefined): void {
  const entries = Object.entries(values ?? {})
  const tooLong = entries.some(
    ([key, value]) => Buffer.byteLength(key + (value ?? '')) > MAX_PROPERTY_BYTES,
  )
  if (tooLong || entries.length > MAX_APP_PROPERTIES) {
    throw invalidValue('properties', 'The properties are over the limits of number or size.')
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new DriveError(400, 'parseError', 'Parse Error')
  }
}

/** A property set to null is removed. */
export function mergeProperties(
  before: Record<string, string>,
  changes: Record<string, string | null> | undefined,
): Record<string, string> {
  const merged = new Map(Object.entries(before))
  for (const [key, value] of Object.entries(changes ?? {})) {
    if (value === null) merged.delete(key)
    else merged.set(key, value)
  }
  return Object.fromEntries(merged)
}
