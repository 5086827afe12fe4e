import type { AccountEntry } from '../../../shared/contract/accounts.ts'

/** What an owner knows an account by. */
export function accountName({
  email,
  name,
  providerAccountId,
}: Pick<AccountEntry, 'email' | 'name' | 'providerAccountId'>): string {
  return email ?? name ?? providerAccountId
}
