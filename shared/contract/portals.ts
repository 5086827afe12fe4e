import * as z from 'zod'
import { providerInput, recordId, storageProviderId } from './common.ts'

/** Words that a link may not be, because they read like a part of the product. */
export const RESERVED_SLUGS = [
  'admin',
  'api',
  'app',
  'assets',
  'dashboard',
  'help',
  'login',
  'logout',
  'new',
  'portal',
  'portals',
  'settings',
  'signup',
  'support',
  'www',
] as const

export const slug = z
  .string()
  .min(3, 'must have at least 3 characters')
  .max(63, 'must have at most 63 characters')
  .regex(
    /^[a-z0-9]+(?:-[a-z0-9]+)*$/,
    'may hold lower-case letters, digits and single hyphens between them',
  )
  .refine((value) => !RESERVED_SLUGS.some((reserved) => reserved === value), 'is reserved')

export const createPortalRequest = z.strictObject({
  name: z.string().trim().min(1, 'must not be empty').max(100, 'must have at most 100 characters'),
  slug,
  storageProvider: providerInput,
  storageAccountId: recordId('acc'),
  requireClientName: z.boolean().default(false),
  requireClientEmail: z.boolean().default(false),
})
export type CreatePortalRequest = z.input<typeof createPortalRequest>

/** Why a portal takes no files now; the public page shows the second column of design §5 only. */
export const acceptanceReason = z.enum([
  'PORTAL_CLOSED',
  'STORAGE_INACTIVE',
  'STORAGE_DISCONNECTED',
  'STORAGE_ERROR',
])
export type AcceptanceReason = z.infer<typeof acceptanceReason>

export const portalReply = z.object({
  id: z.string(),
  name: z.string(),
  slug: z.string(),
  storageProvider: storageProviderId,
  storageAccountId: z.string(),
  isActive: z.boolean(),
  _count: z.object({ uploads: z.number() }),
  requireClientName: z.boolean(),
  requireClientEmail: z.boolean(),
  acceptsUploads: z.boolean(),
  reason: acceptanceReason.optional(),
  requiresUserAction: z.boolean(),
  version: z.number(),
  createdAt: z.string(),
  updatedAt: z.string(),
})
export type PortalReply = z.infer<typeof portalReply>

export const fieldRule = z.enum(['required', 'optional'])
export const publicReason = z.enum(['closed', 'paused', 'full', 'late'])

/** What anybody with the link may know. */
export const publicPortalReply = z.object({
  portalId: z.string(),
  name: z.string(),
  passwordRequired: z.boolean(),
  fields: z.object({ clientName: fieldRule, clientEmail: fieldRule, clientMessage: fieldRule }),
  limits: z.object({ maxFileBytes: z.number(), maxFilesPerIntent: z.number() }),
  acceptsUploads: z.boolean(),
  reason: publicReason.optional(),
})
export type PublicPortalReply = z.infer<typeof publicPortalReply>
