import * as z from 'zod'
import { oauthProviderId } from './common.ts'

/** Query of both flows' start; anything but a path of the app becomes `/`. */
export const startQuery = z.object({ returnTo: z.string().max(2000).optional() })

/** In the order in which they are offered. */
export const providersReply = z.object({ providers: z.array(oauthProviderId) })
export type ProvidersReply = z.infer<typeof providersReply>

export const sessionReply = z.object({
  user: z.object({
    id: z.string(),
    email: z.string().nullable(),
    name: z.string().nullable(),
    image: z.string().nullable(),
  }),
})
export type SessionReply = z.infer<typeof sessionReply>
