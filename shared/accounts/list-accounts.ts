import type { AccountEntry } from '../contract/accounts.ts'
import { toOauthProviderId, toStorageProviderId } from '../providers/provider-id.ts'
import type { UserStore } from '../users/user-store.ts'
import type { Account } from './account.ts'
import type { AccountStore } from './account-store.ts'
import type { Grant } from './grant.ts'
import type { GrantStore } from './grant-store.ts'

export interface ListAccountsDeps {
  accounts: AccountStore
  grants: GrantStore
  users: UserStore
}

/** One row per identity: its login, its storage account, or both. */
export async function listAccounts(
  deps: ListAccountsDeps,
  userId: string,
): Promise<AccountEntry[]> {
  const [accounts, logins] = await Promise.all([
    deps.accounts.list(userId),
    deps.users.listLogins(userId),
  ])
  const grants = await Promise.all(accounts.map((account) => deps.grants.find(account.grantId)))
  const storage = accounts.map((account, index) =>
    accountEntry(account, grants[index], logins.some(sameIdentity(account))),
  )
  const loginOnly = logins
    .filter((login) => !accounts.some((account) => sameIdentity(account)(login)))
    .map(
      (login): AccountEntry => ({
        provider: login.provider,
        providerAccountId: login.subject,
        email: login.email,
        name: login.name,
        isConnected: false,
        storageAccountId: null,
        storageStatus: null,
        isAuthAccount: true,
        hasValidOAuth: false,
        storageProvider: toStorageProviderId(login.provider),
        lastError: null,
        lastAccessedAt: null,
        quota: null,
      }),
    )
  return [...storage, ...loginOnly]
}

function sameIdentity(account: Account) {
  return (login: { provider: string; subject: string }) =>
    login.provider === toOauthProviderId(account.provider) &&
    login.subject === account.providerAccountId
}

function accountEntry(
  account: Account,
  grant: Grant | undefined,
  isAuthAccount: boolean,
): AccountEntry {
  const hasValidOAuth = grant !== undefined && grant.refusedAt === null
  return {
    provider: toOauthProviderId(account.provider),
    providerAccountId: account.providerAccountId,
    email: account.email,
    name: account.displayName,
    isConnected: account.status !== 'DISCONNECTED' && hasValidOAuth,
    storageAccountId: account.id,
    storageStatus: account.status,
    isAuthAccount,
    hasValidOAuth,
    storageProvider: account.provider,
    lastError: account.lastError,
    lastAccessedAt: account.lastAccessedAt,
    quota: account.quota,
  }
}
