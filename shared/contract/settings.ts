import * as z from 'zod'
import { lineOfText } from './common.ts'

/** How dates and numbers are written; the words are English. */
export const locale = z.enum(['en', 'de', 'es', 'fr', 'it', 'nl', 'pl', 'pt'], {
  error: 'must be a language that is offered',
})
export type Locale = z.infer<typeof locale>

export const profileReply = z.object({
  name: z.string().nullable(),
  /** As the provider gave it at the last sign-in; it cannot be changed here. */
  email: z.string().nullable(),
  locale,
  singleEmailPerProvider: z.boolean(),
})
export type ProfileReply = z.infer<typeof profileReply>

/** Absent is as it was. */
export const profileRequest = z.strictObject({
  name: lineOfText(100).optional(),
  locale: locale.optional(),
  singleEmailPerProvider: z.boolean().optional(),
})
export type ProfileRequest = z.infer<typeof profileRequest>

/** Which mails an owner wants. */
export const notificationsReply = z.object({ newFiles: z.boolean(), accountProblems: z.boolean() })
export type NotificationsReply = z.infer<typeof notificationsReply>

/** Absent is as it was. */
export const notificationsRequest = z.strictObject({
  newFiles: z.boolean().optional(),
  accountProblems: z.boolean().optional(),
})
export type NotificationsRequest = z.infer<typeof notificationsRequest>
