import type { AccountEntry } from '../contract/accounts.ts'
import { toOauthProviderId, toStorageProviderId } from '../providers/provider-id.ts'
import type { Login, UserStore } from '../users/user-store.ts'
import type { Account } from './account.ts'
import type { AccountStore } from './account-store.ts'
import type { Grant } from './grant.ts'
import type { GrantStore } from './grant-store.ts'

export interface ListAccountsDeps {
  accounts: AccountStore
  grants: GrantStore
  users: UserStore
}

/** One row per identity: its login, its grant for storage with the account, or both. */
export async function listAccounts(
  deps: ListAccountsDeps,
  userId: string,
): Promise<AccountEntry[]> {
  const [accounts, logins, granted] = await Promise.all([
    deps.accounts.list(userId),
    deps.users.listLogins(userId),
    deps.grants.list(userId),
  ])
  // Read anew, because the list may not know yet that one was refused or ended.
  const grants = await Promise.all(accounts.map((account) => deps.grants.find(account.grantId)))
  const isLogin = (identity: Identity) => logins.some((login) => isSame(login, identity))
  const storage = accounts.map((account, index) =>
    accountEntry(account, grants[index], isLogin(identityOf(account))),
  )
  // Its account is missing, and fixing the accounts makes it.
  const lost = granted.filter(({ accountId }) => accounts.every(({ id }) => id !== accountId))
  const withoutAccount = lost.map((grant) =>
    storagelessEntry(
      { ...grant, name: grant.displayName },
      { isAuthAccount: isLogin(grant), hasValidOAuth: grant.refusedAt === null },
    ),
  )
  const loginOnly = logins
    .filter((login) => ![...accounts.map(identityOf), ...lost].some((each) => isSame(each, login)))
    .map((login) => storagelessEntry(login, { isAuthAccount: true, hasValidOAuth: false }))
  return [...storage, ...withoutAccount, ...loginOnly]
}

type Identity = Pick<Login, 'provider' | 'subject'>

function isSame(a: Identity, b: Identity): boolean {
  return a.provider === b.provider && a.subject === b.subject
}

function identityOf(account: Account): Identity {
  return { provider: toOauthProviderId(account.provider), subject: account.providerAccountId }
}

function storagelessEntry(
  { provider, subject, email, name }: Pick<Login, 'provider' | 'subject' | 'email' | 'name'>,
  known: Pick<AccountEntry, 'isAuthAccount' | 'hasValidOAuth'>,
): AccountEntry {
  return {
    provider,
    providerAccountId: subject,
    email,
    name,
    isConnected: false,
    storageAccountId: null,
    storageStatus: null,
    ...known,
    storageProvider: toStorageProviderId(provider),
    lastError: null,
    lastAccessedAt: null,
    quota: null,
  }
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
