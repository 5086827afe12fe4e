import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'

type Named = Pick<AccountEntry, 'email' | 'name' | 'providerAccountId'>

/** What an owner knows an account by, where its provider stands beside it. */
export function accountName({ email, name, providerAccountId }: Named): string {
  return email ?? name ?? providerAccountId
}

/** An account in full: one address may have storage at several providers. */
export function accountLabel(account: Named & Pick<AccountEntry, 'storageProvider'>): string {
  return `${PROVIDER_NAMES[account.storageProvider]} · ${accountName(account)}`
}
