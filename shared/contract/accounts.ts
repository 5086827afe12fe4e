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

export const deactivateReply = z.object({ message: z.string(), deactivatedPortals: z.number() })
export type DeactivateReply = z.infer<typeof deactivateReply>
export const reactivateReply = z.object({ message: z.string(), reactivatedPortals: z.number() })
export type ReactivateReply = z.infer<typeof reactivateReply>
