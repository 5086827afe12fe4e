import * as z from 'zod'
import { pageQuery } from './common.ts'

/** What happened, as stable words. */
export const eventType = z.enum([
  'user.created',
  'account.connected',
  'account.consented',
  'account.status-changed',
  'portal.created',
  'portal.updated',
  'portal.deleted',
  'portal.deactivated',
  'portal.reactivated',
  'settings.updated',
  'upload.moved',
  'upload.delivered',
  'upload.retried',
  'upload.rejected',
  'upload.expired',
  'upload.cancelled',
  'upload.deleted',
  'client.erased',
])
export type EventType = z.infer<typeof eventType>

/** One entry of the audit: ids, states and codes, never what people wrote. */
export const eventEntry = z.object({
  id: z.string(),
  type: eventType,
  at: z.string(),
  /** An owner's id, `client`, or the part of the system that did it. */
  actor: z.string(),
  subjectId: z.string(),
  before: z.string().nullable(),
  after: z.string().nullable(),
  reason: z.string().nullable(),
})
export type EventEntry = z.infer<typeof eventEntry>

export const eventsReply = z.object({ events: z.array(eventEntry) })
export type EventsReply = z.infer<typeof eventsReply>

/** With `subjectId` a page may be short although more follows. */
export const eventsQuery = pageQuery(50).extend({
  subjectId: z
    .string()
    .regex(/^(usr|acc|prt|sub|upl)_[0-9a-z]{10,40}$/, 'must be the id of a record')
    .optional(),
})
export type EventsQuery = z.infer<typeof eventsQuery>
