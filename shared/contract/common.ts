import * as z from 'zod'
import { toStorageProviderId } from '../providers/provider-id.ts'
import { OAUTH_PROVIDER_IDS, STORAGE_PROVIDER_IDS } from '../providers/providers.ts'

export type { OauthProviderId, StorageProviderId } from '../providers/providers.ts'

/** Storage ids as records carry them; requests may also use the OAuth spelling (`google`). */
export const storageProviderId = z.enum(STORAGE_PROVIDER_IDS)
export const oauthProviderId = z.enum(OAUTH_PROVIDER_IDS)

/** A provider as requests may spell it; comes out as the storage id. */
export const providerInput = z
  .enum([...STORAGE_PROVIDER_IDS, ...OAUTH_PROVIDER_IDS], {
    error: `must be ${STORAGE_PROVIDER_IDS.join(' or ')}`,
  })
  .transform((provider) => toStorageProviderId(provider))

/** Query of every list: newest first. */
export function pageQuery(defaultLimit: number) {
  return z.strictObject({
    limit: z.coerce.number().int().min(1).max(100).default(defaultLimit),
    cursor: z.string().max(500).optional(),
  })
}

/** An id that names a record, `upl_…`. */
export function recordId(prefix: string) {
  return z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-z]{10,40}$`), `must be an id that begins with ${prefix}_`)
}

/** Control and bidirectional characters can make a text look like another: https://www.unicode.org/reports/tr36/ */
const INVISIBLE = /[\p{Cc}\p{Bidi_Control}]/u
/** A name of zero-width characters would be as good as none: https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point */
const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}]/u
const INVISIBLE_BUT_LINES = /(?![\n\r\t])[\p{Cc}\p{Bidi_Control}]/u

/** One line that a person reads. */
export function lineOfText(maxLength: number) {
  return z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(maxLength, `must have at most ${maxLength} characters`)
    .refine((text) => !INVISIBLE.test(text), 'must not hold control characters')
    .refine((text) => text === '' || VISIBLE.test(text), 'must hold something that can be seen')
}

/** Several lines that a person reads. */
export function linesOfText(maxLength: number) {
  return z
    .string()
    .trim()
    .max(maxLength, `must have at most ${maxLength} characters`)
    .refine((text) => !INVISIBLE_BUT_LINES.test(text), 'must not hold control characters')
}
