import * as z from 'zod'
import { oauthProviderId } from './common.ts'

export const providerPath = z.object({ provider: oauthProviderId })

/** Query of both flows' start; anything but a path of the app becomes `/`. */
export const startQuery = z.object({ returnTo: z.string().max(2000).optional() })

/** What a provider sends back; further members (`scope`, `authuser`, `prompt`, `iss`) are read by the OAuth client. */
export const callbackQuery = z.looseObject({
  state: z.string().max(500).optional(),
  code: z.string().max(2000).optional(),
  error: z.string().max(200).optional(),
})

export const sessionReply = z.object({
  user: z.object({
    id: z.string(),
    email: z.string().nullable(),
    name: z.string().nullable(),
    image: z.string().nullable(),
  }),
})
export type SessionReply = z.infer<typeof sessionReply>
