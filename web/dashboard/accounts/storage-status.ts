import type { AccountEntry, StorageAccountStatus } from '../../../shared/contract/accounts.ts'
import type { StatusColor } from '../shell/status-label.tsx'

interface StorageStatusIndicator {
  color: StatusColor
  label: string
  /** What is the matter and what to do about it. */
  advice: string
}

type StoredState = Pick<AccountEntry, 'lastError'> & { status: StorageAccountStatus }

/** Dot and word of a storage account; null stands for what was made before files were bound to accounts. */
export function getStorageStatusIndicator(
  storageAccount?: StoredState | null,
): StorageStatusIndicator {
  switch (storageAccount?.status) {
    case 'ACTIVE':
      return { color: 'green', label: 'Connected', advice: 'New files are delivered here.' }
    case 'INACTIVE':
      return {
        color: 'yellow',
        label: 'Inactive',
        advice:
          'You paused it. Its portals take no files, delivered ones stay within reach. Reactivate it to go on.',
      }
    case 'DISCONNECTED':
      return {
        color: 'red',
        label: 'Unavailable',
        advice: `${disconnectedBecause(storageAccount.lastError)} Reconnect it; waiting files are then delivered by themselves.`,
      }
    case 'ERROR':
      return {
        color: 'orange',
        label: 'Unavailable',
        advice:
          'The provider failed several times in a row. We keep trying; you can try again now or reconnect.',
      }
    default:
      return {
        color: 'grey',
        label: 'Legacy',
        advice: 'It is bound to no storage account.',
      }
  }
}

function disconnectedBecause(lastError: string | null): string {
  return lastError === 'GRANT_REFUSED'
    ? 'The provider no longer lets Portage in: access was withdrawn or has ended.'
    : 'It is disconnected.'
}

export type AccountAction = 'connect' | 'pause' | 'reactivate' | 'retry' | 'reconnect'

/** What an owner can do with an account, the likeliest first. */
export function accountActions(status: StorageAccountStatus | null): AccountAction[] {
  switch (status) {
    case 'ACTIVE':
      return ['pause']
    case 'INACTIVE':
      return ['reactivate']
    case 'ERROR':
      return ['retry', 'reconnect']
    case 'DISCONNECTED':
      return ['reconnect']
    default:
      return ['connect']
  }
}
