import * as z from 'zod'
import {
  lineOfText,
  linesOfText,
  pageQuery,
  providerInput,
  recordId,
  storageProviderId,
} from './common.ts'
import { MAX_FILE_BYTES } from './limits.ts'

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

/** What is asked of a client: not at all, when it likes, or before anything is handed over. */
export const fieldRule = z.enum(['hidden', 'optional', 'required'], {
  error: 'must be hidden, optional or required',
})
export type FieldRule = z.infer<typeof fieldRule>

const clientFieldRules = z.strictObject({
  clientName: fieldRule.optional(),
  clientEmail: fieldRule.optional(),
  clientMessage: fieldRule.optional(),
})

/** `.pdf`, `image/*` or `application/pdf`, as the `accept` attribute spells them (https://html.spec.whatwg.org/#attr-input-accept). */
const allowedType = z
  .string()
  .trim()
  .toLowerCase()
  .max(100)
  .regex(
    /^(\.[a-z0-9]{1,16}|[a-z]+\/(\*|[a-z0-9][a-z0-9.+-]*))$/,
    'must be like .pdf, image/* or application/pdf',
  )

const count = (max: number) =>
  z.number().int('must be a whole number').min(1, 'must be at least 1').max(max, 'is too large')

const password = z
  .string()
  .min(8, 'must have at least 8 characters')
  .max(128, 'must have at most 128 characters')

/** What an owner may set of a portal beside its name, link and account; absent is as it was, or the default. */
const portalSettings = {
  requireClientName: z.boolean().optional(),
  requireClientEmail: z.boolean().optional(),
  fields: clientFieldRules.optional(),
  instructions: linesOfText(5000).nullable().optional(),
  allowedTypes: z.array(allowedType).max(50, 'may name at most 50 types').optional(),
  maxFileBytes: count(MAX_FILE_BYTES).nullable().optional(),
  maxFiles: count(1_000_000).nullable().optional(),
  maxTotalBytes: count(1000 * MAX_FILE_BYTES)
    .nullable()
    .optional(),
  deadline: z.iso
    .datetime({ offset: true, error: 'must be a date and time such as 2026-12-31T17:00:00Z' })
    .nullable()
    .optional(),
  graceMinutes: z.number().int().min(0).max(43_200, 'may be at most 30 days').optional(),
  clientFolders: z.boolean().optional(),
  storageFolderPath: lineOfText(1000).nullable().optional(),
  backupStorageAccountIds: z
    .array(recordId('acc'))
    .max(5, 'may name at most 5 accounts')
    .refine((ids) => new Set(ids).size === ids.length, 'may name each account once')
    .optional(),
  password: password.nullable().optional(),
}

const portalName = lineOfText(100)

export const createPortalRequest = z
  .strictObject({
    name: portalName,
    slug,
    storageProvider: providerInput,
    storageAccountId: recordId('acc'),
    /** A portal whose settings are the defaults of this one. */
    cloneOf: recordId('prt').optional(),
    ...portalSettings,
  })
  .superRefine(refuseContradiction)
export type CreatePortalRequest = z.input<typeof createPortalRequest>

export const updatePortalRequest = z
  .strictObject({
    name: portalName.optional(),
    slug: slug.optional(),
    storageProvider: providerInput.optional(),
    storageAccountId: recordId('acc').optional(),
    isActive: z.boolean().optional(),
    ...portalSettings,
  })
  .superRefine(refuseContradiction)
export type UpdatePortalRequest = z.input<typeof updatePortalRequest>

/** The settings of a request, as the server merges them. */
export type PortalSettings = Pick<z.output<typeof updatePortalRequest>, keyof typeof portalSettings>

/** The printed flags and the three-valued rules say the same thing, so they may not differ. */
function refuseContradiction(
  body: {
    requireClientName?: boolean | undefined
    requireClientEmail?: boolean | undefined
    fields?: z.output<typeof clientFieldRules> | undefined
  },
  context: z.RefinementCtx,
): void {
  for (const [flag, field] of [
    ['requireClientName', 'clientName'],
    ['requireClientEmail', 'clientEmail'],
  ] as const) {
    const rule = body.fields?.[field]
    if (body[flag] === undefined || rule === undefined) continue
    if (body[flag] !== (rule === 'required')) {
      context.addIssue({
        code: 'custom',
        path: [flag],
        message: `contradicts fields.${field}; give one or the other`,
      })
    }
  }
}

/** Why a portal takes no files now; the public page shows `publicReason` only. */
export const acceptanceReason = z.enum([
  'PORTAL_CLOSED',
  'DEADLINE_PASSED',
  'LIMIT_REACHED',
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
  fields: z.object({ clientName: fieldRule, clientEmail: fieldRule, clientMessage: fieldRule }),
  instructions: z.string().nullable(),
  allowedTypes: z.array(z.string()),
  maxFileBytes: z.number().nullable(),
  maxFiles: z.number().nullable(),
  maxTotalBytes: z.number().nullable(),
  deadline: z.string().nullable(),
  graceMinutes: z.number(),
  clientFolders: z.boolean(),
  storageFolderPath: z.string().nullable(),
  storageFolderId: z.string().nullable(),
  backupStorageAccountIds: z.array(z.string()),
  passwordRequired: z.boolean(),
  deactivatedBy: z.enum(['USER', 'SYSTEM']).nullable(),
  deactivatedAt: z.string().nullable(),
  deactivationReason: z.string().nullable(),
  acceptsUploads: z.boolean(),
  reason: acceptanceReason.optional(),
  requiresUserAction: z.boolean(),
  version: z.number(),
  createdAt: z.string(),
  updatedAt: z.string(),
})
export type PortalReply = z.infer<typeof portalReply>

export const portalsReply = z.array(portalReply)
export const portalsQuery = pageQuery(100)

export const deletePortalReply = z.object({ success: z.boolean(), message: z.string() })
export type DeletePortalReply = z.infer<typeof deletePortalReply>

export const publicReason = z.enum(['closed', 'paused', 'full', 'late'])
export type PublicReason = z.infer<typeof publicReason>

/** What anybody with the link may know: before the password, and after it or without one. */
const lockedPortalReply = z.object({
  portalId: z.string(),
  name: z.string(),
  passwordRequired: z.literal(true),
})
const openPortalReply = z.object({
  portalId: z.string(),
  name: z.string(),
  passwordRequired: z.boolean(),
  instructions: z.string().nullable(),
  fields: z.object({ clientName: fieldRule, clientEmail: fieldRule, clientMessage: fieldRule }),
  limits: z.object({
    maxFileBytes: z.number(),
    maxFilesPerIntent: z.number(),
    allowedTypes: z.array(z.string()),
  }),
  deadline: z.string().nullable(),
  acceptsUploads: z.boolean(),
  reason: publicReason.optional(),
})
export const publicPortalReply = z.union([openPortalReply, lockedPortalReply])
export type OpenPortalReply = z.infer<typeof openPortalReply>
export type PublicPortalReply = z.infer<typeof publicPortalReply>

export const verifyPasswordRequest = z.strictObject({ password: z.string().min(1).max(128) })
export const verifyPasswordReply = z.object({ token: z.string(), expiresAt: z.string() })
export type VerifyPasswordReply = z.infer<typeof verifyPasswordReply>
