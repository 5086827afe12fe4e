import * as z from 'zod'
import { oauthProviderId, providerInput, recordId, storageProviderId } from './common.ts'

export const storageAccountStatus = z.enum(['ACTIVE', 'INACTIVE', 'DISCONNECTED', 'ERROR'])
export type StorageAccountStatus = z.infer<typeof storageAccountStatus>

/** One identity at a provider: its login, its storage account, or both. */
export const accountEntry = z.object({
  provider: oauthProviderId,
  providerAccountId: z.string(),
  email: z.string().nullable(),
  name: z.string().nullable(),
  isConnected: z.boolean(),
  storageAccountId: z.string().nullable(),
  storageStatus: storageAccountStatus.nullable(),
  isAuthAccount: z.boolean(),
  hasValidOAuth: z.boolean(),
  storageProvider: storageProviderId,
  lastError: z.string().nullable(),
  lastAccessedAt: z.string().nullable(),
  quota: z.object({ usedBytes: z.number(), totalBytes: z.number().nullable() }).nullable(),
})
export type AccountEntry = z.infer<typeof accountEntry>

export const accountsReply = z.object({ accounts: z.array(accountEntry) })
export type AccountsReply = z.infer<typeof accountsReply>

/** Names one account: by id, or by provider while exactly one account matches. */
export const accountChoice = z
  .strictObject({
    provider: providerInput.optional(),
    storageAccountId: recordId('acc').optional(),
  })
  .refine((body) => (body.provider === undefined) !== (body.storageAccountId === undefined), {
    error: 'give either storageAccountId or provider',
    path: ['storageAccountId'],
  })
export type AccountChoice = z.infer<typeof accountChoice>

/** `inactive` pauses: tokens are kept, files stay readable. `disconnected` ends the connection. */
export const deactivateRequest = accountChoice.safeExtend({
  mode: z
    .enum(['inactive', 'disconnected'], { error: 'must be inactive or disconnected' })
    .default('inactive'),
})

export const deactivateReply = z.object({ message: z.string(), deactivatedPortals: z.number() })
export type DeactivateReply = z.infer<typeof deactivateReply>
export const reactivateReply = z.object({ message: z.string(), reactivatedPortals: z.number() })
export type ReactivateReply = z.infer<typeof reactivateReply>

/** With `repair=false` the call only looks. */
export const storageQuery = z.strictObject({
  repair: z.enum(['true', 'false'], { error: 'must be true or false' }).default('true'),
})

export const storageReply = z.object({
  accounts: z.array(accountEntry),
  activeStorageAccounts: z.array(accountEntry),
  fallbackInfo: z.object({
    accountsCreated: z.number(),
    accountsReactivated: z.number(),
    accountsValidated: z.number(),
    errors: z.array(z.string()),
  }),
})
export type StorageReply = z.infer<typeof storageReply>

export const fixAccountsReply = z.object({
  message: z.string(),
  summary: z.object({
    created: z.number(),
    reactivated: z.number(),
    validated: z.number(),
    errors: z.array(z.string()),
    reactivatedPortals: z.number(),
  }),
})
export type FixAccountsReply = z.infer<typeof fixAccountsReply>

export const syncReply = z.object({
  message: z.string(),
  summary: z.object({
    deactivatedPortals: z.number(),
    reactivatedPortals: z.number(),
    accountsChecked: z.number(),
    accountsUpdated: z.number(),
    errors: z.array(z.string()),
  }),
})
export type SyncReply = z.infer<typeof syncReply>

export const refreshTokenRequest = z.strictObject({ storageAccountId: recordId('acc') })
/** Never the token itself. */
export const refreshTokenReply = z.object({ status: storageAccountStatus, expiresAt: z.string() })
export type RefreshTokenReply = z.infer<typeof refreshTokenReply>
