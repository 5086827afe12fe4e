import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { accountLabel } from '../accounts/account-name.ts'
import { getStorageStatusIndicator } from '../accounts/storage-status.ts'

/** An account in a list to choose from; one that takes no files now says so. */
export function accountOption(account: AccountEntry): { value: string; label: string } {
  const { storageStatus: status } = account
  const state =
    status === 'ACTIVE'
      ? ''
      : ` (${getStorageStatusIndicator(status && { status, lastError: null }).label})`
  return {
    value: account.storageAccountId ?? '',
    label: `${accountLabel(account)}${state}`,
  }
}
